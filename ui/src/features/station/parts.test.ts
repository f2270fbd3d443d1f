import { describe, expect, it } from "vitest";
import type { StationPart } from "$shared/desktop/generated";
import { matching, tableOf, toneOf } from "./parts";
import { isSaid, measure, particularValue } from "./words";

const part = (id: string, particulars: Record<string, string>): StationPart => ({
  id,
  name: id,
  status: "",
  description: "",
  features: [],
  particulars: Object.entries(particulars).map(([name, value]) => ({ name, value })),
});

describe("a table of parts", () => {
  it("has a column for common particulars, and shows the rest beside the name", () => {
    const table = tableOf([
      part("a", { model: "X", serial: "1" }),
      part("b", { model: "Y", colour: "red" }),
      part("c", { model: "Z", serial: "" }),
    ]);
    expect(table.columns).toEqual(["model"]);
    expect(table.rows.map((row) => row.values)).toEqual([["X"], ["Y"], ["Z"]]);
    expect(table.rows.map((row) => row.rest.map((one) => one.name))).toEqual([["serial"], ["colour"], []]);
  });

  it("has four columns at most", () => {
    expect(tableOf([part("a", { a: "1", b: "2", c: "3", d: "4", e: "5" })])).toMatchObject({
      columns: ["a", "b", "c", "d"],
      rows: [{ rest: [{ name: "e" }] }],
    });
  });

  it("of nothing is empty", () => expect(tableOf([])).toEqual({ columns: [], rows: [] }));
});

it("a state that is not known has no colour", () =>
  expect([toneOf("active"), toneOf("out_of_service"), toneOf("painted")]).toEqual(["good", "bad", "neutral"]));

it("stations are found by words of name and address", () => {
  const stations = [
    { name: "ГНС Баку", address: "ул. Низами 4" },
    { name: "AGNKS-2", address: "Sumqayıt" },
  ];
  expect(matching(stations, "баку низами")).toEqual([stations[0]]);
  expect(matching(stations, " ")).toEqual(stations);
  expect(matching(stations, "gəncə")).toEqual([]);
  expect(matching([{ name: "İmişli", address: "" }], "imişli")).toHaveLength(1);
});

it("a measure's number is grouped, a year and a code are not", () => {
  expect(["60000 l", "14500 l/day", "2014", "SK700-2", "85 %"].map(measure)).toEqual([
    "60,000 l",
    "14,500 l/day",
    "2014",
    "SK700-2",
    "85 %",
  ]);
});

it("states and days are formatted everywhere", () => {
  expect(particularValue({ name: "status", value: "active" })).toBe("In service");
  expect(particularValue({ name: "opened_on", value: "2014-05-20" })).toBe("20 May 2014");
  expect(["road tanker", "by camel"].map((value) => particularValue({ name: "supply_type", value }))).toEqual(["Road tanker", "by camel"]);
  expect(particularValue({ name: "model", value: "active" })).toBe("active");
});

it("a kind that the name says already is left out", () =>
  expect([
    isSaid({ name: "kind", value: "detection" }, "Gas detection"),
    isSaid({ name: "kind", value: "fire" }, "Gas detection"),
    isSaid({ name: "status", value: "gas" }, "Gas detection"),
  ]).toEqual([true, false, false]));
