import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Refused } from "$shared/desktop/desktop";
import type { Question } from "$shared/desktop/generated";
import * as answers from "./answers";
import { Autosave, REST_MS, type Saving, type SaveState } from "./autosave";
import { Countdown, isRunningOut, slept } from "./clock";

const question = (question_type: string, answer: Question["answer"] = null): Question => ({
  id: "q",
  question_type,
  text: "",
  points: 1,
  answer,
  flagged: false,
  is_correct: null,
  points_earned: null,
  explanation: "",
  right_answer: null,
  options: ["a", "b", "c"].map((id) => ({ id, text: id })),
});

describe("an answer", () => {
  it("is given when it is not blank", () => {
    expect([null, "", "  ", [], "x", ["a"]].map(answers.isAnswered)).toEqual([false, false, false, false, true, true]);
    expect(answers.unanswered([question("single"), question("single", "a"), question("written", " ")])).toEqual([0, 2]);
    expect(answers.written("  ")).toBeNull();
    expect(answers.written(" x")).toBe(" x");
  });

  it("to a single choice is replaced, to a multiple one put in and taken out", () => {
    expect(answers.choose(question("single", "a"), "b")).toBe("b");
    expect(answers.choose(question("multiple", ["c"]), "a")).toEqual(["a", "c"]);
    expect(answers.choose(question("multiple", ["a", "c"]), "a")).toEqual(["c"]);
    expect(answers.choose(question("multiple", ["c"]), "c")).toBeNull();
    expect(answers.choose(question("multiple"), "b")).toEqual(["b"]);
  });

  it("accepts a number as people write it", () => {
    for (const text of ["", "2,5", "2.5", "1 000", "−3", "-3", "+4", ".5", "5.", "1e3"]) expect(answers.isNumber(text), text).toBe(true);
    for (const text of ["abc", "2,5,6", "--1", "5 bar"]) expect(answers.isNumber(text), text).toBe(false);
  });

  it("of an unknown type is written", () => expect(answers.shapeOf(question("hologram"))).toBe("text"));
});

describe("keys of a test", () => {
  const press = (code: string, held = {}) => ({ code, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });
  const free = "other";

  it("choose options by digit or letter", () => {
    expect(answers.keyOf(press("Digit2"), 4, free)).toEqual({ do: "option", index: 1 });
    expect(answers.keyOf(press("Numpad3"), 4, free)).toEqual({ do: "option", index: 2 });
    expect(answers.keyOf(press("KeyD"), 4, free)).toEqual({ do: "option", index: 3 });
    expect(answers.keyOf(press("Digit5"), 4, free)).toBeNull();
  });

  it("flag with F, unless F is an option", () => {
    expect(answers.keyOf(press("KeyF"), 5, free)).toEqual({ do: "flag" });
    expect(answers.keyOf(press("KeyF"), 6, free)).toEqual({ do: "option", index: 5 });
  });

  it("go between questions", () => {
    expect(answers.keyOf(press("ArrowRight"), 0, free)).toEqual({ do: "next" });
    expect(answers.keyOf(press("Enter"), 0, free)).toEqual({ do: "next" });
    expect(answers.keyOf(press("Enter", { shiftKey: true }), 0, free)).toEqual({ do: "previous" });
    expect(answers.keyOf(press("ArrowUp"), 0, free)).toEqual({ do: "previous" });
    expect(answers.keyOf(press("ArrowUp"), 4, "option")).toBeNull();
    expect(answers.keyOf(press("Enter", { ctrlKey: true }), 0, free)).toEqual({ do: "hand-in" });
  });

  it("leave text alone", () => {
    for (const code of ["KeyA", "Digit1", "ArrowLeft", "Enter", "KeyF", "PageDown"])
      expect(answers.keyOf(press(code), 4, "text")).toBeNull();
    for (const code of ["KeyA", "Digit1", "ArrowLeft", "KeyF"]) expect(answers.keyOf(press(code), 0, "line")).toBeNull();
    expect(answers.keyOf(press("Enter"), 0, "line")).toEqual({ do: "next" });
    expect(answers.keyOf(press("Enter", { ctrlKey: true }), 0, "text")).toEqual({ do: "hand-in" });
    expect(answers.keyOf(press("Digit1", { altKey: true }), 4, free)).toBeNull();
    expect(answers.keyOf(press("KeyA", { ctrlKey: true }), 4, free)).toBeNull();
  });
});

