/**
 * Remembers a person's position in a file. A note is sent at once, and while positions follow quickly at most one per
 * {@link GAP_MS}, always including the last one: a turned page is stored even when the power fails a moment later.
 */
import type { NotePosition } from "$shared/desktop/generated";

export const GAP_MS = 300;
/** After a longer pause the person was away: only this much of it counts as time spent. */
export const IDLE_SECONDS_MAX = 300;

export interface Place {
  page: number | null;
  second: number | null;
  percent: number;
}

export interface PositionParts {
  send: (note: NotePosition) => Promise<unknown>;
  /** Milliseconds on a clock that never goes back. */
  now: () => number;
  failed: (thrown: unknown) => void;
}

export class Position {
  #last: Place | null = null;
  #waiting: Place | null = null;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #sentAt = -Infinity;
  #countedAt: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly itemId: string,
    private readonly parts: PositionParts,
  ) {
    this.#countedAt = parts.now();
  }

  /** Notes a position. */
  at(place: Place): void {
    const same = this.#last?.page === place.page && this.#last?.second === place.second;
    if (same && this.#waiting === null) return;
    this.#waiting = place;
    const wait = this.#sentAt + GAP_MS - this.parts.now();
    if (wait <= 0) void this.flush();
    else this.#timer ??= setTimeout(() => void this.flush(), wait);
  }

  /** Sends the pending note now, before leaving. Resolves when all of it is stored. */
  flush(): Promise<unknown> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const place = this.#waiting;
    if (place === null) return this.#queue;
    this.#waiting = null;
    this.#last = place;
    const now = this.parts.now();
    this.#sentAt = now;
    const spent = Math.round((now - this.#countedAt) / 1000);
    if (spent > 0) this.#countedAt = now;
    const note: NotePosition = {
      content_item_id: this.itemId,
      page: place.page,
      second: place.second,
      percent: Math.min(100, Math.max(0, Math.round(place.percent))),
      seconds_spent: Math.min(spent, IDLE_SECONDS_MAX),
    };
    // One after another, so that an older position never overwrites a newer one.
    this.#queue = this.#queue.then(() => this.parts.send(note)).catch(this.parts.failed);
    return this.#queue;
  }
}
