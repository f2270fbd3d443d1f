import { flushSync, mount, tick, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({ marks: [] as unknown[], grid: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, call: { name: string; arguments: { marks?: unknown[] } }) => {
    if (call.name === "set_marks") desk.marks.push(...(call.arguments.marks ?? []));
    return call.name === "grid" ? desk.grid : {};
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { GridController } from "./grid.svelte";
import { marksToCome, open } from "./grid-state";
import ScreenForTest from "./ScreenForTest.svelte";
import { gridOf } from "./testing";

/** How long a test waits on a busy machine; only a failing test waits so long. */
const SOON = { timeout: 60_000 };
let shown: ReturnType<typeof mount> | undefined;

beforeEach(() => {
  desk.marks = [];
  // Today is the first day: the second is still to come.
  desk.grid = gridOf(["p.", "..", ".."], { today: "2026-03-02" });
});
afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
  document.body.replaceChildren();
});

async function screen(): Promise<GridController> {
  const props: { controller?: GridController } = {};
  shown = mount(ScreenForTest, { target: document.body, props: { onready: (controller) => (props.controller = controller) } });
  flushSync();
  await vi.waitFor(() => expect(document.querySelector('[data-testid="grid"]')).not.toBeNull(), SOON);
  await tick();
  return props.controller!;
}
const dialog = () => document.querySelector('[data-testid="to-come-dialog"]');
const press = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`)!.click();

test("the roll-call begins at the first member without a mark today", () => {
  expect(open(gridOf(["p.", "#.", ".."], { today: "2026-03-02" })).cursor).toEqual({ row: 2, col: 0 });
  expect(open(gridOf(["p.", "p."], { today: "2026-03-02" })).cursor).toEqual({ row: 0, col: 0 });
});

test("the grid takes the focus from a link of the sidebar, and keys mark at once", async () => {
  const link = document.body.appendChild(Object.assign(document.createElement("a"), { href: "#/group/g" }));
  link.focus();
  const controller = await screen();
  expect(document.activeElement).toBe(document.querySelector('[data-testid="grid"]'));
  expect(controller.state!.cursor).toEqual({ row: 1, col: 0 });
});

test("the grid leaves the focus in a field that is written into", async () => {
  const field = document.body.appendChild(document.createElement("input"));
  field.focus();
  await screen();
  expect(document.activeElement).toBe(field);
});

test("only marks of days after today count as to come, and clearing one does not", () => {
  const grid = gridOf(["pp"], { today: "2026-03-02" });
  const one = (lesson_date: string, after: "late" | null) => ({
    student_id: "s0",
    lesson_date,
    before: { status: "present" as const, note: "" },
    after: { status: after, note: "" },
  });
  expect([
    marksToCome(grid, [one("2026-03-02", "late")]),
    marksToCome(grid, [one("2026-03-03", "late")]),
    marksToCome(grid, [one("2026-03-03", null)]),
  ]).toEqual([0, 1, 0]);
});

test("marking a day after today asks once, and not again while the group is open", async () => {
  const controller = await screen();
  controller.goTo({ row: 0, col: 1 });
  controller.mark("late");
  flushSync();
  await vi.waitFor(() => expect(dialog()).not.toBeNull(), SOON);
  press("to-come-cancel");
  await vi.waitFor(() => expect(dialog()).toBeNull(), SOON);
  expect([controller.grid!.students[0].cells[1].status, desk.marks]).toEqual([null, []]);

  controller.mark("late");
  await vi.waitFor(() => expect(dialog()).not.toBeNull(), SOON);
  press("to-come-mark");
  await vi.waitFor(() => expect(desk.marks).toHaveLength(1), SOON);
  controller.goTo({ row: 1, col: 1 });
  controller.mark("absent");
  await vi.waitFor(() => expect(desk.marks).toHaveLength(2), SOON);
  expect(dialog()).toBeNull();
});

test("no number of missing marks stands below a day after today", async () => {
  await screen();
  const below = (col: number) => document.querySelector(`[data-testid="day-unmarked-${col}"]`)!.textContent!.trim();
  expect([below(0), below(1)]).toEqual(["2", ""]);
});