describe("the clock", () => {
  it("counts on the monotonic clock and stops at nothing", () => {
    let ms = 1_000;
    const countdown = new Countdown(90, () => ms);
    expect([countdown.secondsLeft, countdown.over, countdown.msToNext]).toEqual([90, false, 1000]);
    ms += 400;
    expect([countdown.secondsLeft, countdown.msToNext]).toEqual([90, 600]);
    ms += 89_599;
    expect([countdown.secondsLeft, countdown.over]).toEqual([1, false]);
    ms += 1;
    expect([countdown.secondsLeft, countdown.over, countdown.msToNext]).toEqual([0, true, 0]);
  });

  it("is over at once without time left", () => expect(new Countdown(-5, () => 0)).toMatchObject({ over: true, secondsLeft: 0 }));

  it("runs out in its last tenth", () => {
    expect(isRunningOut(60, 600)).toBe(true);
    expect(isRunningOut(61, 600)).toBe(false);
    expect(isRunningOut(300, 36_000)).toBe(true);
    expect(isRunningOut(301, 36_000)).toBe(false);
    expect(isRunningOut(30, 60)).toBe(true);
  });

  it("notices a sleep, not a second's jitter", () => {
    expect(slept({ wall: 0, steady: 0 }, { wall: 61_000, steady: 60_000 })).toBe(false);
    expect(slept({ wall: 0, steady: 0 }, { wall: 600_000, steady: 1_000 })).toBe(true);
  });
});

describe("autosave", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const saving = (question_id: string, answer: string): Saving => ({
    attempt_id: "t",
    question_id,
    answer,
    flagged: false,
    at_question: 0,
  });
  function setUp(refuse: (one: Saving) => boolean = () => false) {
    const stored: string[] = [];
    const states: SaveState[] = [];
    const autosave = new Autosave({
      store: async (one) => {
        if (refuse(one)) throw new Error("no");
        stored.push(`${one.question_id}=${one.answer}`);
      },
      onState: (state) => states.push(state),
    });
    return { autosave, stored, states };
  }

  it("stores a choice at once", async () => {
    const { autosave, stored, states } = setUp();
    await autosave.now(saving("q1", "a"));
    expect(stored).toEqual(["q1=a"]);
    expect(states).toEqual(["saving", "saved"]);
  });

  it("stores text once, after a rest", async () => {
    const { autosave, stored } = setUp();
    for (const text of ["w", "wo", "wor"]) autosave.later(saving("q1", text));
    await vi.advanceTimersByTimeAsync(REST_MS - 1);
    expect(stored).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(stored).toEqual(["q1=wor"]);
    expect(autosave.pending).toBe(false);
  });

  it("flushes text when the person moves on", async () => {
    const { autosave, stored } = setUp();
    autosave.later(saving("q1", "word"));
    await autosave.flush();
    expect(stored).toEqual(["q1=word"]);
    await vi.advanceTimersByTimeAsync(REST_MS);
    expect(stored).toEqual(["q1=word"]);
  });

  it("keeps what could not be stored for the next try", async () => {
    let full = true;
    const { autosave, stored, states } = setUp(() => full);
    await autosave.now(saving("q1", "a"));
    expect([stored, autosave.pending, states.at(-1)]).toEqual([[], true, "failed"]);
    full = false;
    await autosave.now(saving("q2", "b"));
    expect(stored).toEqual(["q1=a", "q2=b"]);
    expect(states.at(-1)).toBe("saved");
  });

  it("drops an answer that is too late, so that the rest can be submitted", async () => {
    const stored: string[] = [];
    const states: SaveState[] = [];
    const store = async (it: Saving) => {
      if (it.question_id === "q1") throw new Refused({ code: "time_over", message: "", retryable: false });
      stored.push(it.question_id);
    };
    const autosave = new Autosave({ store, onState: (state) => states.push(state) });
    autosave.later(saving("q1", "a"));
    autosave.later(saving("q2", "b"));
    await autosave.flush();
    expect([stored, autosave.pending, states.includes("failed")]).toEqual([["q2"], false, true]);
  });

  it("does not restore an older answer after a failure", async () => {
    let full = true;
    const { autosave, stored } = setUp(() => full);
    await autosave.now(saving("q1", "old"));
    full = false;
    await autosave.now(saving("q1", "new"));
    expect(stored).toEqual(["q1=new"]);
  });
});
