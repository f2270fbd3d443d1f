// Marks that are shown and are being stored. A grid that was requested before they were stored must not remove them
// when it arrives late.

import type { Grid } from "$shared/desktop/generated";
import { apply, type Step } from "./grid-state";

interface Entry {
  step: Step;
  /** The first load whose grid contains the step; none while it is being stored. */
  inLoad: number | null;
}

export class Pending {
  #entries: Entry[] = [];
  #loads = 0;

  /** Call before a grid is requested. Returns the load's number. */
  load(): number {
    this.#loads += 1;
    return this.#loads;
  }

  /** Adds to a grid the steps that it cannot contain yet. */
  over(grid: Grid, load: number): Grid {
    this.#entries = this.#entries.filter((entry) => entry.inLoad === null || entry.inLoad > load);
    return this.#entries.reduce((laid, entry) => apply(laid, entry.step), grid);
  }

  begin(step: Step): void {
    this.#entries.push({ step, inLoad: null });
  }

  /** Loads that are requested from now on contain the step. */
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
