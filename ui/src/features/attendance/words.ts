// Labels of marks, cells and periods.

import type { GridCell } from "$shared/desktop/generated";
import { formatDate, formatDateTime, formatMonth, formatNumber } from "$shared/i18n/format";
import { capital } from "$shared/i18n/letters";
import { m } from "$messages";
import { asMark, type Mark, type Status } from "./marks";
import type { Period } from "./period";

const LETTERS: Record<Status, () => string> = {
  present: m.attendance_letter_present,
  late: m.attendance_letter_late,
  absent: m.attendance_letter_absent,
  excused: m.attendance_letter_excused,
};
const WORDS: Record<Status, () => string> = {
  present: m.attendance_present,
  late: m.attendance_late,
  absent: m.attendance_absent,
  excused: m.attendance_excused,
};

/** The one letter of a mark; empty when there is none. */
export function letterOf(mark: Mark): string {
  return mark === null ? "" : LETTERS[mark]();
}

export function cellWords(mark: Mark): string {
  return mark === null ? m.attendance_unmarked() : WORDS[mark]();
}

/** A cell's complete content as text. */
export function cellFacts(cell: GridCell): string[] {
  const mark = asMark(cell.status);
  const facts = [mark === null && cell.outside ? m.attendance_outside() : cellWords(mark)];
  if (cell.conflict_id !== null) facts.push(m.attendance_conflict());
  if (cell.note) facts.push(m.attendance_note_is({ note: cell.note }));
  if (cell.waiting) facts.push(m.attendance_not_sent());
  return facts;
}

/** The author and time of a mark, where they are known. */
export function markedBy(cell: GridCell): string {
  if (cell.status === null && cell.marked_at === null) return "";
  return [cell.marked_by, cell.marked_at === null ? "" : formatDateTime(cell.marked_at)].filter(Boolean).join(", ");
}

export function periodWords(period: Period): string {
  return period.kind === "month" ? capital(formatMonth(period.from)) : `${formatDate(period.from)} – ${formatDate(period.to)}`;
}

/** A run of lessons: `+5` attended, `−2` missed. */
export function streakText(streak: number): string {
  if (streak === 0) return "";
  return streak > 0 ? `+${formatNumber(streak)}` : `−${formatNumber(-streak)}`;
}

export function streakWords(streak: number): string {
  if (streak === 0) return "";
  return streak > 0 ? m.attendance_streak_attended({ count: streak }) : m.attendance_streak_missed({ count: -streak });
}
