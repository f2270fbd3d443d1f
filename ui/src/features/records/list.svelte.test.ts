import { beforeEach, expect, test, vi } from "vitest";
import type { RecordsQuery } from "$shared/desktop/generated";
import { rowOf, STATIONS } from "./testing";

const desk = vi.hoisted(() => ({ queries: [] as unknown[], answer: (_: unknown): unknown => null, tell: (_: unknown) => {} }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, call: { arguments: unknown }) => {
    desk.queries.push(call.arguments);
    return desk.answer(call.arguments);
  },
}));
vi.mock("@tauri-apps/api/event", () => ({
  listen: async (_: string, handler: (event: { payload: unknown }) => void) => {
    desk.tell = (payload) => handler({ payload });
    return () => {};
  },
}));

import { PAGE_ROWS, RecordList } from "./list.svelte";

let stored: string[] = [];
const query = () => desk.queries.at(-1) as RecordsQuery;

beforeEach(() => {
  localStorage.clear();
  desk.queries = [];
  stored = Array.from({ length: 1_000 }, (_, index) => `s${index}`);
  desk.answer = (asked) => {
    const { after, limit } = asked as RecordsQuery;
    const from = Number(after ?? 0);
    const rows = stored.slice(from, from + limit).map((id) => rowOf(STATIONS, id, { name: `Station\t${id}`, status: "active" }));
    return {
      rows,
      next: from + limit < stored.length ? String(from + limit) : null,
      total: after === null ? stored.length : null,
      tables: ["stations"],
    };
  };
});

async function loaded(): Promise<RecordList> {
  const list = new RecordList(() => STATIONS);
  await list.load();
  return list;
}

test("the first page comes with the count of the whole list", async () => {
  const list = await loaded();
  expect([list.rows.length, list.total, list.loading]).toEqual([PAGE_ROWS, 1_000, false]);
});

test("what is scrolled to is fetched page by page, without gaps, and not twice", async () => {
  const list = await loaded();
  await Promise.all([list.need(750), list.need(760)]);
  expect(list.rows.slice(0, 761).map((row) => row.id)).toEqual(stored.slice(0, 761));
  const asked = desk.queries.length;
  await list.need(500);
  expect(desk.queries).toHaveLength(asked);
});

test("End goes to the last row and Home back", async () => {
  const list = await loaded();
  await list.goTo(999_999);
  expect([list.cursor, list.rows.length]).toEqual([999, 1_000]);
  await list.goTo(-5);
  expect(list.cursor).toBe(0);
});

test("shift selects from where the selection began, control adds and takes out", async () => {
  const list = await loaded();
  await list.goTo(3);
  await list.goTo(5, true);
  expect([...list.selected]).toEqual(["s3", "s4", "s5"]);
  await list.goTo(2, true);
  expect([...list.selected]).toEqual(["s2", "s3"]);
  list.toggle(2);
  list.toggle(9);
  expect([...list.selected]).toEqual(["s3", "s9"]);
  await list.goTo(1);
  expect(list.selected.size).toBe(0);
});

test("after a change the cursor and the selection stay on their rows", async () => {
  const list = await loaded();
  await list.goTo(3);
  list.toggle(3);
  list.toggle(4);
  stored = ["new", ...stored.filter((id) => id !== "s3")];
  await list.reload();
  expect([list.rows[list.cursor].id, [...list.selected]]).toEqual(["s4", ["s4"]]);
});

test("it reads again when a table of its answer changes, and when changes are sent", async () => {
  const list = new RecordList(() => STATIONS);
  const stop = list.follow();
  await vi.waitFor(() => expect(list.total).toBe(1_000));
  stored = stored.slice(1);
  desk.tell({ kind: "changed", entities: ["groups"] });
  desk.tell({ kind: "changed", entities: ["stations"] });
  await vi.waitFor(() => expect(list.total).toBe(999));
  stored = stored.slice(1);
  desk.tell({ kind: "sync", status: { waiting: 2 } });
  await vi.waitFor(() => expect(list.total).toBe(998));
  stop();
});

test("an answer to an earlier search does not replace the present one", async () => {
  const list = await loaded();
  let late!: (answer: unknown) => void;
  const usual = desk.answer;
  desk.answer = () => new Promise((done) => (late = done));
  list.setSearch("a");
  desk.answer = usual;
  stored = ["s7"];
  list.setSearch("b");
  await vi.waitFor(() => expect(list.total).toBe(1));
  late({ rows: [], next: null, total: 0, tables: [] });
  await Promise.resolve();
  expect([list.total, query().search]).toEqual([1, "b"]);
});

test("a refused list keeps its rows and says why", async () => {
  const list = await loaded();
  desk.answer = () => {
    throw { code: "bad_value", message: "", retryable: false, fields: ["code"] };
  };
  await list.reload();
  expect([list.problem?.code, list.rows.length]).toEqual(["bad_value", PAGE_ROWS]);
});

test("labels of conditions are not sent", async () => {
  const list = await loaded();
  list.setFilter([{ column: "station_id", comparison: "is", value: "s", label: "Quba" }]);
  expect(query().filter).toEqual([{ column: "station_id", comparison: "is", value: "s" }]);
});

test("deleted rows of a table that keeps them are shown apart, unless somebody filters by it", async () => {
  const table = { ...STATIONS, columns: [...STATIONS.columns, { ...STATIONS.columns[0], name: "deleted_at", kind: "moment" as const }] };
  const list = new RecordList(() => table);
  await list.load();
  expect(query().filter).toEqual([{ column: "deleted_at", comparison: "empty", value: null }]);
  list.setDeleted(true);
  expect(query().filter).toEqual([{ column: "deleted_at", comparison: "filled", value: null }]);
});

test("rows are copied as a spreadsheet takes them: tabs within a value do not make cells", async () => {
  const list = await loaded();
  await list.goTo(1);
  expect(list.tsv((name) => name.toUpperCase())).toBe("NAME\tSTATUS\tCODE\nStation s1\tActive\t");
});

test("columns are remembered, what was searched is not stored", async () => {
  const list = await loaded();
  list.show("status", false);
  list.resize("name", 20);
  list.sortBy("code");
  list.setSearch("Aysel");
  const again = new RecordList(() => STATIONS);
  expect(again.arrangement).toEqual({ columns: ["name", "code"], widths: { name: 20 }, sort: [{ column: "code", descending: false }] });
  expect(JSON.stringify({ ...localStorage })).not.toContain("Aysel");
  list.show("name", false);
  list.show("code", false);
  expect(list.arrangement.columns, "one column stays").toEqual(["code"]);
});
