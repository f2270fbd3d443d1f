/**
 * Azerbaijani dates, numbers and alphabetical order. Not every window has them: the browser engine of Windows comes
 * without Azerbaijani, and `Intl` then silently uses another language. They are defined here, the same on every system.
 * Forms follow CLDR.
 */

const MONTHS = ["yanvar", "fevral", "mart", "aprel", "may", "iyun", "iyul", "avqust", "sentyabr", "oktyabr", "noyabr", "dekabr"];
const MONTHS_SHORT = ["yan", "fev", "mar", "apr", "may", "iyn", "iyl", "avq", "sen", "okt", "noy", "dek"];
/** From Monday. */
const WEEKDAYS = ["bazar ertəsi", "çərşənbə axşamı", "çərşənbə", "cümə axşamı", "cümə", "şənbə", "bazar"];
const WEEKDAYS_SHORT = ["B.e.", "Ç.a.", "Ç.", "C.a.", "C.", "Ş.", "B."];
const WEEKDAYS_NARROW = ["1", "2", "3", "4", "5", "6", "7"];

const UNITS = { byte: "bayt", kilobyte: "kB", megabyte: "MB", gigabyte: "GB", terabyte: "TB", hour: "saat", minute: "dəq", second: "san" };
const AGO = { day: "gün", hour: "saat", minute: "dəqiqə" };

const ALPHABET = "aAbBcCçÇdDeEəƏfFgGğĞhHxXıIiİjJkKqQlLmMnNoOöÖpPrRsSşŞtTuUüÜvVyYzZ";

const two = (value: number) => String(value).padStart(2, "0");
const mondayFirst = (at: Date) => (at.getDay() + 6) % 7;

export type AzUnit = keyof typeof UNITS;

/** `1.234,5`. */
export function azNumber(value: number, digits: number, digitsMin = 0): string {
  const [whole, fraction] = Math.abs(value).toFixed(digits).split(".");
  const rest = fraction?.replace(/0+$/, "").padEnd(digitsMin, "0");
  const text = whole.replace(/\B(?=(\d{3})+$)/g, ".") + (rest ? `,${rest}` : "");
  return value < 0 && /[1-9]/.test(text) ? `-${text}` : text;
}

export function azUnit(value: number, unit: AzUnit, digits: number): string {
  return `${azNumber(value, digits)} ${UNITS[unit]}`;
}

export function azDate(at: Date): string {
  return `${at.getDate()} ${MONTHS_SHORT[at.getMonth()]} ${at.getFullYear()}`;
}

export function azDay(at: Date): string {
  return `${at.getDate()} ${MONTHS[at.getMonth()]}, ${WEEKDAYS[mondayFirst(at)]}`;
}

export function azMonth(at: Date): string {
  return `${MONTHS[at.getMonth()]} ${at.getFullYear()}`;
}

/** 1 is Monday. */
export function azWeekday(weekday: number, width: "short" | "long" | "narrow"): string {
  const names = { short: WEEKDAYS_SHORT, long: WEEKDAYS, narrow: WEEKDAYS_NARROW }[width];
  return names[(weekday - 1) % 7];
}

export function azTime(at: Date): string {
  return `${two(at.getHours())}:${two(at.getMinutes())}`;
}

export function azAgo(value: number, unit: keyof typeof AGO | "second"): string {
  if (unit === "second") return "indi";
  if (unit === "day" && value === 0) return "bu gün";
  if (unit === "day" && value === -1) return "dünən";
  if (unit === "day" && value === 1) return "sabah";
  return `${Math.abs(value)} ${AGO[unit]} ${value < 0 ? "əvvəl" : "sonra"}`;
}

export function azList(words: string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} və ${words[words.length - 1]}`;
}

/**
 * Compares by the Azerbaijani alphabet, and figures by their value; a shorter word before a longer one with the same
 * beginning, and a small letter before its capital only when everything else is equal.
 */
export function azCompare(a: string, b: string): number {
  return compareBy(a, b, rank) || compareBy(a, b, (letter) => ALPHABET.indexOf(letter));
}

/**
 * Two letters per position: the small one and the capital. Other characters sort before letters, foreign letters after.
 */
function rank(letter: string): number {
  const at = ALPHABET.indexOf(letter);
  if (at >= 0) return 10_000 + (at >> 1);
  const code = letter.toLowerCase().codePointAt(0) ?? 0;
  return /\p{L}/u.test(letter) ? 20_000 + code : code;
}

function compareBy(a: string, b: string, of: (letter: string) => number): number {
  const left = a.match(/\d+|./gsu) ?? [];
  const right = b.match(/\d+|./gsu) ?? [];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const [x, y] = [left[at], right[at]];
    const difference = /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : of(x) - of(y);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
