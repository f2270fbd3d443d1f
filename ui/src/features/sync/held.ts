// What a held change is called, and what became of it.

import type { HeldField, HeldItem } from "$shared/desktop/generated";
import { m } from "$messages";
import { aboutWords, entityWords, valueWords } from "./words";

/** `Attendance · Group A · Aysel · 2 March`, of what is known. */
export function heldName(item: Pick<HeldItem, "entity" | "group" | "about">): string {
  const parts = [entityWords(item.entity), item.group === item.about ? "" : item.group, aboutWords(item.about)];
  return parts.filter(Boolean).join(" · ");
}

/** What was entered, in words: `Late, was ill`. */
export function heldValues(item: Pick<HeldItem, "fields" | "deletes">): string {
  if (item.deletes) return m.sync_held_deletes();
  return item.fields.map((field) => valueWords(field.value, field.kind)).join(", ");
}

/** The fields whose value is not the one that stands anyway; all of them when every one stands. */
export function shownFields(item: Pick<HeldItem, "fields">): HeldField[] {
  const other = item.fields.filter((field) => JSON.stringify(field.value) !== JSON.stringify(field.server_value));
  return other.length > 0 ? other : item.fields;
}

/** What became of one's own held change. */
export function heldState(item: Pick<HeldItem, "state" | "decided_by">): string {
  const who = item.decided_by || m.sync_somebody();
  if (item.state === "accepted") return m.sync_held_accepted({ who });
  if (item.state === "refused") return m.sync_held_refused({ who });
  return m.sync_outcome_held();
}
