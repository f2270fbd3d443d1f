// The attendance grid on the screen: its period, the state that `grid-state.ts` makes of each key, the steps that are
// being stored, and what is open above the cells.

import { untrack } from "svelte";
import type { ConflictItem, Grid, Problem } from "$shared/desktop/generated";
import { call, onEvent, problemOf } from "$shared/desktop/desktop";
import { beforeLeaving } from "$shared/desktop/leaving";
import { compareText } from "$shared/i18n/format";
import { fold } from "$shared/i18n/letters";
import { notify, notifyProblem } from "$shared/ui";
import { m } from "$messages";
import * as g from "./grid-state";
import type { Command } from "./keys";
import { cellWords, letterOf } from "./words";
import { asMark, type Mark } from "./marks";
import { Pending } from "./pending";
import { monthOf, periodOf, shift, showing, type Period, type PeriodKind } from "./period";
import { copy, paste } from "./tsv";

/** What is open above the grid. */
export type Open = "" | "note" | "conflict" | "keys" | "to-come";

const TABLES = ["attendance_records", "conflicts", "groups", "group_memberships", "group_membership_periods", "users"];
/** Delay after the last of a burst of changes before the grid is requested again. */
const REST_MS = 200;

export class GridController {
  state = $state.raw<g.GridState | null>(null);
  period = $state.raw<Period>(monthOf(localToday()));
  problem = $state.raw<Problem | null>(null);
  open = $state<Open>("");
  find = $state("");
  /** The last action, for a screen reader. */
  said = $state("");
  /** Steps that are being stored. */
  storing = $state(0);
  conflicts = $state.raw<ReadonlyMap<string, ConflictItem>>(new Map());
  /** Number of visible rows; the table measures it. */
  page = 10;
  /** Marks of days after today that wait for the answer of the person. */
  toCome = $state(0);
  /** Set by the screen: puts the focus where the commands `find` and `copy` need it. */
  onFind: () => void = () => {};
  onClipboard: (text: string | null) => void = () => {};

  readonly #groupId: () => string;
  readonly #pending = new Pending();
  #request = 0;
  #timer: ReturnType<typeof setTimeout> | null = null;
  #order: Promise<void> = Promise.resolve();
  #waiting = 0;
  /** The edit that waits for the answer, and whether it was given: it is asked once while the group is open. */
  #asked: (() => void) | null = null;
  #mayMarkToCome = false;

