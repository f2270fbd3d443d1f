// Names of tables and sections.

import { small } from "$shared/i18n/letters";
import { hasWordOf, wordOf } from "$shared/i18n/words";
import { entityWords, readable } from "$features/sync/words";
import { m } from "$messages";

/** The name of many rows: `Stations`. A table of a newer server is named readably. */
export function tableWords(table: string): string {
  return hasWordOf("entities_", table) ? wordOf("entities_", table) : readable(table);
}

/** The name of one row: `Station`. */
export const rowWords = entityWords;

export function sectionWords(section: string): string {
  return wordOf("records_section_", section);
}

/** `New station`. */
export function newWords(table: string): string {
  return m.records_new_of({ name: small(entityWords(table)) });
}
