import { expect, test } from "vitest";
import type { Place, Position } from "../position";
import { NOTE_EVERY_SECONDS, Player, videoKeyOf } from "./player.svelte";

/** A video without pictures: the properties that the player uses, and its events. */
class Reel extends EventTarget {
  currentTime = 0;
  duration = 100;
  paused = true;
  muted = false;
  playbackRate = 1;
  error = null;
  async play() {
    this.paused = false;
    this.tell("play");
  }
  pause() {
    this.paused = true;
    this.tell("pause");
  }
  tell(name: string) {
    this.dispatchEvent(new Event(name));
  }
  removeAttribute() {}
  load() {}
}

function open(startSecond = 0) {
  const notes: Place[] = [];
  const position = { at: (place: Place) => notes.push(place), flush: () => {} } as unknown as Position;
  const player = new Player(position, startSecond);
  const reel = new Reel();
  const leave = player.attach(reel as unknown as HTMLVideoElement);
  reel.tell("loadedmetadata");
  return { player, reel, notes, leave, seconds: () => notes.map((note) => note.second) };
}

test("it continues at the last position, and from the beginning after the end", () => {
  expect(open(42).reel.currentTime).toBe(42);
  expect(open(99).reel.currentTime).toBe(0);
});

test("leaving before the picture has loaded keeps the position", () => {
  const { leave, seconds } = open(42);
  leave();
  expect(seconds()).toEqual([42]);
});

test("while it plays the position is noted every two seconds, and when it pauses", () => {
  const { player, reel, seconds } = open();
  player.toggle();
  for (let time = 0; time <= 5; time += 0.5) {
    reel.currentTime = time;
    reel.tell("timeupdate");
  }
  reel.currentTime = 5.5;
  reel.tell("timeupdate");
  player.toggle();
  expect([NOTE_EVERY_SECONDS, seconds()]).toEqual([2, [2, 4, 5]]);
});

test("a seek and leaving are noted", () => {
  const { player, reel, seconds, leave, notes } = open();
  player.skip(50);
  reel.tell("seeked");
  reel.currentTime = 60;
  reel.tell("timeupdate");
  leave();
  expect([seconds(), notes[1].percent]).toEqual([[50, 60], 60]);
});

test("a seek stays within the video", () => {
  const { player, reel } = open();
  player.skip(-5);
  expect(reel.currentTime).toBe(0);
  player.seek(500);
  expect(reel.currentTime).toBe(100);
});

test("speeds change by steps", () => {
  const { player, reel } = open();
  player.faster(1);
  expect(reel.playbackRate).toBe(1.25);
});

test("the player's keys, whatever the layout", () => {
  const key = (code: string, key = "", more = {}) => videoKeyOf({ code, key, ctrlKey: false, metaKey: false, altKey: false, ...more });
  expect(["Space", "KeyK", "ArrowLeft", "ArrowRight", "KeyM", "KeyF", "KeyZ"].map((code) => key(code))).toEqual([
    "toggle",
    "toggle",
    "back",
    "forward",
    "mute",
    "full",
    null,
  ]);
  expect([key("Period", ">"), key("Comma", "<"), key("KeyF", "f", { ctrlKey: true })]).toEqual(["faster", "slower", null]);
});
