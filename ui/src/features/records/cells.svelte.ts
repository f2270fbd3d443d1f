// Cells of a list: which ones are chosen, and copying and pasting them as in a spreadsheet.

import { call, problemOf } from "$shared/desktop/desktop";
import type { RecordColumn, RecordRow, SaveRecord } from "$shared/desktop/generated";
import { formatNumber } from "$shared/i18n/format";
import { fold } from "$shared/i18n/letters";
import { LANGUAGES } from "$shared/i18n/language.svelte";
import { errorWords } from "$shared/i18n/words";
import { notify } from "$shared/ui";
import { choiceWords } from "$features/sync/words";
import { m } from "$messages";
import { isBlank } from "./draft";
import type { RecordList } from "./list.svelte";
import type { Records } from "./records.svelte";
import { columnOf, DELETED_AT, isNeeded, labelOf, valueOf } from "./table";
import { parseTsv, tsvOf } from "./tsv";
import { cellWords, columnName, inputText, parse, type Parsed } from "./values";

/** Rows that are changed at once: the app takes no more in one step. */
export const CHANGED_ROWS_MAX = 1_000;
/** Rows that are compared with a pasted name: more than one of the same name is ambiguous anyway. */
const FOUND_MAX = 20;

export class Cells {
  /** Columns by their place in the list, from where the choice began to where it is now; none when whole rows are meant. */
  at = $state.raw<{ from: number; to: number } | null>(null);

  constructor(
    readonly list: RecordList,
    readonly records: Pick<Records, "save">,
  ) {}

