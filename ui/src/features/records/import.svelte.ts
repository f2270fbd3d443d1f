// Importing a file in three steps: the file, its columns, and what becomes of each row. Nothing is stored before the last
// button, and then all rows are, or none.

import { call, problemOf } from "$shared/desktop/desktop";
import type { ImportFate, ImportFile, ImportLine, ImportReport, Problem, RecordColumn, RecordTable } from "$shared/desktop/generated";
import { formatNumber } from "$shared/i18n/format";
import { m } from "$messages";
import { ID, inEveryLanguage, titlesOf, wordsOfValues } from "./files";
import type { Records } from "./records.svelte";

/** The app takes no larger file; it is not read to be refused then. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;
/** What needs a decision comes first. */
export const FATES: readonly ImportFate[] = ["refused", "changed", "new", "same"];

export class ImportForm {
  step = $state<"file" | "columns" | "rows">("file");
  file = $state.raw<ImportFile | null>(null);
  name = $state("");
  /** For each column of the file the column of the table that it fills; empty for one that is left out. */
  mapping = $state.raw<readonly string[]>([]);
  clearEmpty = $state(false);
  report = $state.raw<ImportReport | null>(null);
  /** The rows that are listed. */
  fate = $state<ImportFate>("new");
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  #content = "";

  constructor(
    readonly records: Pick<Records, "imported">,
    readonly table: RecordTable,
  ) {}

  /** The columns that a file may fill. */
  get targets(): RecordColumn[] {
    return this.table.columns.filter((column) => column.given);
  }

  get mayCheck(): boolean {
    return this.file !== null && this.file.rows > 0 && this.mapping.some((name) => name !== "" && name !== ID);
  }

  /** Rows that would be stored. */
  get toStore(): number {
    return this.report && this.report.refused === 0 ? this.report.new + this.report.changed : 0;
  }

  count(fate: ImportFate): number {
    return this.report?.[fate] ?? 0;
  }

  get lines(): readonly ImportLine[] {
    return this.report?.lines.filter((line) => line.fate === this.fate) ?? [];
  }

  /** Reads a file and matches its columns by their titles. */
  async take(file: File): Promise<void> {
    await this.#run(async () => {
      if (file.size > FILE_BYTES_MAX) return void (this.problem = { code: "file_too_large", message: file.name, retryable: false });
      const content = await base64Of(file);
      const titles = inEveryLanguage(titlesOf, this.table);
      const read = await call("read_import", { table: this.table.name, name: file.name, content, titles });
      this.#content = content;
      this.name = file.name;
      this.file = read;
      this.mapping = read.columns.map(({ column }) => column);
      this.report = null;
      this.step = "columns";
    });
  }

  /** Lets a column of the file fill one of the table. Each is filled once: what filled it before is left out. */
  assign(index: number, name: string): void {
    this.mapping = this.mapping.map((before, each) => (each === index ? name : name !== "" && before === name ? "" : before));
  }

  back(): void {
    this.step = this.step === "rows" ? "columns" : "file";
    this.problem = null;
  }

  /** Asks what would become of each row. */
  async check(): Promise<void> {
    await this.#run(async () => this.#show(await this.#import(true)));
  }

  /** Imports all rows. Returns whether they are stored; what was refused meanwhile is shown. */
  async store(): Promise<boolean> {
    let stored = false;
    await this.#run(async () => {
      const report = await this.#import(false);
      stored = report.stored;
      if (!stored) return this.#show(report);
      const [added, changed] = [report.new, report.changed].map((count) => formatNumber(count, 0));
      this.records.imported(report.undo, m.records_import_done({ added, changed }));
    });
    return stored;
  }

  #show(report: ImportReport): void {
    this.report = report;
    this.fate = FATES.find((fate) => report[fate] > 0) ?? "new";
    this.step = "rows";
  }

  #import(dry_run: boolean): Promise<ImportReport> {
    return call("import_records", {
      table: this.table.name,
      name: this.name,
      content: this.#content,
      first_line: this.file?.first_line ?? 1,
      mapping: [...this.mapping],
      words: inEveryLanguage(wordsOfValues, this.table),
      clear_empty: this.clearEmpty,
      dry_run,
    });
  }

  async #run(work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      await work();
    } catch (thrown) {
      this.problem = problemOf(thrown);
    } finally {
      this.busy = false;
    }
  }
}

/** The bytes of a file in base64. */
function base64Of(file: File): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => done(String(reader.result).replace(/^data:[^,]*,/, ""));
    reader.onerror = () => failed({ code: "unreadable_file", message: file.name, retryable: false } satisfies Problem);
    reader.readAsDataURL(file);
  });
}
