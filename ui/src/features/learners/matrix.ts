// The matrix of a course's learners: order, stuck learners, hard tests, and the names behind each number.

import type { AttemptCard, CourseLearners, LearnerRow } from "$shared/desktop/generated";

export type Order = "name" | "progress" | "active";

/** Days without activity after which a learner who has not finished counts as stuck. */
export const QUIET_DAYS_MAX = 14;
const DAY_MS = 86_400_000;

export type TestState = "none" | "started" | "waiting" | "passed" | "failed";

export function testState(attempt: AttemptCard | null): TestState {
  if (!attempt) return "none";
  if (attempt.state === "started") return "started";
  if (attempt.passed === null) return "waiting";
  return attempt.passed ? "passed" : "failed";
}

export function isDone(learner: LearnerRow): boolean {
  return learner.status === "completed";
}

/** Mean percentage over the topics; 100 only when all of them are complete. */
export function progressOf(learner: LearnerRow): number {
  if (learner.topics.length === 0) return isDone(learner) ? 100 : 0;
  return Math.floor(learner.topics.reduce((sum, percent) => sum + percent, 0) / learner.topics.length);
}

export type Stuck = "failed" | "quiet";

/** Why a learner is stuck: a test that was not passed, or a long silence before the end. */
export function stuckBy(learner: LearnerRow, now: number): Stuck | null {
  if (isDone(learner) || learner.status === "dropped") return null;
  if (learner.assessments.some((attempt) => testState(attempt) === "failed")) return "failed";
  if (progressOf(learner) >= 100 && learner.assessments.every((attempt) => testState(attempt) === "passed")) return null;
  return learner.last_active_at === null || now - learner.last_active_at > QUIET_DAYS_MAX * DAY_MS ? "quiet" : null;
}

export function sorted(
  learners: readonly LearnerRow[],
  order: Order,
  descending: boolean,
  compareNames: (a: string, b: string) => number,
): LearnerRow[] {
  const byName = (a: LearnerRow, b: LearnerRow) => compareNames(a.display_name, b.display_name);
  const by: Record<Order, (a: LearnerRow, b: LearnerRow) => number> = {
    name: byName,
    progress: (a, b) => progressOf(a) - progressOf(b),
    active: (a, b) => (a.last_active_at ?? 0) - (b.last_active_at ?? 0),
  };
  const sign = descending ? -1 : 1;
  return [...learners].sort((a, b) => sign * by[order](a, b) || byName(a, b));
}

/** A number and the people behind it. */
export interface Counted {
  learners: LearnerRow[];
  of: number;
}

export interface TestSummary {
  passed: Counted;
  failed: Counted;
  waiting: Counted;
  /** Learners who have not begun. */
  none: Counted;
  /** Mean of the best results; null when there is none. */
  percent: number | null;
}

/** Learners who still count: those who left the course do not. */
export function counting(course: CourseLearners): LearnerRow[] {
  return course.learners.filter((learner) => learner.status !== "dropped");
}

export function topicDone(course: CourseLearners, topic: number): Counted {
  const all = counting(course);
  return { learners: all.filter((learner) => (learner.topics[topic] ?? 0) >= 100), of: all.length };
}

export function testSummary(course: CourseLearners, test: number): TestSummary {
  const all = counting(course);
  const within = (...states: TestState[]): Counted => ({
    learners: all.filter((learner) => states.includes(testState(learner.assessments[test] ?? null))),
    of: all.length,
  });
  const scores = all.flatMap((learner) => learner.assessments[test]?.score_percent ?? []);
  const percent = scores.length === 0 ? null : scores.reduce((sum, score) => sum + score, 0) / scores.length;
  return { passed: within("passed"), failed: within("failed"), waiting: within("waiting"), none: within("none", "started"), percent };
}

/**
 * The test with the smallest share of passes among those with a result, by lower mean when equal; null without
 * failures.
 */
export function hardestTest(course: CourseLearners): number | null {
  let hardest: { test: number; share: number; percent: number } | null = null;
  course.assessments.forEach((_, test) => {
    const { passed, failed, percent } = testSummary(course, test);
    const results = passed.learners.length + failed.learners.length;
    if (results === 0 || failed.learners.length === 0) return;
    const share = passed.learners.length / results;
    const mean = percent ?? 0;
    if (hardest === null || share < hardest.share || (share === hardest.share && mean < hardest.percent))
      hardest = { test, share, percent: mean };
  });
  return (hardest as { test: number } | null)?.test ?? null;
}

/** The topic at which most learners are: begun or next, and not done. Null when all have finished. */
export function slowestTopic(course: CourseLearners): { topic: number; learners: LearnerRow[] } | null {
  const at = new Map<number, LearnerRow[]>();
  for (const learner of counting(course)) {
    const next = learner.topics.findIndex((percent) => percent < 100);
    if (next >= 0) at.set(next, [...(at.get(next) ?? []), learner]);
  }
  let slowest: { topic: number; learners: LearnerRow[] } | null = null;
  for (const [topic, learners] of at) if (!slowest || learners.length > slowest.learners.length) slowest = { topic, learners };
  return slowest;
}
