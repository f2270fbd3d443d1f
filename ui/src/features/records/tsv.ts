// Cells as spreadsheets copy them: a line for each row, tabs between cells, quotes around what has either in it.

export function tsvOf(rows: readonly (readonly string[])[]): string {
  const quoted = (text: string) => (/[\t\r\n"]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  // One empty cell is a line too: nothing at all could not be pasted.
  return rows.map((row) => row.map(quoted).join("\t")).join("\n") || "\n";
}

/** The lines of a copied text; none of an empty one. The end of the last line begins no other. */
export function parseTsv(text: string): string[][] {
  const lines: string[][] = [];
  let line: string[] = [];
  let cell = "";
  let at = 0;
  const endCell = () => {
    line.push(cell);
    cell = "";
  };
  const endLine = () => {
    endCell();
    lines.push(line);
    line = [];
  };
  while (at < text.length) {
    const quoted = cell === "" && text[at] === '"' ? /^"((?:[^"]|"")*)"(?=[\t\r\n]|$)/.exec(text.slice(at)) : null;
    if (quoted) {
      cell = quoted[1].replaceAll('""', '"');
      at += quoted[0].length;
      continue;
    }
    const letter = text[at];
    at += 1;
    if (letter === "\t") endCell();
    else if (letter === "\n") endLine();
    else if (letter !== "\r") cell += letter;
  }
  if (cell !== "" || line.length > 0) endLine();
  return lines;
}
