import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { SaveRecord } from "$shared/desktop/generated";
import { chooseLanguage } from "$shared/i18n/language.svelte";
import { columnOf, rowOf, tableOf } from "./testing";

const desk = vi.hoisted(() => ({ rows: [] as unknown[], found: [] as unknown[] }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name }: { name: string }) =>
    name === "find_references" ? desk.found : { rows: desk.rows, next: null, total: desk.rows.length, tables: ["users"] },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { dismiss, toasts } from "$shared/ui";
import { Cells } from "./cells.svelte";
import { RecordList } from "./list.svelte";
import { parseTsv, tsvOf } from "./tsv";

const PEOPLE = tableOf(
  [
    columnOf("full_name", "text", { optional: false }),
    columnOf("status", "choice", { choices: ["active", "closed"], optional: false }),
    columnOf("group_id", "reference", { refers_to: "groups" }),
    columnOf("joined_on", "date"),
    columnOf("shared", "bool"),
    columnOf("legacy_number", "int", { changeable: false }),
  ],
  { name: "users", label: ["full_name"] },
);

let saved: [string, SaveRecord[], string][] = [];
let refusal: unknown = null;
const records = {
  save: async (table: string, rows: SaveRecord[], said: string) => {
    if (refusal) throw refusal;
    saved.push([table, rows, said]);
    return [];
  },
};

async function open() {
  const list = new RecordList(() => PEOPLE);
  list.arrangement = { ...list.arrangement, columns: PEOPLE.columns.map((column) => column.name) };
  await list.load();
  return { list, cells: new Cells(list, records) };
}

const changes = () => saved.flatMap(([, rows]) => rows.map((row) => [row.id, row.fields]));
const said = () => toasts().map((toast) => toast.text);

beforeEach(() => {
  localStorage.clear();
  saved = [];
  refusal = null;
  desk.found = [];
  desk.rows = ["a", "b", "c"].map((id) =>
    rowOf(
      PEOPLE,
      id,
      { full_name: id.toUpperCase(), status: "active", group_id: "g1", joined_on: "2026-03-04", shared: true },
      { label: id.toUpperCase(), labels: [null, null, "Group 1", null, null, null] },
    ),
  );
  for (const toast of [...toasts()]) dismiss(toast.id);
});
afterEach(() => chooseLanguage("en"));

test("arrows go from the row to its cells and back", async () => {
  const { cells } = await open();
  cells.move(-1, false);
  expect(cells.at).toBeNull();
  cells.move(1, false);
  cells.move(1, false);
  expect(cells.at).toEqual({ from: 1, to: 1 });
  cells.move(1, true);
  expect(cells.at).toEqual({ from: 1, to: 2 });
  for (let n = 0; n < 9; n += 1) cells.move(1, false);
  expect(cells.at).toEqual({ from: 5, to: 5 });
  for (let n = 0; n < 6; n += 1) cells.move(-1, false);
  expect(cells.at).toBeNull();
});

test.each(["en", "ru", "az"])("what is copied in %s is pasted as the same values", async (language) => {
  chooseLanguage(language);
  const { list, cells } = await open();
  desk.found = [{ entity: "groups", id: "g1", label: "Group 1" }];
  cells.set(1);
  cells.set(4, true);
  const text = cells.text();
  desk.rows = desk.rows.map((row, index) =>
    index === 2 ? rowOf(PEOPLE, "c", { full_name: "C", status: "closed", group_id: null, joined_on: null, shared: false }) : row,
  );
  await list.reload();
  await list.goTo(2);
  await cells.paste(text);
  expect(changes()).toEqual([["c", { status: "active", group_id: "g1", joined_on: "2026-03-04", shared: true }]]);
});

test("several cells are pasted from the chosen one on, in one save", async () => {
  const { cells } = await open();
  cells.set(0);
  await cells.paste("Aysel\tclosed\r\nMurad\tЗакрыта\r\n");
  expect(saved).toEqual([
    [
      "users",
      [
        { id: "a", fields: { full_name: "Aysel", status: "closed" } },
        { id: "b", fields: { full_name: "Murad", status: "closed" } },
      ],
      "Changed 2 entries",
    ],
  ]);
});

test("one value fills all chosen cells, and rows that have it already are left alone", async () => {
  const { list, cells } = await open();
  cells.set(0);
  await list.goTo(2, true);
  await cells.paste("B");
  expect(changes()).toEqual([
    ["a", { full_name: "B" }],
    ["c", { full_name: "B" }],
  ]);
  saved = [];
  list.clearSelection();
  await list.goTo(1);
  await cells.paste("B");
  expect([saved, said().at(-1)]).toEqual([[], "These values are there already"]);
});

test("one wrong cell and nothing is pasted", async () => {
  const { cells } = await open();
  cells.set(1);
  await cells.paste("closed\nbroken");
  expect([saved, said()]).toEqual([[], ["Nothing was pasted. B, Status: “broken” does not fit here"]]);
});

test.each([
  ["a needed value", 0, "\n", "This is needed."],
  ["a choice", 1, "\r\n", "This is needed."],
  ["a day", 3, "soon", "Enter a date."],
  ["a name that nobody has", 2, "Nobody", "“Nobody” is not found"],
  ["a column that is not changed", 5, "7", "The column Number in the old system cannot be changed here. Nothing was pasted."],
  ["too many columns", 4, "Yes\t1\t2", "What you copied reaches beyond the list. Nothing was pasted."],
  ["too many rows", 0, "A\nB\nC\nD", "What you copied reaches beyond the list. Nothing was pasted."],
])("%s is refused", async (_, place, text, why) => {
  const { cells } = await open();
  cells.set(place);
  await cells.paste(text);
  expect(saved).toEqual([]);
  expect(said().join()).toContain(why);
});

test("a name of two rows is refused", async () => {
  const { cells } = await open();
  desk.found = ["g1", "g2"].map((id) => ({ entity: "groups", id, label: "Twice" }));
  cells.set(2);
  await cells.paste("twice");
  expect([saved, said()[0]]).toEqual([[], "Nothing was pasted. A, Group: “twice” fits more than one: write the code or the user name"]);
});

test("an empty cell empties what may be empty", async () => {
  const { cells } = await open();
  cells.set(2);
  await cells.paste("\t4.3.2026");
  expect(changes()).toEqual([["a", { group_id: null }]]);
});

test("without a cell there is nowhere to paste, and a refusal says its column", async () => {
  const { cells } = await open();
  await cells.paste("x");
  expect(said()).toEqual(["Choose a cell first: click it, or press → in the row."]);
  cells.set(0);
  refusal = { code: "taken", message: "", retryable: false, fields: ["full_name"] };
  await cells.paste("x");
  expect(said().at(-1)).toContain("Nothing was pasted. Name: ");
});

test("cells with tabs, line ends and quotes come back as they were", () => {
  const rows = [
    ["a\tb", 'say "x"', ""],
    ["two\nlines", "plain", "z"],
  ];
  expect([parseTsv(tsvOf(rows)), parseTsv(tsvOf([[""]]))]).toEqual([rows, [[""]]]);
  expect(parseTsv("a\tb\r\nc\t\r\n")).toEqual([
    ["a", "b"],
    ["c", ""],
  ]);
  expect([parseTsv(""), parseTsv('5" pipe\tx'), parseTsv('"open')]).toEqual([[], [['5" pipe', "x"]], [['"open']]]);
});
