// How a person has arranged a table's list: columns, their widths, the order of rows. Kept per table on this computer.
// What they search and filter by may name people, and is kept in the window's memory alone.

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

const KEY = "waystation.records.";

/** The arrangement of a table; columns that are gone are left out. */
export function arrangementOf(table: RecordTable, storage: Pick<Storage, "getItem"> = localStorage): Arrangement {
  const usual: Arrangement = { columns: usualColumns(table), widths: {}, sort: [] };
  try {
    const kept = JSON.parse(storage.getItem(KEY + table.name) ?? "{}") as Partial<Arrangement>;
    const columns = Array.isArray(kept.columns) ? [...new Set(kept.columns)].filter((name) => columnOf(table, name)) : [];
    const sort = Array.isArray(kept.sort) ? kept.sort.filter((by) => columnOf(table, by?.column)) : [];
    const widths = Object.entries(kept.widths ?? {}).filter(([name, width]) => columnOf(table, name) && Number.isFinite(width));
    return {
      columns: columns.length > 0 ? columns : usual.columns,
      widths: Object.fromEntries(widths.map(([name, width]) => [name, clampWidth(width)])),
      sort,
    };
  } catch {
    // What cannot be read is as if nobody had arranged anything.
    return usual;
  }
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

/** The order after a click on a head: ascending, descending, by label again. */
export function sortedBy(sort: readonly SortBy[], column: string): SortBy[] {
  const now = sort.find((by) => by.column === column);
  if (!now) return [{ column, descending: false }];
  return now.descending ? [] : [{ column, descending: true }];
}
