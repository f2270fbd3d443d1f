// The attendance grid without a screen: cursor, selection, marks, undo. Every function takes a state and returns a new
// one; unchanged students keep their identity, so that only changed rows are rendered again.

import type { Grid, GridCell, GridStudent, SetMark } from "$shared/desktop/generated";
import { asMark, nextMark, type Mark } from "./marks";

export interface Position {
  row: number;
  col: number;
}

/** What a selection covers: cells, whole days, whole students or everything. */
export type Reach = "cells" | "days" | "students" | "all";

/** One cell's change, by student and day, so that it stays valid when the grid shows other days. */
export interface Change {
  student_id: string;
  lesson_date: string;
  before: { status: Mark; note: string };
  after: { status: Mark; note: string };
}

/** The changes of one key press or one paste: undone and redone together. */
export type Step = readonly Change[];

export interface GridState {
  grid: Grid;
  cursor: Position;
  /** The selection's other corner. */
  anchor: Position;
  reach: Reach;
  past: readonly Step[];
  future: readonly Step[];
}

/** The result of an edit: the new state, and what the desktop has to store. Without a step nothing changed. */
export interface Edit {
  state: GridState;
  step: Step | null;
}

export interface Rect {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

/** Maximum number of steps that can be undone. */
export const UNDO_STEPS_MAX = 200;
/** Maximum number of marks that the desktop accepts in one call. */
export const MARKS_PER_CALL_MAX = 2_000;

export function open(grid: Grid): GridState {
  const state: GridState = { grid, cursor: { row: 0, col: 0 }, anchor: { row: 0, col: 0 }, reach: "cells", past: [], future: [] };
  const today = goToDay(state, grid.today);
  // A roll-call goes on where it stopped: at the first member who has no mark today.
  const { col } = today.cursor;
  if (grid.days[col] !== grid.today) return today;
  const row = grid.students.findIndex(({ cells }) => cells[col] !== undefined && !cells[col].outside && asMark(cells[col].status) === null);
  return row < 0 ? today : goTo(today, { row, col });
}

/** Whether a step marks days after today: such a mark is nearly always a slip of the column. */
export function marksToCome(grid: Grid, step: Step): number {
  return step.filter(
    ({ lesson_date, before, after }) => lesson_date > grid.today && after.status !== null && after.status !== before.status,
  ).length;
}

/** Replaces the grid; the cursor stays on its student and day where they still exist. */
export function refresh(state: GridState, grid: Grid): GridState {
  const where = (position: Position): Position => {
    const student = state.grid.students[position.row]?.student_id;
    const day = state.grid.days[position.col];
    const row = grid.students.findIndex((one) => one.student_id === student);
    const col = day === undefined ? -1 : grid.days.indexOf(day);
    return clamp(grid, { row: row < 0 ? position.row : row, col: col < 0 ? nearestDay(grid, day ?? grid.today) : col });
  };
  return { ...state, grid: keepIdentity(state.grid, grid), cursor: where(state.cursor), anchor: where(state.anchor) };
}

function keepIdentity(old: Grid, fresh: Grid): Grid {
  const known = new Map(old.students.map((student) => [student.student_id, student]));
  const students = fresh.students.map((student) => {
    const before = known.get(student.student_id);
    return before !== undefined && JSON.stringify(before) === JSON.stringify(student) ? before : student;
  });
  const days = fresh.days.join() === old.days.join() ? old.days : fresh.days;
  return { ...fresh, days, students };
}

function clamp(grid: Grid, position: Position): Position {
  return {
    row: Math.max(0, Math.min(position.row, grid.students.length - 1)),
    col: Math.max(0, Math.min(position.col, grid.days.length - 1)),
  };
}

/** The column of a day, or of the last lesson before it, or the first. */
export function nearestDay(grid: Grid, day: string): number {
  let col = 0;
  for (let index = 0; index < grid.days.length; index += 1) if (grid.days[index]! <= day) col = index;
  return col;
}

export function goToDay(state: GridState, day: string): GridState {
  const cursor = clamp(state.grid, { row: state.cursor.row, col: nearestDay(state.grid, day) });
  return { ...state, cursor, anchor: cursor, reach: "cells" };
}

export function goTo(state: GridState, position: Position, extend = false): GridState {
  const cursor = clamp(state.grid, position);
  return extend ? { ...state, cursor } : { ...state, cursor, anchor: cursor, reach: "cells" };
}

export type Direction =
  "up" | "down" | "left" | "right" | "row-start" | "row-end" | "page-up" | "page-down" | "top" | "bottom" | "first" | "last";

/** Moves the cursor; `page` is the number of visible rows. */
export function move(state: GridState, direction: Direction, extend: boolean, page = 10): GridState {
  const { row, col } = state.cursor;
  const last = { row: state.grid.students.length - 1, col: state.grid.days.length - 1 };
  const to: Record<Direction, Position> = {
    up: { row: row - 1, col },
    down: { row: row + 1, col },
    left: { row, col: col - 1 },
    right: { row, col: col + 1 },
    "row-start": { row, col: 0 },
    "row-end": { row, col: last.col },
    "page-up": { row: row - page, col },
    "page-down": { row: row + page, col },
    top: { row: 0, col },
    bottom: { row: last.row, col },
    first: { row: 0, col: 0 },
    last,
  };
  return goTo(state, to[direction], extend);
}

export function select(state: GridState, reach: Reach): GridState {
  return { ...state, reach };
}

/** Clears the selection; the cursor stays. */
export function collapse(state: GridState): GridState {
  return { ...state, anchor: state.cursor, reach: "cells" };
}

export function selection(state: GridState): Rect {
  const { cursor, anchor, grid, reach } = state;
  const rect = {
    top: Math.min(cursor.row, anchor.row),
    bottom: Math.max(cursor.row, anchor.row),
    left: Math.min(cursor.col, anchor.col),
    right: Math.max(cursor.col, anchor.col),
  };
  if (reach === "days" || reach === "all") Object.assign(rect, { top: 0, bottom: grid.students.length - 1 });
  if (reach === "students" || reach === "all") Object.assign(rect, { left: 0, right: grid.days.length - 1 });
  return rect;
}

export function isSingle(state: GridState): boolean {
  const rect = selection(state);
  return rect.top === rect.bottom && rect.left === rect.right;
}

export function cellAt(state: GridState, position: Position = state.cursor): GridCell | undefined {
  return state.grid.students[position.row]?.cells[position.col];
}

/** Sets the selection to a mark. After a single cell the cursor moves down, as when marking a list of names. */
export function mark(state: GridState, status: Mark, advance = true): Edit {
  const edit = change(state, positions(selection(state)), () => status);
  if (advance && isSingle(state) && state.grid.may_mark) return { ...edit, state: move(edit.state, "down", false) };
  return edit;
}

/** Cycles through the marks; a whole selection takes the next mark of the cursor's cell. */
export function cycle(state: GridState): Edit {
  const cell = cellAt(state);
  return cell === undefined ? { state, step: null } : mark(state, nextMark(asMark(cell.status)), false);
}

/** Fills unmarked cells: of the selection, or of the whole day when only one cell is selected. */
export function fillPresent(state: GridState): Edit {
  const rect = isSingle(state) ? { ...selection(state), top: 0, bottom: state.grid.students.length - 1 } : selection(state);
  const blank = positions(rect).filter(
    (position) => cellAt(state, position)?.status === null && cellAt(state, position)?.conflict_id === null,
  );
  return change(state, blank, () => "present");
}

export function setNote(state: GridState, position: Position, note: string): Edit {
  const student = state.grid.students[position.row];
  const cell = student?.cells[position.col];
  const day = state.grid.days[position.col];
  if (!state.grid.may_mark || !student || !cell || day === undefined || cell.note === note) return { state, step: null };
  const status = asMark(cell.status);
  const before = { status, note: cell.note };
  return commit(state, [{ student_id: student.student_id, lesson_date: day, before, after: { status, note } }]);
}

export function positions(rect: Rect): Position[] {
  const all: Position[] = [];
  for (let row = rect.top; row <= rect.bottom; row += 1) for (let col = rect.left; col <= rect.right; col += 1) all.push({ row, col });
  return all;
}

/** Sets many cells at once; `statusOf` returns the mark of each, `undefined` leaves it unchanged. */
export function change(state: GridState, where: readonly Position[], statusOf: (position: Position) => Mark | undefined): Edit {
  if (!state.grid.may_mark) return { state, step: null };
  const step: Change[] = [];
  for (const position of where) {
    const student = state.grid.students[position.row];
    const cell = student?.cells[position.col];
    const day = state.grid.days[position.col];
    const status = statusOf(position);
    if (!student || !cell || day === undefined || status === undefined) continue;
    // A student who was no member that day gets no mark; an old one may still be removed.
    if (cell.outside && status !== null) continue;
    const before = { status: asMark(cell.status), note: cell.note };
    if (before.status === status) continue;
    step.push({ student_id: student.student_id, lesson_date: day, before, after: { status, note: cell.note } });
  }
  return commit(state, step);
}

function commit(state: GridState, step: Step): Edit {
  if (step.length === 0) return { state, step: null };
  const past = [...state.past, step].slice(-UNDO_STEPS_MAX);
  return { state: { ...state, grid: apply(state.grid, step), past, future: [] }, step };
}

export function undo(state: GridState): Edit {
  const step = state.past.at(-1);
  if (!step) return { state, step: null };
  const back = step.map((one) => ({ ...one, before: one.after, after: one.before }));
  const edit = replay(state, back);
  return { ...edit, state: { ...edit.state, past: state.past.slice(0, -1), future: [...state.future, step] } };
}

export function redo(state: GridState): Edit {
  const step = state.future.at(-1);
  if (!step) return { state, step: null };
  const edit = replay(state, step);
  return { ...edit, state: { ...edit.state, past: [...state.past, step], future: state.future.slice(0, -1) } };
}

/** Applies a step again or in reverse, except in cells that somebody else has changed since. */
function replay(state: GridState, step: Step): Edit {
  const own = step.filter((one) => {
    const cell = find(state.grid, one);
    return cell === undefined || (asMark(cell.status) === one.before.status && cell.note === one.before.note);
  });
  const grid = apply(state.grid, own);
  const first = own.find((one) => find(grid, one) !== undefined);
  const next = { ...state, grid };
  if (!first) return { state: next, step: own.length > 0 ? own : null };
  const position = {
    row: grid.students.findIndex((student) => student.student_id === first.student_id),
    col: grid.days.indexOf(first.lesson_date),
  };
  return { state: goTo(next, position), step: own };
}

function find(grid: Grid, one: Pick<Change, "student_id" | "lesson_date">): GridCell | undefined {
  const student = grid.students.find((candidate) => candidate.student_id === one.student_id);
  return student?.cells[grid.days.indexOf(one.lesson_date)];
}

/** Puts a step's values into a grid; cells outside of the grid are skipped. */
export function apply(grid: Grid, step: Step): Grid {
  if (step.length === 0) return grid;
  const cols = new Map(grid.days.map((day, col) => [day, col]));
  const byStudent = new Map<string, Change[]>();
  for (const one of step) byStudent.set(one.student_id, [...(byStudent.get(one.student_id) ?? []), one]);
  const students = grid.students.map((student): GridStudent => {
    const changes = byStudent.get(student.student_id);
    if (!changes) return student;
    const cells = [...student.cells];
    for (const one of changes) {
      const col = cols.get(one.lesson_date);
      if (col !== undefined && cells[col]) cells[col] = { ...cells[col], ...one.after, waiting: true };
    }
    return { ...student, cells };
  });
  return { ...grid, students };
}

/** Removes a refused step from the cells and from the undo history. */
export function revert(state: GridState, step: Step): GridState {
  const back = step.map((one) => ({ ...one, before: one.after, after: one.before }));
  const grid = apply(
    state.grid,
    back.filter((one) => find(state.grid, one)?.status === one.before.status),
  );
  return { ...state, grid, past: state.past.filter((one) => one !== step), future: state.future.filter((one) => one !== step) };
}

/** The arguments for the desktop; the note is included only when it changed. */
export function toMarks(step: Step): SetMark[] {
  return step.map(({ student_id, lesson_date, before, after }) => {
    const base = { student_id, lesson_date, status: after.status };
    return before.note === after.note ? base : { ...base, note: after.note };
  });
}
