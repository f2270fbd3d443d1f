import { expect, test } from "vitest";
import type { AssessmentCard, AttemptCard, Course, Download } from "$shared/desktop/generated";
import { costsSomething, factsByKind, fetchOf, numbered, startOf } from "./course";

const MB = 1_000_000;
const download = (size: number, fetched: number, state = "fetching"): Download => ({
  content_item_id: "i",
  course_id: "c",
  title: "t",
  size_bytes: size * MB,
  bytes_fetched: fetched * MB,
  state,
  problem: null,
});

test("a course whose files are downloaded, not downloaded, or missing", () => {
  expect(fetchOf({ bytes_all: 0, bytes_here: 0 }, [], false).state).toBe("none");
  expect(fetchOf({ bytes_all: 10, bytes_here: 10 }, [], false).state).toBe("here");
  expect(fetchOf({ bytes_all: 10, bytes_here: 4 }, [], false)).toEqual({ state: "away", here: 4, left: 6, percent: 40, failed: 0 });
});

test("progress counts what is left, so that it never goes back when a file is done", () => {
  const card = { bytes_all: 100 * MB, bytes_here: 20 * MB };
  const before = fetchOf(card, [download(30, 29), download(50, 0)], false);
  const after = fetchOf(card, [download(50, 0)], false);
  expect([before.percent, after.percent]).toEqual([49, 50]);
  expect(before.state).toBe("fetching");
});

test("paused, some failed, all failed", () => {
  const card = { bytes_all: 100 * MB, bytes_here: 0 };
  expect(fetchOf(card, [download(50, 0)], true).state).toBe("paused");
  expect(fetchOf(card, [download(50, 0), download(50, 0, "failed")], false)).toMatchObject({ state: "fetching", failed: 1 });
  expect(fetchOf(card, [download(50, 0, "failed")], false).state).toBe("failed");
});

const attempt = (state: string) => ({ state }) as AttemptCard;
const test_ = (attempts: AttemptCard[], attempts_left: number | null) => ({ attempts, attempts_left }) as AssessmentCard;

test("a test is begun, continued, repeated, or over", () => {
  expect(startOf(test_([], null))).toBe("start");
  expect(startOf(test_([attempt("graded")], 1))).toBe("again");
  expect(startOf(test_([attempt("started")], 0))).toBe("go_on");
  expect(startOf(test_([attempt("graded")], 0))).toBe("none");
});

test("topics and tests are numbered through the course", () => {
  const module = (topics: string[], tests: string[]) => ({
    id: topics[0],
    title: "",
    description: "",
    topics: topics.map((id) => ({ id })),
    assessments: tests.map((id) => ({ id })),
  });
  const { modules, assessments } = numbered({
    modules: [module(["a", "b"], ["x"]), module(["c"], [])],
    assessments: [{ id: "y" }],
  } as unknown as Course);
  expect(modules.map((each) => each.topics.map((topic) => topic.index))).toEqual([[1, 2], [3]]);
  expect([modules[0].assessments[0].index, assessments[0].index]).toEqual([0, 1]);
});

test("facts are grouped by kind, in the order of their arrival", () => {
  const fact = (kind: string, text: string) => ({ kind, text });
  expect(factsByKind([fact("requirement", "1"), fact("learning_outcome", "2"), fact("requirement", "3")])).toEqual([
    { kind: "requirement", texts: ["1", "3"] },
    { kind: "learning_outcome", texts: ["2"] },
  ]);
});

test("a test with a time limit or few attempts is not begun by one click", () => {
  const costs = (time_limit_seconds: number | null, attempts_left: number | null) => costsSomething({ time_limit_seconds, attempts_left });
  expect([costs(null, null), costs(600, null), costs(null, 2), costs(600, 1)]).toEqual([false, true, true, true]);
});
