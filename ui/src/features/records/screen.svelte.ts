// What the keys and buttons of a list do.

import { problemOf } from "$shared/desktop/desktop";
import type { Deletion, RecordRow } from "$shared/desktop/generated";
import { formatNumber } from "$shared/i18n/format";
import { go } from "$shared/router/router.svelte";
import { notify, notifyProblem } from "$shared/ui";
import { columnWords } from "$features/sync/words";
import { m } from "$messages";
import { Cells, CHANGED_ROWS_MAX } from "./cells.svelte";
import { isTyping, listCommand, screenCommand, type ListCommand } from "./keys";
import type { RecordList } from "./list.svelte";
import type { Records } from "./records.svelte";
import { isNothing, mayRemove, whatGoes } from "./remove";
import { columnOf } from "./table";
import { columnName } from "./values";

/** A dialog that closes gives the focus back within this time. */
const BACK_MS = 50;

/** What the commands need of the screen. */
interface Place {
  open: (id: string) => void;
  opened: () => string | undefined;
  editPane: () => void;
  grid: () => HTMLElement | undefined;
  finder: () => HTMLInputElement | undefined;
  clipboard: () => HTMLTextAreaElement | undefined;
  pageRows: () => number;
}

export class ScreenCommands {
  /** Rows about to be deleted, with what goes with them. */
  removing = $state.raw<{ ids: string[]; name: string; deletion: Deletion } | null>(null);
  /** Rows about to be changed at once. */
  changing = $state.raw<RecordRow[] | null>(null);
  readonly cells: Cells;

  constructor(
    readonly records: Records,
    readonly list: RecordList,
    readonly place: Place,
  ) {
    this.cells = new Cells(list, records);
  }

  /** A key anywhere on the screen. */
  windowKey(event: KeyboardEvent): void {
    if (event.defaultPrevented || isTyping(event.target) || isAbove(event.target)) return;
    const command = screenCommand(event);
    if (!command) return;
    event.preventDefault();
    this.run(command);
  }

