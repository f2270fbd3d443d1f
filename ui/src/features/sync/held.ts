// Labels of decisions: held changes, entries that the server has lost, and their outcomes.

import type { HeldField, HeldItem } from "$shared/desktop/generated";
import { m } from "$messages";
import { aboutWords, columnValueWords, entityWords } from "./words";

/** A kind of decision: its command, and its texts. */
export interface Decision {
  kind: "held" | "offered";
  command: "decide_held" | "decide_offered";
  author: (item: Pick<HeldItem, "author">) => string;
  /** Whether other laptops have the same entry; without it the question is not shown. */
  others?: (item: Pick<HeldItem, "others">) => string;
  value: () => string;
  accept: () => string;
  acceptAll: (inputs: { count: number }) => string;
  refuse: () => string;
  accepted: () => string;
  allAccepted: () => string;
  refused: () => string;
  /** Texts for refusing all at once; without them each is refused separately. */
  refusingAll?: {
    button: (inputs: { count: number }) => string;
    title: (inputs: { count: number }) => string;
    text: () => string;
    done: () => string;
  };
}

/** A change whose author has lost the right to it. */
export const HELD: Decision = {
  kind: "held",
  command: "decide_held",
  author: ({ author }) => m.sync_held_by({ author: author || m.sync_somebody() }),
  value: m.sync_held_value,
  accept: m.sync_held_accept,
  acceptAll: m.sync_held_accept_all,
  refuse: m.sync_held_refuse,
  accepted: m.sync_held_was_accepted,
  allAccepted: m.sync_held_was_accepted,
  refused: m.sync_held_was_refused,
};

/** An entry that the server has lost and a laptop still has. A decision takes effect when it is sent. */
export const OFFERED: Decision = {
  kind: "offered",
  command: "decide_offered",
  author: ({ author }) => (author ? m.sync_offered_by({ author }) : m.sync_offered_by_unknown()),
  others: ({ others }) => (others === 0 ? m.sync_offered_one_says() : m.sync_offered_others_say({ count: others })),
  value: m.sync_offered_value,
  accept: m.sync_offered_accept,
  acceptAll: m.sync_offered_accept_all,
  refuse: m.sync_offered_refuse,
  accepted: m.sync_offered_was_accepted,
  allAccepted: m.sync_offered_all_accepted,
  refused: m.sync_offered_was_refused,
  refusingAll: {
    button: m.sync_offered_refuse_all,
    title: m.sync_offered_refuse_all_title,
    text: m.sync_offered_refuse_all_text,
    done: m.sync_offered_none_accepted,
  },
};

/** `Attendance · Group A · Aysel · 2 March`, from the known parts. */
export function heldName(item: Pick<HeldItem, "entity" | "group" | "about">): string {
  const parts = [entityWords(item.entity), item.group === item.about ? "" : item.group, aboutWords(item.about)];
  return parts.filter(Boolean).join(" · ");
}

/** The entered values as text: `Late, was ill`. */
export function heldValues(item: Pick<HeldItem, "fields" | "deletes">): string {
  if (item.deletes) return m.sync_held_deletes();
  return item.fields.map((field) => columnValueWords(field.name, field.value, field.kind)).join(", ");
}

/** The fields whose value differs from the current one; all of them when none differs. */
export function shownFields(item: Pick<HeldItem, "fields">): HeldField[] {
  const other = item.fields.filter((field) => JSON.stringify(field.value) !== JSON.stringify(field.server_value));
  return other.length > 0 ? other : item.fields;
}

/** The outcome of the person's own held change. */
export function heldState(item: Pick<HeldItem, "state" | "decided_by">): string {
  const who = item.decided_by || m.sync_somebody();
  if (item.state === "accepted") return m.sync_held_accepted({ who });
  if (item.state === "refused") return m.sync_held_refused({ who });
  return m.sync_outcome_held();
}
