// The chip's main state: the most important one now.

import type { SyncStatus } from "$shared/desktop/generated";

export type ChipState =
  | "signed_out" // the session was ended elsewhere
  | "attention" // changes, conflicts or decisions that need the person
  | "first_sync" // rows still to come
  | "busy"
  | "waiting_offline" // changes wait, and there is no server
  | "waiting"
  | "offline" // nothing waits
  | "problem" // the last sync failed, and not for want of a network
  | "warning" // clock or disk
  | "safe"; // everything is sent

export function chipState(status: SyncStatus): ChipState {
  if (status.signed_out) return "signed_out";
  if (needsPerson(status) > 0) return "attention";
  if (isFirstSync(status)) return "first_sync";
  if (status.problem !== null) return "problem";
  if (status.clock_off_ms !== null || status.disk_low) return "warning";
  if (status.busy) return "busy";
  if (status.waiting > 0) return status.online ? "waiting" : "waiting_offline";
  return status.online ? "safe" : "offline";
}

/**
 * Whether rows of the first sync may still come, so that nothing that is missing is known to be missing. Without a server or a
 * session there is something else to say.
 */
export function isFirstSync(status: SyncStatus): boolean {
  return status.first_sync && (status.online || status.busy) && status.problem === null;
}

/** Refused changes, conflicts and others' changes that wait for a decision, together. */
export function needsPerson(status: SyncStatus): number {
  return status.attention + status.conflicts + status.held;
}

/** The progress of a first sync, from the largest number of rows that were left; none before the second value. */
export function firstSyncPercent(rowsLeft: number, rowsMost: number): number | null {
  return rowsMost > rowsLeft ? Math.floor((1 - rowsLeft / rowsMost) * 100) : null;
}
