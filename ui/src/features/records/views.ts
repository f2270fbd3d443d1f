// Saved views: a name for how a list is arranged, searched and filtered. Kept on this computer for the person who saved them.
// A condition is kept with the id of the row that it names and without its label: names of people are not written down beside
// the encrypted database.

import type { Condition, RecordTable, SortBy } from "$shared/desktop/generated";
import { arrangementFrom, type Arrangement } from "./arrangement";
import { columnAt } from "./table";

export interface View {
  name: string;
  columns: string[];
  widths: Record<string, number>;
  sort: SortBy[];
  filter: Condition[];
  search: string;
  deleted: boolean;
}

/** Views of one table. */
export const VIEWS_MAX = 30;
export const VIEW_NAME_MAX = 60;

const KEY = "waystation.records.views.";

type TableOf = (name: string) => RecordTable | undefined;

const keyOf = (table: string, person: string) => `${KEY}${person}.${table}`;

/** The views of a table that this person saved, by name. What their tables no longer have is left out. */
export function viewsOf(table: RecordTable, person: string, tableOf: TableOf, storage: Pick<Storage, "getItem"> = localStorage): View[] {
  try {
    const kept: unknown = JSON.parse(storage.getItem(keyOf(table.name, person)) ?? "[]");
    if (!Array.isArray(kept)) return [];
    return kept
      .filter((view) => typeof view?.name === "string" && view.name !== "")
      .map((view: Partial<View>) => viewFrom(table, view, tableOf));
  } catch {
    // What cannot be read is as if nothing had been saved.
    return [];
  }
}

function viewFrom(table: RecordTable, kept: Partial<View>, tableOf: TableOf): View {
  const filter = Array.isArray(kept.filter)
    ? kept.filter.filter((by) => typeof by?.column === "string" && columnAt(table, by.column, tableOf))
    : [];
  return {
    ...arrangementFrom(table, kept),
    name: String(kept.name),
    filter,
    search: typeof kept.search === "string" ? kept.search : "",
    deleted: kept.deleted === true,
  };
}

/** Whether the views could be kept: a full or closed storage refuses. */
export function keepViews(
  table: string,
  person: string,
  views: readonly View[],
  storage: Pick<Storage, "setItem"> = localStorage,
): boolean {
  try {
    storage.setItem(keyOf(table, person), JSON.stringify(views));
    return true;
  } catch {
    return false;
  }
}

/** What a list shows now, under a name. */
export function viewNamed(
  name: string,
  shown: { arrangement: Arrangement; filter: readonly Condition[]; search: string; deleted: boolean },
): View {
  const filter = shown.filter.map(({ column, comparison, value }) => ({ column, comparison, value }));
  return { ...shown.arrangement, name, filter, search: shown.search.trim(), deleted: shown.deleted };
}

/** Whether a list shows this view. Widths do not count: a column that was made wider is still the same view. */
export function isShown(view: View, shown: Parameters<typeof viewNamed>[1]): boolean {
  const what = ({ columns, sort, filter, search, deleted }: View) => JSON.stringify([columns, sort, filter, search, deleted]);
  return what(view) === what(viewNamed(view.name, shown));
}

/** The views with one more, by name; one of the same name is replaced. */
export function withView(views: readonly View[], view: View): View[] {
  const rest = views.filter(({ name }) => name !== view.name).slice(0, VIEWS_MAX - 1);
  return [...rest, view].sort((a, b) => a.name.localeCompare(b.name));
}
