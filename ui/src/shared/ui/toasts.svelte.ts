/** Toasts at the bottom of the window: what was done, with a button to undo it; or what went wrong. */
import { problemOf } from "../desktop/desktop";
import { errorWords } from "../i18n/words";

export interface Toast {
  id: number;
  text: string;
  tone: "plain" | "bad";
  action?: { label: string; run: () => void };
}

/** Maximum number of toasts; the oldest is removed. */
const TOASTS_MAX = 3;
const SHOWN_MS = 6_000;
/** A toast with a button stays longer. */
const SHOWN_WITH_ACTION_MS = 12_000;

const state = $state<{ list: Toast[] }>({ list: [] });
let last = 0;

export function toasts(): readonly Toast[] {
  return state.list;
}

/** Shows a toast. Returns a function that removes it. */
export function notify(text: string, action?: Toast["action"], tone: Toast["tone"] = "plain"): () => void {
  const id = ++last;
  // A repeated message is not shown twice.
  const others = state.list.filter((toast) => toast.text !== text || toast.action);
  state.list = [...others, { id, text, tone, action }].slice(-TOASTS_MAX);
  const timer = setTimeout(() => dismiss(id), action ? SHOWN_WITH_ACTION_MS : SHOWN_MS);
  return () => {
    clearTimeout(timer);
    dismiss(id);
  };
}

/** Shows a problem, with the message of its code. */
export function notifyProblem(thrown: unknown): void {
  const { code } = problemOf(thrown);
  // The person who locked knows it, and it does not concern the next person.
  if (code !== "locked") notify(errorWords(code), undefined, "bad");
}

export function dismiss(id: number): void {
  state.list = state.list.filter((toast) => toast.id !== id);
}
