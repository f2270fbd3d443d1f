import { describe, expect, it } from "vitest";
import type { Grid, GridCell } from "$shared/desktop/generated";
import * as g from "./grid-state";
import { Pending } from "./pending";
import { copy, paste, split } from "./tsv";
import { gridOf } from "./testing";

const at = (row: number, col: number) => ({ row, col });
const opened = (lines: string[], more: Partial<Grid> = {}) => g.goTo(g.open(gridOf(lines, more)), at(0, 0));
const shown = (state: g.GridState) => state.grid.students.map((student) => student.cells.map(sign).join(""));
const sign = (cell: GridCell) => (cell.status ?? ".")[0];

describe("the cursor", () => {
  it("starts at today's lesson, or the last one before", () => {
    expect(g.open(gridOf(["...", "..."], { today: "2026-03-03" })).cursor).toEqual(at(0, 1));
    expect(g.open(gridOf(["...", "..."], { today: "2026-06-01" })).cursor).toEqual(at(0, 2));
    expect(g.open(gridOf(["..."], { today: "2025-01-01" })).cursor).toEqual(at(0, 0));
  });

  it("moves and stops at the edges", () => {
    let state = opened(["...", "...", "..."]);
    state = g.move(state, "up", false);
    expect(state.cursor).toEqual(at(0, 0));
    state = g.move(g.move(state, "down", false), "right", false);
    expect(state.cursor).toEqual(at(1, 1));
    expect(g.move(state, "row-end", false).cursor).toEqual(at(1, 2));
    expect(g.move(state, "row-start", false).cursor).toEqual(at(1, 0));
    expect(g.move(state, "bottom", false).cursor).toEqual(at(2, 1));
    expect(g.move(state, "last", false).cursor).toEqual(at(2, 2));
    expect(g.move(state, "first", false).cursor).toEqual(at(0, 0));
    expect(g.move(state, "page-down", false, 10).cursor).toEqual(at(2, 1));
    expect(g.move(state, "page-up", false, 10).cursor).toEqual(at(0, 1));
  });

  it("of an empty grid stays at nothing and marks nothing", () => {
    const state = g.open(gridOf([]));
    expect(state.cursor).toEqual(at(0, 0));
    expect(g.mark(state, "present").step).toBeNull();
    expect(g.cycle(state).step).toBeNull();
    expect(g.fillPresent(state).step).toBeNull();
    expect(g.move(state, "down", true).cursor).toEqual(at(0, 0));
  });
});

describe("the selection", () => {
  it("grows with Shift from where it began", () => {
    let state = g.goTo(opened(["...", "...", "..."]), at(1, 1));
    state = g.move(g.move(state, "up", true), "left", true);
    expect(g.selection(state)).toEqual({ top: 0, bottom: 1, left: 0, right: 1 });
    expect(g.isSingle(state)).toBe(false);
    expect(g.isSingle(g.collapse(state))).toBe(true);
    expect(g.isSingle(g.move(state, "down", false))).toBe(true);
  });

  it("of a day or a student reaches through, and Shift adds days", () => {
    const state = g.goTo(opened(["...", "...", "..."]), at(1, 1));
    expect(g.selection(g.select(state, "days"))).toEqual({ top: 0, bottom: 2, left: 1, right: 1 });
    expect(g.selection(g.select(state, "students"))).toEqual({ top: 1, bottom: 1, left: 0, right: 2 });
    expect(g.selection(g.select(state, "all"))).toEqual({ top: 0, bottom: 2, left: 0, right: 2 });
    const wider = g.move(g.select(state, "days"), "right", true);
    expect(g.selection(wider)).toEqual({ top: 0, bottom: 2, left: 1, right: 2 });
  });
});

