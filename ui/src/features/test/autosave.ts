// Stores answers as they are given: choices at once, text after a short rest. One question's answers are stored in
// order; what was overtaken by a later answer before it was sent is left out.

import { problemOf } from "$shared/desktop/desktop";

export interface Saving {
  attempt_id: string;
  question_id: string;
  answer: string | string[] | null;
  flagged: boolean;
  at_question: number;
}

export type SaveState = "saved" | "saving" | "failed";

/** Rest after the last key before text is stored. */
export const REST_MS = 400;

export interface AutosaveOptions {
  store: (saving: Saving) => Promise<unknown>;
  /** Called whenever the state changes, with what went wrong. */
  onState: (state: SaveState, problem: unknown) => void;
}

export class Autosave {
  readonly #options: AutosaveOptions;
  /** What waits, the newest per question. */
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

  /** Stores after a rest; each call begins the rest anew. */
  later(saving: Saving): void {
    this.#take(saving);
    this.#options.onState("saving", null);
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.flush(), REST_MS);
  }

  /** Stores everything that waits; resolves when nothing is left or storing failed. */
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
          // It would be refused for ever and stand in the way of handing in.
          this.#options.onState("failed", problem);
          continue;
        }
        // Kept for the next try, unless a newer answer is there already.
        if (!this.#waiting.has(question)) this.#waiting.set(question, saving);
        this.#options.onState("failed", problem);
        return;
      }
    }
    this.#options.onState("saved", null);
  }
}

/** Refusals that trying again never changes: the time is over, or it has been handed in. */
function isVain(problem: unknown): boolean {
  const { code } = problemOf(problem);
  return code === "time_over" || code === "already_set";
}
