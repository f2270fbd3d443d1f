// Builders for the tests of this folder.

import type { Grid, GridCell } from "$shared/desktop/generated";
import { STATUSES } from "./marks";
import { addDays } from "./period";

/** A grid from lines such as `"p.a#"`: a letter per cell, `.` not marked, `#` outside the membership. */
export function gridOf(lines: string[], more: Partial<Grid> = {}, cell: Partial<GridCell> = {}): Grid {
  const width = Math.max(0, ...lines.map((line) => line.length));
  const days = more.days ?? Array.from({ length: width }, (_, index) => addDays("2026-03-02", index));
  return {
    group: {
      id: "g",
      display_name: "Qrup1: 1-4 11:00",
      days_of_week: [1, 4],
      start_time: "11:00",
      members: lines.length,
      unmarked_today: null,
    },
    from: days[0] ?? "2026-03-01",
    to: days.at(-1) ?? "2026-03-31",
    today: "2026-03-02",
    days,
    students: lines.map((line, row) => ({
      student_id: `s${row}`,
      display_name: `Student ${row}`,
      active: true,
      cells: [...line].map((letter) => ({ ...cellOf(letter), ...cell })),
    })),
    may_mark: true,
    leaves_out_excused: false,
    ...more,
  };
}

function cellOf(letter: string): GridCell {
  const status = STATUSES.find((one) => one.startsWith(letter)) ?? null;
  return { status, note: "", waiting: false, outside: letter === "#", conflict_id: null, marked_by: "", marked_at: null };
}
