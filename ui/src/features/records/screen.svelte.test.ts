import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { OpenedRecord, RecordRow, RecordsQuery } from "$shared/desktop/generated";
import type { Live } from "$shared/desktop/live.svelte";
import { ADMIN, rowOf, STATIONS, tableOf } from "./testing";

const desk = vi.hoisted(() => ({
  calls: [] as [string, unknown][],
  rows: [] as unknown[],
  /** Answers the opened row, when the test wants it. */
  opened: null as Promise<unknown> | null,
}));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: { search?: string } }) => {
    desk.calls.push([name, args]);
    if (name === "record") return desk.opened;
    const rows = (desk.rows as RecordRow[]).filter((row) => row.label.includes(args.search ?? ""));
    return { rows, next: null, total: rows.length, tables: ["stations"] };
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { Records, RECORDS } from "./records.svelte";
import ScreenForTest from "./ScreenForTest.svelte";

const part = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const row = (id: string) => document.querySelector<HTMLElement>(`[data-testid="record-row"][data-id="${id}"]`)!;
const press = (target: Element, key: string, code = key) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }));

let close = () => {};

async function open(table = STATIONS) {
  const props = $state({ table, id: undefined as string | undefined });
  const records = new Records({ data: [table], reload: async () => {} } as unknown as Live<"tables">, ADMIN);
  const page = mount(ScreenForTest, { target: document.body, props, context: new Map([[RECORDS, records]]) });
  close = () => void unmount(page);
  await vi.waitFor(() => expect(row("s1")).not.toBeNull());
  return props;
}

beforeEach(() => {
  desk.calls = [];
  desk.rows = ["Quba", "Xaçmaz", "Şəki"].map((name, index) => rowOf(STATIONS, `s${index + 1}`, { name }));
  desk.opened = null;
  location.hash = "";
});

afterEach(() => close());

test("after a search a click and Enter open the row", async () => {
  await open();
  const finder = part("records-find") as HTMLInputElement;
  finder.focus();
  finder.value = "Xa";
  finder.dispatchEvent(new Event("input", { bubbles: true }));
  await vi.waitFor(() => expect(row("s1")).toBeNull());

  const down = new MouseEvent("mousedown", { bubbles: true, cancelable: true });
  row("s2").dispatchEvent(down);
  expect([down.defaultPrevented, document.activeElement], "the engine does not move the focus on to the row").toEqual([
    true,
    part("records-grid"),
  ]);
  press(row("s2"), "Enter");
  expect(location.hash, "and where it did, its keys count too").toBe("#/records/stations/s2");
});

test("keys of a checkbox stay there", async () => {
  await open();
  press(row("s1").querySelector("input")!, "Enter");
  expect(location.hash).toBe("");
});

test("E opens the pane and goes to its first field once that is there", async () => {
  const props = await open();
  let answer = (_: OpenedRecord) => {};
  desk.opened = new Promise((done) => (answer = done));
  press(part("records-grid")!, "e", "KeyE");
  expect(location.hash).toBe("#/records/stations/s1");
  props.id = "s1";
  flushSync();
  expect(part("record-pane")).not.toBeNull();
  expect(part("field-name")).toBeNull();
  const opened = { created_at: 0, may_change: true, may_delete: true, not_given: [], unsent: [], disputed: [], related: [], tables: [] };
  answer({ row: rowOf(STATIONS, "s1", { name: "Quba" }), ...opened });
  await vi.waitFor(() => expect(document.activeElement?.getAttribute("data-testid")).toBe("field-name"));
});

test("what a person may not do is not offered", async () => {
  await open(tableOf(STATIONS.columns, { may_insert: false, may_change: false, may_delete: false }));
  row("s1").dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true, ctrlKey: true }));
  flushSync();
  expect(part("selection-bar")).not.toBeNull();
  expect(["records-new", "bulk", "remove"].filter((testid) => part(testid))).toEqual([]);
});

test("a click on a head sorts, one with Shift sorts further", async () => {
  localStorage.clear();
  await open();
  const click = async (column: string, more: PointerEventInit = {}) => {
    const asked = desk.calls.length;
    part(`sort-${column}`)!.dispatchEvent(new PointerEvent("pointerdown", { bubbles: true, button: 0 }));
    part(`sort-${column}`)!.dispatchEvent(new PointerEvent("pointerup", { bubbles: true, ...more }));
    await vi.waitFor(() => expect(desk.calls.length).toBeGreaterThan(asked));
    return (desk.calls.at(-1)![1] as RecordsQuery).sort.map((by) => by.column);
  };
  expect([await click("status"), await click("code", { shiftKey: true }), await click("name")]).toEqual([
    ["status"],
    ["status", "code"],
    ["name"],
  ]);
});

test("a clicked cell is copied, and pasted over in one save", async () => {
  await open();
  const cell = row("s2").querySelectorAll("[aria-colindex]")[0];
  cell.dispatchEvent(new MouseEvent("mousedown", { bubbles: true, cancelable: true }));
  await vi.waitFor(() => expect(cell.getAttribute("data-chosen")).toBe("true"));
  const key = (code: string) =>
    part("records-grid")!.dispatchEvent(new KeyboardEvent("keydown", { key: code, code, ctrlKey: true, bubbles: true, cancelable: true }));
  const field = document.querySelector<HTMLTextAreaElement>("textarea[aria-hidden]")!;
  expect(key("KeyC"), "the engine does the copying").toBe(true);
  expect([field.value, document.activeElement]).toEqual(["Xaçmaz", field]);

  const copied = vi.fn();
  const copying = Object.assign(new Event("copy", { bubbles: true, cancelable: true }), { clipboardData: { setData: copied } });
  field.dispatchEvent(copying);
  expect([copied.mock.calls, copying.defaultPrevented]).toEqual([[["text/plain", "Xaçmaz"]], true]);

  part("records-grid")!.focus();
  expect(key("KeyV")).toBe(true);
  expect(document.activeElement).toBe(field);
  const pasted = new Event("paste", { bubbles: true, cancelable: true });
  Object.assign(pasted, { clipboardData: { getData: () => "Quba\n" } });
  field.dispatchEvent(pasted);
  await vi.waitFor(() => expect(desk.calls.filter(([name]) => name === "save_records")).toHaveLength(1));
  expect(desk.calls.find(([name]) => name === "save_records")![1]).toEqual({
    table: "stations",
    rows: [{ id: "s2", fields: { name: "Quba" } }],
  });
  expect(document.activeElement).toBe(part("records-grid"));
});
