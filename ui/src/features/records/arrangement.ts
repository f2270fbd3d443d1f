// How a person has arranged a table's list: columns, their widths, the order of rows. Kept per table on this computer.
// What they search and filter by may name people, and is kept in the window's memory unless they save it as a view.

import type { RecordTable, SortBy } from "$shared/desktop/generated";
import { columnOf, usualColumns } from "./table";

export interface Arrangement {
  columns: string[];
  /** Widths in rem, by column; the usual one where none is given. */
  widths: Record<string, number>;
  sort: SortBy[];
}

/** Widths in rem. */
export const WIDTH_MIN = 4;
export const WIDTH_MAX = 60;

/** Columns that a list is sorted by: the app takes no more. */
export const SORTS_MAX = 3;

const KEY = "waystation.records.";

/** The arrangement of a table. */
export function arrangementOf(table: RecordTable, storage: Pick<Storage, "getItem"> = localStorage): Arrangement {
  try {
    return arrangementFrom(table, JSON.parse(storage.getItem(KEY + table.name) ?? "{}") as Partial<Arrangement>);
  } catch {
    // What cannot be read is as if nobody had arranged anything.
    return arrangementFrom(table, {});
  }
}

/** What was kept, without columns that are gone. */
export function arrangementFrom(table: RecordTable, kept: Partial<Arrangement>): Arrangement {
  const columns = Array.isArray(kept.columns) ? [...new Set(kept.columns)].filter((name) => columnOf(table, name)) : [];
  const sort = Array.isArray(kept.sort) ? kept.sort.filter((by) => columnOf(table, by?.column)).slice(0, SORTS_MAX) : [];
  const widths = Object.entries(kept.widths ?? {}).filter(([name, width]) => columnOf(table, name) && Number.isFinite(width));
  return {
    columns: columns.length > 0 ? columns : usualColumns(table),
    widths: Object.fromEntries(widths.map(([name, width]) => [name, clampWidth(width)])),
    sort,
  };
}

export function keepArrangement(table: string, arrangement: Arrangement, storage: Pick<Storage, "setItem"> = localStorage): void {
  try {
    storage.setItem(KEY + table, JSON.stringify(arrangement));
  } catch {
    // A full or closed storage loses the arrangement, not the work.
  }
}

export function clampWidth(width: number): number {
  return Math.min(WIDTH_MAX, Math.max(WIDTH_MIN, width));
}

/** Moves a column by so many places. */
export function moved(columns: readonly string[], name: string, by: number): string[] {
  const from = columns.indexOf(name);
  const to = Math.min(columns.length - 1, Math.max(0, from + by));
  if (from < 0 || from === to) return [...columns];
  const rest = columns.filter((column) => column !== name);
  return [...rest.slice(0, to), name, ...rest.slice(to)];
}

/**
 * The order after a click on a head: ascending, descending, by label again. With `further` the column sorts the rows that are
 * equal by the others so far, and goes through the same.
 */
export function sortedBy(sort: readonly SortBy[], column: string, further = false): SortBy[] {
  const now = sort.find((by) => by.column === column);
  const next: SortBy[] = !now ? [{ column, descending: false }] : now.descending ? [] : [{ column, descending: true }];
  if (!further) return sort.length > 1 ? [{ column, descending: false }] : next;
  if (now) return sort.flatMap((by) => (by === now ? next : [by]));
  // The last one gives way.
  return [...sort.slice(0, SORTS_MAX - 1), ...next];
}
