// What lists and forms need of a table's description: which columns to show first, to ask for, and to compare by.

import type { Comparison, RecordColumn, RecordRow, RecordTable, RelatedTable } from "$shared/desktop/generated";
import { m } from "$messages";

/** Columns of a list that nobody has arranged. */
const COLUMNS_SHOWN = 7;
/** The column of tables whose rows are marked as deleted and stay. */
export const DELETED_AT = "deleted_at";
/** Sections of the sidebar, in its order. */
export const SECTIONS = ["people", "groups", "courses", "tests", "stations", "organization"] as const;
export type Section = (typeof SECTIONS)[number];

export function columnOf(table: RecordTable, name: string): RecordColumn | undefined {
  return table.columns.find((column) => column.name === name);
}

/** The column that a path names: one of the table, or `reference.column` of the row that a reference names. */
export function columnAt(table: RecordTable, path: string, tableOf: (name: string) => RecordTable | undefined): RecordColumn | undefined {
  const [name, inner] = path.split(".");
  const column = columnOf(table, name);
  if (inner === undefined || !column) return column;
  const target = tableOf(column.refers_to);
  return target && columnOf(target, inner);
}

/** Everything that a list can be filtered by: its columns, then those of the rows that its references name. */
export function filterPaths(table: RecordTable, tableOf: (name: string) => RecordTable | undefined): string[] {
  const own = table.columns.filter((column) => column.name !== DELETED_AT);
  const through = own.flatMap((column) => {
    const target = column.kind === "reference" ? tableOf(column.refers_to) : undefined;
    return (target?.columns ?? []).filter(isTelling).map((inner) => `${column.name}.${inner.name}`);
  });
  return [...own.map((column) => column.name), ...through];
}

/** The value of a row in a column. */
export function valueOf(table: RecordTable, row: RecordRow, name: string): unknown {
  return row.values[table.columns.findIndex((column) => column.name === name)];
}

/** The label of the row that a column of this row names. */
export function labelOf(table: RecordTable, row: RecordRow, name: string): string | null {
  return row.labels[table.columns.findIndex((column) => column.name === name)] ?? null;
}

/** Tables that stand in the sidebar: those that are not part of another, by section. */
export function tablesBySection(tables: readonly RecordTable[]): { section: Section; tables: RecordTable[] }[] {
  return SECTIONS.map((section) => ({
    section,
    tables: tables.filter((table) => table.section === section && table.part_of === null),
  })).filter(({ tables }) => tables.length > 0);
}

/** The columns of a list before anybody arranges it: what names a row, then what tells rows apart. */
export function usualColumns(table: RecordTable): string[] {
  const first = table.label.filter((name) => columnOf(table, name));
  const rest = table.columns.filter((column) => !first.includes(column.name) && isTelling(column));
  const telling = (column: RecordColumn) => (["choice", "reference", "date"].includes(column.kind) ? 0 : 1);
  rest.sort((a, b) => telling(a) - telling(b));
  return [...first, ...rest.map((column) => column.name)].slice(0, Math.max(COLUMNS_SHOWN, first.length));
}

/** Long texts, addresses of pictures and numbers of other systems fill a list and say little. */
function isTelling({ name, kind }: RecordColumn): boolean {
  return kind !== "json" && kind !== "long_text" && !name.endsWith("_url") && ![DELETED_AT, "position", "legacy_number"].includes(name);
}

/** The tables whose rows belong to a row, its parts first. */
export function relatedTables(table: RecordTable): RelatedTable[] {
  return [...table.related].sort((a, b) => Number(b.is_part) - Number(a.is_part));
}

/** Whether rows are marked as deleted and stay, so that a list shows them apart. */
export function keepsDeleted(table: RecordTable): boolean {
  return columnOf(table, DELETED_AT)?.kind === "moment";
}

/** Whether a file can be imported: its rows are made or changed. */
export function mayImport(table: RecordTable): boolean {
  return (table.may_insert || table.may_change) && table.columns.some((column) => column.given);
}

/** The columns that a new row is asked for: those it needs, then the others. */
export function newColumns(table: RecordTable): { first: RecordColumn[]; more: RecordColumn[] } {
  const given = table.columns.filter((column) => column.given && column.kind !== "json" && column.name !== DELETED_AT);
  const isFirst = (column: RecordColumn) => column.needed || table.label.includes(column.name) || column.name === table.part_of;
  return { first: given.filter(isFirst), more: given.filter((column) => !isFirst(column)) };
}

/** Whether a form must not be sent without this column: the row would miss a value, or have no name. */
export function isNeeded(table: RecordTable, column: RecordColumn): boolean {
  return column.needed || (table.label.length === 1 && table.label[0] === column.name && !column.optional);
}

/** The comparisons that fit a kind, the usual one first. `through` a reference, the label of another row is not compared. */
export function comparisonsOf(column: RecordColumn, through = false): Comparison[] {
  const may: Comparison[] = ["empty", "filled"];
  const ordered: Comparison[] = ["at_least", "at_most", "greater", "less"];
  switch (column.kind) {
    case "text":
    case "long_text":
      return ["contains", "starts_with", "is", "is_not", ...may];
    case "reference":
      return ["is", "is_not", "one_of", ...(through ? [] : ["contains" as const]), ...may];
    case "choice":
      return ["is", "is_not", "one_of", ...may];
    case "bool":
      return ["is"];
    case "json":
      return may;
    default:
      return ["is", ...ordered, ...may];
  }
}

/** The words of a comparison; days and times come before and after, they are not smaller. */
export function comparisonWords(comparison: Comparison, column: Pick<RecordColumn, "kind">): string {
  const time = ["date", "time", "moment"].includes(column.kind);
  const words: Record<Comparison, () => string> = {
    is: m.records_is,
    is_not: m.records_is_not,
    one_of: m.records_one_of,
    contains: m.records_contains,
    starts_with: m.records_starts_with,
    less: time ? m.records_before : m.records_less,
    at_most: time ? m.records_until : m.records_at_most,
    greater: time ? m.records_after : m.records_greater,
    at_least: time ? m.records_from : m.records_at_least,
    empty: m.records_empty,
    filled: m.records_filled,
  };
  return words[comparison]();
}

/** Whether a comparison needs a value. */
export function takesValue(comparison: Comparison): boolean {
  return comparison !== "empty" && comparison !== "filled";
}
