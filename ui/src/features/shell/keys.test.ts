import { expect, test } from "vitest";
import { nextZoom } from "$shared/look/look.svelte";
import { zoomOf } from "./keys";

test("zoom goes by steps and stays within 50 and 300 percent", () => {
  expect([nextZoom(100, 1), nextZoom(100, -1), nextZoom(300, 1), nextZoom(50, -1), nextZoom(104, 1), nextZoom(104, -1)]).toEqual([
    110, 90, 300, 50, 110, 100,
  ]);
});

test("the keys of zoom work on every layout", () => {
  const zoom = (key: string, code: string) => zoomOf({ key, code }, 100);
  expect([
    zoom("+", "Equal"),
    zoom("=", "Equal"),
    zoom("-", "Minus"),
    zoom("0", "Digit0"),
    zoom(")", "Digit0"),
    zoom("+", "NumpadAdd"),
  ]).toEqual([110, 110, 90, 100, 100, 110]);
  expect(zoom("ф", "KeyA")).toBeNull();
});
