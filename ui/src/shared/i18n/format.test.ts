import { afterEach, describe, expect, test } from "vitest";
import {
  compareText,
  formatAgo,
  formatClock,
  formatDate,
  formatDay,
  formatDuration,
  formatFigures,
  formatList,
  formatNumber,
  formatPercent,
  formatSize,
  formatWeekday,
} from "./format";
import { chooseLanguage, language } from "./language.svelte";

const plain = (text: string) => text.replace(/[\u00a0\u202f]/g, " ");
afterEach(() => chooseLanguage("en"));

describe("Azerbaijani, which not every Intl knows", () => {
  test("dates", () => {
    chooseLanguage("az");
    expect(formatDate("2026-03-14")).toBe("14 mar 2026");
    expect(formatDay("2026-03-14")).toBe("14 mart, şənbə");
    expect([1, 2, 7].map((day) => formatWeekday(day))).toEqual(["B.e.", "Ç.a.", "B."]);
  });

  test("numbers, sizes, durations", () => {
    chooseLanguage("az");
    expect(formatNumber(1234567.25)).toBe("1.234.567,3");
    expect([1250.5, 0, -3].map((value) => formatNumber(value, 2, 2))).toEqual(["1.250,50", "0,00", "-3,00"]);
    expect(formatPercent(85)).toBe("85%");
    expect(formatSize(4_200_000)).toBe("4,2 MB");
    expect(formatSize(12)).toBe("12 bayt");
    expect(formatDuration(4800)).toBe("1 saat 20 dəq");
    expect(formatList(["alma", "armud", "nar"])).toBe("alma, armud və nar");
  });

  test("the order of letters: ə after e, x after h, ı before i, q after k", () => {
    chooseLanguage("az");
    const names = ["Zaur", "Əli", "Elşən", "Fərid", "Xəyal", "Həsən", "İlqar", "Ilqar", "Qədir", "Kamran", "Çinar", "Cavid"];
    expect(names.sort(compareText)).toEqual([
      "Cavid",
      "Çinar",
      "Elşən",
      "Əli",
      "Fərid",
      "Həsən",
      "Xəyal",
      "Ilqar",
      "İlqar",
      "Kamran",
      "Qədir",
      "Zaur",
    ]);
    expect(["Qrup 10", "Qrup 2", "qrup 2"].sort(compareText)).toEqual(["qrup 2", "Qrup 2", "Qrup 10"]);
  });
});

test("Russian dates, sizes and order", () => {
  chooseLanguage("ru");
  expect(plain(formatDate("2026-03-14"))).toBe("14 мар. 2026 г.");
  expect(plain(formatSize(388_000_000))).toBe("388 МБ");
  expect(plain(formatDuration(4800))).toBe("1 ч 20 мин");
  expect(["Яна", "Ёлкин", "Егор", "Жанна"].sort(compareText)).toEqual(["Егор", "Ёлкин", "Жанна", "Яна"]);
});

test("a size has three figures at most and never a thousand of a unit", () => {
  expect([0, 999, 999_600, 12_340_000, 99_960_000, 5e12].map((bytes) => plain(formatSize(bytes)))).toEqual([
    "0 bytes",
    "999 bytes",
    "1 MB",
    "12.3 MB",
    "100 MB",
    "5 TB",
  ]);
});

test("how long ago, by the calendar's days", () => {
  const now = new Date(2026, 2, 14, 12).getTime();
  expect(formatAgo(now - 20_000, now)).toBe("now");
  expect(formatAgo(now - 5 * 60_000, now)).toBe("5 minutes ago");
  expect(formatAgo(now - 24 * 3_600_000, now)).toBe("yesterday");
  expect(formatAgo(now - 60 * 86_400_000, now)).toBe("13 Jan 2026");
  chooseLanguage("az");
  expect(formatAgo(now - 5 * 60_000, now)).toBe("5 dəqiqə əvvəl");
  expect(formatAgo(now + 2 * 86_400_000, now)).toBe("2 gün sonra");
});

test("a clock is the same in every language", () => {
  expect([0, 65, 3725].map(formatClock)).toEqual(["0:00", "1:05", "1:02:05"]);
});

test("an empty language is the system's, and English where the system speaks another", () => {
  chooseLanguage("", ["az-Latn-AZ", "en"]);
  expect(language()).toBe("az");
  chooseLanguage("", ["de", "ru-RU"]);
  expect(language()).toBe("ru");
  chooseLanguage("", ["de"]);
  expect(language()).toBe("en");
});

test("figures in free text have the language's decimal sign, and versions, dates and names stay", () => {
  const texts = ["1.6 MPa", "40.4581", "from 0.5 to 2.25", "1.2.3", "v1.6", "10.11.2026", "a.5", "60000 l"];
  expect(texts.map(formatFigures)).toEqual(texts);
  for (const other of ["ru", "az"] as const) {
    chooseLanguage(other);
    expect(texts.map(formatFigures), other).toEqual([
      "1,6 MPa",
      "40,4581",
      "from 0,5 to 2,25",
      "1.2.3",
      "v1.6",
      "10.11.2026",
      "a.5",
      "60000 l",
    ]);
  }
});
