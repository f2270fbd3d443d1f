// What all screens of records share: the tables that the person may see, saving with undo, and the form for a new row.

import { getContext, setContext } from "svelte";
import { call, problemOf } from "$shared/desktop/desktop";
import { live, type Live } from "$shared/desktop/live.svelte";
import { RECORD_TABLES, type Condition, type Person, type RecordTable, type SaveRecord } from "$shared/desktop/generated";
import { notify, notifyProblem } from "$shared/ui";
import { m } from "$messages";

/** Where components find the {@link Records} of the shell. */
export const RECORDS = Symbol("records");
/** Counts in the sidebar may be this late after changes that come from elsewhere. */
const TABLES_GATHER_MS = 1_500;
/** Steps that can be undone in one window. */
export const UNDO_STEPS_MAX = 100;

/** A new row that a form is open for. */
export interface NewRow {
  table: string;
  /** Values that are filled in, with the labels of rows that they name. */
  preset: Record<string, { value: unknown; label?: string }>;
  /** Called with the row once it is made; without it the row is opened. */
  made?: (row: { id: string; label: string }) => void;
}

/** A condition with the label of the row that it names, or the labels of the rows that it lists. */
export type ShownCondition = Condition & { label?: string; labels?: string[] };

/** What a list is searched and filtered by. */
export interface Asked {
  search: string;
  filter: ShownCondition[];
  deleted: boolean;
}

/** Something that can be done with the list that is open. */
export interface ListOffer {
  id: string;
  label: string;
  run: () => void;
}

export class Records {
  /** The open forms: one for a row that a form refers to lies above that form. */
  forms = $state.raw<readonly NewRow[]>([]);
  readonly asked = new Map<string, Asked>();
  /** What the list that is open offers beside its buttons: the palette shows it. */
  offers = $state.raw<readonly ListOffer[]>([]);
  #undo: number[] = [];
  #redo: number[] = [];
  /** Removes the offer to undo a step, once it is undone another way. */
  readonly #offers = new Map<number, () => void>();
  #last = { said: "", undo: -1 };
  /** One undo at a time: a second key press takes the next step, not the same one. */
  #running: Promise<void> = Promise.resolve();

  constructor(
    readonly tables: Live<"tables">,
    readonly person: Pick<Person, "user_id" | "role">,
  ) {}

  /** Whether the server tells this person what happened to a row. */
  get seesHistory(): boolean {
    return this.person.role === "admin";
  }

  readonly table = (name: string): RecordTable | undefined => this.tables.data?.find((table) => table.name === name);

  create(table: string, preset: NewRow["preset"] = {}, made?: NewRow["made"]): void {
    this.forms = [...this.forms, { table, preset, made }];
  }

  close(form: NewRow): void {
    this.forms = this.forms.filter((each) => each !== form);
  }

  /** Saves rows and offers to take it back. A refusal is thrown: it belongs to the field at fault. */
  async save(table: string, rows: SaveRecord[], said: string): Promise<string[]> {
    const { ids, undo } = await call("save_records", { table, rows });
    this.#done(undo, said);
    if (rows.some((row) => row.id === null)) this.#count();
    return ids;
  }

  async remove(table: string, ids: string[], said: string): Promise<void> {
    const { undo } = await call("remove_records", { table, ids });
    this.#done(undo, said);
    this.#count();
  }

  /** An import was stored: one step takes all of it back. */
  imported(undo: number | null, said: string): void {
    this.#done(undo, said);
    this.#count();
  }

  /** Counts the rows again at once, after a change of this person's: what others change may wait. */
  #count(): void {
    void this.tables.reload();
  }

  #done(undo: number | null, said: string): void {
    // Nothing was changed: there is nothing to say and nothing to take back.
    if (undo === null) return;
    this.#undo = [...this.#undo, undo].slice(-UNDO_STEPS_MAX);
    this.#redo = [];
    // Several fields of one row say the same: the last offer is enough, and keys undo the others.
    if (this.#last.said === said) this.#offers.get(this.#last.undo)?.();
    this.#last = { said, undo };
    this.#offers.set(undo, notify(said, { label: m.shell_undo(), run: () => void this.undo(undo) }));
  }

  /** Takes back the last step, or this one. */
  undo(step?: number): Promise<void> {
    return this.#step(
      () => {
        const undo = step ?? this.#undo.at(-1);
        this.#undo = this.#undo.filter((each) => each !== undo);
        return undo;
      },
      (redo) => this.#redo.push(redo),
      m.records_undone,
      m.records_undo_none,
    );
  }

  redo(): Promise<void> {
    return this.#step(
      () => this.#redo.pop(),
      (undo) => this.#undo.push(undo),
      m.records_redone,
      m.records_redo_none,
    );
  }

  #step(take: () => number | undefined, keep: (undo: number) => void, said: () => string, none: () => string): Promise<void> {
    this.#running = this.#running.then(async () => {
      const undo = take();
      if (undo === undefined) return void notify(none());
      this.#offers.get(undo)?.();
      this.#offers.delete(undo);
      try {
        const answer = await call("undo_records", { undo });
        if (answer.undo !== null) keep(answer.undo);
        notify(said());
        this.#count();
      } catch (thrown) {
        // The app keeps a limited number of steps, and forgets them when the person locks.
        if (problemOf(thrown).code === "not_found") notify(none());
        else notifyProblem(thrown);
      }
    });
    return this.#running;
  }
}

export function provideRecords(person: Person): Records {
  return setContext(
    RECORDS,
    new Records(
      live("tables", () => ({}), RECORD_TABLES, { gather_ms: TABLES_GATHER_MS }),
      person,
    ),
  );
}

export function useRecords(): Records {
  return getContext(RECORDS);
}
