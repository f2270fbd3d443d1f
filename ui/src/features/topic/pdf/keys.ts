/** Keys of the reader, wherever the focus is, except in text fields and in lists with their own arrow keys. */

/** Whether a key belongs to the focused element. */
export function isTaken(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement | null;
  if (!at?.closest) return false;
  return at.closest("input, textarea, select, [contenteditable], [role=tablist], [role=listbox], [role=menu], [role=dialog]") !== null;
}

/** Whether a key presses the focused element. */
export function presses(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement | null;
  return event.key === " " && !!at?.closest && at.closest("button, a, summary, [role=button]") !== null;
}

export type PdfKey = "next" | "previous" | "down" | "up" | "screen-down" | "screen-up" | "first" | "last" | "larger" | "smaller" | "search";

export function pdfKeyOf(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): PdfKey | null {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.code === "KeyF" && !event.altKey && !event.shiftKey) return "search";
  if (command || event.altKey) return null;
  switch (event.key) {
    case "ArrowRight":
      return "next";
    case "ArrowLeft":
      return "previous";
    case "ArrowDown":
      return "down";
    case "ArrowUp":
      return "up";
    case "PageDown":
      return "screen-down";
    case "PageUp":
      return "screen-up";
    case " ":
      return event.shiftKey ? "screen-up" : "screen-down";
    case "Home":
      return "first";
    case "End":
      return "last";
    case "+":
    case "=":
      return "larger";
    case "-":
      return "smaller";
    default:
      return null;
  }
}
