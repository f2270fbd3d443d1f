import { beforeEach, expect, test, vi } from "vitest";
import type { RecordsQuery } from "$shared/desktop/generated";
import { ADMIN, columnOf, STATIONS, tableOf } from "./testing";

const desk = vi.hoisted(() => ({ queries: [] as unknown[] }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: { id: string } }) => {
    if (name === "record" && args.id === "g1") return { row: { label: "Group 1" } };
    if (name === "record") throw { code: "not_found", message: "", retryable: false };
    desk.queries.push(args);
    return { rows: [], next: null, total: 0, tables: [] };
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { dismiss, toasts } from "$shared/ui";
import { conditionWords } from "./filter";
import { RecordList } from "./list.svelte";
import { columnAt, comparisonsOf, filterPaths } from "./table";
import { ListViews } from "./views.svelte";
import { viewsOf, VIEWS_MAX, withView } from "./views";

const GROUPS = tableOf([columnOf("name"), columnOf("status", "choice", { choices: ["active", "closed"] }), columnOf("plan", "json")], {
  name: "groups",
});
const PEOPLE = tableOf([columnOf("full_name"), columnOf("group_id", "reference", { refers_to: "groups" })], {
  name: "users",
  label: ["full_name"],
});
const tableNamed = (name: string) => [GROUPS, PEOPLE, STATIONS].find((table) => table.name === name);
const records = { table: tableNamed, person: ADMIN };
const last = () => desk.queries.at(-1) as RecordsQuery;

beforeEach(() => {
  localStorage.clear();
  desk.queries = [];
  for (const toast of [...toasts()]) dismiss(toast.id);
});

function shown() {
  const list = new RecordList(() => PEOPLE);
  list.filter = [{ column: "group_id", comparison: "one_of", value: ["g1", "g2"], labels: ["Group 1", "Group 2"] }];
  list.search = "ay";
  list.sortBy("group_id");
  return list;
}

test("a view brings back columns, order, search and filters, and names the rows again", async () => {
  const first = new ListViews(records, shown());
  first.save("Mine");
  expect(first.current?.name).toBe("Mine");

  const list = new RecordList(() => PEOPLE);
  list.arrangement = { ...list.arrangement, sort: [] };
  const again = new ListViews(records, list);
  expect([again.all.map(({ name }) => name), again.current]).toEqual([["Mine"], undefined]);
  await again.show(again.all[0]);
  expect(last()).toMatchObject({
    search: "ay",
    sort: [{ column: "group_id", descending: false }],
    filter: [{ column: "group_id", comparison: "one_of", value: ["g1", "g2"] }],
  });
  expect(list.filter[0].labels, "a row that is not here has no label").toEqual(["Group 1", ""]);
  expect(again.current?.name).toBe("Mine");
  list.setSearch("other");
  expect(again.current).toBeUndefined();
});

test("names of rows are not written down, and views are a person's own", () => {
  new ListViews(records, shown()).save("Mine");
  expect(JSON.stringify(Object.values(localStorage))).not.toContain("Group 1");
  expect(viewsOf(PEOPLE, "somebody else", tableNamed)).toEqual([]);
});

test("a view is replaced by name, and comes back after it was deleted by mistake", () => {
  const views = new ListViews(records, shown());
  views.save("B");
  views.save("A");
  views.save("B");
  expect(views.all.map(({ name }) => name)).toEqual(["A", "B"]);
  views.remove(views.all[0]);
  expect(viewsOf(PEOPLE, ADMIN.user_id, tableNamed).map(({ name }) => name)).toEqual(["B"]);
  toasts()
    .find((toast) => toast.action)
    ?.action?.run();
  expect(viewsOf(PEOPLE, ADMIN.user_id, tableNamed).map(({ name }) => name)).toEqual(["A", "B"]);
  const many = Array.from({ length: VIEWS_MAX }, (_, index) => ({ ...views.all[0], name: `v${index}` }));
  expect(withView(many, { ...views.all[0], name: "new" })).toHaveLength(VIEWS_MAX);
});

test.each(["", "null", "{", "5", '[{"name":5},{}]'])("%j is as if nothing had been saved", (text) => {
  expect(viewsOf(PEOPLE, "u1", tableNamed, { getItem: () => text })).toEqual([]);
});

test("what is gone is left out of a view", () => {
  const kept = [
    {
      name: "Old",
      columns: ["gone"],
      sort: [{ column: "gone", descending: true }],
      filter: [
        { column: "group_id.gone", comparison: "is", value: 1 },
        null,
        { column: "group_id.status", comparison: "is", value: "active" },
      ],
    },
  ];
  const [view] = viewsOf(PEOPLE, "u1", tableNamed, { getItem: () => JSON.stringify(kept) });
  expect([view.columns, view.sort, view.filter.map(({ column }) => column)]).toEqual([["full_name", "group_id"], [], ["group_id.status"]]);
});

test("a full storage says that the view is not saved", () => {
  const views = new ListViews(records, shown());
  const full = () => {
    throw new Error("full");
  };
  vi.stubGlobal("localStorage", { getItem: () => null, setItem: full });
  views.save("Mine");
  vi.unstubAllGlobals();
  expect([views.all, toasts().at(-1)?.tone]).toEqual([[], "bad"]);
});

test("rows are filtered by what their references say too", () => {
  expect(filterPaths(PEOPLE, tableNamed)).toEqual(["full_name", "group_id", "group_id.name", "group_id.status"]);
  expect(columnAt(PEOPLE, "group_id.status", tableNamed)?.kind).toBe("choice");
  expect([columnAt(PEOPLE, "group_id.gone", tableNamed), columnAt(PEOPLE, "full_name.name", tableNamed)]).toEqual([undefined, undefined]);
  expect(comparisonsOf(PEOPLE.columns[1], true), "the label of a row further away is not compared").not.toContain("contains");
});

test("a condition is said in words", () => {
  const words = (column: string, comparison: "is" | "one_of", value: unknown, labels?: string[]) =>
    conditionWords(PEOPLE, { column, comparison, value, labels }, tableNamed);
  expect([
    words("group_id.status", "one_of", ["active", "closed"]),
    words("group_id", "one_of", ["g1", "g9"], ["Group 1"]),
    words("gone", "is", 1),
  ]).toEqual(["Group: Status is one of Active, Closed", "Group is one of Group 1, Not on this laptop", "gone"]);
});
