// The Sync centre: pending changes, items that need the person, and the person's actions.

import type { AttentionItem, SyncCentre } from "$shared/desktop/generated";
import { call, onEvent } from "$shared/desktop/desktop";
import { GATHER_MS, live, type Live } from "$shared/desktop/live.svelte";
import { notify, notifyProblem } from "$shared/ui";
import { m } from "$messages";
import type { Decision } from "./held";

export class CentreController {
  readonly view: Live<"sync_centre">;
  /** The running action: `send 7`, `settle <id>`, `decide <id>`, `accept all`, `refuse all`, `export`. */
  busy = $state("");
  exported = $state("");

  constructor() {
    this.view = live("sync_centre", () => ({}), []);
    $effect(() => {
      let timer: ReturnType<typeof setTimeout> | null = null;
      const stop = onEvent((event) => {
        if ((event.kind !== "changed" && event.kind !== "sync") || timer !== null) return;
        timer = setTimeout(() => {
          timer = null;
          void this.view.reload();
        }, GATHER_MS);
      });
      return () => {
        stop();
        if (timer !== null) clearTimeout(timer);
      };
    });
  }

  get centre(): SyncCentre | null {
    return this.view.data;
  }

  async sendAgain(item: AttentionItem, fields: Record<string, unknown>): Promise<void> {
    await this.#do(`send ${item.n}`, () => call("send_again", { n: item.n, fields }), m.sync_sent_again());
  }

  async discard(item: AttentionItem): Promise<void> {
    await this.#do(`discard ${item.n}`, () => call("discard", { n: item.n }), m.sync_discarded());
  }

  async settle(id: string, takeLost: boolean): Promise<void> {
    await this.#do(`settle ${id}`, () => call("settle", { id, take_lost: takeLost }), m.sync_settled());
  }

  async decide(decision: Decision, id: string, accept: boolean): Promise<void> {
    await this.#do(`decide ${id}`, () => call(decision.command, { id, accept }), accept ? decision.accepted() : decision.refused());
  }

  /** Accepts all of these in order, up to the first refusal: later changes of a row are based on earlier ones. */
  async acceptAll(decision: Decision, ids: string[]): Promise<void> {
    await this.#do(
      "accept all",
      async () => {
        for (const id of ids) await call(decision.command, { id, accept: true });
      },
      decision.allAccepted(),
    );
  }

  /** Refuses all of these in order, up to the first that cannot be decided. */
  async refuseAll(decision: Decision, ids: string[]): Promise<void> {
    await this.#do(
      "refuse all",
      async () => {
        for (const id of ids) await call(decision.command, { id, accept: false });
      },
      decision.refusingAll?.done(),
    );
  }

  async exportChanges(): Promise<void> {
    await this.#do("export", async () => {
      this.exported = (await call("export_changes")).path;
    });
  }

  async #do(what: string, work: () => Promise<unknown>, said?: string): Promise<void> {
    if (this.busy !== "") return;
    this.busy = what;
    try {
      await work();
      if (said) notify(said);
    } catch (thrown) {
      notifyProblem(thrown);
    } finally {
      this.busy = "";
    }
    await this.view.reload();
  }
}
