// Statistics of the grid while it is edited, by the same rule as `crates/model/src/rules/attendance.rs`. Percentages are of marked
// lessons; blank cells and days outside the membership do not count, and excused lessons only if the organization counts them.

import type { Grid, GridCell, GridStudent } from "$shared/desktop/generated";
import { asMark, STATUSES, type Status } from "./marks";
import { weekOf } from "./period";

export type Counts = Record<Status, number>;

export interface Totals {
  counts: Counts;
  marked: number;
  /** Percentage attended, on time or late, of what was marked; null without marks. */
  percent: number | null;
}

export interface StudentTotals extends Totals {
  /** The run up to the last mark: lessons attended (positive) or missed (negative). Excused neither counts nor ends it. */
  streak: number;
}

export interface DayTotals extends Totals {
  /** Members without a mark. */
  unmarked: number;
  members: number;
}

export interface WeekPoint {
  /** Its Monday. */
  week: string;
  percent: number;
}

export interface Statistics extends Totals {
  trend: WeekPoint[];
  /** Columns of days up to today on which not every member has a mark. */
  notMarked: number[];
}

function count(cells: Iterable<GridCell | undefined>): Counts {
  const counts = { present: 0, late: 0, absent: 0, excused: 0 };
  for (const cell of cells) {
    const mark = asMark(cell?.status);
    if (mark !== null) counts[mark] += 1;
  }
  return counts;
}

function totals(counts: Counts, leavesOutExcused: boolean): Totals {
  const marked = STATUSES.reduce((sum, status) => sum + counts[status], 0);
  const counted = leavesOutExcused ? marked - counts.excused : marked;
  return { counts, marked, percent: counted === 0 ? null : ((counts.present + counts.late) / counted) * 100 };
}

const known = new WeakMap<GridStudent, { leavesOutExcused: boolean; totals: StudentTotals }>();

/** A student's totals; kept while the row is the same object. */
export function ofStudent(student: GridStudent, leavesOutExcused: boolean): StudentTotals {
  const before = known.get(student);
  if (before?.leavesOutExcused === leavesOutExcused) return before.totals;
  const fresh = { ...totals(count(student.cells), leavesOutExcused), streak: streakOf(student.cells) };
  known.set(student, { leavesOutExcused, totals: fresh });
  return fresh;
}

export function streakOf(cells: readonly GridCell[]): number {
  let streak = 0;
  for (let col = cells.length - 1; col >= 0; col -= 1) {
    const mark = asMark(cells[col]?.status);
    if (mark === null || mark === "excused") continue;
    const here = mark !== "absent";
    if (streak !== 0 && here !== streak > 0) break;
    streak += here ? 1 : -1;
  }
  return streak;
}

export function ofDay(grid: Grid, col: number): DayTotals {
  const cells = grid.students.map((student) => student.cells[col]);
  const inside = cells.filter((cell) => cell !== undefined && !cell.outside);
  const unmarked = inside.filter((cell) => asMark(cell?.status) === null).length;
  return { ...totals(count(cells), grid.leaves_out_excused), unmarked, members: inside.length };
}

export function ofGrid(grid: Grid): Statistics {
  const weeks = new Map<string, Counts>();
  const all = count([]);
  const notMarked: number[] = [];
  grid.days.forEach((day, col) => {
    const ofThatDay = ofDay(grid, col);
    const week = weekOf(day).from;
    const counts = weeks.get(week) ?? count([]);
    for (const status of STATUSES) {
      counts[status] += ofThatDay.counts[status];
      all[status] += ofThatDay.counts[status];
    }
    weeks.set(week, counts);
    if (day <= grid.today && ofThatDay.unmarked > 0) notMarked.push(col);
  });
  const trend: WeekPoint[] = [];
  for (const [week, counts] of [...weeks].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const { percent } = totals(counts, grid.leaves_out_excused);
    if (percent !== null) trend.push({ week, percent });
  }
  return { ...totals(all, grid.leaves_out_excused), trend, notMarked };
}

/** Points of a sparkline in a box, the first week left; 0 % is the floor. One week is a dot in the middle. */
export function sparkline(trend: readonly WeekPoint[], width: number, height: number, inset = 2): { x: number; y: number }[] {
  const step = trend.length > 1 ? (width - 2 * inset) / (trend.length - 1) : 0;
  return trend.map((point, index) => ({
    x: trend.length > 1 ? inset + index * step : width / 2,
    y: inset + (1 - point.percent / 100) * (height - 2 * inset),
  }));
}
