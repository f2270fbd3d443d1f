// Lists as files and files as lists: what the app has to know of the screen's words.

import { call } from "$shared/desktop/desktop";
import type { FileFormat, ImportProblem, RecordTable, ValueWords } from "$shared/desktop/generated";
import { LANGUAGES, language, type Language } from "$shared/i18n/language.svelte";
import { errorWords } from "$shared/i18n/words";
import { notify, notifyProblem } from "$shared/ui";
import { choiceWords } from "$features/sync/words";
import { m } from "$messages";
import type { RecordList } from "./list.svelte";
import { columnOf } from "./table";
import { columnName } from "./values";
import { tableWords } from "./words";

/** The column by which a row is found again in a file, whatever its name is by then. */
export const ID = "id";

/** What a language calls the values of a table. */
export function wordsOfValues(table: RecordTable, locale: Language): ValueWords {
  const choices = table.columns.filter((column) => column.kind === "choice");
  const words = (codes: readonly string[]) => Object.fromEntries(codes.map((code) => [code, choiceWords(code, locale)]));
  return {
    yes: m.sync_value_yes({}, { locale }),
    no: m.sync_value_no({}, { locale }),
    choices: Object.fromEntries(choices.map((column) => [column.name, words(column.choices)])),
  };
}

/** The titles of a table's columns in a language, by column. */
export function titlesOf(table: RecordTable, locale: Language): Record<string, string> {
  const titles = table.columns.map((column) => [column.name, columnName(column, locale)]);
  return { ...Object.fromEntries(titles), [ID]: m.records_id({}, { locale }) };
}

/** The same of every language: a file may be written in any of them. */
export function inEveryLanguage<Words>(words: (table: RecordTable, locale: Language) => Words, table: RecordTable): Words[] {
  return LANGUAGES.map(({ code }) => words(table, code));
}

/** Writes a list to a file as it is shown, and says where the file is. */
export async function exportList(list: RecordList, format: FileFormat, withId: boolean): Promise<void> {
  const table = list.table();
  const titles = titlesOf(table, language());
  const columns = [...(withId ? [ID] : []), ...list.arrangement.columns.filter((name) => columnOf(table, name))];
  try {
    const { path } = await call("export_records", {
      query: list.shownQuery,
      title: tableWords(table.name),
      columns,
      titles: columns.map((name) => titles[name]),
      words: wordsOfValues(table, language()),
      format,
    });
    const copy = () => void navigator.clipboard.writeText(path).then(() => notify(m.records_copied()), notifyProblem);
    notify(m.records_export_done({ path }), { label: m.records_export_copy(), run: copy });
  } catch (thrown) {
    notifyProblem(thrown);
  }
}

/** Why a cell is refused. */
export function problemWords({ column, code, value, other_line }: ImportProblem): string {
  if (code === "taken" && other_line !== null) return m.records_import_twice({ line: other_line });
  if (code === "bad_value" && column === "") return m.records_import_bad_line();
  if (code === "missing_value") return m.records_import_needed();
  if (value === "") return errorWords(code);
  if (code === "bad_value") return m.records_import_bad({ value });
  if (code === "missing_reference" || code === "not_found") return m.records_import_not_found({ value });
  if (code === "several_fit") return m.records_import_several({ value });
  return code === "taken" ? m.records_import_taken({ value }) : errorWords(code);
}
