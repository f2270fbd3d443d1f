// The opened row as a form: every field is stored by itself as it is left. What was typed and refused stays in its input.

import { SvelteMap, SvelteSet } from "svelte/reactivity";
import { problemOf } from "$shared/desktop/desktop";
import { beforeLeaving } from "$shared/desktop/leaving";
import type { OpenedRecord, RecordColumn, RecordTable } from "$shared/desktop/generated";
import { errorWords } from "$shared/i18n/words";
import { notifyProblem } from "$shared/ui";
import { m } from "$messages";
import { draftOf, isBlank, readDraft, type Draft } from "./draft";
import type { Records } from "./records.svelte";
import { columnOf, DELETED_AT, isNeeded, labelOf, valueOf } from "./table";

export class PaneForm {
  readonly drafts = new SvelteMap<string, Draft>();
  readonly wrongs = new SvelteMap<string, string>();
  readonly saving = new SvelteSet<string>();

  /** `opened` is the row as the app last sent it, `reload` asks for it again. */
  constructor(
    readonly records: Pick<Records, "save">,
    readonly table: () => RecordTable,
    readonly opened: () => OpenedRecord | null,
    readonly reload: () => Promise<void>,
  ) {}

  /** Stores what is typed before the person locks. Returns a function that stops it. */
  follow(): () => void {
    const stop = beforeLeaving(() => this.leaveAll());
    return () => {
      stop();
      void this.leaveAll();
    };
  }

  draft(column: RecordColumn): Draft {
    const kept = this.drafts.get(column.name);
    if (kept) return kept;
    const row = this.opened()?.row;
    return row ? draftOf(column, valueOf(this.table(), row, column.name), labelOf(this.table(), row, column.name)) : draftOf(column, null);
  }

  mayChange(column: RecordColumn): boolean {
    const opened = this.opened();
    return (
      column.changeable &&
      column.kind !== "json" &&
      column.name !== DELETED_AT &&
      !!opened?.may_change &&
      !opened.not_given.includes(column.name)
    );
  }

  /** Something is typed or chosen. */
  type(column: RecordColumn, draft: Draft): void {
    this.drafts.set(column.name, draft);
    this.wrongs.delete(column.name);
  }

  /** Takes back what is typed. */
  cancel(column: RecordColumn): void {
    this.drafts.delete(column.name);
    this.wrongs.delete(column.name);
  }

  async leaveAll(): Promise<void> {
    for (const name of [...this.drafts.keys()]) {
      const column = columnOf(this.table(), name);
      if (column) await this.leave(column);
    }
  }

  /** Stores a field, when what stands there is another value. */
  async leave(column: RecordColumn): Promise<void> {
    const draft = this.drafts.get(column.name);
    const row = this.opened()?.row;
    if (!draft || !row || this.saving.has(column.name)) return;
    const read = readDraft(column, draft);
    if ("wrong" in read) return void this.wrongs.set(column.name, read.wrong);
    if (isBlank(read.value) && (isNeeded(this.table(), column) || (!column.optional && read.value === null))) {
      return void this.wrongs.set(column.name, m.records_wrong_needed());
    }
    if (read.value === valueOf(this.table(), row, column.name)) return this.cancel(column);
    this.saving.add(column.name);
    try {
      await this.records.save(this.table().name, [{ id: row.id, fields: { [column.name]: read.value } }], m.records_saved());
      // The new value is there before the draft goes, so that the old one is not seen once more.
      await this.reload();
      if (this.drafts.get(column.name) === draft) this.cancel(column);
    } catch (thrown) {
      const { code, fields } = problemOf(thrown);
      const at = fields?.find((name) => columnOf(this.table(), name)) ?? column.name;
      this.wrongs.set(at, errorWords(code));
      if (code === "locked") notifyProblem(thrown);
    } finally {
      this.saving.delete(column.name);
    }
  }
}