describe("marking", () => {
  it("one cell moves the cursor down and waits to be sent", () => {
    const { state, step } = g.mark(opened(["..", ".."]), "present");
    expect(shown(state)).toEqual(["p.", ".."]);
    expect(state.grid.students[0]!.cells[0]!.waiting).toBe(true);
    expect(state.cursor).toEqual(at(1, 0));
    expect(g.toMarks(step!)).toEqual([{ student_id: "s0", lesson_date: "2026-03-02", status: "present" }]);
  });

  it("the same mark again stores nothing, and the cursor moves on", () => {
    const edit = g.mark(opened(["p.", ".."]), "present");
    expect(edit.step).toBeNull();
    expect(edit.state.cursor).toEqual(at(1, 0));
    expect(edit.state.past).toHaveLength(0);
  });

  it("a selection marks all of it and stays", () => {
    const state = g.move(g.move(opened(["...", "...", "..."]), "down", true), "right", true);
    const edit = g.mark(state, "absent");
    expect(shown(edit.state)).toEqual(["aa.", "aa.", "..."]);
    expect(edit.step).toHaveLength(4);
    expect(edit.state.cursor).toEqual(at(1, 1));
    expect(g.selection(edit.state)).toEqual(g.selection(state));
  });

  it("leaves days outside the membership blank, but an old mark there can be cleared", () => {
    expect(g.mark(opened(["#."]), "present").step).toBeNull();
    const old = opened(["p"]);
    const outside = { ...old, grid: gridOf(["p"], {}, { outside: true }) };
    expect(g.mark(outside, "late").step).toBeNull();
    expect(g.mark(outside, null).step).toHaveLength(1);
  });

  it("needs the right to mark", () => {
    const state = opened(["..", ".."], { may_mark: false });
    expect(g.mark(state, "present")).toEqual({ state, step: null });
    expect(g.fillPresent(state).step).toBeNull();
    expect(g.setNote(state, at(0, 0), "x").step).toBeNull();
    expect(paste(state, "p").step).toBeNull();
  });

  it("cycles with Space and does not move", () => {
    let state = opened(["."]);
    const seen: (string | undefined)[] = [];
    for (let press = 0; press < 5; press += 1) {
      state = g.cycle(state).state;
      seen.push(shown(state)[0]);
    }
    expect(seen).toEqual(["p", "l", "a", "e", "."]);
  });

  it("keeps the identity of the other students' rows, so that only changed rows are rendered", () => {
    const before = opened(["..", ".."]);
    const { state } = g.mark(before, "present");
    expect(state.grid.students[1]).toBe(before.grid.students[1]);
    expect(state.grid.students[0]!.cells[1]).toBe(before.grid.students[0]!.cells[1]);
  });
});

describe("filling", () => {
  it("marks what is blank of the day, members only", () => {
    const edit = g.fillPresent(opened(["..", "a.", "#.", "l."]));
    expect(shown(edit.state)).toEqual(["p.", "a.", "..", "l."]);
    expect(edit.step).toHaveLength(1);
    expect(edit.state.cursor).toEqual(at(0, 0));
  });

  it("keeps to a selection", () => {
    const state = g.move(g.goTo(opened(["..", "..", ".."]), at(1, 0)), "right", true);
    expect(shown(g.fillPresent(state).state)).toEqual(["..", "pp", ".."]);
  });

  it("does not settle a conflict", () => {
    const state = { ...opened(["."]), grid: gridOf(["."], {}, { conflict_id: "c" }) };
    expect(g.fillPresent(state).step).toBeNull();
  });
});

