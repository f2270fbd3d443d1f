import { expect, test } from "vitest";
import { arrangementOf, clampWidth, keepArrangement, moved, sortedBy, WIDTH_MAX, WIDTH_MIN } from "./arrangement";
import { STATIONS } from "./testing";

function storage(first?: string) {
  const kept = new Map<string, string>(first === undefined ? [] : [["waystation.records.stations", first]]);
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
}

test("what was arranged is found again", () => {
  const place = storage();
  const arranged = { columns: ["code", "name"], widths: { code: 9 }, sort: [{ column: "code", descending: true }] };
  keepArrangement("stations", arranged, place);
  expect(arrangementOf(STATIONS, place)).toEqual(arranged);
});

test("columns that are gone are left out, and a width stays within its limits", () => {
  const kept = {
    columns: ["gone", "name", "name"],
    widths: { name: 5_000, gone: 3, code: "wide" },
    sort: [{ column: "gone", descending: false }],
  };
  expect(arrangementOf(STATIONS, storage(JSON.stringify(kept)))).toEqual({ columns: ["name"], widths: { name: WIDTH_MAX }, sort: [] });
  expect([clampWidth(-1), clampWidth(10)]).toEqual([WIDTH_MIN, 10]);
});

test.each(["", "null", "[]", "{", '{"columns":5,"sort":"x"}', '{"columns":[]}'])("%j is as if nobody had arranged anything", (text) => {
  expect(arrangementOf(STATIONS, storage(text)).columns).toEqual(["name", "status", "code"]);
});

test("a full storage loses the arrangement and nothing else", () => {
  const full = {
    setItem: () => {
      throw new Error("full");
    },
  };
  expect(() => keepArrangement("stations", { columns: [], widths: {}, sort: [] }, full)).not.toThrow();
});

test("a column moves within the list", () => {
  expect(moved(["a", "b", "c"], "a", 1)).toEqual(["b", "a", "c"]);
  expect(moved(["a", "b", "c"], "c", -9)).toEqual(["c", "a", "b"]);
  expect(moved(["a", "b", "c"], "x", 1)).toEqual(["a", "b", "c"]);
});

test("a click on a head sorts up, down, and not", () => {
  const up = sortedBy([], "a");
  const down = sortedBy(up, "a");
  expect([up, down, sortedBy(down, "a"), sortedBy(down, "b")]).toEqual([
    [{ column: "a", descending: false }],
    [{ column: "a", descending: true }],
    [],
    [{ column: "b", descending: false }],
  ]);
});

test("further columns sort what is equal so far", () => {
  const two = sortedBy(sortedBy([], "a"), "b", true);
  expect(two).toEqual([
    { column: "a", descending: false },
    { column: "b", descending: false },
  ]);
  const down = sortedBy(two, "a", true);
  expect(down.map((by) => [by.column, by.descending])).toEqual([
    ["a", true],
    ["b", false],
  ]);
  expect(sortedBy(down, "a", true).map((by) => by.column)).toEqual(["b"]);
  expect(sortedBy(down, "a"), "a plain click leaves one column").toEqual([{ column: "a", descending: false }]);
  const full = ["b", "c", "d"].reduce((sort, column) => sortedBy(sort, column, true), sortedBy([], "a"));
  expect(full.map((by) => by.column)).toEqual(["a", "b", "d"]);
});
