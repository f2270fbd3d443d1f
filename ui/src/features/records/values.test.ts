import { afterEach, describe, expect, test } from "vitest";
import { chooseLanguage } from "$shared/i18n/language.svelte";
import { columnOf } from "./testing";
import { cellWords, columnName, inputText, parse } from "./values";

afterEach(() => chooseLanguage("en"));

const value = (kind: Parameters<typeof columnOf>[1], text: string) => {
  const read = parse(columnOf("x", kind), text);
  return "value" in read ? read.value : "wrong";
};

describe("numbers", () => {
  test("English groups by commas, others write them before decimals", () => {
    expect(["1,234.5", "1.5", "-3", ".5", "1,5"].map((text) => value("float", text))).toEqual([1234.5, 1.5, -3, 0.5, 1.5]);
    chooseLanguage("ru");
    expect(["1 234,5", "1\u00a0234,5", "−2,25", "1.5"].map((text) => value("float", text))).toEqual([1234.5, 1234.5, -2.25, 1.5]);
  });

  test.each(["north", "1.2.3", "1,2,3", "1e5", "--1", "0x10"])("%j is none", (text) => expect(value("float", text)).toBe("wrong"));

  test("a whole number has no decimals and fits exactly", () => {
    expect(["12", "1.5", "9007199254740993"].map((text) => value("int", text))).toEqual([12, "wrong", "wrong"]);
  });

  test("money is stored in hundredths, without the error of binary fractions", () => {
    expect(["19.99", "1.1", "0.29", "1234.5", "1.005", "-5"].map((text) => value("money", text))).toEqual([
      1999,
      110,
      29,
      123450,
      "wrong",
      -500,
    ]);
  });

  test("an empty input is nothing, not zero", () => {
    expect([value("int", " "), value("money", ""), value("date", "")]).toEqual([null, null, null]);
  });
});

describe("days and times", () => {
  test.each([
    ["2026-03-04", "2026-03-04"],
    ["4.3.2026", "2026-03-04"],
    ["04/03/26", "2026-03-04"],
    ["29.2.2024", "2024-02-29"],
  ])("%s is %s", (text, day) => {
    expect(value("date", text)).toBe(day);
  });

  test.each(["31.2.2026", "29.2.2025", "0.1.2026", "1.13.2026", "tomorrow", "2026"])("%s is no day", (text) =>
    expect(value("date", text)).toBe("wrong"),
  );

  test("times have two digits each", () => {
    expect(["9:05", "0905", "23:59", "24:00", "9:5", "12:60"].map((text) => value("time", text))).toEqual([
      "09:05",
      "09:05",
      "23:59",
      "wrong",
      "wrong",
      "wrong",
    ]);
  });

  test("a moment is a day with or without a time", () => {
    expect(value("moment", "4.3.2026 09:30")).toBe(new Date(2026, 2, 4, 9, 30).getTime());
    expect(value("moment", "4.3.2026")).toBe(new Date(2026, 2, 4).getTime());
    expect(value("moment", "09:30")).toBe("wrong");
  });
});

describe("what stands in an input is read as the same value", () => {
  test.each(["en", "ru", "az"])("in %s", (language) => {
    chooseLanguage(language);
    const cases = [
      ["float", 40.409264],
      ["money", 123456],
      ["money", -5],
      ["int", 1234567],
      ["date", "2026-12-31"],
      ["time", "09:30"],
      ["moment", new Date(2026, 11, 31, 9, 5).getTime()],
      ["text", " a "],
    ] as const;
    for (const [kind, stored] of cases) expect([kind, value(kind, inputText({ kind }, stored))]).toEqual([kind, stored]);
  });
});

test("text is not trimmed, is counted by letters, and is nothing only where it may be", () => {
  expect(parse(columnOf("x", "text", { length_max: 2 }), "👍👍")).toEqual({ value: "👍👍" });
  expect(parse(columnOf("x", "text", { length_max: 2 }), "abc")).toHaveProperty("wrong");
  expect(parse(columnOf("x", "text"), "")).toEqual({ value: null });
  expect(parse(columnOf("x", "text", { optional: false }), "")).toEqual({ value: "" });
});

test("a cell shows words, not codes", () => {
  chooseLanguage("ru");
  expect([
    cellWords({ kind: "choice" }, "active"),
    cellWords({ kind: "bool" }, false),
    cellWords({ kind: "money" }, 1999),
    cellWords({ kind: "reference" }, "id", "Quba"),
    cellWords({ kind: "int" }, null),
    cellWords({ kind: "text" }, ""),
  ]).toEqual(["Действует", "Нет", "19,99", "Quba", "", ""]);
  expect(cellWords({ kind: "reference" }, "id", null)).not.toContain("id");
});

test("a number called position is a place among siblings, a text is a job title", () => {
  expect([columnName({ name: "position", kind: "int" }), columnName({ name: "position", kind: "text" })]).toEqual([
    "Place in the list",
    "Position",
  ]);
});
