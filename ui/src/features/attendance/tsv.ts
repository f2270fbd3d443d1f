// Copy and paste as in a spreadsheet: rows by line, cells by tab.

import { asMark, readMark, type Mark } from "./marks";
import { cellAt, change, isSingle, positions, selection, type Edit, type GridState } from "./grid-state";

/** Longer text is not taken for an attendance list. */
export const PASTE_CHARS_MAX = 200_000;

export function copy(state: GridState, letterOf: (mark: Mark) => string): string {
  const rect = selection(state);
  const lines: string[] = [];
  for (let row = rect.top; row <= rect.bottom; row += 1) {
    const cells: string[] = [];
    for (let col = rect.left; col <= rect.right; col += 1) cells.push(letterOf(asMark(cellAt(state, { row, col })?.status)));
    lines.push(cells.join("\t"));
  }
  return lines.join("\n");
}

/** Splits clipboard text; the line break that spreadsheets put at the end is not a row. */
export function split(text: string): string[][] {
  const lines = text.slice(0, PASTE_CHARS_MAX).replace(/\r\n?/g, "\n").replace(/\n$/, "").split("\n");
  return lines.map((line) => line.split("\t"));
}

export interface Paste extends Edit {
  /** Texts that are no mark; their cells are unchanged. */
  unread: number;
  /** Pasted cells outside of the grid. */
  cut: number;
}

/**
 * Pastes at the selection's top left corner. One value fills the whole selection; a block is repeated when the
 * selection is a multiple of it, as in a spreadsheet.
 */
export function paste(state: GridState, text: string): Paste {
  const block = split(text);
  const height = block.length;
  const width = Math.max(...block.map((line) => line.length));
  const rect = selection(state);
  const rows = rect.bottom - rect.top + 1;
  const cols = rect.right - rect.left + 1;
  const repeats = !isSingle(state) && rows % height === 0 && cols % width === 0;
  const bottom = repeats ? rect.bottom : rect.top + height - 1;
  const right = repeats ? rect.right : rect.left + width - 1;
  let unread = 0;
  let cut = 0;
  const marks = new Map<string, Mark>();
  const where = positions({ top: rect.top, left: rect.left, bottom, right }).filter((position) => {
    const value = block[(position.row - rect.top) % height]?.[(position.col - rect.left) % width];
    if (value === undefined) return false;
    const mark = readMark(value);
    if (mark === undefined) unread += 1;
    else if (cellAt(state, position) === undefined) cut += 1;
    else marks.set(`${position.row}:${position.col}`, mark);
    return mark !== undefined;
  });
  return { ...change(state, where, (position) => marks.get(`${position.row}:${position.col}`)), unread, cut };
}
