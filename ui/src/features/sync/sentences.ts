// Sentences about the state of sync.

import type { SyncStatus } from "$shared/desktop/generated";
import { formatDuration, formatNumber, formatPercent } from "$shared/i18n/format";
import { m } from "$messages";
import { firstSyncPercent, isFirstSync } from "./chip";
import { rowsMost } from "./status.svelte";

/** `First sync, 75 %`, or the number of rows that are left while the total is unknown. */
export function firstSyncWords(status: SyncStatus): string {
  const left = status.rows_left ?? 0;
  if (left === 0) return m.sync_first();
  const percent = firstSyncPercent(left, rowsMost());
  return percent === null
    ? m.sync_first_rows({ count: left, rows: formatNumber(left) })
    : m.sync_first_percent({ percent: formatPercent(percent) });
}

/** The headline of the Sync centre: the state of the person's changes, and whether the lid may close. */
export function headline(status: SyncStatus): string {
  if (isFirstSync(status)) return firstSyncWords(status);
  if (status.waiting > 0) {
    const what = { count: status.waiting, number: formatNumber(status.waiting) };
    if (status.signed_out) return m.sync_head_waiting_signed_out(what);
    return status.online ? m.sync_head_waiting(what) : m.sync_head_waiting_offline(what);
  }
  if (status.attention > 0) return m.sync_head_attention();
  return status.online ? m.sync_head_safe() : m.sync_head_offline();
}

/** Whether the lid may close; nothing when it does not matter. */
export function lidWords(status: SyncStatus): string {
  if (isFirstSync(status)) return m.sync_not_safe_first();
  if (status.safe_to_close) return m.sync_safe();
  return status.waiting > 0 ? m.sync_not_safe() : "";
}

/** `12 min ahead`, in whole minutes. */
export function clockWords(offMs: number): string {
  const time = formatDuration(Math.abs(offMs) / 1000);
  return offMs > 0 ? m.sync_clock_ahead({ time }) : m.sync_clock_behind({ time });
}
