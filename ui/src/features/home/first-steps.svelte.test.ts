import { flushSync, mount, unmount } from "svelte";
import { expect, test } from "vitest";
import type { FirstSteps as Steps } from "$shared/desktop/generated";
import FirstSteps from "./FirstSteps.svelte";
import { areHidden, hide, stepsLeft } from "./first-steps";

const none: Steps = { people: false, groups: false, stations: false, courses: false };
const names = (steps: Steps | null) => stepsLeft({ first_steps: steps }).map(({ name }) => name);

test("steps that are done are gone, and others than administrators have none", () => {
  expect(names(none)).toEqual(["people", "groups", "stations", "courses"]);
  expect(names({ ...none, people: true, stations: true })).toEqual(["groups", "courses"]);
  expect(names(null)).toEqual([]);
});

test("hiding holds for this person and this laptop", () => {
  const kept = new Map<string, string>();
  const storage = { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) };
  expect(areHidden("u1", storage)).toBe(false);
  hide("u1", storage);
  expect([areHidden("u1", storage), areHidden("u2", storage)]).toEqual([true, false]);
});

test("each step leads to its list, and all of them can be hidden", () => {
  let hidden = 0;
  const shown = mount(FirstSteps, {
    target: document.body,
    props: { steps: stepsLeft({ first_steps: none }), onhide: () => (hidden += 1) },
  });
  flushSync();
  const href = (name: string) => document.querySelector(`[data-testid="first-step-${name}"]`)?.getAttribute("href");
  expect(["people", "groups", "stations", "courses"].map(href)).toEqual([
    "#/records/users",
    "#/records/groups",
    "#/records/stations",
    "#/records/courses",
  ]);
  document.querySelector<HTMLButtonElement>('[data-testid="first-steps-hide"]')!.click();
  expect(hidden).toBe(1);
  void unmount(shown);
});
