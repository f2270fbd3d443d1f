import { expect, test } from "vitest";
import type { AttemptCard, CourseCard } from "$shared/desktop/generated";
import { dueOf, filesOf, outcomeOf, percentOf } from "./cards";

const DAY = 86_400_000;
const course = (more: Partial<CourseCard>) =>
  ({ topics_done: 1, topics_all: 4, due_at: null, bytes_here: 0, bytes_all: 0, ready: true, ...more }) as CourseCard;

test("a course without topics is at 0 percent, not at 100", () => {
  expect(percentOf(course({ topics_done: 0, topics_all: 0 }))).toBe(0);
  expect(percentOf(course({}))).toBe(25);
});

test("a due date is shown by how near it is, and not once the course is done", () => {
  const due = (due_at: number | null, topics_done = 1) => dueOf(course({ due_at, topics_done }), 10 * DAY);
  expect([due(null), due(9 * DAY), due(12 * DAY), due(30 * DAY), due(9 * DAY, 4)]).toEqual(["none", "over", "soon", "later", "done"]);
});

test("files are downloaded, partly, not at all, missing, or the course has not arrived", () => {
  const files = (bytes_here: number, bytes_all: number, ready = true) => filesOf({ bytes_here, bytes_all, ready });
  expect([files(5, 5), files(2, 5), files(0, 5), files(0, 0), files(0, 5, false)]).toEqual(["here", "part", "away", "none", "arriving"]);
});

test("an attempt's outcome", () => {
  const outcome = (state: string, passed: boolean | null) => outcomeOf({ state, passed } as AttemptCard);
  expect([
    outcome("started", null),
    outcome("submitted", null),
    outcome("graded", true),
    outcome("graded", false),
    outcome("graded", null),
  ]).toEqual(["started", "submitted", "passed", "failed", "graded"]);
});
