/** A video's player: its state, and the person's position in it. */
import { beforeLeaving } from "$shared/desktop/leaving";
import type { Position } from "../position";

/** While it plays, the position is noted at this interval. */
export const NOTE_EVERY_SECONDS = 2;
export const STEP_SECONDS = 5;
/** This close to the end, it starts from the beginning again. */
const END_SECONDS = 3;
export const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;

export class Player {
  time = $state(0);
  duration = $state(0);
  playing = $state(false);
  muted = $state(false);
  speed = $state(1);
  failed = $state(false);

  #video: HTMLVideoElement | null = null;
  #notedAt = 0;

  constructor(
    private readonly position: Position | null,
    private readonly startSecond: number,
  ) {}

  /** Attaches the element; returns a function that detaches it. */
  attach = (video: HTMLVideoElement) => {
    this.#video = video;
    const on: [keyof HTMLMediaElementEventMap, () => void][] = [
      ["loadedmetadata", () => this.#loaded()],
      ["durationchange", () => (this.duration = finite(video.duration))],
      ["timeupdate", () => this.#moved()],
      ["play", () => (this.playing = true)],
      [
        "pause",
        () => {
          this.playing = false;
          this.#note();
        },
      ],
      [
        "seeked",
        () => {
          this.time = video.currentTime;
          this.#note();
        },
      ],
      [
        "ended",
        () => {
          this.playing = false;
          this.#note();
        },
      ],
      ["ratechange", () => (this.speed = video.playbackRate)],
      ["volumechange", () => (this.muted = video.muted)],
      ["error", () => (this.failed = true)],
    ];
    for (const [name, handler] of on) video.addEventListener(name, handler);
    const stay = beforeLeaving(() => this.#note());
    return () => {
      stay();
      this.#note();
      void this.position?.flush();
      for (const [name, handler] of on) video.removeEventListener(name, handler);
      video.removeAttribute("src");
      video.load();
      this.#video = null;
    };
  };

  toggle(): void {
    const video = this.#video;
    if (!video) return;
    if (video.paused) video.play().catch(() => (this.failed = video.error !== null));
    else video.pause();
  }

  seek(second: number): void {
    if (!this.#video) return;
    this.time = Math.min(Math.max(0, second), this.duration || second);
    this.#video.currentTime = this.time;
  }

  skip(seconds: number): void {
    this.seek(this.time + seconds);
  }

  setSpeed(speed: number): void {
    if (this.#video) this.#video.playbackRate = speed;
  }

  /** The next speed up or down. */
  faster(by: 1 | -1): void {
    const at = SPEEDS.findIndex((speed) => speed >= this.speed);
    this.setSpeed(SPEEDS[Math.min(Math.max(0, at + by), SPEEDS.length - 1)]);
  }

  mute(): void {
    if (this.#video) this.#video.muted = !this.#video.muted;
  }

  #loaded(): void {
    this.duration = finite(this.#video!.duration);
    // Sets the time at once, so that leaving before the picture has loaded does not lose the position.
    if (this.startSecond > 0 && this.startSecond < this.duration - END_SECONDS) this.#video!.currentTime = this.time = this.startSecond;
  }

  #moved(): void {
    this.time = this.#video!.currentTime;
    if (this.playing && Math.abs(this.time - this.#notedAt) >= NOTE_EVERY_SECONDS) this.#note();
  }

  #note(): void {
    if (this.duration === 0) return;
    this.#notedAt = this.time;
    this.position?.at({ page: null, second: Math.floor(this.time), percent: (this.time / this.duration) * 100 });
  }
}

function finite(seconds: number): number {
  return Number.isFinite(seconds) ? seconds : 0;
}

export type VideoKey = "toggle" | "back" | "forward" | "mute" | "full" | "faster" | "slower";

/** The action of a key in the player, in every keyboard layout. */
export function videoKeyOf(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey">): VideoKey | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (event.key === ">") return "faster";
  if (event.key === "<") return "slower";
  switch (event.code) {
    case "Space":
    case "KeyK":
      return "toggle";
    case "ArrowLeft":
      return "back";
    case "ArrowRight":
      return "forward";
    case "KeyM":
      return "mute";
    case "KeyF":
      return "full";
    default:
      return null;
  }
}
