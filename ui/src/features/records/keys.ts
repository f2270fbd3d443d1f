// Keys of a list, whatever the layout of the keyboard.

export type ListCommand =
  | { do: "move"; by: number; extend: boolean }
  | { do: "page"; direction: 1 | -1; extend: boolean }
  | { do: "edge"; end: boolean; extend: boolean }
  | { do: "open" | "edit" | "new" | "remove" | "undo" | "redo" | "find" | "all" | "toggle" | "copy" | "paste" | "leave" };

type Key = Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">;

/** What a key asks for in the list itself. */
export function listCommand(event: Key): ListCommand | null {
  const { key, code, shiftKey: extend } = event;
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) return withControl(code, extend);
  if (key === "ArrowDown") return { do: "move", by: 1, extend };
  if (key === "ArrowUp") return { do: "move", by: -1, extend };
  if (key === "PageDown") return { do: "page", direction: 1, extend };
  if (key === "PageUp") return { do: "page", direction: -1, extend };
  if (key === "Home") return { do: "edge", end: false, extend };
  if (key === "End") return { do: "edge", end: true, extend };
  if (key === "Enter") return { do: "open" };
  if (key === "Delete") return { do: "remove" };
  if (key === "Escape") return { do: "leave" };
  if (code === "Space") return { do: "toggle" };
  if (extend) return null;
  if (code === "KeyE") return { do: "edit" };
  return screenCommand(event);
}

function withControl(code: string, shift: boolean): ListCommand | null {
  if (code === "KeyA" && !shift) return { do: "all" };
  if (code === "KeyC" && !shift) return { do: "copy" };
  if (code === "KeyV" && !shift) return { do: "paste" };
  return undoCommand(code, shift);
}

function undoCommand(code: string, shift: boolean): ListCommand | null {
  if (code === "KeyZ") return { do: shift ? "redo" : "undo" };
  return code === "KeyY" && !shift ? { do: "redo" } : null;
}

/** What a key asks for anywhere on the screen but in an input. */
export function screenCommand(event: Key): ListCommand | null {
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) return undoCommand(event.code, event.shiftKey);
  if (event.shiftKey) return null;
  if (event.code === "KeyN") return { do: "new" };
  return event.code === "Slash" ? { do: "find" } : null;
}

/** Whether a key belongs to an input that has the focus. */
export function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement &&
    (target.isContentEditable || target.matches("input:not([type=checkbox]), textarea, select, [role=combobox]"))
  );
}
