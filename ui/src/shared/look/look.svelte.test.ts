import { expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({ under: 0, most: 0, stored: [] as number[] }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { arguments: look }: { arguments: { zoom_percent: number } }) => {
    desk.most = Math.max(desk.most, ++desk.under);
    await Promise.resolve();
    desk.under -= 1;
    desk.stored.push(look.zoom_percent);
    if (look.zoom_percent === 110) throw { code: "disk_full", message: "", retryable: true };
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { changeLook, nextZoom } from "./look.svelte";

test("quick changes are stored one after another, also after a failure", async () => {
  const changes = [110, 125, 150].map((zoom_percent) => changeLook({ zoom_percent }));
  const outcomes = await Promise.allSettled(changes);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  expect([desk.most, desk.stored]).toEqual([1, [110, 125, 150]]);
});

test("zoom goes by steps and stays within them", () => {
  expect([nextZoom(100, 1), nextZoom(100, -1), nextZoom(300, 1), nextZoom(50, -1)]).toEqual([110, 90, 300, 50]);
});
