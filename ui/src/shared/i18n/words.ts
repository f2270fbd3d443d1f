/** Messages for codes of the app: problems, roles, kinds. A test ensures that every code has its message. */
import * as messages from "$messages";
import type { Code, Role } from "../desktop/generated";
import type { Language } from "./language.svelte";

type Message = (inputs?: object, options?: { locale?: Language }) => string;

/**
 * The beginnings of keys that are made at run time, followed by a name. Every other key is written out as `m.key`, so that
 * a test finds the messages that nothing shows.
 */
export const COMPOSED = [
  "choice_",
  "column_",
  "course_fact_",
  "course_kind_",
  "course_level_",
  "course_test_",
  "entities_",
  "entity_",
  "error_",
  "home_status_",
  "home_validity_",
  "palette_group_",
  "records_history_op_",
  "records_import_fate_",
  "records_section_",
  "shell_role_",
  "station_kind_",
  "station_particular_",
  "station_status_",
] as const;

type Beginning = (typeof COMPOSED)[number];

/** The message of a name, in the language of the screens or in another one; its key when there is none, which the tests prevent. */
export function wordOf(beginning: Beginning, name: string, locale?: Language): string {
  const message = (messages as unknown as Record<string, Message | undefined>)[beginning + name];
  return message ? message({}, { locale }) : beginning + name;
}

/** Whether there is a message of this name. */
export function hasWordOf(beginning: Beginning, name: string): boolean {
  return beginning + name in messages;
}

/** The problem and what to do about it, in plain words. */
export function errorWords(code: Code): string {
  return wordOf("error_", code);
}

export function roleWords(role: Role): string {
  return wordOf("shell_role_", role);
}