  /** The columns of the list. */
  get #columns(): RecordColumn[] {
    const table = this.list.table();
    return this.list.arrangement.columns.map((name) => columnOf(table, name)).filter((column) => column !== undefined);
  }

  /** The chosen columns. */
  get #chosen(): RecordColumn[] {
    if (!this.at) return [];
    return this.#columns.slice(Math.min(this.at.from, this.at.to), Math.max(this.at.from, this.at.to) + 1);
  }

  /** Whether a cell is among the chosen ones. */
  has(row: RecordRow, index: number, place: number): boolean {
    if (!this.at || place < Math.min(this.at.from, this.at.to) || place > Math.max(this.at.from, this.at.to)) return false;
    return this.list.selected.size > 0 ? this.list.selected.has(row.id) : index === this.list.cursor;
  }

  /** Goes left or right. Left of the first cell is the whole row. */
  move(by: number, extend: boolean): void {
    const to = Math.min((this.at?.to ?? -1) + by, this.#columns.length - 1);
    if (to < 0) return extend ? undefined : this.clear();
    this.set(to, extend);
  }

  set(place: number, extend = false): void {
    this.at = { from: extend ? (this.at?.from ?? place) : place, to: place };
  }

  clear(): void {
    this.at = null;
  }

  /** The chosen cells as a spreadsheet takes them, and as {@link paste} reads them. */
  text(): string {
    const table = this.list.table();
    return tsvOf(
      this.list.chosen.map((row) =>
        this.#chosen.map((column) => {
          const value = valueOf(table, row, column.name);
          const isWord = ["choice", "bool", "reference", "json"].includes(column.kind);
          return isWord ? cellWords(column, value, labelOf(table, row, column.name)) : inputText(column, value);
        }),
      ),
    );
  }

  /** Pastes cells from the first chosen one on; one value fills all that are chosen. All are stored in one step, or none. */
  async paste(text: string): Promise<void> {
    const lines = parseTsv(text);
    if (lines.length === 0) return;
    if (!this.at) return say(m.records_paste_where());
    const target = await this.#target(lines);
    if (typeof target === "string") return say(target);
    const { rows, columns } = target;
    const changes: SaveRecord[] = [];
    for (const [index, row] of rows.entries()) {
      const fields: Record<string, unknown> = {};
      for (const [place, column] of columns.entries()) {
        const line = lines[index % lines.length];
        const read = await this.#read(column, line[place % line.length] ?? "");
        if ("wrong" in read) return say(m.records_paste_wrong({ row: row.label, column: columnName(column), reason: read.wrong }));
        if (read.value !== valueOf(this.list.table(), row, column.name)) fields[column.name] = read.value;
      }
      if (Object.keys(fields).length > 0) changes.push({ id: row.id, fields });
    }
    if (changes.length === 0) return void notify(m.records_paste_same());
    try {
      await this.records.save(this.list.table().name, changes, m.records_changed({ count: changes.length }));
    } catch (thrown) {
      const { code, fields } = problemOf(thrown);
      const column = columnOf(this.list.table(), fields?.[0] ?? "");
      say(m.records_paste_refused({ reason: `${column ? `${columnName(column)}: ` : ""}${errorWords(code)}` }));
    }
  }

  /** The rows and columns that are pasted over, or why that is not possible. */
  async #target(lines: readonly string[][]): Promise<{ rows: readonly RecordRow[]; columns: RecordColumn[] } | string> {
    const width = Math.max(...lines.map((line) => line.length));
    const chosen = this.list.chosen;
    const isOne = lines.length === 1 && width === 1;
    const first = this.list.rows.indexOf(chosen[0]);
    const count = isOne ? chosen.length : lines.length;
    if (count > CHANGED_ROWS_MAX) return m.records_too_many({ max: formatNumber(CHANGED_ROWS_MAX, 0) });
    await this.list.need(first + count - 1);
    const left = Math.min(this.at!.from, this.at!.to);
    const rows = isOne ? chosen : this.list.rows.slice(first, first + count);
    const columns = isOne ? this.#chosen : this.#columns.slice(left, left + width);
    if (rows.length < count || columns.length < (isOne ? 1 : width)) return m.records_paste_outside();
    const fixed = columns.find((column) => !column.changeable || column.kind === "json" || column.name === DELETED_AT);
    return fixed ? m.records_paste_fixed({ column: columnName(fixed) }) : { rows, columns };
  }

  /** What a pasted text means in a column. */
  async #read(column: RecordColumn, text: string): Promise<Parsed> {
    const plain = text.trim();
    if (plain === "") {
      if (isNeeded(this.list.table(), column)) return { wrong: m.records_wrong_needed() };
      return column.optional
        ? { value: null }
        : column.kind === "text" || column.kind === "long_text"
          ? { value: "" }
          : { wrong: m.records_wrong_needed() };
    }
    if (column.kind === "choice")
      return wordRead(
        plain,
        column.choices.map((code) => [code, code, ...LANGUAGES.map((each) => choiceWords(code, each.code))]),
      );
    if (column.kind === "bool") {
      const yes = LANGUAGES.map((each) => m.sync_value_yes({}, { locale: each.code }));
      const no = LANGUAGES.map((each) => m.sync_value_no({}, { locale: each.code }));
      return wordRead(plain, [
        [true, "true", ...yes],
        [false, "false", ...no],
      ]);
    }
    if (column.kind === "reference") return this.#referred(column, plain);
    const read = parse(column, text);
    return isBlank("value" in read ? read.value : 1) ? { wrong: m.records_import_bad({ value: plain }) } : read;
  }

  /** The one row of the other table that has this name. */
  async #referred(column: RecordColumn, name: string): Promise<Parsed> {
    try {
      const found = await call("find_references", { table: column.refers_to, search: name, limit: FOUND_MAX });
      const same = found.filter((row) => fold(row.label) === fold(name));
      if (same.length === 1) return { value: same[0].id };
      return { wrong: same.length === 0 ? m.records_import_not_found({ value: name }) : m.records_import_several({ value: name }) };
    } catch (thrown) {
      return { wrong: errorWords(problemOf(thrown).code) };
    }
  }
}

/** The value of which one of the words is meant, in any language. */
function wordRead(text: string, known: readonly (readonly [unknown, ...string[]])[]): Parsed {
  const found = known.find(([, ...words]) => words.some((word) => fold(word) === fold(text)));
  return found ? { value: found[0] } : { wrong: m.records_import_bad({ value: text }) };
}

function say(why: string): void {
  notify(why, undefined, "bad");
}
