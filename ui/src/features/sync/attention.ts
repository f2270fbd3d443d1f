// A refused change as a form: its editable fields, the person's corrections, and what is sent again.

import type { AttentionField, AttentionItem } from "$shared/desktop/generated";

/** Form values are texts, booleans for `truth`; null is "empty". */
export type FormValue = string | boolean | null;

export interface FieldProblem {
  field: string;
  why: "not_a_number" | "not_whole" | "not_a_date";
}

export function formValue(field: AttentionField): FormValue {
  if (field.kind === "truth") return field.value === true;
  if (field.value === null || field.value === undefined) return null;
  return typeof field.value === "object" ? JSON.stringify(field.value) : String(field.value);
}

/** The field of the suggestion: the one at fault, when the person may change it. */
export function suggestedField(item: AttentionItem): AttentionField | null {
  if (item.suggestion === null || item.field === null) return null;
  return item.fields.find((field) => field.name === item.field && field.editable) ?? null;
}

/** Fields that the person can edit. */
export function editableFields(item: AttentionItem): AttentionField[] {
  return item.fields.filter((field) => field.editable);
}

/** The text of a form field as a value; `undefined` when it is invalid. An empty one is null. */
export function parse(field: AttentionField, value: FormValue): unknown {
  if (field.kind === "truth") return value === true;
  if (value === null || typeof value === "boolean") return null;
  // Text may be empty and is not trimmed, because the person may have meant it so.
  if (field.kind === "text" || field.kind === "choice") return field.kind === "choice" && value === "" ? null : value;
  const plain = value.trim();
  if (plain === "") return null;
  if (field.kind === "date") return /^\d{4}-\d{2}-\d{2}$/.test(plain) && !Number.isNaN(Date.parse(plain)) ? plain : undefined;
  if (field.kind === "whole" || field.kind === "real") return number(plain, field.kind === "whole");
  return value;
}

function number(text: string, whole: boolean): number | undefined {
  const value = Number(text.replace(/\s/g, "").replace(",", ".").replace("−", "-"));
  return Number.isFinite(value) && (!whole || Number.isSafeInteger(value)) ? value : undefined;
}

/** Fields that cannot be sent as they are. */
export function problems(item: AttentionItem, form: Readonly<Record<string, FormValue>>): FieldProblem[] {
  return editableFields(item).flatMap((field): FieldProblem[] => {
    const value = form[field.name];
    if (value === undefined || parse(field, value) !== undefined) return [];
    if (field.kind === "date") return [{ field: field.name, why: "not_a_date" }];
    return [{ field: field.name, why: field.kind === "whole" ? "not_whole" : "not_a_number" }];
  });
}

/** The corrections, by column; unchanged columns are omitted. */
export function corrected(item: AttentionItem, form: Readonly<Record<string, FormValue>>): Record<string, unknown> {
  const changed: Record<string, unknown> = {};
  for (const field of editableFields(item)) {
    const value = form[field.name];
    if (value === undefined || value === formValue(field)) continue;
    const parsed = parse(field, value);
    if (parsed !== undefined) changed[field.name] = parsed;
  }
  return changed;
}