describe("undo", () => {
  it("takes back a bulk step as one and does it again", () => {
    const filled = g.fillPresent(opened([".", "l", "."])).state;
    const undone = g.undo(filled);
    expect(shown(undone.state)).toEqual([".", "l", "."]);
    expect(g.toMarks(undone.step!).map((one) => one.status)).toEqual([null, null]);
    const again = g.redo(undone.state);
    expect(shown(again.state)).toEqual(["p", "l", "p"]);
    expect(g.undo(again.state).state.past).toHaveLength(0);
  });

  it("with nothing to undo does nothing", () => {
    const state = opened(["."]);
    expect(g.undo(state)).toEqual({ state, step: null });
    expect(g.redo(state)).toEqual({ state, step: null });
  });

  it("forgets what was undone when one marks again", () => {
    let state = g.mark(opened(["..", ".."]), "present").state;
    state = g.undo(state).state;
    state = g.mark(state, "late").state;
    expect(g.redo(state).step).toBeNull();
  });

  it("leaves a cell that somebody else has changed since", () => {
    const state = g.mark(opened([".", "."]), "present").state;
    const meanwhile = g.refresh(state, gridOf(["l", "."]));
    const undone = g.undo(meanwhile);
    expect(undone.step).toBeNull();
    expect(shown(undone.state)).toEqual(["l", "."]);
    expect(undone.state.past).toHaveLength(0);
  });

  it("reaches marks of days that are not shown any more", () => {
    const state = g.mark(opened(["."]), "present").state;
    const nextMonth = g.refresh(state, gridOf(["."], { days: ["2026-04-06"] }));
    expect(g.toMarks(g.undo(nextMonth).step!)).toEqual([{ student_id: "s0", lesson_date: "2026-03-02", status: null }]);
  });

  it("moves the cursor to the change", () => {
    const state = g.goTo(g.mark(g.goTo(opened(["..", ".."]), at(1, 1)), "late").state, at(0, 0));
    expect(g.undo(state).state.cursor).toEqual(at(1, 1));
  });

  it("keeps a limited number of steps", () => {
    let state = opened(["."]);
    for (let press = 0; press < g.UNDO_STEPS_MAX + 5; press += 1) state = g.cycle(state).state;
    expect(state.past).toHaveLength(g.UNDO_STEPS_MAX);
  });
});

describe("notes", () => {
  it("are stored beside the mark, and undone", () => {
    const edit = g.setNote(opened(["l"]), at(0, 0), "bus");
    expect(g.toMarks(edit.step!)).toEqual([{ student_id: "s0", lesson_date: "2026-03-02", status: "late", note: "bus" }]);
    const undone = g.undo(edit.state);
    expect(g.toMarks(undone.step!)).toEqual([{ student_id: "s0", lesson_date: "2026-03-02", status: "late", note: "" }]);
  });

  it("that did not change store nothing", () => {
    expect(g.setNote(opened(["l"]), at(0, 0), "").step).toBeNull();
  });
});

describe("a refusal", () => {
  it("restores the cell and cannot be undone any more", () => {
    const { state, step } = g.mark(opened(["a"]), "present");
    const back = g.revert(state, step!);
    expect(shown(back)).toEqual(["a"]);
    expect(back.past).toHaveLength(0);
  });

  it("leaves a mark that was made after it", () => {
    const first = g.mark(opened(["a"]), "present");
    const second = g.mark(first.state, "late");
    expect(shown(g.revert(second.state, first.step!))).toEqual(["l"]);
  });
});

describe("a fresh grid", () => {
  it("keeps the cursor on its student and day", () => {
    const state = g.goTo(opened(["..", ".."]), at(1, 1));
    const fresh = gridOf(["...", "...", "..."], { days: ["2026-03-01", "2026-03-02", "2026-03-03"] });
    fresh.students = [fresh.students[2]!, fresh.students[0]!, fresh.students[1]!];
    expect(g.refresh(state, fresh).cursor).toEqual(at(2, 2));
  });

  it("with other days goes to the nearest lesson", () => {
    const state = g.goTo(opened([".."]), at(0, 1));
    expect(g.refresh(state, gridOf([".."], { days: ["2026-02-02", "2026-02-03"] })).cursor).toEqual(at(0, 1));
    expect(g.refresh(state, gridOf([".."], { days: ["2026-04-06", "2026-04-07"] })).cursor).toEqual(at(0, 0));
  });

  it("keeps rows that are equal", () => {
    const state = opened([".", "p"]);
    const fresh = g.refresh(state, gridOf(["l", "p"]));
    expect(fresh.grid.students[1]).toBe(state.grid.students[1]);
    expect(shown(fresh)).toEqual(["l", "p"]);
  });
});

