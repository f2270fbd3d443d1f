/**
 * What must be on the disk before somebody locks or signs out: after that the app takes nothing of theirs any more. A
 * screen that keeps work back for a moment says here how to store it at once.
 */
type Store = () => unknown;

const stores: Store[] = [];

/** Stores this before somebody leaves. Returns how to take it back. */
export function beforeLeaving(store: Store): () => void {
  stores.push(store);
  return () => {
    const at = stores.lastIndexOf(store);
    if (at >= 0) stores.splice(at, 1);
  };
}

/** Stores everything; what came last goes first, since it may hand its work to what was there before it. */
export async function storeAll(): Promise<void> {
  const under = [...stores].reverse().map(async (store) => store());
  // What fails says so where it belongs, and holds nobody back.
  await Promise.allSettled(under);
}
