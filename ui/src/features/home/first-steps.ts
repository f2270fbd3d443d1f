/** What the administrator of a new organization does first, and whether this person has hidden it on this laptop. */
import type { FirstSteps, Home } from "$shared/desktop/generated";

/** A step and the list where it is done. */
export interface Step {
  name: keyof FirstSteps;
  table: string;
}

const STEPS: readonly Step[] = [
  { name: "people", table: "users" },
  { name: "groups", table: "groups" },
  { name: "stations", table: "stations" },
  { name: "courses", table: "courses" },
];

/** The steps that are still to do. */
export function stepsLeft(home: Pick<Home, "first_steps">): Step[] {
  const steps = home.first_steps;
  return steps === null ? [] : STEPS.filter(({ name }) => !steps[name]);
}

const keyOf = (userId: string) => `first-steps-hidden:${userId}`;

export function areHidden(userId: string, storage: Pick<Storage, "getItem"> = localStorage): boolean {
  return storage.getItem(keyOf(userId)) === "yes";
}

export function hide(userId: string, storage: Pick<Storage, "setItem"> = localStorage): void {
  storage.setItem(keyOf(userId), "yes");
}
