/**
 * Dates, numbers, sizes and durations in the language of the screens, and its alphabetical order.
 *
 * Times are milliseconds since 1970, dates `YYYY-MM-DD`, durations seconds, sizes bytes: as the app sends them.
 */
import { azAgo, azCompare, azDate, azDay, azList, azMonth, azNumber, azTime, azUnit, azWeekday } from "./azerbaijani";
import { language } from "./language.svelte";

const made = new Map<string, unknown>();

/** Intl's formatters are expensive to create: one is kept per language and form. */
function once<T>(key: string, make: (locale: string) => T): T {
  const full = `${language()} ${key}`;
  let kept = made.get(full) as T | undefined;
  if (kept === undefined) {
    kept = make(language() === "en" ? "en-GB" : language());
    made.set(full, kept);
  }
  return kept;
}

/** Azerbaijani is defined in `azerbaijani.ts`: not every window's Intl has it. */
const isAz = () => language() === "az";

const number = (key: string, options: Intl.NumberFormatOptions) => once(`n ${key}`, (locale) => new Intl.NumberFormat(locale, options));
const date = (key: string, options: Intl.DateTimeFormatOptions) => once(`d ${key}`, (locale) => new Intl.DateTimeFormat(locale, options));

/** `1 234,5` — at most so many digits after the point, and at least so many. */
export function formatNumber(value: number, digits = 1, digitsMin = 0): string {
  if (isAz()) return azNumber(value, digits, digitsMin);
  return number(`${digitsMin} ${digits}`, { minimumFractionDigits: digitsMin, maximumFractionDigits: digits }).format(value);
}

/** `12.50 EUR` from 1250 minor units. */
export function formatMoney(minor: number, currency: string): string {
  return `${formatNumber(minor / 100, 2, 2)} ${currency}`;
}

/** `85 %` from 85. */
export function formatPercent(percent: number, digits = 0): string {
  if (isAz()) return `${azNumber(percent, digits)}%`;
  return number(`% ${digits}`, { style: "percent", maximumFractionDigits: digits }).format(percent / 100);
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** `4,2 MB`: three figures at most, in thousands. */
export function formatSize(bytes: number): string {
  let value = Math.max(0, bytes);
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  if (isAz()) return azUnit(value, UNITS[unit], digits);
  return number(`size ${unit} ${digits}`, {
    style: "unit",
    unit: UNITS[unit],
    unitDisplay: unit === 0 ? "long" : "short",
    maximumFractionDigits: digits,
  }).format(value);
}

/** `1 h 20 min` — a duration, in its two largest units. */
export function formatDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const unit = (value: number, name: "hour" | "minute" | "second") =>
    isAz() ? azUnit(value, name, 0) : number(name, { style: "unit", unit: name, unitDisplay: "short" }).format(value);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  if (hours > 0) return minutes > 0 ? `${unit(hours, "hour")} ${unit(minutes, "minute")}` : unit(hours, "hour");
  if (minutes > 0) return unit(minutes, "minute");
  return unit(whole, "second");
}

/** `12:05` or `1:02:05` — the position of a player or a timer. The same in every language. */
export function formatClock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (value: number) => String(value).padStart(2, "0");
  const hours = Math.floor(whole / 3600);
  const rest = `${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  return hours > 0 ? `${hours}:${rest}` : rest.replace(/^0/, "");
}

/** A date of the app (`YYYY-MM-DD`) as noon of that day here, so that no time zone moves it. */
export function dateOf(day: string): Date {
  return new Date(`${day}T12:00:00`);
}

/** `14 Mar 2026`, from milliseconds or `YYYY-MM-DD`. */
export function formatDate(at: number | string): string {
  if (isAz()) return azDate(point(at));
  return date("date", { day: "numeric", month: "short", year: "numeric" }).format(point(at));
}

/** `Saturday 14 March`. */
export function formatDay(at: number | string): string {
  if (isAz()) return azDay(point(at));
  return date("day", { weekday: "long", day: "numeric", month: "long" }).format(point(at));
}

/** `March 2026`. */
export function formatMonth(at: number | string): string {
  if (isAz()) return azMonth(point(at));
  return date("month", { month: "long", year: "numeric" }).format(point(at));
}

/** `Mon`: 1 is Monday. */
export function formatWeekday(weekday: number, width: "short" | "long" | "narrow" = "short"): string {
  if (isAz()) return azWeekday(weekday, width);
  return date(`weekday ${width}`, { weekday: width }).format(new Date(2024, 0, weekday, 12));
}

/** `09:30`. */
export function formatTime(at: number): string {
  if (isAz()) return azTime(new Date(at));
  return date("time", { hour: "2-digit", minute: "2-digit" }).format(at);
}

/** `14 Mar 2026, 09:30`. */
export function formatDateTime(at: number): string {
  if (isAz()) return `${azDate(new Date(at))}, ${azTime(new Date(at))}`;
  return date("both", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
  }).format(at);
}

/** `14 Mar 2026, 09:30:05`: to tell two moments of one minute apart. */
export function formatMoment(at: number): string {
  return `${formatDateTime(at)}:${String(new Date(at).getSeconds()).padStart(2, "0")}`;
}

/** A number in free text, such as `1.6 MPa` or `40.4581`, with the language's decimal sign. Versions and dates are left as they are. */
export function formatFigures(text: string): string {
  return text.replace(
    /(?<![\d.,\p{L}-])(\d+)\.(\d+)(?![\d.,]*\d|\p{L})/gu,
    (_, whole: string, part: string) => whole + decimalSign() + part,
  );
}

function decimalSign(): string {
  return formatNumber(0.5, 1).slice(1, 2);
}

const STEPS = [
  ["hour", 3_600_000],
  ["minute", 60_000],
] as const;

/** `5 minutes ago`, `yesterday`, `in 3 days`; past a month the date. */
export function formatAgo(at: number, now: number = Date.now()): string {
  const past = at - now;
  if (Math.abs(past) > 30 * 86_400_000) return formatDate(at);
  const say = (value: number, unit: "day" | "hour" | "minute" | "second") =>
    isAz() ? azAgo(value, unit) : once("ago", (locale) => new Intl.RelativeTimeFormat(locale, { numeric: "auto" })).format(value, unit);
  // Calendar days count: ten minutes after midnight, 23:50 was yesterday.
  const days = Math.round((startOfDay(at) - startOfDay(now)) / 86_400_000);
  if (days !== 0 && Math.abs(past) > 6 * 3_600_000) return say(days, "day");
  for (const [unit, size] of STEPS) {
    if (Math.abs(past) >= size) return say(Math.trunc(past / size), unit);
  }
  return say(0, "second");
}

/** Sorts by the language's alphabet, figures by their value: "Qrup 2" before "Qrup 10", "Ə" after "E". */
export function compareText(a: string, b: string): number {
  if (isAz()) return azCompare(a, b);
  return once("order", (locale) => new Intl.Collator(locale, { numeric: true })).compare(a, b);
}

/** `A, B and C`. */
export function formatList(words: string[]): string {
  if (isAz()) return azList(words);
  return once("list", (locale) => new Intl.ListFormat(locale, { type: "conjunction" })).format(words);
}

/** The plural form of a number: `one`, `few`, `many`, `other`. Messages choose their own; this is for other texts. */
export function pluralForm(count: number): Intl.LDMLPluralRule {
  if (isAz()) return count === 1 ? "one" : "other";
  return once("plural", (locale) => new Intl.PluralRules(locale)).select(count);
}

function point(at: number | string): Date {
  return typeof at === "number" ? new Date(at) : dateOf(at);
}

function startOfDay(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
