import { describe, expect, it } from "vitest";
import { commandOf, type KeyPress } from "./keys";

const press = (code: string, key = "", held: Partial<KeyPress> = {}) =>
  commandOf({ code, key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });
const ctrl = { ctrlKey: true };
const shift = { shiftKey: true };

describe("keys of the grid", () => {
  it("mark by the position of the digit keys in every layout", () => {
    expect(press("Digit1", "1")).toEqual({ do: "mark", mark: "present", advance: true });
    expect(press("Digit2", "é")).toEqual({ do: "mark", mark: "late", advance: true });
    expect(press("Digit3", '"')).toEqual({ do: "mark", mark: "absent", advance: true });
    expect(press("Numpad4", "4")).toEqual({ do: "mark", mark: "excused", advance: true });
    expect(press("Digit5", "5")).toBeNull();
    expect(press("Digit1", "1", ctrl)).toBeNull();
  });

  it("move, and with Shift select", () => {
    expect(press("ArrowDown", "ArrowDown")).toEqual({ do: "move", direction: "down", extend: false });
    expect(press("ArrowDown", "ArrowDown", shift)).toEqual({ do: "move", direction: "down", extend: true });
    expect(press("Home", "Home")).toMatchObject({ direction: "row-start" });
    expect(press("End", "End", ctrl)).toMatchObject({ direction: "last" });
    expect(press("PageUp", "PageUp", shift)).toEqual({ do: "move", direction: "page-up", extend: true });
    expect(press("ArrowLeft", "ArrowLeft", { altKey: true })).toBeNull();
  });

  it("select a day or a student", () => {
    expect(press("Space", " ")).toEqual({ do: "cycle" });
    expect(press("Space", " ", ctrl)).toEqual({ do: "select", reach: "days" });
    expect(press("Space", " ", shift)).toEqual({ do: "select", reach: "students" });
    expect(press("KeyA", "ф", ctrl)).toEqual({ do: "select", reach: "all" });
  });

  it("work under a Russian layout", () => {
    expect(press("KeyN", "т")).toEqual({ do: "note" });
    expect(press("KeyT", "е")).toEqual({ do: "today" });
    expect(press("BracketLeft", "х")).toEqual({ do: "period", steps: -1 });
    expect(press("BracketRight", "ъ")).toEqual({ do: "period", steps: 1 });
    expect(press("KeyZ", "я", ctrl)).toEqual({ do: "undo" });
    expect(press("KeyP", "З", { ...ctrl, ...shift })).toEqual({ do: "fill" });
    expect(press("Slash", ".")).toEqual({ do: "find" });
    expect(press("Digit7", "?", shift)).toEqual({ do: "help" });
  });

  it("go by the letter where a layout moves Latin letters", () => {
    expect(press("KeyY", "z", ctrl)).toEqual({ do: "undo" });
    expect(press("KeyZ", "y", ctrl)).toEqual({ do: "redo" });
    expect(press("Digit8", "[", { ctrlKey: true, altKey: true })).toEqual({ do: "period", steps: -1 });
    expect(press("Digit7", "/", shift)).toEqual({ do: "find" });
  });

  it("undo, redo, clear, open, help", () => {
    expect(press("KeyZ", "Z", { ...ctrl, ...shift })).toEqual({ do: "redo" });
    expect(press("KeyZ", "z", { metaKey: true })).toEqual({ do: "undo" });
    expect(press("Delete", "Delete")).toEqual({ do: "mark", mark: null, advance: false });
    expect(press("Backspace", "Backspace")).toEqual({ do: "mark", mark: null, advance: false });
    expect(press("Enter", "Enter")).toEqual({ do: "open" });
    expect(press("F1", "F1")).toEqual({ do: "help" });
    expect(press("Slash", "?", shift)).toEqual({ do: "help" });
    expect(press("Escape", "Escape")).toEqual({ do: "collapse" });
  });

  it("are left to the window otherwise", () => {
    expect(press("KeyK", "k", ctrl)).toBeNull();
    expect(press("Tab", "Tab")).toBeNull();
    expect(press("KeyN", "N", shift)).toBeNull();
    expect(press("KeyQ", "q")).toBeNull();
  });
});
