import { describe, expect, it } from "vitest";
import type { AttemptCard, CourseCard, CourseLearners, LearnerRow } from "$shared/desktop/generated";
import * as matrix from "./matrix";

const NOW = 1_800_000_000_000;
const DAY = 86_400_000;

const attempt = (passed: boolean | null, score: number | null = null, state = "graded") =>
  ({ state, passed, score_percent: score }) as AttemptCard;
const learner = (
  display_name: string,
  topics: number[],
  assessments: (AttemptCard | null)[] = [],
  more: Partial<LearnerRow> = {},
): LearnerRow => ({
  user_id: display_name,
  display_name,
  status: "in_progress",
  topics,
  assessments,
  last_active_at: NOW - DAY,
  time_spent_seconds: 0,
  ...more,
});
const course = (learners: LearnerRow[]): CourseLearners => ({
  course: {} as CourseCard,
  topics: (learners[0]?.topics ?? []).map((_, index) => ({ id: `t${index}`, title: `T${index}` })),
  assessments: (learners[0]?.assessments ?? []).map((_, index) => ({ id: `a${index}`, title: `A${index}` })),
  learners,
});
const names = (learners: LearnerRow[]) => learners.map((one) => one.display_name);

describe("a learner", () => {
  it("is complete only when all topics are", () => {
    expect(matrix.progressOf(learner("A", [100, 100, 99]))).toBe(99);
    expect(matrix.progressOf(learner("A", []))).toBe(0);
  });

  it("is stuck after a failed test or a long silence", () => {
    expect(matrix.stuckBy(learner("A", [100], [attempt(false)]), NOW)).toBe("failed");
    expect(matrix.stuckBy(learner("A", [50], [], { last_active_at: NOW - 15 * DAY }), NOW)).toBe("quiet");
    expect(matrix.stuckBy(learner("A", [0], [], { last_active_at: null }), NOW)).toBe("quiet");
    expect(matrix.stuckBy(learner("A", [50], [attempt(null, null, "submitted")]), NOW)).toBeNull();
  });

  it("is not stuck after finishing or leaving", () => {
    expect(matrix.stuckBy(learner("A", [0], [attempt(false)], { status: "dropped" }), NOW)).toBeNull();
    expect(matrix.stuckBy(learner("A", [100], [], { status: "completed", last_active_at: null }), NOW)).toBeNull();
    expect(matrix.stuckBy(learner("A", [100], [attempt(true)], { last_active_at: 0 }), NOW)).toBeNull();
  });
});

it("order is by name, progress or activity, and names decide between equals", () => {
  const people = [learner("B", [50]), learner("A", [50], [], { last_active_at: null }), learner("C", [90])];
  const compare = (a: string, b: string) => a.localeCompare(b);
  expect(names(matrix.sorted(people, "name", false, compare))).toEqual(["A", "B", "C"]);
  expect(names(matrix.sorted(people, "progress", true, compare))).toEqual(["C", "A", "B"]);
  expect(names(matrix.sorted(people, "active", false, compare))).toEqual(["A", "B", "C"]);
});

describe("the summary", () => {
  const people = [
    learner("A", [100, 100], [attempt(true, 90), attempt(false, 40)]),
    learner("B", [100, 20], [attempt(true, 80), null]),
    learner("C", [0, 0], [attempt(false, 30), attempt(null, null, "submitted")]),
    learner("D", [0, 0], [null, attempt(null, null, "started")], { status: "dropped" }),
  ];

  it("names who is done", () =>
    expect(matrix.topicDone(course(people), 0)).toMatchObject({ learners: [{ display_name: "A" }, { display_name: "B" }], of: 3 }));

  it("splits a test's people and takes the mean of results", () => {
    const summary = matrix.testSummary(course(people), 0);
    expect([names(summary.passed.learners), names(summary.failed.learners)]).toEqual([["A", "B"], ["C"]]);
    expect(summary.percent).toBeCloseTo(66.67, 1);
    expect(names(matrix.testSummary(course(people), 1).waiting.learners)).toEqual(["C"]);
  });

  it("finds the hardest test, and none without a failure", () => {
    expect(matrix.hardestTest(course(people))).toBe(1);
    expect(matrix.hardestTest(course([learner("A", [], [attempt(true, 60)])]))).toBeNull();
    expect(matrix.hardestTest(course([]))).toBeNull();
  });

  it("finds the topic at which most people are", () => {
    expect(matrix.slowestTopic(course(people))).toMatchObject({ topic: 1, learners: [{ display_name: "B" }] });
    expect(matrix.slowestTopic(course([learner("A", [100])]))).toBeNull();
  });
});
