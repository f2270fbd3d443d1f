// Stores answers as they are given: choices at once, text after a short delay. One question's answers are stored in
// order; an answer that was replaced before it was sent is skipped.

import { problemOf } from "$shared/desktop/desktop";

export interface Saving {
  attempt_id: string;
  question_id: string;
  answer: string | string[] | null;
  flagged: boolean;
  at_question: number;
}

export type SaveState = "saved" | "saving" | "failed";

/** Delay after the last key before text is stored. */
export const REST_MS = 400;

export interface AutosaveOptions {
  store: (saving: Saving) => Promise<unknown>;
  /** Called on every change of the state, with the error. */
  onState: (state: SaveState, problem: unknown) => void;
}

export class Autosave {
  readonly #options: AutosaveOptions;
  /** Pending answers, the newest per question. */
  readonly #waiting = new Map<string, Saving>();
  #timer: ReturnType<typeof setTimeout> | null = null;
  #running: Promise<void> | null = null;

  constructor(options: AutosaveOptions) {
    this.#options = options;
  }

  /** Stores at once. */
  now(saving: Saving): Promise<void> {
    this.#take(saving);
    return this.flush();
  }

  /** Stores after a delay; each call restarts the delay. */
  later(saving: Saving): void {
    this.#take(saving);
    this.#options.onState("saving", null);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), REST_MS);
  }

  /** Stores all pending answers; resolves when none is left or storing failed. */
  flush(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#running ??= this.#drain().finally(() => (this.#running = null));
    return this.#running;
  }

  get pending(): boolean {
    return this.#waiting.size > 0;
  }

  #take(saving: Saving): void {
    // Moved to the end: questions are stored in the order in which they were last touched.
    this.#waiting.delete(saving.question_id);
    this.#waiting.set(saving.question_id, saving);
  }

  async #drain(): Promise<void> {
    if (this.#waiting.size === 0) return;
    this.#options.onState("saving", null);
    while (this.#waiting.size > 0) {
      const [question, saving] = this.#waiting.entries().next().value as [string, Saving];
      this.#waiting.delete(question);
      try {
        await this.#options.store(saving);
      } catch (problem) {
        if (isVain(problem)) {
          // It would be refused for ever and block submission.
          this.#options.onState("failed", problem);
          continue;
        }
        // Kept for the next try, unless there is a newer answer already.
        if (!this.#waiting.has(question)) this.#waiting.set(question, saving);
        this.#options.onState("failed", problem);
        return;
      }
    }
    this.#options.onState("saved", null);
  }
}

/** Refusals that a retry never changes: the time is over, or the attempt was submitted. */
function isVain(problem: unknown): boolean {
  const { code } = problemOf(problem);
  return code === "time_over" || code === "already_set";
}
