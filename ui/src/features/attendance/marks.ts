// Marks: the four statuses, their order on the keys 1-4, and how they are read from cells of other programs.

import { fold } from "$shared/i18n/letters";

export const STATUSES = ["present", "late", "absent", "excused"] as const;
export type Status = (typeof STATUSES)[number];
/** A mark; null is not marked, which is never "present". */
export type Mark = Status | null;

export function isStatus(value: unknown): value is Status {
  return typeof value === "string" && (STATUSES as readonly string[]).includes(value);
}

/** A status as the desktop sends it; an unknown one of a newer program counts as not marked. */
export function asMark(value: unknown): Mark {
  return isStatus(value) ? value : null;
}

/** The order in which Space cycles: nothing, present, late, absent, excused, nothing. */
export function nextMark(mark: Mark): Mark {
  if (mark === null) return "present";
  return STATUSES[STATUSES.indexOf(mark) + 1] ?? null;
}

// One letter per mark and language, as the cells show them; copied cells carry them, so pasting reads all of them.
const LETTERS: Record<Status, string[]> = {
  present: ["p", "п", "i", "1", "+"],
  late: ["l", "о", "g", "2"],
  absent: ["a", "н", "q", "3", "-", "−"],
  excused: ["e", "у", "ü", "4"],
};

// Whole words, for lists that were kept in another program.
const WORDS: Record<Status, string[]> = {
  present: [
    "present",
    "присутствие",
    "присутствовал",
    "присутствовала",
    "присутствует",
    "был",
    "была",
    "iştirak",
    "iştirak edib",
    "gəlib",
    "var",
  ],
  late: ["late", "опоздал", "опоздала", "опоздание", "gecikib", "gecikmə", "gec"],
  absent: [
    "absent",
    "неявка",
    "отсутствовал",
    "отсутствовала",
    "отсутствует",
    "не был",
    "не была",
    "нб",
    "н/б",
    "qayıb",
    "q/b",
    "yoxdur",
    "gəlməyib",
  ],
  excused: ["excused", "уважительная", "уважительная причина", "ув", "üzrlü", "üzürlü", "icazəli"],
};

const READ = new Map<string, Status>();
for (const status of STATUSES) for (const text of [...LETTERS[status], ...WORDS[status]]) READ.set(plain(text), status);

/** Ignores case and the dot of `İ`, which are easily confused in typing. */
function plain(text: string): string {
  return fold(text.trim().replace(/\s+/g, " ")).replace(/\u0307/g, "");
}

/** Reads a pasted cell. An empty cell clears; `undefined` is text that is no mark. */
export function readMark(text: string): Mark | undefined {
  const word = plain(text);
  return word === "" ? null : READ.get(word);
}
