// Choosing a row of another table by typing: what is found, which one is pointed at, and a new one made on the spot.

import { call } from "$shared/desktop/desktop";
import type { Named, RecordColumn } from "$shared/desktop/generated";
import { notifyProblem } from "$shared/ui";
import { m } from "$messages";
import type { Draft } from "./draft";
import type { Records } from "./records.svelte";
import { columnOf } from "./table";

/** Rows that are offered at once. */
const FOUND_MAX = 20;

export class ReferenceChoice {
  open = $state(false);
  found = $state.raw<readonly Named[] | null>(null);
  /** What is typed and not chosen yet. */
  typed = $state<string | null>(null);
  at = $state(0);
  #turn = 0;

  constructor(
    readonly records: Pick<Records, "table" | "create">,
    readonly column: () => RecordColumn,
    readonly draft: () => Draft,
    readonly choose: (id: string | null, label: string) => void,
  ) {}

  /** The text of the input. */
  get shown(): string {
    const { value, label } = this.draft();
    return this.typed ?? (value === null ? "" : label || m.records_reference_unknown());
  }

  get mayCreate(): boolean {
    return this.records.table(this.column().refers_to)?.may_insert === true;
  }

  get createWords(): string {
    const name = this.typed?.trim();
    return name ? m.records_make_new({ name }) : m.records_make_new_any();
  }

  /** Entries of the list: rows, and "make a new one". */
  get count(): number {
    return (this.found?.length ?? 0) + (this.mayCreate ? 1 : 0);
  }

  show(): void {
    if (this.open) return;
    this.open = true;
    void this.#search("");
  }

  type(text: string): void {
    this.typed = text;
    this.open = true;
    void this.#search(text.trim());
  }

  move(by: number): void {
    if (this.count > 0) this.at = (this.at + by + this.count) % this.count;
  }

  point(index: number): void {
    this.at = index;
  }

  /** Closes the list and drops what was typed. Returns whether there was something to close. */
  close(): boolean {
    const was = this.open || this.typed !== null;
    this.open = false;
    this.typed = null;
    return was;
  }

  /** The field is left: an emptied one means nothing, any other text that was not chosen is dropped. */
  leave(): void {
    const emptied = this.typed !== null && this.typed.trim() === "";
    this.close();
    if (emptied && this.draft().value !== null && this.column().optional) this.choose(null, "");
  }

  /** Takes the entry that is pointed at. */
  take(index = this.at): void {
    const row = this.found?.[index];
    const text = this.typed?.trim() ?? "";
    if (row) {
      this.close();
      this.choose(row.id, row.label);
    } else if (this.mayCreate && this.found !== null && index === this.found.length) {
      this.close();
      this.#create(text);
    }
  }

  /** What was typed becomes the name of the new row. */
  #create(text: string): void {
    const target = this.records.table(this.column().refers_to);
    if (!target) return;
    const named = target.label.map((name) => columnOf(target, name)).find((column) => column?.given && column.kind !== "reference");
    this.records.create(target.name, named && text ? { [named.name]: { value: text } } : {}, (row) => this.choose(row.id, row.label));
  }

  async #search(search: string): Promise<void> {
    const turn = ++this.#turn;
    try {
      const found = await call("find_references", { table: this.column().refers_to, search, limit: FOUND_MAX });
      if (turn !== this.#turn) return;
      this.found = found;
      this.at = 0;
    } catch (thrown) {
      if (turn === this.#turn) notifyProblem(thrown);
    }
  }
}
