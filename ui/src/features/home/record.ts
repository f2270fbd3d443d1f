/** Texts of a person's record, derived from its figures. */
import type { AttendanceTotals, PersonRecord } from "$shared/desktop/generated";
import { m } from "$messages";

/** Marks by kind in words, without the kinds that never occurred. */
export function marksOf(attendance: AttendanceTotals): { words: string; count: number }[] {
  const words = [m.home_present(), m.home_late(), m.home_absent(), m.home_excused()];
  return words.map((word, index) => ({ words: word, count: attendance.marks[index] ?? 0 })).filter((mark) => mark.count > 0);
}

/** Whether nothing is recorded. */
export function isEmpty(record: PersonRecord): boolean {
  const { attendance, balances, certificates, badges } = record;
  return marksOf(attendance).length === 0 && [balances, certificates, badges].every((list) => list.length === 0);
}

/** The colour of a certificate's validity. */
export function validityTone(validity: string): "good" | "bad" | "neutral" {
  if (validity === "valid") return "good";
  return validity === "revoked" ? "bad" : "neutral";
}
