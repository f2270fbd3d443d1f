// Widths of columns in rem, so that they follow the zoom.

import type { RecordColumn, RecordKind } from "$shared/desktop/generated";
import type { RecordList } from "./list.svelte";

/** Height of a row. */
export const ROW_REM = 2;
const FIRST_REM = 17;
const SELECT_REM = 2.25;

const USUAL: Record<RecordKind, number> = {
  reference: 12,
  text: 11,
  long_text: 16,
  choice: 9,
  bool: 7,
  int: 7,
  money: 8,
  float: 8,
  date: 8,
  time: 6,
  moment: 11,
  json: 12,
};

export function widthOf(list: RecordList, column: RecordColumn, index: number): number {
  return list.arrangement.widths[column.name] ?? (index === 0 ? FIRST_REM : USUAL[column.kind]);
}

/** The columns of the grid for CSS; the rest of the width stays empty. */
export function templateOf(list: RecordList, columns: readonly RecordColumn[]): string {
  return [SELECT_REM, ...columns.map((column, index) => widthOf(list, column, index))].map((width) => `${width}rem`).join(" ") + " 1fr";
}

/** A rem in pixels now. */
export function remPx(): number {
  return Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;
}

/** Numbers are aligned at their end. */
export function isFigure(kind: RecordKind): boolean {
  return kind === "int" || kind === "money" || kind === "float";
}