describe("marks that are being stored", () => {
  it("stay on the screen when an older grid arrives late", () => {
    const pending = new Pending();
    const step = g.mark(opened(["."]), "present").step!;
    const old = pending.load();
    pending.begin(step);
    expect(pending.over(gridOf(["."]), old).students[0]!.cells[0]!.status).toBe("present");
    pending.stored(step);
    expect(pending.over(gridOf(["."]), old).students[0]!.cells[0]!.status).toBe("present");
  });

  it("are replaced by a grid that was requested after they were stored", () => {
    const pending = new Pending();
    const step = g.mark(opened(["."]), "present").step!;
    pending.begin(step);
    pending.stored(step);
    const load = pending.load();
    expect(pending.over(gridOf(["l"]), load).students[0]!.cells[0]!.status).toBe("late");
    expect(pending.count).toBe(0);
  });

  it("are removed when they are refused", () => {
    const pending = new Pending();
    const step = g.mark(opened(["."]), "present").step!;
    pending.begin(step);
    pending.refused(step);
    expect(pending.over(gridOf(["."]), pending.load()).students[0]!.cells[0]!.status).toBeNull();
  });
});

describe("copy and paste", () => {
  const letter = (mark: string | null) => (mark === null ? "" : mark[0]!.toUpperCase());

  it("copies the selection as a spreadsheet would", () => {
    const state = g.move(g.move(opened(["p.e", "la.", "..."]), "down", true), "row-end", true);
    expect(copy(state, letter)).toBe("P\t\tE\nL\tA\t");
  });

  it("pastes a block at the cursor, and it is one step", () => {
    const edit = paste(g.goTo(opened(["...", "...", "..."]), at(1, 1)), "P\tL\r\nA\t\r\n");
    expect(shown(edit.state)).toEqual(["...", ".pl", ".a."]);
    expect(shown(g.undo(edit.state).state)).toEqual(["...", "...", "..."]);
  });

  it("reads letters and words of all three languages", () => {
    const edit = paste(opened(["....", "....", "...."]), "п\tо\tн\tу\nİ\tg\tQ\tÜ\nPresent\tопоздал\tQayıb\tüzrlü");
    expect(shown(edit.state)).toEqual(["plae", "plae", "plae"]);
    expect(edit.unread).toBe(0);
  });

  it("fills a selection with one value and repeats a block", () => {
    const wide = g.select(opened(["..", ".."]), "all");
    expect(shown(paste(wide, "l").state)).toEqual(["ll", "ll"]);
    expect(shown(paste(wide, "p\ta").state)).toEqual(["pa", "pa"]);
  });

  it("reports what it could not read and what did not fit", () => {
    const edit = paste(g.goTo(opened(["..", ".."]), at(0, 1)), "hello\tp\nl\tp");
    expect(shown(edit.state)).toEqual(["..", ".l"]);
    expect(edit).toMatchObject({ unread: 1, cut: 2 });
  });

  it("clears with an empty cell", () => {
    expect(shown(paste(opened(["pp"]), "\tl").state)).toEqual([".l"]);
  });

  it("takes ragged lines", () => {
    expect(split("a\tb\nc\n")).toEqual([["a", "b"], ["c"]]);
    expect(shown(paste(opened(["pp", "pp"]), "l\tl\nl").state)).toEqual(["ll", "lp"]);
  });

  it("copy and paste round-trip", () => {
    const state = g.select(opened(["pla.", "e.pp"]), "all");
    const empty = g.open(gridOf(["....", "...."]));
    expect(shown(paste(g.goTo(empty, at(0, 0)), copy(state, letter)).state)).toEqual(["pla.", "e.pp"]);
  });
});
