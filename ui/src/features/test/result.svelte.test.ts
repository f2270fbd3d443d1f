import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test, vi } from "vitest";
import type { GoOn, Question } from "$shared/desktop/generated";
import { go } from "$shared/router/router.svelte";
import AnsweredQuestion from "./AnsweredQuestion.svelte";
import RunningChip from "./RunningChip.svelte";

const question = (more: Partial<Question>): Question => ({
  id: "q",
  question_type: "single",
  text: "?",
  points: 1,
  options: ["a", "b"].map((id) => ({ id, text: `Option ${id}` })),
  answer: "a",
  flagged: false,
  is_correct: false,
  points_earned: 0,
  explanation: "",
  right_answer: null,
  ...more,
});
const part = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const words = (testid: string) => part(testid)?.textContent?.replace(/\s+/g, " ").trim();

let shown: ReturnType<typeof mount>[] = [];
afterEach(async () => {
  vi.useRealTimers();
  for (const each of shown) await unmount(each);
  shown = [];
  go({ name: "home" });
});

function show(given: Question) {
  shown.push(mount(AnsweredQuestion, { target: document.body, props: { question: given, index: 0, graded: true } }));
  flushSync();
}

test("the right option is marked beside the chosen one", () => {
  show(question({ right_answer: { options: ["b"], number: null, accepted: [] } }));
  expect(part("right-option")!.closest("li")!.textContent).toContain("Option b");
  expect(part("right-answer")).toBeNull();
});

test("the right number or text stands below a wrong answer, and not below a right one", async () => {
  show(question({ question_type: "numeric", options: [], answer: "3", right_answer: { options: [], number: 2.5, accepted: [] } }));
  expect(words("right-answer")).toBe("Right answer: 2.5");
  await unmount(shown.pop()!);
  const accepted = { options: [], number: null, accepted: ["Stop", "Halt"] };
  show(question({ question_type: "short_answer", options: [], answer: "go", right_answer: accepted }));
  expect(words("right-answer")).toBe("Right answer: Stop / Halt");
  await unmount(shown.pop()!);
  show(question({ question_type: "short_answer", options: [], answer: "stop", is_correct: true, right_answer: accepted }));
  expect(part("right-answer")).toBeNull();
});

test("without a right answer nothing hints at one", () => {
  show(question({}));
  expect([part("right-option"), part("right-answer")]).toEqual([null, null]);
});

test("the running test and its clock are on every screen but its own", () => {
  vi.useFakeTimers({ toFake: ["setInterval", "clearInterval", "performance"] });
  const at = { attempt_id: "a1", attempt_title: "Final test", attempt_seconds_left: 90 } as GoOn;
  shown.push(mount(RunningChip, { target: document.body, props: { at } }));
  flushSync();
  expect([words("running-test"), part("running-test")!.getAttribute("href")]).toEqual(["Final test 1:30", "#/attempt/a1"]);
  vi.advanceTimersByTime(30_000);
  flushSync();
  expect(part("running-test")!.dataset.seconds).toBe("60");
  go({ name: "attempt", id: "a1" });
  flushSync();
  expect(part("running-test")).toBeNull();
  // The clock goes on while the test itself is shown.
  vi.advanceTimersByTime(30_000);
  go({ name: "home" });
  flushSync();
  expect(part("running-test")!.dataset.seconds).toBe("30");
});

test("without a running test there is no chip", () => {
  shown.push(mount(RunningChip, { target: document.body, props: { at: { attempt_id: null } as GoOn } }));
  shown.push(mount(RunningChip, { target: document.body, props: { at: null } }));
  flushSync();
  expect(part("running-test")).toBeNull();
});
