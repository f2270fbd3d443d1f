import { expect, test } from "vitest";
import { isTyping, listCommand, screenCommand } from "./keys";

const key = (key: string, code: string, more: Partial<KeyboardEvent> = {}) => ({
  key,
  code,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  shiftKey: false,
  ...more,
});

test("letters work on every layout", () => {
  expect([screenCommand(key("т", "KeyN")), listCommand(key("у", "KeyE")), screenCommand(key(".", "Slash"))]).toEqual([
    { do: "new" },
    { do: "edit" },
    { do: "find" },
  ]);
});

test("undo and redo", () => {
  const control = { ctrlKey: true };
  expect(screenCommand(key("z", "KeyZ", control))).toEqual({ do: "undo" });
  expect(screenCommand(key("Z", "KeyZ", { ...control, shiftKey: true }))).toEqual({ do: "redo" });
  expect(screenCommand(key("y", "KeyY", control))).toEqual({ do: "redo" });
});

test("shift extends, and capitals are no commands", () => {
  expect(listCommand(key("ArrowDown", "ArrowDown", { shiftKey: true }))).toEqual({ do: "move", by: 1, extend: true });
  expect([
    listCommand(key("N", "KeyN", { shiftKey: true })),
    listCommand(key("n", "KeyN", { altKey: true })),
    listCommand(key("n", "KeyN", { ctrlKey: true })),
  ]).toEqual([null, null, null]);
});

test("keys of an input stay there", () => {
  const field = document.createElement("input");
  const box = document.createElement("input");
  box.type = "checkbox";
  expect([isTyping(field), isTyping(document.createElement("textarea")), isTyping(box), isTyping(document.body), isTyping(null)]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ]);
});
