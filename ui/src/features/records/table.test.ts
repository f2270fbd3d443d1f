import { expect, test } from "vitest";
import { comparisonsOf, comparisonWords, isNeeded, keepsDeleted, newColumns, relatedTables, tablesBySection, usualColumns } from "./table";
import { columnOf, STATIONS, tableOf } from "./testing";

test("a list begins with what names a row, then with what tells rows apart", () => {
  expect(usualColumns(STATIONS)).toEqual(["name", "status", "code"]);
  const wide = tableOf([columnOf("name"), ...Array.from({ length: 20 }, (_, index) => columnOf(`c${index}`))]);
  expect(usualColumns(wide)).toHaveLength(7);
});

test("parts of another table are not in the sidebar, and empty sections neither", () => {
  const part = tableOf([columnOf("station_id", "reference", { refers_to: "stations" })], {
    name: "station_equipment",
    part_of: "station_id",
  });
  const people = tableOf([columnOf("name")], { name: "users", section: "people" });
  expect(tablesBySection([STATIONS, part, people]).map(({ section, tables }) => [section, tables.map(({ name }) => name)])).toEqual([
    ["people", ["users"]],
    ["stations", ["stations"]],
  ]);
});

test("a new row is asked for what it needs, then for the rest, and never for what the server gives", () => {
  const table = tableOf([
    ...STATIONS.columns,
    columnOf("deleted_at", "moment"),
    columnOf("settings", "json"),
    columnOf("owner", "text", { needed: true }),
  ]);
  const names = newColumns(table);
  expect([names.first.map(({ name }) => name), names.more.map(({ name }) => name)]).toEqual([
    ["name", "owner"],
    ["code", "status", "description"],
  ]);
  expect(table.columns.filter((column) => isNeeded(table, column)).map(({ name }) => name)).toEqual(["name", "owner"]);
});

test("rows that may be named by one of several columns need none of them alone", () => {
  const table = tableOf([columnOf("full_name", "text", { optional: false }), columnOf("email")], { label: ["full_name", "email"] });
  expect(table.columns.filter((column) => isNeeded(table, column))).toEqual([]);
});

test("comparisons fit their kind", () => {
  expect(comparisonsOf(columnOf("x", "choice"))).not.toContain("contains");
  expect(comparisonsOf(columnOf("x", "text"))).not.toContain("less");
  expect(comparisonsOf(columnOf("x", "bool"))).toEqual(["is"]);
  expect(comparisonWords("less", { kind: "date" })).toBe("is before");
  expect(comparisonWords("less", { kind: "int" })).toBe("is less than");
});

test("a table keeps its deleted rows when it marks them", () => {
  expect([keepsDeleted(STATIONS), keepsDeleted(tableOf([columnOf("deleted_at", "moment")]))]).toEqual([false, true]);
});

test("parts come before other rows that point at a row", () => {
  const table = tableOf([], {
    related: [
      { table: "users", column: "station_id", is_part: false },
      { table: "station_equipment", column: "station_id", is_part: true },
    ],
  });
  expect(relatedTables(table).map((related) => related.table)).toEqual(["station_equipment", "users"]);
});
