// The list of a table: its pages, its order and filters, the cursor and the selected rows.
//
// Pages follow one another by a cursor, so the rows are always a beginning of the list; what is scrolled to is fetched page
// by page up to there. After a change only as much is read again as stands on the screen.

import { untrack } from "svelte";
import { call, onEvent, problemOf } from "$shared/desktop/desktop";
import { onChanged } from "$shared/desktop/live.svelte";
import type { Condition, Problem, RecordRow, RecordsQuery, RecordTable } from "$shared/desktop/generated";
import { arrangementOf, clampWidth, keepArrangement, moved, sortedBy, type Arrangement } from "./arrangement";
import type { Asked, ShownCondition } from "./records.svelte";
import { cellWords } from "./values";
import type { View } from "./views";
import { columnOf, DELETED_AT, keepsDeleted, labelOf, usualColumns, valueOf } from "./table";

/** Rows of the first page, and of each page while catching up with a far scroll. */
export const PAGE_ROWS = 200;
export const PAGE_ROWS_MAX = 500;

export class RecordList {
  rows = $state.raw<readonly RecordRow[]>([]);
  total = $state<number | null>(null);
  problem = $state.raw<Problem | null>(null);
  arrangement = $state.raw<Arrangement>(null!);
  search = $state("");
  filter = $state.raw<readonly ShownCondition[]>([]);
  /** Whether the deleted rows are shown instead of the others. */
  deleted = $state(false);
  cursor = $state(0);
  selected = $state.raw<ReadonlySet<string>>(new Set());
  /** Rows that stand on the screen; the grid measures it. */
  visible = { first: 0, last: 40 };

  #anchor = 0;
  #next: string | null = null;
  #tables: readonly string[] = [];
  #turn = 0;
  #fetching: Promise<void> | null = null;
  #waiting = 0;

  /** `fixed` are conditions that belong to the list itself, such as "of this station". */
  constructor(
    readonly table: () => RecordTable,
    asked?: Asked,
    readonly fixed: readonly Condition[] = [],
  ) {
    this.arrangement = arrangementOf(untrack(table));
    if (asked) {
      this.search = asked.search;
      this.filter = asked.filter;
      this.deleted = asked.deleted;
    }
  }

  /** Starts loading and follows changes. Returns a function that stops it. */
  follow(): () => void {
    void this.load();
    const stopChanges = onChanged(
      () => this.#tables,
      () => void this.reload(),
    );
    const stopSync = onEvent((event) => {
      // Rows lose their mark when they are sent.
      if (event.kind !== "sync" || event.status.waiting === this.#waiting) return;
      this.#waiting = event.status.waiting;
      void this.reload();
    });
    return () => {
      this.#turn += 1;
      stopChanges();
      stopSync();
    };
  }

  get loading(): boolean {
    return this.total === null && this.problem === null;
  }

  get isFiltered(): boolean {
    return this.search.trim() !== "" || this.filter.length > 0;
  }

  get asked(): Asked {
    return { search: this.search, filter: [...this.filter], deleted: this.deleted };
  }

  /** The rows that a command is about: the selected ones, else the one under the cursor. */
  get chosen(): RecordRow[] {
    if (this.selected.size > 0) return this.rows.filter((row) => this.selected.has(row.id));
    const row = this.rows[this.cursor];
    return row ? [row] : [];
  }

  /** What is shown, all of it, as the app is asked for it. */
  get shownQuery(): RecordsQuery {
    return this.#query(null, 0);
  }

  #query(after: string | null, limit: number): RecordsQuery {
    const table = this.table();
    const byDeleted = keepsDeleted(table) && !this.filter.some((condition) => condition.column === DELETED_AT);
    const kept: Condition[] = byDeleted ? [{ column: DELETED_AT, comparison: this.deleted ? "filled" : "empty", value: null }] : [];
    const own = this.filter.map(({ column, comparison, value }) => ({ column, comparison, value }));
    return {
      table: table.name,
      filter: [...this.fixed, ...own, ...kept],
      sort: this.arrangement.sort,
      search: this.search.trim(),
      after,
      limit,
    };
  }

  /** Reads the list from its beginning: another order, filter or search. */
  async load(): Promise<void> {
    this.cursor = 0;
    this.#anchor = 0;
    this.selected = new Set();
    await this.#read(PAGE_ROWS);
  }

  /** Reads again what stands on the screen, after a change. The cursor and the selection stay on their rows. */
  async reload(): Promise<void> {
    await this.#read(Math.max(PAGE_ROWS, this.visible.last + PAGE_ROWS));
  }

