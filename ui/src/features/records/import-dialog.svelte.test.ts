import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ImportFile, ImportReport } from "$shared/desktop/generated";
import type { Live } from "$shared/desktop/live.svelte";
import { ADMIN, STATIONS } from "./testing";

const desk = vi.hoisted(() => ({ calls: [] as string[], report: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name }: { name: string }) => {
    desk.calls.push(name);
    const file: ImportFile = {
      columns: [
        { title: "Name", column: "name" },
        { title: "Code", column: "code" },
      ],
      first_line: 2,
      rows: 1,
      sample: [["Quba", "Q-1"]],
      encoding: "utf-8",
    };
    return name === "read_import" ? file : desk.report;
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import ImportDialog from "./ImportDialog.svelte";
import { Records, RECORDS } from "./records.svelte";

const part = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const there = (testid: string) => vi.waitFor(() => expect(part(testid)).not.toBeNull());
const words = (testid: string) => part(testid)?.textContent?.replace(/\s+/g, " ").trim() ?? "";
const lines = () =>
  [...document.querySelectorAll("[data-testid=import-line]")].map((line) => line.textContent?.replace(/\s+/g, " ").trim());

let close = () => {};
const closed = vi.fn();

/** Opens the dialog with a file, as when one is dropped on the list, and checks it. */
async function check(report: Partial<ImportReport>) {
  desk.report = { new: 0, changed: 0, same: 0, refused: 0, lines: [], stored: false, undo: null, ...report };
  const records = new Records({ data: [STATIONS], reload: async () => {} } as unknown as Live<"tables">, ADMIN);
  const file = new File(["Name,Code\nQuba,Q-1"], "stations.csv");
  const props = { table: STATIONS, file, onclose: closed };
  const page = mount(ImportDialog, { target: document.body, props, context: new Map([[RECORDS, records]]) });
  close = () => void unmount(page);
  await there("import-check");
  part("import-check")!.click();
  await there("import-verdict");
  flushSync();
}

beforeEach(() => {
  desk.calls = [];
  closed.mockReset();
});
afterEach(() => close());

test("what changes is shown before anything is stored, and one button stores it", async () => {
  const changes = [{ column: "status", from: "active", to: "closed", from_label: null, to_label: null }];
  await check({ changed: 1, lines: [{ line: 2, fate: "changed", label: "Quba", id: "s1", changes, problems: [] }] });
  expect(lines()).toEqual(["Line 2 Quba Status: Active → Closed"]);
  expect(desk.calls).toEqual(["read_import", "import_records"]);
  desk.report = { ...(desk.report as ImportReport), stored: true, undo: 3 };
  part("import-store")!.click();
  await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
});

test("a refused row names its cell, and there is no button to import", async () => {
  const problems = [{ column: "code", code: "bad_value" as const, value: "too long", other_line: null }];
  await check({ new: 1, refused: 1, lines: [{ line: 5, fate: "refused", label: "Quba", id: null, changes: [], problems }] });
  expect(lines()).toEqual(["Line 5 Quba Code: “too long” does not fit here"]);
  expect([words("import-verdict"), part("import-store")]).toEqual([
    "Nothing is imported while a row is refused. Correct the file and choose it again.",
    null,
  ]);
});

test("the same file once more changes nothing, and says so", async () => {
  await check({ same: 1, lines: [{ line: 2, fate: "same", label: "Quba", id: "s1", changes: [], problems: [] }] });
  expect([words("import-verdict"), part("import-store")]).toEqual(["Everything in this file is already here. Nothing changes.", null]);
});
