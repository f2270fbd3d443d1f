// Names of tables and sections.

import type { RecordTable } from "$shared/desktop/generated";
import { small } from "$shared/i18n/letters";
import { hasWordOf, wordOf } from "$shared/i18n/words";
import { entityWords, readable } from "$features/sync/words";
import { m } from "$messages";
import { columnAt, columnOf } from "./table";
import { columnName } from "./values";

/** The name of many rows: `Stations`. A table of a newer server is named readably. */
export function tableWords(table: string): string {
  return hasWordOf("entities_", table) ? wordOf("entities_", table) : readable(table);
}

/** The name of one row: `Station`. */
export const rowWords = entityWords;

export function sectionWords(section: string): string {
  return wordOf("records_section_", section);
}

/** The name of what a list is filtered by: `Status`, or `Group: Status` through a reference. */
export function pathWords(table: RecordTable, path: string, tableOf: (name: string) => RecordTable | undefined): string {
  const [name, inner] = path.split(".");
  const first = columnOf(table, name);
  const column = columnAt(table, path, tableOf);
  if (!first || !column) return path;
  return inner === undefined ? columnName(column) : `${columnName(first)}: ${columnName(column)}`;
}

/** `New station`. */
export function newWords(table: string): string {
  return m.records_new_of({ name: small(entityWords(table)) });
}
