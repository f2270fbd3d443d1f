// The command palette: screens, lists, rows of any table and new rows, found by typing.

import { call } from "$shared/desktop/desktop";
import type { Home, Named, RecordTable } from "$shared/desktop/generated";
import { fold } from "$shared/i18n/letters";
import { go, type Route } from "$shared/router/router.svelte";
import type { Records } from "$features/records/records.svelte";
import { newWords, rowWords, tableWords } from "$features/records/words";
import { m } from "$messages";

/** What the palette offers. */
export interface Entry {
  /** Distinct within the palette. */
  id: string;
  group: "list" | "screens" | "tables" | "rows" | "actions";
  label: string;
  /** What kind of thing it is. */
  hint: string;
  table?: RecordTable;
  run: () => void;
}

/** A search begins when typing rests so long. */
export const REST_MS = 120;
/** Rows of one table, and of all. */
export const ROWS_OF_TABLE_MAX = 5;
export const ROWS_MAX = 30;
/** Tables that are asked at the same time. */
const TABLES_AT_ONCE = 4;
/** One letter is in most names: it finds screens and lists alone. */
const LETTERS_MIN = 2;

export class Palette {
  open = $state(false);
  query = $state("");
  rows = $state.raw<readonly Entry[]>([]);
  searching = $state(false);
  #at = $state(0);
  #turn = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly records: Pick<Records, "tables" | "create" | "offers">,
    readonly home: () => Home | null,
  ) {}

  /** Entries that contain every typed word, best groups first. */
  readonly entries: readonly Entry[] = $derived.by(() => {
    const words = fold(this.query).split(/\s+/).filter(Boolean);
    const fits = (entry: Entry) => words.every((word) => fold(entry.label).includes(word));
    const tables = this.records.tables.data ?? [];
    const lists = tables.filter((table) => words.length > 0 || table.part_of === null).map((table) => this.#list(table));
    const actions = tables
      .filter((table) => table.may_insert && (words.length > 0 || table.part_of === null))
      .map((table) => this.#new(table));
    const offers = this.records.offers.map((offer): Entry => ({ ...offer, id: `list-${offer.id}`, group: "list", hint: "" }));
    return [
      ...offers.filter(fits),
      ...this.#screens().filter(fits),
      ...lists.filter(fits),
      ...(words.length > 0 ? this.rows : []),
      ...actions.filter(fits),
    ];
  });

  /** The entry that Enter takes. */
  get at(): number {
    return Math.min(this.#at, Math.max(0, this.entries.length - 1));
  }

  show(): void {
    this.open = true;
    this.type("");
  }

  type(query: string): void {
    this.query = query;
    this.#at = 0;
    this.#turn += 1;
    clearTimeout(this.#timer);
    this.searching = [...query.trim()].length >= LETTERS_MIN;
    if (this.searching) this.#timer = setTimeout(() => void this.#search(query.trim()), REST_MS);
    else this.rows = [];
  }

  move(by: number): void {
    const count = this.entries.length;
    if (count > 0) this.#at = (this.at + by + count) % count;
  }

  point(index: number): void {
    this.#at = index;
  }

  choose(entry = this.entries[this.at]): void {
    if (!entry) return;
    this.open = false;
    entry.run();
  }

  /** Asks the tables for rows; what comes first is shown first, in the order of the tables. */
  async #search(search: string): Promise<void> {
    const turn = ++this.#turn;
    const tables = [...(this.records.tables.data ?? [])].filter((table) => table.rows > 0);
    tables.sort((a, b) => Number(a.part_of !== null) - Number(b.part_of !== null));
    let found: Entry[] = [];
    for (let from = 0; from < tables.length && found.length < ROWS_MAX; from += TABLES_AT_ONCE) {
      const some = tables.slice(from, from + TABLES_AT_ONCE);
      // A table that cannot be searched now hides no other.
      const answers = await Promise.all(
        some.map((table) => call("find_references", { table: table.name, search, limit: ROWS_OF_TABLE_MAX }).catch(() => [])),
      );
      if (turn !== this.#turn) return;
      found = [...found, ...answers.flatMap((rows, index) => rows.map((row) => this.#row(some[index], row)))].slice(0, ROWS_MAX);
      this.rows = found;
    }
    this.rows = found;
    this.searching = false;
  }

  #screens(): Entry[] {
    const screen = (label: string, hint: string, route: Route): Entry => ({
      id: `screen-${JSON.stringify(route)}`,
      group: "screens",
      label,
      hint,
      run: () => go(route),
    });
    const home = this.home();
    const courses = new Map([...(home?.studying ?? []), ...(home?.teaching ?? [])].map((course) => [course.id, course.title]));
    return [
      screen(m.shell_home(), "", { name: "home" }),
      screen(m.sync_title(), "", { name: "sync" }),
      ...(home?.groups ?? []).map((group) => screen(group.display_name, rowWords("groups"), { name: "group", id: group.id })),
      ...[...courses].map(([id, title]) => screen(title, rowWords("courses"), { name: "course", id })),
    ];
  }

  #list(table: RecordTable): Entry {
    return {
      id: `list-${table.name}`,
      group: "tables",
      label: tableWords(table.name),
      hint: "",
      table,
      run: () => go({ name: "records", table: table.name }),
    };
  }

  #row(table: RecordTable, row: Named): Entry {
    const run = () => go({ name: "records", table: table.name, id: row.id });
    return { id: `row-${table.name}-${row.id}`, group: "rows", label: row.label, hint: rowWords(table.name), table, run };
  }

  #new(table: RecordTable): Entry {
    return {
      id: `new-${table.name}`,
      group: "actions",
      label: newWords(table.name),
      hint: "",
      table,
      run: () => this.records.create(table.name),
    };
  }
}
