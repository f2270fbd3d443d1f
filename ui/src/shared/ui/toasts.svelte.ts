/** Short notes at the foot of the window: what was done, with a way to undo it; what went wrong. */
import { problemOf } from "../desktop/desktop";
import { errorWords } from "../i18n/words";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  action?: { label: string; run: () => void };
}

/** At most so many at once; the oldest goes. */
const TOASTS_MAX = 3;
const SHOWN_MS = 6_000;
/** With something to press it stays longer. */
const SHOWN_WITH_ACTION_MS = 12_000;

const state = $state<{ list: Toast[] }>({ list: [] });
let last = 0;

export function toasts(): readonly Toast[] {
  return state.list;
}

/** Says something. Returns how to take it back. */
export function notify(text: string, action?: Toast["action"], tone: Toast["tone"] = "plain"): () => void {
  const id = ++last;
  // Said again, it is not shown twice.
  const others = state.list.filter((toast) => toast.text !== text || toast.action);
  state.list = [...others, { id, text, tone, action }].slice(-TOASTS_MAX);
  const timer = setTimeout(() => dismiss(id), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
  return () => {
    clearTimeout(timer);
    dismiss(id);
  };
}

/** Says what went wrong, in the words of its code. */
export function notifyProblem(thrown: unknown): void {
  const { code } = problemOf(thrown);
  // Whoever locked knows it, and the next person has nothing to do with it.
  if (code !== "locked") notify(errorWords(code), undefined, "bad");
}

export function dismiss(id: number): void {
  state.list = state.list.filter((toast) => toast.id !== id);
}
