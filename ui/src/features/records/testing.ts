// Builders for the tests of this folder.

import type { Person, RecordColumn, RecordKind, RecordRow, RecordTable } from "$shared/desktop/generated";

export const ADMIN: Pick<Person, "user_id" | "role"> = { user_id: "u1", role: "admin" };

export function columnOf(name: string, kind: RecordKind = "text", more: Partial<RecordColumn> = {}): RecordColumn {
  return {
    name,
    kind,
    choices: [],
    refers_to: "",
    optional: true,
    needed: false,
    given: true,
    changeable: true,
    length_max: 100,
    default: null,
    ...more,
  };
}

export function tableOf(columns: RecordColumn[], more: Partial<RecordTable> = {}): RecordTable {
  return {
    name: "stations",
    section: "stations",
    part_of: null,
    label: ["name"],
    columns,
    may_insert: true,
    may_change: true,
    may_delete: true,
    rows: 3,
    related: [],
    ...more,
  };
}

export const STATIONS = tableOf([
  columnOf("code", "text", { length_max: 5 }),
  columnOf("name", "text", { optional: false, default: "" }),
  columnOf("status", "choice", { choices: ["active", "closed"], optional: false, default: "active" }),
  columnOf("description", "long_text", { length_max: 20_000 }),
  columnOf("legacy_number", "int", { given: false, changeable: false }),
]);

export function rowOf(table: RecordTable, id: string, values: Record<string, unknown>, more: Partial<RecordRow> = {}): RecordRow {
  return {
    id,
    label: String(values.name ?? id),
    values: table.columns.map((column) => values[column.name] ?? null),
    labels: table.columns.map(() => null),
    updated_at: 0,
    unsent: false,
    refused: false,
    ...more,
  };
}
