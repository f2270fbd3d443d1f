/** What a course's page works out from its view. */
import type { AssessmentCard, Course, CourseCard, CourseFact, Download, TopicCard } from "$shared/desktop/generated";

export interface Numbered<T> {
  /** Its place in the whole course: topics from 1, tests from 0. */
  index: number;
  card: T;
}

/** Topics and tests with their places in the whole course, module by module. */
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

/** Facts by kind, in the order in which their kinds first come. */
export function factsByKind(facts: CourseFact[]): { kind: string; texts: string[] }[] {
  const kinds = [...new Set(facts.map((fact) => fact.kind))];
  return kinds.map((kind) => ({ kind, texts: facts.filter((fact) => fact.kind === kind).map((fact) => fact.text) }));
}

export type FetchState = "none" | "here" | "away" | "fetching" | "paused" | "failed";

export interface Fetch {
  state: FetchState;
  /** Bytes on this laptop, those of files under way among them. */
  here: number;
  /** Bytes still to come. */
  left: number;
  percent: number;
  failed: number;
}

/**
 * How far the files of a course are. What is under way tells its own bytes; files that are done have left the list, so
 * the sum is taken from what is left, and the bar never goes back.
 */
export function fetchOf(card: Pick<CourseCard, "bytes_all" | "bytes_here">, items: readonly Download[], paused: boolean): Fetch {
  const all = card.bytes_all;
  const failed = items.filter((item) => item.state === "failed").length;
  const underWay = items.length > 0;
  const left = underWay
    ? Math.min(all, items.reduce((sum, item) => sum + Math.max(0, item.size_bytes - item.bytes_fetched), 0))
    : Math.max(0, all - card.bytes_here);
  const here = all - left;
  const percent = all > 0 ? (here / all) * 100 : 100;
  const state: FetchState =
    all === 0 ? "none"
    : underWay ? (failed === items.length ? "failed" : paused ? "paused" : "fetching")
    : left === 0 ? "here"
    : "away";
  return { state, here, left, percent, failed };
}

/** What the button of a test does. */
export function startOf(card: AssessmentCard): "go_on" | "start" | "again" | "none" {
  if (card.attempts.some((attempt) => attempt.state === "started")) return "go_on";
  if (card.attempts_left !== null && card.attempts_left <= 0) return "none";
  return card.attempts.length > 0 ? "again" : "start";
}
