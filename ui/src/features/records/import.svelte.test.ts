import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ImportFile, ImportLine, ImportReport } from "$shared/desktop/generated";
import { chooseLanguage } from "$shared/i18n/language.svelte";
import { columnOf, STATIONS, tableOf } from "./testing";

const desk = vi.hoisted(() => ({
  calls: [] as [string, Record<string, unknown>][],
  report: null as unknown,
  refusal: null as unknown,
  file: null as unknown,
}));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: Record<string, unknown> }) => {
    desk.calls.push([name, args]);
    if (desk.refusal) throw desk.refusal;
    return name === "read_import" ? desk.file : name === "export_records" ? { path: "/files/Stations 2026-01-01.csv" } : desk.report;
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { dismiss, toasts } from "$shared/ui";
import { exportList, problemWords } from "./files";
import { FILE_BYTES_MAX, ImportForm } from "./import.svelte";
import { RecordList } from "./list.svelte";
import { mayImport } from "./table";

const read = (more: Partial<ImportFile> = {}): ImportFile => ({
  columns: [
    { title: "Название", column: "name" },
    { title: "Kod", column: "code" },
    { title: "?", column: "" },
  ],
  first_line: 3,
  rows: 2,
  sample: [["Quba", "Q-1", "x"]],
  encoding: "utf-8",
  ...more,
});
const line = (number: number, fate: ImportLine["fate"]): ImportLine => ({
  line: number,
  fate,
  label: "Quba",
  id: null,
  changes: [],
  problems: [],
});
const report = (more: Partial<ImportReport> = {}): ImportReport => ({
  new: 0,
  changed: 0,
  same: 0,
  refused: 0,
  lines: [],
  stored: false,
  undo: null,
  ...more,
});
const file = (text = "Название;Kod\nQuba;Q-1") => new File([text], "stations.csv");
const asked = (name: string) => desk.calls.filter(([each]) => each === name).map(([, args]) => args);

let imported: [number | null, string][] = [];
const make = () => new ImportForm({ imported: (undo, said) => void imported.push([undo, said]) }, STATIONS);

beforeEach(() => {
  desk.calls = [];
  desk.file = read();
  desk.report = report();
  desk.refusal = null;
  imported = [];
  for (const toast of [...toasts()]) dismiss(toast.id);
});
afterEach(() => chooseLanguage("en"));

test("a file is read with the titles of every language, and its columns are matched", async () => {
  const form = make();
  await form.take(file());
  const [args] = asked("read_import") as [{ titles: Record<string, string>[]; content: string }];
  expect(args.titles.map((titles) => titles.name)).toEqual(["Name", "Название", "Ad"]);
  expect(new TextDecoder().decode(Uint8Array.from(atob(args.content), (letter) => letter.charCodeAt(0)))).toBe("Название;Kod\nQuba;Q-1");
  expect([form.step, form.mapping, form.mayCheck]).toEqual(["columns", ["name", "code", ""], true]);
});

test("a column of the table is filled once", async () => {
  const form = make();
  await form.take(file());
  form.assign(2, "name");
  expect(form.mapping).toEqual(["", "code", "name"]);
  form.assign(1, "");
  form.assign(2, "");
  expect(form.mayCheck, "a file that fills nothing is not checked").toBe(false);
  form.assign(0, "id");
  expect(form.mayCheck, "an ID alone changes nothing").toBe(false);
});

test("the columns that the server fills are not offered", () => {
  expect(make().targets.map((column) => column.name)).toEqual(["code", "name", "status", "description"]);
});

test("each row's fate is asked before anything is stored, and the refused ones come first", async () => {
  const form = make();
  await form.take(file());
  form.clearEmpty = true;
  desk.report = report({ new: 1, refused: 1, lines: [line(3, "new"), line(4, "refused")] });
  await form.check();
  expect(asked("import_records")).toMatchObject([{ dry_run: true, first_line: 3, mapping: ["name", "code", ""], clear_empty: true }]);
  const { words } = asked("import_records")[0] as { words: { choices: Record<string, Record<string, string>> }[] };
  expect(words.map(({ choices }) => choices.status.closed)).toEqual(["Closed", "Закрыта", "Bağlıdır"]);
  expect([form.step, form.fate, form.lines.map((each) => each.line), form.toStore]).toEqual(["rows", "refused", [4], 0]);
  expect(imported).toEqual([]);
});

test("what is imported is undone in one step", async () => {
  const form = make();
  await form.take(file());
  desk.report = report({ new: 2, changed: 1, stored: true, undo: 7 });
  expect(await form.store()).toBe(true);
  expect(asked("import_records")).toMatchObject([{ dry_run: false }]);
  expect(imported).toEqual([[7, "Imported: 2 new, 1 changed"]]);
});

test("a file that is here already has nothing to store", async () => {
  const form = make();
  await form.take(file());
  desk.report = report({ same: 2, lines: [line(3, "same"), line(4, "same")] });
  await form.check();
  expect([form.toStore, form.fate]).toEqual([0, "same"]);
});

test("a row that is refused only now is shown, and nothing is stored", async () => {
  const form = make();
  await form.take(file());
  desk.report = report({ new: 1, refused: 1, lines: [line(3, "refused")] });
  expect(await form.store()).toBe(false);
  expect([form.step, form.fate, imported]).toEqual(["rows", "refused", []]);
});

test("a file that is too large is not read, one that cannot be read says so", async () => {
  const form = make();
  const large = file();
  Object.defineProperty(large, "size", { value: FILE_BYTES_MAX + 1 });
  await form.take(large);
  expect([form.problem?.code, desk.calls, form.step]).toEqual(["file_too_large", [], "file"]);
  desk.refusal = { code: "unreadable_file", message: "", retryable: false };
  await form.take(file());
  expect([form.problem?.code, form.step, form.busy]).toEqual(["unreadable_file", "file", false]);
});

test("reasons name the cell's value", () => {
  const problem = (more: object) => problemWords({ column: "name", code: "bad_value", value: "x", other_line: null, ...more });
  expect([
    problem({}),
    problem({ column: "", value: "" }),
    problem({ code: "missing_reference" }),
    problem({ code: "taken" }),
    problem({ code: "taken", other_line: 4 }),
    problem({ code: "missing_value", value: "" }),
  ]).toEqual([
    "“x” does not fit here",
    "The line has more cells than there are titles",
    "“x” is not found",
    "Another entry already has “x”",
    "Line 4 is about the same entry",
    "It is needed and empty",
  ]);
});

test("who may neither make nor change rows imports nothing", () => {
  expect([
    mayImport(STATIONS),
    mayImport({ ...STATIONS, may_insert: false }),
    mayImport({ ...STATIONS, may_insert: false, may_change: false }),
  ]).toEqual([true, true, false]);
  expect(mayImport(tableOf([columnOf("at", "moment", { given: false })]))).toBe(false);
});

test("a list is exported as it is shown, and the place of the file is said", async () => {
  localStorage.clear();
  const list = new RecordList(() => STATIONS, {
    search: " qu ",
    deleted: false,
    filter: [{ column: "status", comparison: "is", value: "active", label: "x" }],
  });
  list.arrangement = { columns: ["status", "name"], widths: {}, sort: [{ column: "name", descending: true }] };
  chooseLanguage("az");
  await exportList(list, "csv", true);
  expect(asked("export_records")).toMatchObject([
    {
      query: {
        table: "stations",
        search: "qu",
        filter: [{ column: "status", comparison: "is", value: "active" }],
        sort: [{ column: "name", descending: true }],
      },
      columns: ["id", "status", "name"],
      titles: ["ID", "Status", "Ad"],
      words: { yes: "Bəli", choices: { status: { closed: "Bağlıdır" } } },
      format: "csv",
    },
  ]);
  expect(toasts()[0].text).toContain("/files/Stations 2026-01-01.csv");
});
