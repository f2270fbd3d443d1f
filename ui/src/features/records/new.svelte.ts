// The form for a new row: what it needs first, the rest on demand; likely doubles are shown before it is made.

import { SvelteMap } from "svelte/reactivity";
import { call, problemOf } from "$shared/desktop/desktop";
import type { Named, Problem, RecordColumn, RecordTable } from "$shared/desktop/generated";
import { errorWords } from "$shared/i18n/words";
import { m } from "$messages";
import { draftOf, isBlank, readDraft, type Draft } from "./draft";
import type { NewRow, Records } from "./records.svelte";
import { columnOf, isNeeded, newColumns } from "./table";

/** Doubles that are shown. */
const DOUBLES_MAX = 3;
/** A shorter name is found everywhere. */
const DOUBLE_LETTERS_MIN = 3;

export class NewForm {
  readonly drafts = new SvelteMap<string, Draft>();
  readonly wrongs = new SvelteMap<string, string>();
  more = $state(false);
  busy = $state(false);
  doubles = $state.raw<Named[]>([]);
  /** A problem that is not about one field. */
  problem = $state.raw<Problem | null>(null);
  readonly columns: { first: RecordColumn[]; more: RecordColumn[] };
  #turn = 0;

  constructor(
    readonly records: Pick<Records, "save">,
    readonly table: RecordTable,
    readonly preset: NewRow["preset"],
  ) {
    const { first, more } = newColumns(table);
    const isPreset = (column: RecordColumn) => column.name in preset;
    this.columns = { first: [...first, ...more.filter(isPreset)], more: more.filter((column) => !isPreset(column)) };
    for (const column of [...first, ...more]) {
      const given = preset[column.name];
      this.drafts.set(column.name, given ? draftOf(column, given.value, given.label ?? null) : draftOf(column, column.default));
    }
    if (this.columns.first.length === 0) this.more = true;
  }

  draft(column: RecordColumn): Draft {
    return this.drafts.get(column.name) ?? draftOf(column, null);
  }

  isNeeded(column: RecordColumn): boolean {
    return isNeeded(this.table, column);
  }

  type(column: RecordColumn, draft: Draft): void {
    this.drafts.set(column.name, draft);
    this.wrongs.delete(column.name);
    this.problem = null;
    // A double is another one after another name.
    if (this.doubles.length > 0 && this.table.label.includes(column.name)) this.doubles = [];
  }

  /** A field was left: looks for doubles of what names the row. */
  async leave(column: RecordColumn): Promise<void> {
    const draft = this.draft(column);
    const read = readDraft(column, draft);
    if ("wrong" in read) return void this.wrongs.set(column.name, read.wrong);
    if (!this.table.label.includes(column.name) || (column.kind !== "text" && column.kind !== "long_text")) return;
    const search = draft.text.trim();
    const turn = ++this.#turn;
    if ([...search].length < DOUBLE_LETTERS_MIN) return void (this.doubles = []);
    try {
      const found = await call("find_references", { table: this.table.name, search, limit: DOUBLES_MAX });
      if (turn === this.#turn) this.doubles = found;
    } catch {
      // Without the hint the row is made all the same.
    }
  }

  /** The values to send; none when something is missing or wrong, which is then shown at its field. */
  read(): Record<string, unknown> | null {
    const fields: Record<string, unknown> = {};
    for (const column of [...this.columns.first, ...this.columns.more]) {
      const read = readDraft(column, this.draft(column));
      if ("wrong" in read) this.wrongs.set(column.name, read.wrong);
      else if (isBlank(read.value) && this.isNeeded(column)) this.wrongs.set(column.name, m.records_wrong_needed());
      else if (column.name in this.preset || JSON.stringify(read.value) !== JSON.stringify(column.default ?? null)) {
        // What may not be empty and was left so takes its default.
        if (!(isBlank(read.value) && !column.optional)) fields[column.name] = read.value;
      }
    }
    return this.wrongs.size > 0 ? null : fields;
  }

  /** Makes the row. Returns its id and label, or nothing when it was refused. */
  async create(): Promise<{ id: string; label: string } | null> {
    if (this.busy) return null;
    this.problem = null;
    const fields = this.read();
    if (fields === null) return this.#showWrong();
    this.busy = true;
    try {
      const label = this.#label();
      const [id] = await this.records.save(this.table.name, [{ id: null, fields }], m.records_made({ name: label }));
      return { id, label };
    } catch (thrown) {
      const problem = problemOf(thrown);
      const at = problem.fields?.find((name) => columnOf(this.table, name)?.given);
      if (at) this.wrongs.set(at, errorWords(problem.code));
      else this.problem = problem;
      return this.#showWrong();
    } finally {
      this.busy = false;
    }
  }

  #showWrong(): null {
    if (this.columns.more.some((column) => this.wrongs.has(column.name))) this.more = true;
    return null;
  }

  #label(): string {
    const parts = this.table.label.map((name) => {
      const column = columnOf(this.table, name);
      const draft = this.drafts.get(name);
      return column && draft ? (column.kind === "reference" ? draft.label : draft.text) : "";
    });
    return parts.filter(Boolean)[0] ?? "";
  }
}
