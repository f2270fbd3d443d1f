// Values of a table's columns as people read and type them: numbers with the language's decimal sign, money in whole
// units and hundredths, days and times by the language's order.

import type { RecordColumn } from "$shared/desktop/generated";
import { formatDate, formatDateTime, formatNumber } from "$shared/i18n/format";
import { language, type Language } from "$shared/i18n/language.svelte";
import { choiceWords, columnWords, valueWords } from "$features/sync/words";
import { m } from "$messages";

/** Digits after the decimal sign: a coordinate needs six. */
const DIGITS_MAX = 6;
const HUNDREDTHS = 100;

/** What a typed text means: a value, or the reason why it is none. */
export type Parsed = { value: unknown } | { wrong: string };

/** The name of a column. A number called `position` is a place among siblings, a text is a job title. */
export function columnName(column: Pick<RecordColumn, "name" | "kind">, locale?: Language): string {
  return columnWords(column.name, column.kind === "int" ? "whole" : undefined, locale);
}

/** A value as a cell shows it; nothing is an empty text. */
export function cellWords(column: Pick<RecordColumn, "kind">, value: unknown, label: string | null = null): string {
  if (value === null || value === undefined || value === "") return "";
  switch (column.kind) {
    case "reference":
      return label ?? m.records_reference_unknown();
    case "choice":
      return choiceWords(String(value));
    case "bool":
      return value === true ? m.sync_value_yes() : m.sync_value_no();
    case "int":
      return typeof value === "number" ? formatNumber(value, 0) : String(value);
    case "float":
      return typeof value === "number" ? formatNumber(value, DIGITS_MAX) : String(value);
    case "money":
      return typeof value === "number" ? formatNumber(value / HUNDREDTHS, 2, 2) : String(value);
    case "date":
      return formatDate(String(value));
    case "moment":
      return typeof value === "number" ? formatDateTime(value) : String(value);
    case "json":
      return valueWords(value);
    default:
      return String(value);
  }
}

/** A value as it stands in its input, without groups of figures. */
export function inputText(column: Pick<RecordColumn, "kind">, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") {
    if (column.kind === "moment")
      return `${dayText(new Date(value))} ${two(new Date(value).getHours())}:${two(new Date(value).getMinutes())}`;
    const text = column.kind === "money" ? (value / HUNDREDTHS).toFixed(2) : String(value);
    return text.replace(".", decimalSign());
  }
  if (column.kind === "date" && /^\d{4}-\d{2}-\d{2}$/.test(String(value))) return dayText(new Date(`${String(value)}T12:00:00`));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** An example of what to type, for kinds that have a form. */
export function formHint(column: Pick<RecordColumn, "kind">): string | undefined {
  const sign = language() === "en" ? "/" : ".";
  const day = `31${sign}12${sign}2026`;
  if (column.kind === "date") return day;
  if (column.kind === "moment") return `${day} 09:30`;
  if (column.kind === "time") return "09:30";
  return column.kind === "money" ? `0${decimalSign()}00` : undefined;
}

/** Reads a typed text. An empty one is nothing, or an empty text where a column must hold one. */
export function parse(column: Pick<RecordColumn, "kind" | "optional" | "length_max">, text: string): Parsed {
  if (column.kind === "text" || column.kind === "long_text") {
    const length = [...text].length;
    if (length > column.length_max)
      return { wrong: m.records_wrong_long({ count: formatNumber(length, 0), max: formatNumber(column.length_max, 0) }) };
    return { value: text === "" && column.optional ? null : text };
  }
  const plain = text.trim();
  if (plain === "") return { value: null };
  switch (column.kind) {
    case "int":
      return valid(number(plain), Number.isSafeInteger, m.records_wrong_whole());
    case "float":
      return valid(number(plain), Number.isFinite, m.records_wrong_number());
    case "money": {
      const value = number(plain) * HUNDREDTHS;
      const whole = Math.round(value);
      // 19.99 × 100 is not exactly whole, half a hundredth is not money.
      return valid(Math.abs(value - whole) < 1e-6 ? whole : Number.NaN, Number.isSafeInteger, m.records_wrong_money());
    }
    case "date": {
      const day = readDay(plain);
      return day ? { value: day } : { wrong: m.records_wrong_date() };
    }
    case "time": {
      const time = readTime(plain);
      return time ? { value: time } : { wrong: m.records_wrong_time() };
    }
    case "moment": {
      const [first, second = "0:00"] = plain.split(/[\s,]+(?=\d{1,2}:\d{2}$)/);
      const day = readDay(first);
      const time = readTime(second);
      return day && time ? { value: new Date(`${day}T${time}:00`).getTime() } : { wrong: m.records_wrong_date() };
    }
    default:
      return { value: plain };
  }
}

function valid(value: number, fits: (value: number) => boolean, wrong: string): Parsed {
  return fits(value) ? { value } : { wrong };
}

/** `1 234,5`, `1,234.5`, `−3`: spaces group, and a comma groups only where English is read and the groups are of three. */
function number(text: string): number {
  let plain = text.replace(/[\s\u00a0\u202f']/g, "").replace("−", "-");
  if (language() === "en" && /^-?\d{1,3}(,\d{3})+(\.\d+)?$/.test(plain)) plain = plain.replaceAll(",", "");
  plain = plain.replace(",", ".");
  return /^-?(\d+\.?\d*|\.\d+)$/.test(plain) ? Number(plain) : Number.NaN;
}

function decimalSign(): string {
  return formatNumber(0.5).includes(",") ? "," : ".";
}

/** `2026-12-31`, `31.12.2026`, `31/12/26`: the day comes first unless the year does. */
function readDay(text: string): string | null {
  const iso = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(text);
  const local = /^(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})$/.exec(text);
  const [year, month, day] = iso ? [iso[1], iso[2], iso[3]] : local ? [local[3], local[2], local[1]] : [];
  if (!year) return null;
  const full = year.length === 2 ? 2000 + Number(year) : Number(year);
  const date = new Date(Date.UTC(full, Number(month) - 1, Number(day)));
  // 31 February becomes March: then the date was none.
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return null;
  return date.toISOString().slice(0, 10);
}

function readTime(text: string): string | null {
  const found = /^(\d{1,2})[:.]?(\d{2})$/.exec(text);
  if (!found || Number(found[1]) > 23 || Number(found[2]) > 59) return null;
  return `${two(Number(found[1]))}:${found[2]}`;
}

function dayText(date: Date): string {
  const sign = language() === "en" ? "/" : ".";
  return [two(date.getDate()), two(date.getMonth() + 1), date.getFullYear()].join(sign);
}

const two = (value: number) => String(value).padStart(2, "0");
