// The state of sync, one for the window: the chip and the Sync centre show the same.

import type { SyncStatus } from "$shared/desktop/generated";
import { call, onEvent } from "$shared/desktop/desktop";
import { notify, notifyProblem } from "$shared/ui";
import { m } from "$messages";

/** Interval at which "5 minutes ago" is updated. */
const CLOCK_MS = 20_000;

const state = $state<{ status: SyncStatus | null; now: number; rowsMost: number; asking: boolean }>({
  status: null,
  now: Date.now(),
  rowsMost: 0,
  asking: false,
});

export function syncStatus(): SyncStatus | null {
  return state.status;
}

/** The current minute, for relative times. Reactive. */
export function now(): number {
  return state.now;
}

/** The largest number of rows that were left in this first sync. */
export function rowsMost(): number {
  return state.rowsMost;
}

export function syncing(): boolean {
  return state.asking || (state.status?.busy ?? false);
}

function take(status: SyncStatus): void {
  state.status = status;
  state.now = Date.now();
  state.rowsMost = status.rows_left === null ? 0 : Math.max(state.rowsMost, status.rows_left);
}

/** Follows the state while the chip is mounted. Returns a function that stops it. */
export function followSync(): () => void {
  let heard = false;
  state.status = null;
  state.rowsMost = 0;
  const stop = onEvent((event) => {
    if (event.kind !== "sync") return;
    heard = true;
    take(event.status);
  });
  // An event that arrived meanwhile is newer than this answer. A refusal is no state: the chip stays unchanged.
  call("sync_status").then(
    (status) => heard || take(status),
    () => undefined,
  );
  const timer = setInterval(() => (state.now = Date.now()), CLOCK_MS);
  return () => {
    stop();
    clearInterval(timer);
  };
}

export async function syncNow(): Promise<void> {
  state.asking = true;
  try {
    const status = await call("sync_now");
    take(status);
    // A press without any visible effect would look like a broken button.
    if (!status.online) notify(m.sync_now_offline());
    else if (status.problem === null && !status.signed_out) notify(m.sync_now_done());
  } catch (thrown) {
    notifyProblem(thrown);
  } finally {
    state.asking = false;
  }
}
