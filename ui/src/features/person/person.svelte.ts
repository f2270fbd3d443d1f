// A person's page: opening it asks the server for what this laptop does not hold, and reading it again asks for nothing.

import { call } from "$shared/desktop/desktop";
import type { PersonPage } from "$shared/desktop/generated";
import type { Live } from "$shared/desktop/live.svelte";
import { notifyProblem } from "$shared/ui";

/** How the page stands, in the words that it shows. */
export type Standing = "here" | "coming" | "never" | "left" | "refused" | "partly";

/** Without a network nothing is coming, and a person who was let go comes only when opened again. */
export function standingOf(page: PersonPage, online: boolean): Standing {
  if (page.standing !== "coming") return page.standing;
  if (!page.followed) return "left";
  return online ? "coming" : "never";
}

export class PersonScreen {
  /** Whether a command of this page is running. */
  busy = $state(false);

  constructor(
    readonly id: string,
    readonly page: Live<"person_page">,
  ) {}

  /** Opens the person. A refusal is shown by the page, which is refused with the same words. */
  async open(): Promise<void> {
    try {
      this.page.set(await call("open_person", { id: this.id }));
    } catch {
      await this.page.reload();
    }
  }

  /** Pins or unpins. */
  pin(): Promise<boolean> {
    const pinned = !this.page.data?.pinned;
    return this.#run(async () => this.page.set(await call("pin_person", { id: this.id, pinned })));
  }

  /** Removes the person's rows from this laptop. True when that is done. */
  letGo(): Promise<boolean> {
    return this.#run(async () => void (await call("let_go_of_person", { id: this.id })));
  }

  async #run(work: () => Promise<void>): Promise<boolean> {
    if (this.busy || !this.page.data?.followed) return false;
    this.busy = true;
    try {
      await work();
      return true;
    } catch (thrown) {
      notifyProblem(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
