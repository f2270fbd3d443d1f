import { expect, test } from "vitest";
import type { PersonRecord } from "$shared/desktop/generated";
import { isEmpty, marksOf, validityTone } from "./record";

const record = (more: Partial<PersonRecord> = {}): PersonRecord => ({
  attendance: { marks: [0, 0, 0, 0], percent: null, leaves_out_excused: false },
  balances: [],
  certificates: [],
  badges: [],
  ...more,
});

test("a record without anything is empty, and a single mark or payment fills it", () => {
  expect(isEmpty(record())).toBe(true);
  expect(isEmpty(record({ attendance: { marks: [0, 0, 1, 0], percent: 0, leaves_out_excused: false } }))).toBe(false);
  expect(isEmpty(record({ balances: [{ currency: "EUR", paid_minor: 0, owed_minor: 5, balance_minor: -5 }] }))).toBe(false);
});

test("kinds of marks that never occurred are left out", () => {
  const marks = marksOf({ marks: [3, 0, 1, 0], percent: 75, leaves_out_excused: false });
  expect(marks.map((mark) => [mark.words, mark.count])).toEqual([
    ["Present", 3],
    ["Absent", 1],
  ]);
});

test("only a valid certificate is good", () => {
  expect(["valid", "not_yet", "expired", "revoked"].map(validityTone)).toEqual(["good", "neutral", "neutral", "bad"]);
});
