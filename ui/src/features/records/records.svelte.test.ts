import { beforeEach, expect, test, vi } from "vitest";
import type { Live } from "$shared/desktop/live.svelte";

const desk = vi.hoisted(() => ({ calls: [] as [string, unknown][], serial: 0, nothing: false, refusal: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: unknown }) => {
    desk.calls.push([name, args]);
    if (desk.refusal) throw desk.refusal;
    if (name === "deletion") return { deletes: [{ entity: "station_equipment", column: "", rows: 2 }], empties: [], refused_by: [] };
    if (desk.nothing) return { ids: ["a"], undo: null };
    desk.serial += 1;
    return { ids: ["a"], undo: desk.serial };
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { dismiss, toasts } from "$shared/ui";
import { Records } from "./records.svelte";
import { isNothing, mayRemove, onlyMarks, whatGoes } from "./remove";
import { ADMIN, columnOf, rowOf, STATIONS, tableOf } from "./testing";

const undone = () => desk.calls.filter(([name]) => name === "undo_records").map(([, args]) => (args as { undo: number }).undo);
let counted = 0;
const make = () => new Records({ data: [STATIONS], reload: async () => void (counted += 1) } as unknown as Live<"tables">, ADMIN);

beforeEach(() => {
  desk.calls = [];
  desk.serial = 0;
  desk.nothing = false;
  desk.refusal = null;
  counted = 0;
  for (const toast of [...toasts()]) dismiss(toast.id);
});

test("the last save is undone first, and what was undone is done again", async () => {
  const records = make();
  await records.save("stations", [], "one");
  await records.save("stations", [], "two");
  await Promise.all([records.undo(), records.undo()]);
  expect(undone(), "two key presses undo two steps").toEqual([2, 1]);
  await records.redo();
  expect(undone()).toEqual([2, 1, 4]);
  await records.undo();
  expect(undone()).toEqual([2, 1, 4, 5]);
});

test("a new save forgets what could be done again", async () => {
  const records = make();
  await records.save("stations", [], "one");
  await records.undo();
  await records.save("stations", [], "two");
  await records.redo();
  expect(undone()).toEqual([1]);
});

test("the toast undoes its own step, and goes when the step is undone by key", async () => {
  const records = make();
  await records.save("stations", [], "one");
  await records.save("stations", [], "two");
  toasts()
    .find((toast) => toast.text === "one")
    ?.action?.run();
  await vi.waitFor(() => expect(undone()).toEqual([1]));
  await records.undo();
  expect(undone()).toEqual([1, 2]);
  expect(toasts().filter((toast) => toast.action)).toEqual([]);
});

test("saves that say the same leave one offer, and keys undo all of them", async () => {
  const records = make();
  await records.save("stations", [], "saved");
  await records.save("stations", [], "saved");
  expect(toasts().map((toast) => toast.text)).toEqual(["saved"]);
  await records.undo();
  await records.undo();
  expect(undone()).toEqual([2, 1]);
});

test("a save that changed nothing is not announced and not undone", async () => {
  const records = make();
  desk.nothing = true;
  await records.save("stations", [], "one");
  expect(toasts()).toEqual([]);
  await records.undo();
  expect([undone(), toasts().map((toast) => toast.text)]).toEqual([[], ["Nothing to undo"]]);
});

test("a step that the app has forgotten is said so", async () => {
  const records = make();
  await records.save("stations", [], "one");
  desk.refusal = { code: "not_found", message: "", retryable: false, fields: ["undo"] };
  await records.undo();
  expect(toasts().map((toast) => toast.text)).toEqual(["Nothing to undo"]);
});

test("a step that somebody changed since is refused with its reason and not tried again", async () => {
  const records = make();
  await records.save("stations", [], "one");
  desk.refusal = { code: "changed_meanwhile", message: "", retryable: false, fields: ["name"] };
  await records.undo();
  expect(toasts().at(-1)?.tone).toBe("bad");
  desk.refusal = null;
  await records.undo();
  expect(undone()).toEqual([1]);
});

test("the sidebar counts again as soon as rows are made, deleted or brought back", async () => {
  const records = make();
  await records.save("stations", [{ id: "a", fields: {} }], "changed");
  expect(counted, "a changed row is still one row").toBe(0);
  await records.save("stations", [{ id: null, fields: {} }], "made");
  expect(counted).toBe(1);
  await records.remove("stations", ["a"], "gone");
  await records.undo();
  expect(counted).toBe(3);
});

test("a refused save is the caller's to show", async () => {
  desk.refusal = { code: "bad_value", message: "", retryable: false, fields: ["name"] };
  await expect(make().save("stations", [], "one")).rejects.toMatchObject({ problem: { code: "bad_value" } });
  expect(toasts()).toEqual([]);
});

test("what goes with several rows is counted over all of them", async () => {
  const rows = ["a", "b", "c"].map((id) => rowOf(STATIONS, id, {}));
  const sum = await whatGoes(STATIONS, rows);
  expect([sum.deletes, isNothing(sum)]).toEqual([[{ entity: "station_equipment", column: "", rows: 6 }], false]);
});

test("a table that marks its deleted rows takes nothing along", async () => {
  const table = tableOf([columnOf("deleted_at", "moment")], { may_delete: false });
  expect([onlyMarks(table), mayRemove(table), isNothing(await whatGoes(table, [rowOf(table, "a", {})])), desk.calls]).toEqual([
    true,
    true,
    true,
    [],
  ]);
  expect(mayRemove(tableOf([columnOf("deleted_at", "moment", { changeable: false })], { may_delete: false }))).toBe(false);
  expect(mayRemove({ ...table, may_change: false }), "who may not change a row cannot mark it").toBe(false);
});

test("forms lie above one another", () => {
  const records = make();
  records.create("stations");
  records.create("users", { name: { value: "A" } });
  records.close(records.forms[1]);
  expect(records.forms.map((form) => form.table)).toEqual(["stations"]);
});
