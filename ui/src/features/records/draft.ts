// What stands in an input before it is stored: a typed text, or a chosen value with its label.

import type { RecordColumn } from "$shared/desktop/generated";
import { inputText, parse, type Parsed } from "./values";

export interface Draft {
  value: unknown;
  /** What was typed, for kinds that are typed. */
  text: string;
  /** The label of the row that a reference names. */
  label: string;
}

export function draftOf(column: RecordColumn, value: unknown, label: string | null = null): Draft {
  return { value: value ?? null, text: inputText(column, value), label: label ?? "" };
}

/** Whether a value is chosen, not typed: then it is stored at once. */
export function isChosen(column: Pick<RecordColumn, "kind">): boolean {
  return column.kind === "choice" || column.kind === "bool" || column.kind === "reference";
}

/** What a draft means. */
export function readDraft(column: RecordColumn, draft: Draft): Parsed {
  return isChosen(column) ? { value: draft.value } : parse(column, draft.text);
}

/** Whether nothing stands there. */
export function isBlank(value: unknown): boolean {
  return value === null || value === undefined || value === "";
}