  constructor(groupId: () => string) {
    this.#groupId = groupId;
    $effect(() => {
      untrack(() => void this.load());
      const stop = onEvent((event) => {
        if (event.kind === "changed" && event.entities.some((entity) => TABLES.includes(entity))) this.#loadSoon();
        // Marks lose their dot when they are sent.
        if (event.kind === "sync" && event.status.waiting !== this.#waiting) {
          this.#waiting = event.status.waiting;
          this.#loadSoon();
        }
      });
      // First of all stores the marks, because a person may lock right after a key.
      const stay = beforeLeaving(() => this.#order);
      return () => {
        stop();
        stay();
        if (this.#timer !== null) clearTimeout(this.#timer);
      };
    });
  }

  get grid(): Grid | null {
    return this.state?.grid ?? null;
  }

  /** Requests the days of the period; the old ones stay visible until the answer arrives. */
  async load(): Promise<void> {
    const request = ++this.#request;
    const { from, to } = this.period;
    const load = this.#pending.load();
    try {
      const grid = this.#pending.over(byName(await call("grid", { group_id: this.#groupId(), from, to })), load);
      if (request !== this.#request) return;
      const moved = this.state !== null && this.state.grid.from !== grid.from;
      this.state = this.state ? g.refresh(this.state, grid) : g.open(grid);
      if (moved) this.state = g.collapse(this.state);
      this.problem = null;
      if (grid.students.some((student) => student.cells.some((cell) => cell.conflict_id !== null))) await this.#loadConflicts();
    } catch (thrown) {
      if (request === this.#request) this.problem = problemOf(thrown);
    }
  }

  #loadSoon(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.load(), REST_MS);
  }

  /** The two marks of a split cell come with the conflicts; without them the cell still shows that there is one. */
  async #loadConflicts(): Promise<void> {
    const centre = await call("sync_centre");
    this.conflicts = new Map(centre.conflicts.map((conflict) => [conflict.id, conflict]));
  }

  show(period: Period): void {
    this.period = period;
    void this.load();
  }

  showKind(kind: PeriodKind): void {
    const day = this.state?.grid.days[this.state.cursor.col] ?? localToday();
    this.show(periodOf(kind, day, this.period));
  }

  async today(): Promise<void> {
    const today = this.grid?.today ?? localToday();
    const period = showing(this.period, today);
    if (period !== this.period) {
      this.period = period;
      await this.load();
    }
    if (this.state) this.state = g.goToDay(this.state, today);
  }

  goTo(position: g.Position, extend = false): void {
    // What is open belongs to the cell that it was opened for.
    this.open = "";
    if (this.state) this.state = g.goTo(this.state, position, extend);
  }

  select(reach: g.Reach, position: g.Position): void {
    if (this.state) this.state = g.select(g.goTo(this.state, position), reach);
  }

  mark(mark: Mark, advance = false): void {
    if (this.state) this.#do(g.mark(this.state, mark, advance));
  }

  /** Stores a note about a student's day, wherever the cursor is by now. */
  setNote(student: string, day: string, note: string): void {
    if (!this.state) return;
    const row = this.state.grid.students.findIndex(({ student_id }) => student_id === student);
    const col = this.state.grid.days.indexOf(day);
    this.#do(g.setNote(this.state, { row, col }, note.trim()));
  }

  paste(text: string): void {
    if (!this.state) return;
    const pasted = paste(this.state, text);
    this.#do(pasted);
    if (pasted.unread > 0) notify(m.attendance_paste_unread({ count: pasted.unread }));
    else if (pasted.cut > 0) notify(m.attendance_paste_cut({ count: pasted.cut }));
  }

  async settle(conflict: string, takeLost: boolean): Promise<void> {
    try {
      await call("settle", { id: conflict, take_lost: takeLost });
      this.open = "";
    } catch (thrown) {
      notifyProblem(thrown);
    }
    await this.load();
  }

  /** Rows whose name contains the search text. */
  readonly found: number[] = $derived.by(() => {
    const words = fold(this.find.trim());
    if (words === "") return [];
    return this.state?.grid.students.flatMap((student, row) => (fold(student.display_name).includes(words) ? [row] : [])) ?? [];
  });

  /** Moves to the first name that matches, or to the next one from here. */
  goToFound(steps: 0 | 1 | -1): void {
    if (!this.state || this.found.length === 0) return;
    const { row, col } = this.state.cursor;
    const after = this.found.find((found) => (steps === 0 ? found >= row : found > row)) ?? this.found[0];
    const before = this.found.findLast((found) => found < row) ?? this.found.at(-1) ?? after;
    this.goTo({ row: steps === -1 ? before : after, col });
  }

  run(command: Command): void {
    const { state } = this;
    if (!state) return;
    switch (command.do) {
      case "move":
        this.state = g.move(state, command.direction, command.extend, this.page);
        return;
      case "mark":
        return this.mark(command.mark, command.advance);
      case "cycle":
        return this.#do(g.cycle(state));
      case "fill":
        return this.#do(g.fillPresent(state), m.attendance_fill_none());
      case "select":
        this.state = g.select(command.reach === "all" ? state : g.collapse(state), command.reach);
        return;
      case "collapse":
        this.state = g.collapse(state);
        return;
      case "undo":
        return this.#do(g.undo(state), m.attendance_undo_none());
      case "redo":
        return this.#do(g.redo(state), m.attendance_redo_none());
      case "note":
        this.open = state.grid.may_mark ? "note" : "";
        return;
      case "open":
        this.open = g.cellAt(state)?.conflict_id ? "conflict" : state.grid.may_mark ? "note" : "";
        return;
      case "find":
        return this.onFind();
      case "period":
        return this.show(shift(this.period, command.steps));
      case "today":
        void this.today();
        return;
      case "copy":
        return this.onClipboard(copy(state, letterOf));
      case "cut":
        this.onClipboard(copy(state, letterOf));
        return this.mark(null);
      case "paste":
        return this.onClipboard(null);
      case "help":
        this.open = "keys";
        return;
    }
  }

  /** Shows an edit at once and stores it; `nothing` is the message for an edit without effect. */
  #do(edit: g.Edit, nothing = ""): void {
    const toCome = edit.step && this.grid && !this.#mayMarkToCome ? g.marksToCome(this.grid, edit.step) : 0;
    if (toCome > 0) {
      this.#asked = () => this.#do(edit, nothing);
      this.toCome = toCome;
      this.open = "to-come";
      return;
    }
    this.state = edit.state;
    const { step } = edit;
    if (!step) {
      if (nothing) notify(nothing);
      return;
    }
    const one = step.length === 1 ? step[0] : null;
    const name = one ? edit.state.grid.students.find((student) => student.student_id === one.student_id)?.display_name : "";
    this.said = one ? `${name}: ${cellWords(one.after.status)}` : m.attendance_said_many({ count: step.length });
    this.#pending.begin(step);
    this.storing += 1;
    // One after another, because a later mark of the same cell must be stored later.
    this.#order = this.#order.then(() => this.#store(step));
  }

  /** The answer about marks of days after today. */
  answerToCome(mark: boolean): void {
    const asked = this.#asked;
    this.#asked = null;
    this.open = "";
    if (!mark || !asked) return;
    this.#mayMarkToCome = true;
    asked();
  }

  async #store(step: g.Step): Promise<void> {
    const marks = g.toMarks(step);
    try {
      for (let from = 0; from < marks.length; from += g.MARKS_PER_CALL_MAX) {
        await call("set_marks", { group_id: this.#groupId(), marks: marks.slice(from, from + g.MARKS_PER_CALL_MAX) });
      }
      this.#pending.stored(step);
    } catch (thrown) {
      this.#pending.refused(step);
      if (this.state) this.state = g.revert(this.state, step);
      notifyProblem(thrown);
    }
    this.storing -= 1;
    this.#loadSoon();
  }

  /** The mark of the cursor's cell. */
  get current(): Mark {
    return this.state ? asMark(g.cellAt(this.state)?.status) : null;
  }
}

/** In the order of the reader's alphabet, which the database cannot apply. */
function byName(grid: Grid): Grid {
  return { ...grid, students: grid.students.toSorted((one, other) => compareText(one.display_name, other.display_name)) };
}

function localToday(): string {
  const now = new Date();
  const two = (value: number) => String(value).padStart(2, "0");
  return `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
}