  async #read(count: number): Promise<void> {
    const turn = ++this.#turn;
    const at = this.rows[this.cursor]?.id;
    try {
      const first = await call("records", this.#query(null, Math.min(count, PAGE_ROWS_MAX)));
      const rows = first.rows;
      let next = first.next;
      while (next !== null && rows.length < count && turn === this.#turn) {
        const page = await call("records", this.#query(next, Math.min(count - rows.length, PAGE_ROWS_MAX)));
        rows.push(...page.rows);
        next = page.next;
      }
      if (turn !== this.#turn) return;
      this.#fetching = null;
      this.#next = next;
      this.#tables = first.tables;
      this.rows = rows;
      this.total = first.total ?? rows.length;
      this.problem = null;
      const again = rows.findIndex((row) => row.id === at);
      this.cursor = again >= 0 ? again : Math.min(this.cursor, Math.max(0, rows.length - 1));
      const here = new Set(rows.map((row) => row.id));
      if ([...this.selected].some((id) => !here.has(id))) this.selected = new Set([...this.selected].filter((id) => here.has(id)));
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.problem = problemOf(thrown);
    }
  }

  /** Fetches pages until this row is there. */
  need(index: number): Promise<void> {
    if (index < this.rows.length || this.#next === null) return Promise.resolve();
    this.#fetching ??= this.#more(index).finally(() => (this.#fetching = null));
    return this.#fetching;
  }

  async #more(index: number): Promise<void> {
    const turn = this.#turn;
    try {
      while (this.#next !== null && (this.rows.length <= index || this.rows.length <= this.visible.last)) {
        const far = Math.max(index, this.visible.last) - this.rows.length > PAGE_ROWS;
        const page = await call("records", this.#query(this.#next, far ? PAGE_ROWS_MAX : PAGE_ROWS));
        if (turn !== this.#turn) return;
        this.rows = [...this.rows, ...page.rows];
        this.#next = page.next;
      }
    } catch (thrown) {
      if (turn === this.#turn) this.problem = problemOf(thrown);
    }
  }

  /** Moves the cursor; `extend` selects all rows from where the selection began. */
  async goTo(index: number, extend = false): Promise<void> {
    const last = (this.total ?? this.rows.length) - 1;
    const to = Math.max(0, Math.min(index, last));
    await this.need(to);
    const there = Math.min(to, this.rows.length - 1);
    if (there < 0) return;
    if (!extend) this.#anchor = there;
    this.cursor = there;
    if (!extend) this.selected = new Set();
    else this.selected = new Set(this.rows.slice(Math.min(this.#anchor, there), Math.max(this.#anchor, there) + 1).map((row) => row.id));
  }

  /** Adds a row to the selection or takes it out. */
  toggle(index: number): void {
    const row = this.rows[index];
    if (!row) return;
    const selected = new Set(this.selected);
    if (!selected.delete(row.id)) selected.add(row.id);
    this.selected = selected;
    this.cursor = index;
    this.#anchor = index;
  }

  async selectAll(): Promise<void> {
    await this.need((this.total ?? 1) - 1);
    this.selected = new Set(this.rows.map((row) => row.id));
  }

  clearSelection(): void {
    this.selected = new Set();
    this.#anchor = this.cursor;
  }

  /** The chosen rows as a spreadsheet takes them: a line each, cells by tab, the shown columns with their names above. */
  tsv(names: (column: string) => string): string {
    const table = this.table();
    const columns = this.arrangement.columns.map((name) => columnOf(table, name)).filter((column) => column !== undefined);
    const flat = (text: string) => text.replace(/[\t\r\n]+/g, " ");
    const lines = this.chosen.map((row) =>
      columns.map((column) => flat(cellWords(column, valueOf(table, row, column.name), labelOf(table, row, column.name)))).join("\t"),
    );
    return [columns.map((column) => flat(names(column.name))).join("\t"), ...lines].join("\n");
  }

  #arrange(part: Partial<Arrangement>): void {
    this.arrangement = { ...this.arrangement, ...part };
    keepArrangement(this.table().name, this.arrangement);
  }

  sortBy(column: string, further = false): void {
    this.#arrange({ sort: sortedBy(this.arrangement.sort, column, further) });
    void this.load();
  }

  show(column: string, shown: boolean): void {
    const rest = this.arrangement.columns.filter((name) => name !== column);
    // A list without a column shows nothing to choose by.
    if (shown || rest.length > 0) this.#arrange({ columns: shown ? [...rest, column] : rest });
  }

  move(column: string, by: number): void {
    this.#arrange({ columns: moved(this.arrangement.columns, column, by) });
  }

  resize(column: string, width: number): void {
    this.#arrange({ widths: { ...this.arrangement.widths, [column]: clampWidth(width) } });
  }

  resetColumns(): void {
    this.#arrange({ columns: usualColumns(this.table()), widths: {} });
  }

  /** Shows a saved view. */
  showView(view: Pick<View, "columns" | "widths" | "sort" | "search" | "deleted">, filter: readonly ShownCondition[]): void {
    const { columns, widths, sort } = view;
    this.#arrange({ columns, widths, sort });
    this.filter = filter;
    this.search = view.search;
    this.deleted = view.deleted;
    void this.load();
  }

  setFilter(filter: readonly ShownCondition[]): void {
    this.filter = filter;
    void this.load();
  }

  setSearch(search: string): void {
    if (search === this.search) return;
    this.search = search;
    void this.load();
  }

  setDeleted(deleted: boolean): void {
    this.deleted = deleted;
    void this.load();
  }

  clear(): void {
    this.search = "";
    this.filter = [];
    void this.load();
  }
}
