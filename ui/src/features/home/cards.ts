/** Texts of the first screen's cards, derived from their figures. */
import type { AttemptCard, CourseCard } from "$shared/desktop/generated";

export function percentOf(course: CourseCard): number {
  return course.topics_all > 0 ? (course.topics_done / course.topics_all) * 100 : 0;
}

export function isDone(course: CourseCard): boolean {
  return course.topics_all > 0 && course.topics_done >= course.topics_all;
}

export type Files = "arriving" | "none" | "here" | "part" | "away";

/** How many of a course's files are on this laptop. */
export function filesOf(course: Pick<CourseCard, "ready" | "bytes_here" | "bytes_all">): Files {
  if (!course.ready) return "arriving";
  if (course.bytes_all === 0) return "none";
  if (course.bytes_here >= course.bytes_all) return "here";
  return course.bytes_here > 0 ? "part" : "away";
}

/** A due date within this time is coloured. */
const SOON_MS = 7 * 86_400_000;

export type Due = "none" | "done" | "later" | "soon" | "over";

export function dueOf(course: CourseCard, now: number): Due {
  if (isDone(course)) return "done";
  if (course.due_at === null) return "none";
  if (course.due_at < now) return "over";
  return course.due_at - now < SOON_MS ? "soon" : "later";
}

export type Outcome = "started" | "submitted" | "passed" | "failed" | "graded";

export function outcomeOf(attempt: AttemptCard): Outcome {
  if (attempt.state === "started") return "started";
  if (attempt.state !== "graded") return "submitted";
  if (attempt.passed === null) return "graded";
  return attempt.passed ? "passed" : "failed";
}
