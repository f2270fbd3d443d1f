// Equipment and supply sources as a table: their commonest particulars become columns, the rest is shown with the name.

import { fold } from "$shared/i18n/letters";
import type { Particular, StationPart } from "$shared/desktop/generated";

/** More columns make the table unreadable. */
export const COLUMNS_MAX = 4;
/** A particular that fewer parts have than this share is shown beside the name. */
const SHARE_MIN = 0.5;

export interface PartsTable {
  columns: string[];
  rows: { part: StationPart; values: string[]; rest: Particular[] }[];
}

export function tableOf(parts: readonly StationPart[]): PartsTable {
  const count = new Map<string, number>();
  for (const part of parts) for (const { name, value } of part.particulars) if (value !== "") count.set(name, (count.get(name) ?? 0) + 1);
  const columns = [...count]
    .filter(([, found]) => found >= parts.length * SHARE_MIN)
    .slice(0, COLUMNS_MAX)
    .map(([name]) => name);
  const rows = parts.map((part) => ({
    part,
    values: columns.map((column) => part.particulars.find(({ name }) => name === column)?.value ?? ""),
    rest: part.particulars.filter(({ name, value }) => value !== "" && !columns.includes(name)),
  }));
  return { columns, rows };
}

export type Tone = "good" | "warn" | "bad" | "neutral";

const TONES: Record<string, Tone> = {
  active: "good",
  operational: "good",
  maintenance: "warn",
  out_of_service: "bad",
  closed: "neutral",
  primary: "neutral",
};

/** The tone of a state; an unknown one has none. */
export function toneOf(status: string): Tone {
  return TONES[status] ?? "neutral";
}

/** Stations whose name or address contains every word of the query. */
export function matching<Card extends { name: string; address: string }>(stations: readonly Card[], words: string): Card[] {
  const wanted = fold(words).split(/\s+/).filter(Boolean);
  return stations.filter(({ name, address }) => {
    const text = fold(`${name} ${address}`);
    return wanted.every((word) => text.includes(word));
  });
}
