// The days that the grid shows. Days are `YYYY-MM-DD` texts in UTC, so that no clock change moves a lesson.

export type PeriodKind = "month" | "week" | "range";
export interface Period {
  kind: PeriodKind;
  from: string;
  to: string;
}

/** The desktop's limit for one grid, including the first and the last day. */
export const RANGE_DAYS_MAX = 400;
const DAY_MS = 86_400_000;

const at = (day: string): number => Date.parse(`${day}T00:00:00Z`);
const text = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

export function isDay(day: string): boolean {
  return /^\d{4}-\d{2}-\d{2}$/.test(day) && !Number.isNaN(at(day)) && text(at(day)) === day;
}

export function addDays(day: string, count: number): string {
  return text(at(day) + count * DAY_MS);
}

/** Days from the first to the second; negative when it is earlier. */
export function daysBetween(from: string, to: string): number {
  return Math.round((at(to) - at(from)) / DAY_MS);
}

/** 1 is Monday. */
export function weekday(day: string): number {
  return new Date(at(day)).getUTCDay() || 7;
}

export function weekOf(day: string): Period {
  const from = addDays(day, 1 - weekday(day));
  return { kind: "week", from, to: addDays(from, 6) };
}

export function monthOf(day: string): Period {
  const [year, month] = day.split("-").map(Number) as [number, number];
  return { kind: "month", from: text(Date.UTC(year, month - 1, 1)), to: text(Date.UTC(year, month, 0)) };
}

/** An ordered range within the desktop's limit; the day that was chosen last stays. */
export function rangeOf(from: string, to: string, keep: "from" | "to" = "from"): Period {
  if (daysBetween(from, to) < 0) [from, to] = [to, from];
  if (daysBetween(from, to) >= RANGE_DAYS_MAX) {
    if (keep === "from") to = addDays(from, RANGE_DAYS_MAX - 1);
    else from = addDays(to, 1 - RANGE_DAYS_MAX);
  }
  return { kind: "range", from, to };
}

/** The period of that kind around a day. */
export function periodOf(kind: PeriodKind, day: string, now: Period): Period {
  if (kind === "month") return monthOf(day);
  if (kind === "week") return weekOf(day);
  return { kind, from: now.from, to: now.to };
}

/** The next period or the one before: a month, a week, or the range's own length. */
export function shift(period: Period, steps: -1 | 1): Period {
  if (period.kind === "month") return monthOf(steps === 1 ? addDays(period.to, 1) : addDays(period.from, -1));
  if (period.kind === "week") return weekOf(addDays(period.from, 7 * steps));
  const length = daysBetween(period.from, period.to) + 1;
  return { kind: "range", from: addDays(period.from, length * steps), to: addDays(period.to, length * steps) };
}

/** The period that contains a day: the same when it contains it already. */
export function showing(period: Period, day: string): Period {
  if (day >= period.from && day <= period.to) return period;
  if (period.kind !== "range") return periodOf(period.kind, day, period);
  const length = daysBetween(period.from, period.to);
  return { kind: "range", from: addDays(day, -length), to: day };
}
