// Conditions of a list as its chips show them.

import { call } from "$shared/desktop/desktop";
import type { RecordColumn, RecordTable } from "$shared/desktop/generated";
import type { ShownCondition } from "./records.svelte";
import { columnAt, comparisonWords, takesValue } from "./table";
import { cellWords } from "./values";
import { pathWords } from "./words";

type TableOf = (name: string) => RecordTable | undefined;

/** One of the values of a condition, with the label of the row that it names. */
export interface Wanted {
  value: unknown;
  label: string;
}

/** `Status is Active`, `Group: Status is one of Active, Closed`. */
export function conditionWords(table: RecordTable, condition: ShownCondition, tableOf: TableOf): string {
  const column = columnAt(table, condition.column, tableOf);
  if (!column) return condition.column;
  const words = [pathWords(table, condition.column, tableOf), comparisonWords(condition.comparison, column)];
  if (takesValue(condition.comparison)) words.push(valueWords(column, condition));
  return words.filter(Boolean).join(" ");
}

function valueWords(column: RecordColumn, { comparison, value, label, labels }: ShownCondition): string {
  if (comparison === "one_of" && Array.isArray(value))
    return value.map((each, index) => cellWords(column, each, labels?.[index] || null)).join(", ");
  return cellWords(comparison === "contains" ? { kind: "text" } : column, value, label || null);
}

/** Finds the labels of the rows that conditions name, where they came without them. */
export function withLabels(table: RecordTable, conditions: readonly ShownCondition[], tableOf: TableOf): Promise<ShownCondition[]> {
  return Promise.all(
    conditions.map(async (condition) => {
      const column = columnAt(table, condition.column, tableOf);
      if (column?.kind !== "reference" || !takesValue(condition.comparison) || condition.comparison === "contains") return condition;
      const labelOf = async (id: unknown) => {
        const opened = await call("record", { entity: column.refers_to, id: String(id) }).catch(() => null);
        return opened?.row.label ?? "";
      };
      if (Array.isArray(condition.value)) return { ...condition, labels: await Promise.all(condition.value.map(labelOf)) };
      return { ...condition, label: await labelOf(condition.value) };
    }),
  );
}
