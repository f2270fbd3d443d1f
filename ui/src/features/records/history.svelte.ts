// What happened to a row, from the server's log: read when somebody asks, part by part.

import { SvelteMap } from "svelte/reactivity";
import { call, problemOf } from "$shared/desktop/desktop";
import type { HistoryChange, Problem, RecordColumn, RecordTable } from "$shared/desktop/generated";
import { columnWords, valueWords } from "$features/sync/words";
import { isBlank } from "./draft";
import { cellWords, columnName } from "./values";

/** One column of a change: its words before and after. */
export interface ChangedColumn {
  name: string;
  before: string;
  after: string;
}

export class RecordHistoryView {
  changes = $state.raw<readonly HistoryChange[] | null>(null);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  #next = $state<number | null>(null);
  /** Labels of rows that values name, by table and id; empty for rows that are not on this laptop. */
  readonly #labels = new SvelteMap<string, string>();
  #turn = 0;

  constructor(
    readonly table: () => RecordTable,
    readonly id: () => string,
  ) {}

  get hasMore(): boolean {
    return this.#next !== null;
  }

  /** Reads from the newest change on. What was shown stays until the answer is there. */
  load(): Promise<void> {
    return this.#read(null);
  }

  more(): Promise<void> {
    return this.#read(this.#next);
  }

  async #read(before: number | null): Promise<void> {
    const turn = ++this.#turn;
    this.busy = true;
    try {
      const answer = await call("record_history", { entity: this.table().name, id: this.id(), before });
      if (turn !== this.#turn) return;
      await this.#name(answer.changes);
      if (turn !== this.#turn) return;
      this.changes = before === null ? answer.changes : [...(this.changes ?? []), ...answer.changes];
      this.#next = answer.next;
      this.problem = null;
    } catch (thrown) {
      if (turn === this.#turn) this.problem = problemOf(thrown);
    } finally {
      if (turn === this.#turn) this.busy = false;
    }
  }

  /** Finds the labels of the rows that these values name. */
  async #name(changes: readonly HistoryChange[]): Promise<void> {
    const wanted = new Map<string, { entity: string; id: string }>();
    for (const column of this.table().columns.filter(({ kind }) => kind === "reference")) {
      for (const value of changes.flatMap(({ before, after }) => [before[column.name], after[column.name]])) {
        const key = `${column.refers_to}/${String(value)}`;
        if (!isBlank(value) && !this.#labels.has(key)) wanted.set(key, { entity: column.refers_to, id: String(value) });
      }
    }
    await Promise.all(
      [...wanted].map(async ([key, row]) => {
        const opened = await call("record", row).catch(() => null);
        this.#labels.set(key, opened?.row.label ?? "");
      }),
    );
  }

  /** The columns of a change in the table's order; those of another version after them. */
  columnsOf({ before, after }: HistoryChange): ChangedColumn[] {
    const table = this.table();
    const names = new Set([...Object.keys(before), ...Object.keys(after)]);
    const known = table.columns.filter((column) => names.delete(column.name));
    const words = (column: RecordColumn, value: unknown) => cellWords(column, asStored(column, value), this.#labelOf(column, value));
    return [
      ...known.map((column) => ({
        name: columnName(column),
        before: words(column, before[column.name]),
        after: words(column, after[column.name]),
      })),
      ...[...names].map((name) => ({
        name: columnWords(name),
        before: isBlank(before[name]) ? "" : valueWords(before[name]),
        after: isBlank(after[name]) ? "" : valueWords(after[name]),
      })),
    ];
  }

  #labelOf(column: RecordColumn, value: unknown): string | null {
    return this.#labels.get(`${column.refers_to}/${String(value)}`) || null;
  }
}

/** The server's log has moments and times as PostgreSQL writes them. */
function asStored(column: RecordColumn, value: unknown): unknown {
  if (typeof value !== "string") return value ?? null;
  if (column.kind === "time") return value.slice(0, "09:30".length);
  const at = column.kind === "moment" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? value : at;
}
