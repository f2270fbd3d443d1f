// The saved views of the list that is open.

import { untrack } from "svelte";
import { notify } from "$shared/ui";
import { m } from "$messages";
import { withLabels } from "./filter";
import type { RecordList } from "./list.svelte";
import type { Records } from "./records.svelte";
import { isShown, keepViews, viewNamed, viewsOf, withView, type View } from "./views";

export class ListViews {
  all = $state.raw<readonly View[]>([]);
  #turn = 0;

  constructor(
    readonly records: Pick<Records, "table" | "person">,
    readonly list: RecordList,
  ) {
    this.all = untrack(() => viewsOf(list.table(), records.person.user_id, records.table));
  }

  /** The view that the list shows. */
  get current(): View | undefined {
    return this.all.find((view) => isShown(view, this.list));
  }

  async show(view: View): Promise<void> {
    const turn = ++this.#turn;
    const filter = await withLabels(this.list.table(), view.filter, this.records.table);
    // Another view was chosen meanwhile.
    if (turn === this.#turn) this.list.showView(view, filter);
  }

  save(name: string): void {
    const all = withView(this.all, viewNamed(name, this.list));
    if (this.#keep(all)) notify(m.records_view_saved({ name }));
  }

  remove(view: View): void {
    const before = this.all;
    if (!this.#keep(before.filter((each) => each !== view))) return;
    notify(m.records_view_removed({ name: view.name }), { label: m.shell_undo(), run: () => void this.#keep(withView(this.all, view)) });
  }

  #keep(all: readonly View[]): boolean {
    const kept = keepViews(this.list.table().name, this.records.person.user_id, all);
    if (kept) this.all = all;
    else notify(m.records_view_not_saved(), undefined, "bad");
    return kept;
  }
}
