import { expect, test } from "vitest";
import { pdfKeyOf } from "./keys";
import { findIn, partsOf, textOf } from "./search";

const pieces = [
  { str: "Рукав присое", hasEOL: false },
  { type: "mark" },
  { str: "динён", hasEOL: true },
  { str: "ИЛИ Şəki İçində", hasEOL: true },
];

test("a page's text is its pieces, with a space at the end of a line", () => {
  expect(textOf(pieces)).toEqual({ text: "Рукав присоединён ИЛИ Şəki İçində ", starts: [0, 12, 18] });
});

test("a word is found across pieces, whatever its case, е for ё, i for İ", () => {
  const { text } = textOf(pieces);
  expect(findIn(text, "ПРИСОЕДИНЕН", 3)).toEqual([{ page: 3, start: 6, end: 17 }]);
  expect(findIn(text, "şəki içində", 3)).toEqual([{ page: 3, start: 22, end: 33 }]);
  expect(findIn(text, "  ", 3)).toEqual([]);
});

test("a match is split into the parts of its pieces", () => {
  expect(partsOf({ page: 1, start: 6, end: 17 }, [0, 12, 18], [12, 5, 15])).toEqual([
    { piece: 0, from: 6, to: 12 },
    { piece: 1, from: 0, to: 5 },
  ]);
});

test("no more matches than the limit", () => {
  expect(findIn("a".repeat(50), "a", 1, 10)).toHaveLength(10);
});

test("the reader's keys", () => {
  const key = (key: string, more = {}) =>
    pdfKeyOf({ key, code: "", ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more });
  expect(
    ["ArrowRight", "PageDown", "ArrowLeft", "PageUp", "ArrowDown", "ArrowUp", " ", "Home", "End", "x"].map((name) => key(name)),
  ).toEqual(["next", "screen-down", "previous", "screen-up", "down", "up", "screen-down", "first", "last", null]);
  expect(key("а", { code: "KeyF", ctrlKey: true })).toBe("search");
  expect(key("ArrowLeft", { altKey: true })).toBeNull();
  expect(key(" ", { shiftKey: true })).toBe("screen-up");
});
