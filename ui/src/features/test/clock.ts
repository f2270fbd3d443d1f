// The time left. The desktop sends it when a test is opened; from then on a monotonic clock counts, so that moving the
// laptop's clock changes nothing.

export class Countdown {
  readonly #endsAt: number;
  readonly #now: () => number;

  /** `now` is a monotonic clock in milliseconds, such as `performance.now`. */
  constructor(secondsLeft: number, now: () => number) {
    this.#now = now;
    this.#endsAt = now() + secondsLeft * 1000;
  }

  /** Whole seconds, rounded up: 0 only when it is over. */
  get secondsLeft(): number {
    return Math.max(0, Math.ceil((this.#endsAt - this.#now()) / 1000));
  }

  get over(): boolean {
    return this.#now() >= this.#endsAt;
  }

  /** Milliseconds until the shown second changes. */
  get msToNext(): number {
    const left = this.#endsAt - this.#now();
    return left <= 0 ? 0 : left % 1000 || 1000;
  }
}

/** Moments at which a screen reader announces the time left, in seconds. */
export const SAID_ALOUD = [600, 300, 60, 30, 10];

/** From when on the clock is shown as running out: the last tenth, at most five minutes and at least half a minute. */
export function isRunningOut(secondsLeft: number, limitSeconds: number): boolean {
  return secondsLeft <= Math.max(30, Math.min(300, limitSeconds / 10));
}

/**
 * Detects that the laptop slept: the wall clock advanced and the monotonic one did not. Then the time left is requested
 * from the desktop again, because its value counts.
 */
export function slept(before: { wall: number; steady: number }, now: { wall: number; steady: number }): boolean {
  return Math.abs(now.wall - before.wall - (now.steady - before.steady)) > SLEPT_MS_MIN;
}

const SLEPT_MS_MIN = 5_000;
