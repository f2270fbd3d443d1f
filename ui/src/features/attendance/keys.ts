// The commands of the grid's keys. Digits, brackets and letters are matched by their position on the keyboard
// (`event.code`), so that they work with a Russian or Azerbaijani layout too.

import type { Direction } from "./grid-state";
import type { Mark } from "./marks";

export type Command =
  | { do: "move"; direction: Direction; extend: boolean }
  | { do: "mark"; mark: Mark; advance: boolean }
  | { do: "cycle" }
  | { do: "fill" }
  | { do: "select"; reach: "days" | "students" | "all" }
  | { do: "collapse" }
  | { do: "undo" }
  | { do: "redo" }
  | { do: "note" }
  | { do: "open" }
  | { do: "find" }
  | { do: "period"; steps: -1 | 1 }
  | { do: "today" }
  | { do: "copy" }
  | { do: "cut" }
  | { do: "paste" }
  | { do: "help" };

export type KeyPress = Pick<KeyboardEvent, "code" | "key" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

const MOVES: Record<string, [plain: Direction, withCtrl: Direction]> = {
  ArrowUp: ["up", "top"],
  ArrowDown: ["down", "bottom"],
  ArrowLeft: ["left", "row-start"],
  ArrowRight: ["right", "row-end"],
  Home: ["row-start", "first"],
  End: ["row-end", "last"],
  PageUp: ["page-up", "page-up"],
  PageDown: ["page-down", "page-down"],
};

const MARKS: Record<string, Mark> = { Digit1: "present", Digit2: "late", Digit3: "absent", Digit4: "excused" };
for (const digit of ["1", "2", "3", "4"]) MARKS[`Numpad${digit}`] = MARKS[`Digit${digit}`]!;

const WITH_CTRL: Record<string, Command> = {
  z: { do: "undo" },
  y: { do: "redo" },
  a: { do: "select", reach: "all" },
  c: { do: "copy" },
  x: { do: "cut" },
  v: { do: "paste" },
  f: { do: "find" },
};

/** A Latin letter as typed (so that Z is Z on QWERTZ), else the letter at that position. */
function letter({ key, code }: KeyPress): string {
  if (/^[a-z]$/i.test(key)) return key.toLowerCase();
  return /^Key[A-Z]$/.test(code) ? code.slice(3).toLowerCase() : "";
}

/** The command of a key press; none when the grid leaves it to the window. */
export function commandOf(press: KeyPress): Command | null {
  const { code, key, shiftKey: shift, altKey: alt } = press;
  const ctrl = press.ctrlKey || press.metaKey;
  if (alt && !ctrl) return null;
  const moves = MOVES[code];
  if (moves) return { do: "move", direction: moves[ctrl ? 1 : 0], extend: shift };
  if (code === "Space") {
    if (ctrl) return { do: "select", reach: "days" };
    return shift ? { do: "select", reach: "students" } : { do: "cycle" };
  }
  // Before the control keys: brackets and the question mark need AltGr (Ctrl+Alt) on some layouts.
  if (key === "?" || code === "F1") return { do: "help" };
  if (key === "[" || (!ctrl && !shift && code === "BracketLeft")) return { do: "period", steps: -1 };
  if (key === "]" || (!ctrl && !shift && code === "BracketRight")) return { do: "period", steps: 1 };
  if (ctrl) return alt ? null : withCtrl(press, shift);
  if (key === "/" || (!shift && code === "Slash")) return { do: "find" };
  if (shift && code === "Slash") return { do: "help" };
  if (!shift && code in MARKS) return { do: "mark", mark: MARKS[code]!, advance: true };
  if (code === "Delete" || code === "Backspace") return { do: "mark", mark: null, advance: false };
  if (code === "Enter" || code === "NumpadEnter" || code === "F2") return { do: "open" };
  if (code === "Escape") return { do: "collapse" };
  if (shift) return null;
  if (letter(press) === "n") return { do: "note" };
  if (letter(press) === "t") return { do: "today" };
  return null;
}

function withCtrl(press: KeyPress, shift: boolean): Command | null {
  const typed = letter(press);
  if (!shift) return WITH_CTRL[typed] ?? null;
  if (typed === "p") return { do: "fill" };
  return typed === "z" ? { do: "redo" } : null;
}
