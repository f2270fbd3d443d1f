import { flushSync } from "svelte";
import { expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({ calls: [] as { name: string; arguments: unknown }[], grid: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, call: { name: string; arguments: unknown }) => {
    desk.calls.push(call);
    return call.name === "grid" ? desk.grid : {};
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { GridController } from "./grid.svelte";
import { gridOf } from "./testing";

/** How long a test waits on a busy machine; only a failing test waits so long. */
const SOON = { timeout: 60_000 };

async function open(): Promise<{ controller: GridController; close: () => void }> {
  desk.calls = [];
  let controller!: GridController;
  const close = $effect.root(() => {
    controller = new GridController(() => "g");
  });
  flushSync();
  await vi.waitFor(() => expect(controller.state).not.toBeNull(), SOON);
  return { controller, close };
}

test("names stand in the reader's alphabet and are found in small letters", async () => {
  const grid = gridOf(["p", "p", "p"]);
  ["Zəhra", "İlkin", "Ayan"].forEach((name, row) => (grid.students[row].display_name = name));
  desk.grid = grid;
  const { controller, close } = await open();
  expect(controller.grid?.students.map((student) => student.display_name)).toEqual(["Ayan", "İlkin", "Zəhra"]);
  controller.find = "ilkin";
  expect(controller.found).toEqual([1]);
  close();
});

test("the popover of a cell closes when the cursor moves to another cell", async () => {
  desk.grid = gridOf(["pp"]);
  const { controller, close } = await open();
  controller.run({ do: "note" });
  expect(controller.open).toBe("note");
  controller.goTo({ row: 0, col: 1 });
  expect(controller.open).toBe("");
  close();
});

test("a note is stored for the student it was written about, wherever the cursor is by now", async () => {
  desk.grid = gridOf(["pp", "pp"]);
  const { controller, close } = await open();
  const [first, second] = controller.grid!.students;
  controller.goTo({ row: 1, col: 1 });
  controller.setNote(first.student_id, controller.grid!.days[0], " bus ");
  expect([controller.grid!.students[0].cells[0].note, second.cells[1].note]).toEqual(["bus", ""]);
  await vi.waitFor(() => expect(desk.calls.map(({ name }) => name)).toContain("set_marks"), SOON);
  controller.setNote("somebody who left", controller.grid!.days[0], "x");
  expect(controller.state?.past).toHaveLength(1);
  close();
});
