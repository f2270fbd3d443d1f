/** Finds words in the text of pages, and the pieces of a page's text that a match covers. */
import { fold } from "$shared/i18n/letters";

export interface Match {
  page: number;
  /** Where it begins in the page's text, and where it ends (not included). */
  start: number;
  end: number;
}

/** Maximum number of matches: enough to see that a word is everywhere. */
export const MATCHES_MAX = 1_000;

/** A piece of a page's text; one without `str` is a marker. */
type Piece = { str: string; hasEOL: boolean } | object;

/** A page's text, and where each of its pieces begins in it. Lines end with a space. */
export function textOf(pieces: readonly Piece[]): { text: string; starts: number[] } {
  const starts: number[] = [];
  let text = "";
  for (const piece of pieces) {
    if (!("str" in piece)) continue;
    starts.push(text.length);
    text += piece.str;
    if (piece.hasEOL) text += " ";
  }
  return { text, starts };
}

/** Matches of a word in a page. */
export function findIn(text: string, query: string, page: number, limit = MATCHES_MAX): Match[] {
  const wanted = fold(query.trim());
  if (wanted === "") return [];
  const folded = fold(text);
  const found: Match[] = [];
  for (let at = folded.indexOf(wanted); at >= 0 && found.length < limit; at = folded.indexOf(wanted, at + wanted.length)) {
    found.push({ page, start: at, end: at + wanted.length });
  }
  return found;
}

/** The pieces that a match touches, with the part of each. */
export function partsOf(match: Match, starts: readonly number[], lengths: readonly number[]) {
  const parts: { piece: number; from: number; to: number }[] = [];
  for (let piece = 0; piece < starts.length; piece += 1) {
    const from = Math.max(0, match.start - starts[piece]);
    const to = Math.min(lengths[piece], match.end - starts[piece]);
    if (from < to) parts.push({ piece, from, to });
  }
  return parts;
}
