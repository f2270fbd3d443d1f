/**
 * What must be on the disk before a person locks or signs out: after that the app accepts no changes of theirs. A
 * screen that delays storing registers here how to store at once.
 */
type Store = () => unknown;

const stores: Store[] = [];

/** Registers a function that stores before leaving. Returns a function that unregisters it. */
export function beforeLeaving(store: Store): () => void {
  stores.push(store);
  return () => {
    const at = stores.lastIndexOf(store);
    if (at >= 0) stores.splice(at, 1);
  };
}

/** Stores everything; the last registered goes first, because it may pass its work to an earlier one. */
export async function storeAll(): Promise<void> {
  const under = [...stores].reverse().map(async (store) => store());
  // A failure is reported where it happens, and does not prevent leaving.
  await Promise.allSettled(under);
}
