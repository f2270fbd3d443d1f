// What deleting rows takes along, counted over all of them before it is done.

import { call } from "$shared/desktop/desktop";
import type { Deletion, RecordRow, RecordTable, RowsOf } from "$shared/desktop/generated";
import { columnOf, DELETED_AT } from "./table";

/** More rows are not counted one by one: what goes with them is said without numbers of each. */
export const COUNTED_ROWS_MAX = 100;

/** Whether rows of this table can be deleted by this person at all: for good, or by marking them. */
export function mayRemove(table: RecordTable): boolean {
  return table.may_delete || onlyMarks(table);
}

/** Whether deleting marks the row and leaves everything else as it is. */
export function onlyMarks(table: RecordTable): boolean {
  return !table.may_delete && table.may_change && columnOf(table, DELETED_AT)?.changeable === true;
}

/** What goes with these rows. */
export async function whatGoes(table: RecordTable, rows: readonly RecordRow[]): Promise<Deletion> {
  const sum: Deletion = { deletes: [], empties: [], refused_by: [] };
  if (onlyMarks(table)) return sum;
  for (const row of rows.slice(0, COUNTED_ROWS_MAX)) {
    const one = await call("deletion", { entity: table.name, id: row.id });
    for (const part of ["deletes", "empties", "refused_by"] as const) sum[part] = added(sum[part], one[part]);
  }
  return sum;
}

function added(sum: readonly RowsOf[], more: readonly RowsOf[]): RowsOf[] {
  const all = sum.map((rows) => ({ ...rows }));
  for (const rows of more) {
    if (rows.rows === 0) continue;
    const same = all.find((each) => each.entity === rows.entity && each.column === rows.column);
    if (same) same.rows += rows.rows;
    else all.push({ ...rows });
  }
  return all;
}

export function isNothing(deletion: Deletion): boolean {
  return deletion.deletes.length + deletion.empties.length + deletion.refused_by.length === 0;
}
