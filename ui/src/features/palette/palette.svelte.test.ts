import { beforeEach, expect, test, vi } from "vitest";
import type { RecordTable } from "$shared/desktop/generated";

const desk = vi.hoisted(() => ({
  asked: [] as { table: string; search: string }[],
  answer: (_: { table: string; search: string }): unknown => [],
}));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { arguments: args }: { arguments: { table: string; search: string } }) => {
    desk.asked.push(args);
    return desk.answer(args);
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { Palette, REST_MS } from "./palette.svelte";

const table = (name: string, more: Partial<RecordTable> = {}): RecordTable => ({
  name,
  section: "stations",
  part_of: null,
  label: [],
  columns: [],
  may_insert: true,
  may_change: true,
  may_delete: true,
  rows: 1,
  related: [],
  ...more,
});
const tables = [
  table("station_equipment", { part_of: "station_id" }),
  table("stations"),
  table("users", { may_insert: false }),
  table("groups", { rows: 0 }),
];
const created: string[] = [];
const imported: string[] = [];
const offers = [{ id: "import", label: "Import a file…", run: () => void imported.push("import") }];

function open(): Palette {
  const palette = new Palette({ tables: { data: tables } as never, create: (name) => void created.push(name), offers }, () => null);
  palette.show();
  return palette;
}

const labels = (palette: Palette, group: string) => palette.entries.filter((entry) => entry.group === group).map((entry) => entry.label);

beforeEach(() => {
  vi.useFakeTimers();
  desk.asked = [];
  desk.answer = ({ table: name }) => [{ entity: name, id: "1", label: `Quba of ${name}` }];
  created.length = 0;
});

test("untyped it offers screens, lists and new rows, without parts of others", () => {
  const palette = open();
  expect([labels(palette, "tables"), labels(palette, "actions")]).toEqual([
    ["Stations", "People", "Groups"],
    ["New station", "New group"],
  ]);
  expect(labels(palette, "screens")).toContain("Sync centre");
});

test("typing finds rows of every table that has some, whole things before parts", async () => {
  const palette = open();
  palette.type("quba");
  await vi.advanceTimersByTimeAsync(REST_MS);
  expect(labels(palette, "rows")).toEqual(["Quba of stations", "Quba of users", "Quba of station_equipment"]);
  expect(desk.asked.map((asked) => asked.table)).not.toContain("groups");
});

test("a burst of letters is one search, and a late answer to an earlier one is dropped", async () => {
  const palette = open();
  palette.type("qu");
  palette.type("qub");
  await vi.advanceTimersByTimeAsync(REST_MS);
  expect(new Set(desk.asked.map((asked) => asked.search))).toEqual(new Set(["qub"]));
  let late!: (rows: unknown) => void;
  desk.answer = () => new Promise((done) => (late = done));
  palette.type("old");
  await vi.advanceTimersByTimeAsync(REST_MS);
  desk.answer = () => [];
  palette.type("nothing");
  await vi.advanceTimersByTimeAsync(REST_MS);
  late([{ entity: "users", id: "9", label: "old" }]);
  await vi.advanceTimersByTimeAsync(0);
  expect(labels(palette, "rows")).toEqual([]);
});

test("a table that cannot be searched hides no other", async () => {
  desk.answer = ({ table: name }) => {
    if (name === "users") throw { code: "disk_failed", message: "", retryable: true };
    return [{ entity: name, id: "1", label: name }];
  };
  const palette = open();
  palette.type("quba");
  await vi.advanceTimersByTimeAsync(REST_MS);
  expect(labels(palette, "rows")).toEqual(["stations", "station_equipment"]);
});

test("words are found in any order and whatever their case", () => {
  const palette = open();
  palette.type("STATION new");
  expect(labels(palette, "actions")).toEqual(["New station"]);
});

test("the choice goes round, is done, and closes the palette", () => {
  const palette = open();
  palette.type("new station");
  expect(palette.entries).toHaveLength(1);
  palette.move(-1);
  palette.choose();
  expect([created, palette.open]).toEqual([["stations"], false]);
});

test("what the open list offers is found too", () => {
  const palette = open();
  palette.type("import");
  expect(palette.entries.map((entry) => [entry.id, entry.group])).toEqual([["list-import", "list"]]);
  palette.choose();
  expect(imported).toEqual(["import"]);
});
