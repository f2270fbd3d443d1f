import { describe, expect, it } from "vitest";
import * as period from "./period";
import { asMark, nextMark, readMark } from "./marks";
import { ofDay, ofGrid, ofStudent, sparkline, streakOf } from "./statistics";
import { gridOf } from "./testing";

describe("totals", () => {
  it("count what was marked and nothing else", () => {
    const grid = gridOf(["plae.", "....."]);
    expect(ofStudent(grid.students[0]!, false)).toMatchObject({
      counts: { present: 1, late: 1, absent: 1, excused: 1 },
      marked: 4,
      percent: 50,
    });
    expect(ofStudent(grid.students[1]!, false)).toMatchObject({ marked: 0, percent: null, streak: 0 });
  });

  it("leave excused lessons out of the percentage where the organization says so", () => {
    const grid = gridOf(["plae", "eee."], { leaves_out_excused: true });
    expect(ofStudent(grid.students[0]!, true)).toMatchObject({ marked: 4, percent: (2 / 3) * 100 });
    expect(ofStudent(grid.students[0]!, false).percent).toBe(50);
    expect(ofStudent(grid.students[1]!, true)).toMatchObject({ marked: 3, percent: null });
    expect(ofGrid(grid).percent).toBe((2 / 3) * 100);
  });

  it("of a day count its members without a mark", () => {
    const grid = gridOf(["p", ".", "#", "a"]);
    expect(ofDay(grid, 0)).toMatchObject({ marked: 2, percent: 50, unmarked: 1, members: 3 });
  });

  it("of the grid name the lessons up to today that are not marked", () => {
    const grid = gridOf(["p..", "p.."], { today: "2026-03-03" });
    expect(ofGrid(grid).notMarked).toEqual([1]);
  });

  it("ignore a status that this program does not know", () => {
    const grid = gridOf(["p"]);
    grid.students[0]!.cells[0]!.status = "teleported";
    expect(ofGrid(grid).marked).toBe(0);
  });

  it("make a weekly trend without unmarked weeks", () => {
    const grid = gridOf(["pap"], { days: ["2026-03-02", "2026-03-05", "2026-03-16"] });
    expect(ofGrid(grid).trend).toEqual([
      { week: "2026-03-02", percent: 50 },
      { week: "2026-03-16", percent: 100 },
    ]);
  });
});

describe("the streak", () => {
  const streak = (line: string) => streakOf(gridOf([line]).students[0]!.cells);
  it("counts lessons attended up to the last mark", () => {
    expect(streak("appl..")).toBe(3);
    expect(streak("papp")).toBe(2);
    expect(streak("")).toBe(0);
  });
  it("is negative after absences", () => expect(streak("ppaa")).toBe(-2));
  it("is not ended by an excuse", () => {
    expect(streak("apep.")).toBe(2);
    expect(streak("e")).toBe(0);
  });
});

it("a sparkline stays within its box", () => {
  const trend = [
    { week: "a", percent: 0 },
    { week: "b", percent: 100 },
  ];
  expect(sparkline(trend, 100, 20)).toEqual([
    { x: 2, y: 18 },
    { x: 98, y: 2 },
  ]);
  expect(sparkline(trend.slice(1), 100, 20)).toEqual([{ x: 50, y: 2 }]);
  expect(sparkline([], 100, 20)).toEqual([]);
});

describe("marks", () => {
  it("are read from text", () => {
    expect(readMark(" P ")).toBe("present");
    expect(readMark("н/б")).toBe("absent");
    expect(readMark("İştirak  edib")).toBe("present");
    expect(readMark("")).toBeNull();
    expect(readMark("yes")).toBeUndefined();
  });
  it("cycle", () =>
    expect([null, "present", "late", "absent", "excused"].map((one) => nextMark(asMark(one)))).toEqual([
      "present",
      "late",
      "absent",
      "excused",
      null,
    ]));
});

describe("periods", () => {
  it("are whole months and weeks from Monday", () => {
    expect(period.monthOf("2028-02-14")).toEqual({ kind: "month", from: "2028-02-01", to: "2028-02-29" });
    expect(period.weekOf("2026-03-01")).toEqual({ kind: "week", from: "2026-02-23", to: "2026-03-01" });
    expect(period.weekday("2026-03-01")).toBe(7);
  });

  it("shift by their own length", () => {
    expect(period.shift(period.monthOf("2026-01-31"), 1)).toEqual(period.monthOf("2026-02-01"));
    expect(period.shift(period.monthOf("2026-01-31"), -1)).toEqual(period.monthOf("2025-12-01"));
    expect(period.shift(period.weekOf("2026-03-04"), -1)).toEqual(period.weekOf("2026-02-25"));
    expect(period.shift(period.rangeOf("2026-03-01", "2026-03-10"), 1)).toEqual({ kind: "range", from: "2026-03-11", to: "2026-03-20" });
  });

  it("a range is put in order and kept within the limit", () => {
    expect(period.rangeOf("2026-03-10", "2026-03-01")).toEqual({ kind: "range", from: "2026-03-01", to: "2026-03-10" });
    const long = period.rangeOf("2020-01-01", "2026-01-01");
    expect(period.daysBetween(long.from, long.to)).toBe(period.RANGE_DAYS_MAX - 1);
    expect(period.rangeOf("2020-01-01", "2026-01-01", "to").to).toBe("2026-01-01");
  });

  it("move to show a day", () => {
    const march = period.monthOf("2026-03-01");
    expect(period.showing(march, "2026-03-20")).toBe(march);
    expect(period.showing(march, "2026-05-20")).toEqual(period.monthOf("2026-05-01"));
    expect(period.showing(period.rangeOf("2026-03-01", "2026-03-10"), "2026-05-20")).toEqual({
      kind: "range",
      from: "2026-05-11",
      to: "2026-05-20",
    });
  });

  it("recognize a day", () => {
    expect(period.isDay("2026-02-28")).toBe(true);
    expect(period.isDay("2026-02-30")).toBe(false);
    expect(period.isDay("soon")).toBe(false);
  });
});