  /** A key in the rows. */
  gridKey(event: KeyboardEvent): void {
    // A click leaves the focus on a row; keys of buttons and links stay theirs.
    if (event.target instanceof Element && event.target.closest("button, a, input")) return;
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      event.preventDefault();
      return this.cells.move(event.key === "ArrowRight" ? 1 : -1, event.shiftKey);
    }
    const command = listCommand(event);
    if (!command) return;
    // The engine copies and pastes by itself, from and into the hidden field that has the focus meanwhile.
    if (command.do !== "copy" && command.do !== "paste") event.preventDefault();
    this.run(command);
  }

  /** A key in the search field: down goes to the rows. */
  finderKey(event: KeyboardEvent): void {
    if (event.key !== "Escape" && event.key !== "ArrowDown" && event.key !== "Enter") return;
    event.preventDefault();
    if (event.key === "Escape" && this.list.search !== "") this.list.setSearch("");
    else this.place.grid()?.focus();
  }

  run(command: ListCommand): void {
    const { list } = this;
    const row = list.rows[list.cursor];
    switch (command.do) {
      case "move":
        return void this.#goTo(list.cursor + command.by, command.extend);
      case "page":
        return void this.#goTo(list.cursor + command.direction * this.place.pageRows(), command.extend);
      case "edge":
        return void this.#goTo(command.end ? (list.total ?? 1) - 1 : 0, command.extend);
      case "open":
        return row && this.place.open(row.id);
      case "edit":
        return this.place.editPane();
      case "new":
        return list.table().may_insert ? this.records.create(list.table().name) : undefined;
      case "remove":
        return void this.removeChosen();
      case "undo":
        return void this.records.undo();
      case "redo":
        return void this.records.redo();
      case "find":
        return this.place.finder()?.select();
      case "all":
        return void list.selectAll();
      case "toggle":
        this.cells.clear();
        return list.toggle(list.cursor);
      case "copy":
        return this.copy();
      case "paste":
        return list.table().may_change ? this.#lend("") : undefined;
      case "leave":
        if (list.selected.size > 0) list.clearSelection();
        else if (this.cells.at) this.cells.clear();
        else if (this.place.opened() !== undefined) go({ name: "records", table: list.table().name }, { replace: true });
    }
  }

  /** An open pane follows the cursor. */
  async #goTo(index: number, extend: boolean): Promise<void> {
    await this.list.goTo(index, extend);
    const row = this.list.rows[this.list.cursor];
    if (row && !extend && this.place.opened() !== undefined) this.place.open(row.id);
  }

  /** Copies the chosen cells, or else the chosen rows with the names of the columns. */
  copy(whole = false): void {
    if (this.cells.at && !whole) return this.#lend(this.cells.text());
    const table = this.list.table();
    const titled = (name: string) => {
      const column = columnOf(table, name);
      return column ? columnName(column) : columnWords(name);
    };
    this.#lend(this.list.tsv(titled));
  }

  /** The hidden field is copied: as it is, since the engine would join the lines of a field that is not shown. */
  copied(event: ClipboardEvent): void {
    const field = this.place.clipboard();
    if (!field || !event.clipboardData) return;
    event.preventDefault();
    event.clipboardData.setData("text/plain", field.value);
  }

  /** Something is pasted into the hidden field. */
  pasted(event: ClipboardEvent): void {
    event.preventDefault();
    this.place.grid()?.focus({ preventScroll: true });
    void this.cells.paste(event.clipboardData?.getData("text/plain") ?? "");
  }

  /** Gives the focus to the hidden field for the engine to copy from or to paste into, and takes it back. */
  #lend(text: string): void {
    const field = this.place.clipboard();
    if (!field) return;
    field.value = text;
    field.focus({ preventScroll: true });
    field.select();
    setTimeout(() => {
      if (document.activeElement === field) this.place.grid()?.focus({ preventScroll: true });
    }, 100);
  }

  /** Copies by a button, where no key press does it. */
  copyNow(): void {
    this.copy(true);
    document.execCommand("copy");
    notify(m.records_copied());
  }

  change(): void {
    const rows = this.list.chosen;
    if (rows.length > CHANGED_ROWS_MAX) notify(m.records_too_many({ max: formatNumber(CHANGED_ROWS_MAX, 0) }), undefined, "bad");
    else this.changing = rows;
  }

  stopChange(): void {
    this.changing = null;
    this.back();
  }

  removeChosen(): Promise<void> {
    return this.#ask(this.list.chosen);
  }

  /** Deletes one row, which need not be in the list any more. */
  remove(id: string): Promise<void> {
    const row = this.list.rows.find((each) => each.id === id);
    return row ? this.#ask([row]) : this.#ask([{ id, label: "" } as RecordRow]);
  }

  async #ask(rows: RecordRow[]): Promise<void> {
    const table = this.list.table();
    if (rows.length === 0 || !mayRemove(table)) return;
    const name = rows.length === 1 && rows[0].label ? rows[0].label : m.records_count({ count: rows.length });
    try {
      const deletion = await whatGoes(table, rows);
      this.removing = { ids: rows.map((row) => row.id), name, deletion };
      if (isNothing(deletion)) {
        const asked = this.removing;
        this.removing = null;
        await this.#remove(asked.ids, asked.name);
      }
    } catch (thrown) {
      notifyProblem(thrown);
    }
  }

  async confirmRemove(): Promise<void> {
    const asked = this.removing;
    if (asked) await this.#remove(asked.ids, asked.name);
  }

  stopRemove(): void {
    this.removing = null;
    this.back();
  }

  async #remove(ids: string[], name: string): Promise<void> {
    try {
      await this.records.remove(this.list.table().name, ids, m.records_deleted({ name }));
      this.list.clearSelection();
      const opened = this.place.opened();
      if (opened !== undefined && ids.includes(opened)) go({ name: "records", table: this.list.table().name }, { replace: true });
      this.back();
    } catch (thrown) {
      if (problemOf(thrown).code !== "locked") notifyProblem(thrown);
    }
  }

  /** The focus goes back to the rows when what had it is gone, also where the window has put it on the page meanwhile. */
  back(): void {
    setTimeout(() => {
      const at = document.activeElement;
      if (!at || at === document.body || at.id === "content") this.place.grid()?.focus({ preventScroll: true });
    }, BACK_MS);
  }
}

/** Whether a key belongs to a dialog or a menu above the screen. */
function isAbove(target: EventTarget | null): boolean {
  return target instanceof Element && target.closest("[role=dialog], [role=listbox], [role=menu]") !== null;
}
