// Marks that are on the screen and on their way to the disk. A grid that was asked for before they were stored must not
// take them off the screen again when it arrives late.

import type { Grid } from "$shared/desktop/generated";
import { apply, type Step } from "./grid-state";

interface Entry {
  step: Step;
  /** Number of the load from which on the grid has the step; none while it is being stored. */
  inLoad: number | null;
}

export class Pending {
  #entries: Entry[] = [];
  #loads = 0;

  /** Before a grid is asked for. Returns the load's number. */
  load(): number {
    this.#loads += 1;
    return this.#loads;
  }

  /** Lays over a grid what it cannot have yet. */
  over(grid: Grid, load: number): Grid {
    this.#entries = this.#entries.filter((entry) => entry.inLoad === null || entry.inLoad > load);
    return this.#entries.reduce((laid, entry) => apply(laid, entry.step), grid);
  }

  begin(step: Step): void {
    this.#entries.push({ step, inLoad: null });
  }

  /** Loads that are asked for from now on have it. */
  stored(step: Step): void {
    const entry = this.#entries.find((one) => one.step === step);
    if (entry) entry.inLoad = this.#loads + 1;
  }

  refused(step: Step): void {
    this.#entries = this.#entries.filter((entry) => entry.step !== step);
  }

  get count(): number {
    return this.#entries.length;
  }
}
