/** Values that a course's page derives from its view. */
import type { AssessmentCard, Course, CourseCard, CourseFact, Download, TopicCard } from "$shared/desktop/generated";

export interface Numbered<T> {
  /** Its ordinal in the whole course: topics from 1, tests from 0. */
  index: number;
  card: T;
}

/** Topics and tests with their ordinals in the whole course, module by module. */
export function numbered(course: Course) {
  let topic = 0;
  let test = 0;
  const tests = (cards: AssessmentCard[]): Numbered<AssessmentCard>[] => cards.map((card) => ({ index: test++, card }));
  const modules = course.modules.map((module) => ({
    ...module,
    topics: module.topics.map((card): Numbered<TopicCard> => ({ index: ++topic, card })),
    assessments: tests(module.assessments),
  }));
  return { modules, assessments: tests(course.assessments) };
}

/** Facts by kind, in the order of the first fact of each kind. */
export function factsByKind(facts: CourseFact[]): { kind: string; texts: string[] }[] {
  const kinds = [...new Set(facts.map((fact) => fact.kind))];
  return kinds.map((kind) => ({ kind, texts: facts.filter((fact) => fact.kind === kind).map((fact) => fact.text) }));
}

export type FetchState = "none" | "here" | "away" | "fetching" | "paused" | "failed";

export interface Fetch {
  state: FetchState;
  /** Bytes on this laptop, including those of running downloads. */
  here: number;
  /** Remaining bytes. */
  left: number;
  percent: number;
  failed: number;
}

/**
 * The progress of a course's downloads. Running downloads report their own bytes; finished files leave the list, so the
 * sum is computed from the remaining ones, and the bar never goes back.
 */
export function fetchOf(card: Pick<CourseCard, "bytes_all" | "bytes_here">, items: readonly Download[], paused: boolean): Fetch {
  const all = card.bytes_all;
  const failed = items.filter((item) => item.state === "failed").length;
  const underWay = items.length > 0;
  const left = underWay
    ? Math.min(
        all,
        items.reduce((sum, item) => sum + Math.max(0, item.size_bytes - item.bytes_fetched), 0),
      )
    : Math.max(0, all - card.bytes_here);
  const here = all - left;
  const percent = all > 0 ? (here / all) * 100 : 100;
  const state: FetchState =
    all === 0 ? "none" : underWay ? (failed === items.length ? "failed" : paused ? "paused" : "fetching") : left === 0 ? "here" : "away";
  return { state, here, left, percent, failed };
}

/** Whether starting a test takes something that cannot be given back: its time or one of few attempts. */
export function costsSomething(card: Pick<AssessmentCard, "time_limit_seconds" | "attempts_left">): boolean {
  return card.time_limit_seconds !== null || card.attempts_left !== null;
}

/** The action of a test's button. */
export function startOf(card: AssessmentCard): "go_on" | "start" | "again" | "none" {
  if (card.attempts.some((attempt) => attempt.state === "started")) return "go_on";
  if (card.attempts_left !== null && card.attempts_left <= 0) return "none";
  return card.attempts.length > 0 ? "again" : "start";
}
