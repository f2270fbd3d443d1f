// Readable names of tables, columns and values. Names of a newer server that this program does not know are shown
// readably rather than not at all.

import { formatDate, formatDateTime, formatNumber } from "$shared/i18n/format";
import type { Language } from "$shared/i18n/language.svelte";
import { capital } from "$shared/i18n/letters";
import { hasWordOf, wordOf } from "$shared/i18n/words";
import type { AttentionField, HeldField } from "$shared/desktop/generated";
import { m } from "$messages";

/** `gas_supply` becomes `Gas supply`. */
export function readable(name: string): string {
  const words = name.replaceAll("_", " ").trim();
  return capital(words);
}

function known(beginning: "choice_" | "column_" | "entity_", name: string, locale?: Language): string {
  return hasWordOf(beginning, name) ? wordOf(beginning, name, locale) : readable(name);
}

export function entityWords(entity: string): string {
  return known("entity_", entity);
}

/** A person's `position` is their job title; a number is the ordinal among siblings. */
export function columnWords(column: string, kind?: AttentionField["kind"], locale?: Language): string {
  if (column === "position" && kind === "whole") return m.column_sort_order({}, { locale });
  return known("column_", column, locale);
}

/** The subject of a change, with its days formatted. */
export function aboutWords(about: string): string {
  return about.replace(/\b\d{4}-\d{2}-\d{2}\b/g, (day) => formatDate(day));
}

/** The label of a choice, such as `present` or `draft`. */
export function choiceWords(word: string, locale?: Language): string {
  return known("choice_", word, locale);
}

/** A stored value formatted: nothing, yes and no, a date, a moment, a number, a choice. */
export function valueWords(value: unknown, kind?: HeldField["kind"]): string {
  if (value === null || value === undefined || value === "") return m.sync_value_empty();
  if (typeof value === "boolean") return value ? m.sync_value_yes() : m.sync_value_no();
  if (typeof value === "number") return kind === "moment" ? formatDateTime(value) : formatNumber(value, 4);
  if (typeof value !== "string") return objectWords(value);
  if (kind === "date" || /^\d{4}-\d{2}-\d{2}$/.test(value)) return formatDate(value);
  return (kind === undefined || kind === "choice") && hasWordOf("choice_", value) ? wordOf("choice_", value) : value;
}

const isPlain = (part: unknown): boolean => typeof part !== "object" || part === null;

/** The value of a named column: money is kept in hundredths. */
export function columnValueWords(name: string, value: unknown, kind?: HeldField["kind"]): string {
  return name.endsWith("_minor") && typeof value === "number" ? formatNumber(value / 100, 2, 2) : valueWords(value, kind);
}

/** A field of a refused change. A table's name says nothing to a reader, so its content is named. */
export function fieldWords(field: Pick<AttentionField, "name" | "value" | "kind">): string {
  if (field.name === "entity" && typeof field.value === "string") return entityWords(field.value);
  return columnValueWords(field.name, field.value, field.kind);
}

/** A list, or a group of fields such as a mark with who and when: the parts that say something to a person. Answers by question,
 * and whatever else has no words of its own, is counted. */
function objectWords(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return m.sync_value_empty();
    return value.every(isPlain) ? value.map((part) => valueWords(part, "text")).join(", ") : m.sync_value_entries({ count: value.length });
  }
  const status = (value as Record<string, unknown>).status;
  if (status !== undefined) return valueWords(status, "choice");
  const entries = Object.entries(value);
  if (entries.length === 0) return m.sync_value_empty();
  const parts = entries.filter(([name, part]) => isPlain(part) && !/^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(name));
  if (parts.length === 0) return m.sync_value_entries({ count: entries.length });
  return parts.map(([name, part]) => `${columnWords(name)}: ${columnValueWords(name, part, "text")}`).join(", ");
}
