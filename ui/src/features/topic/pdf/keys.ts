/** Keys of the reader, whatever has the focus, except where one types or a list has its own arrows. */

/** Whether a key belongs to what has the focus. */
export function isTaken(event: KeyboardEvent): boolean {
  const at = event.target as HTMLElement | null;
  if (!at?.closest) return false;
  return at.closest("input, textarea, select, [contenteditable], [role=tablist], [role=listbox], [role=menu], [role=dialog]") !== null;
}

export type PdfKey = "next" | "previous" | "first" | "last" | "larger" | "smaller" | "search";

export function pdfKeyOf(event: Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): PdfKey | null {
  const command = event.ctrlKey || event.metaKey;
  if (command && event.code === "KeyF" && !event.altKey && !event.shiftKey) return "search";
  if (command || event.altKey) return null;
  switch (event.key) {
    case "ArrowRight": case "PageDown": return "next";
    case "ArrowLeft": case "PageUp": return "previous";
    case "Home": return "first";
    case "End": return "last";
    case "+": case "=": return "larger";
    case "-": return "smaller";
    default: return null;
  }
}
