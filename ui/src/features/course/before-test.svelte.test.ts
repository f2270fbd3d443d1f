import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { AssessmentCard } from "$shared/desktop/generated";

const desk = vi.hoisted(() => ({ calls: [] as string[] }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name }: { name: string }) => {
    desk.calls.push(name);
    return { card: { id: "a1" } };
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import TestRow from "./TestRow.svelte";

const card: AssessmentCard = {
  id: "t1",
  title: "Final test",
  kind: "exam",
  questions: 10,
  time_limit_seconds: 1200,
  passing_percent: 70,
  attempts_left: 3,
  lock: null,
  attempts: [],
  graded_here: false,
};
let shown: ReturnType<typeof mount> | undefined;

function row(test: AssessmentCard) {
  shown = mount(TestRow, { target: document.body, props: { test, index: 0, studies: true } });
  flushSync();
}
const part = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const press = (testid: string) => {
  part(testid)!.click();
  flushSync();
};

beforeEach(() => (desk.calls = []));
afterEach(async () => {
  if (shown) await unmount(shown);
  document.body.replaceChildren();
});

test("before an exam stand its time, attempts and rules, and leaving costs nothing", async () => {
  row(card);
  press("assessment-start-0");
  await vi.waitFor(() => expect(part("before-test")).not.toBeNull());
  const words = part("before-test")!.textContent!;
  for (const fact of ["20 min", "70%", "Attempts left", "3", "uses one attempt", "does not stop"]) expect(words).toContain(fact);
  press("before-test-cancel");
  await vi.waitFor(() => expect(part("before-test")).toBeNull());
  expect(desk.calls).toEqual([]);

  press("assessment-start-0");
  await vi.waitFor(() => expect(part("before-test")).not.toBeNull());
  press("before-test-start");
  await vi.waitFor(() => expect(desk.calls).toEqual(["start_attempt"]));
});

test("a test that costs nothing begins at once, and one that was begun goes on at once", async () => {
  row({ ...card, time_limit_seconds: null, attempts_left: null });
  press("assessment-start-0");
  await vi.waitFor(() => expect(desk.calls).toEqual(["start_attempt"]));
  await unmount(shown!);
  shown = undefined;
  row({ ...card, attempts: [{ id: "a1", state: "started", attempt_number: 1, score_percent: null } as never] });
  press("assessment-start-0");
  await vi.waitFor(() => expect(desk.calls).toEqual(["start_attempt", "start_attempt"]));
  expect(part("before-test")).toBeNull();
});
