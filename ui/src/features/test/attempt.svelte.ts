// An attempt at a test: its questions with the current answers, the time left, what is stored, submission.

import { untrack } from "svelte";
import type { Attempt, Question } from "$shared/desktop/generated";
import { call } from "$shared/desktop/desktop";
import { beforeLeaving } from "$shared/desktop/leaving";
import { live, type Live } from "$shared/desktop/live.svelte";
import { notify, notifyProblem } from "$shared/ui";
import { m } from "$messages";
import { choose, unanswered, type Given } from "./answers";
import { Autosave, type SaveState } from "./autosave";
import { Countdown, slept } from "./clock";

/** What was entered here, until the attempt is submitted. It takes precedence over what the desktop sends meanwhile. */
interface Entered {
  answer: Given;
  flagged: boolean;
}

/** The desktop counts whole seconds; a smaller difference is no correction. */
const CORRECTION_SECONDS_MIN = 2;
const TICK_MS = 1_000;
/** Delay before a failed submission is retried once the time is over. */
const HAND_IN_AGAIN_MS = 5_000;

export class AttemptController {
  readonly view: Live<"attempt">;
  /** The question in view, or the one with the focus when all are shown. */
  at = $state(0);
  secondsLeft = $state<number | null>(null);
  /** The time that was left when the test was opened here, to show when it runs out. */
  secondsAtFirst = $state(0);
  saved = $state<SaveState>("saved");
  handingIn = $state(false);

  readonly #id: () => string;
  readonly #autosave: Autosave;
  #entered = $state.raw<ReadonlyMap<string, Entered>>(new Map());
  #openedId = "";
  #countdown: Countdown | null = null;
  /** After the time is over it is submitted from this moment on; later after a failure. */
  #handInFrom = 0;

  constructor(id: () => string) {
    this.#id = id;
    this.view = live("attempt", () => ({ id: id() }), ["assessment_attempts", "assessments", "questions", "question_options"]);
    this.#autosave = new Autosave({
      store: (saving) => call("answer", saving),
      onState: (state, problem) => {
        if (state === "failed" && this.saved !== "failed") notifyProblem(problem);
        this.saved = state;
      },
    });
    $effect(() => {
      const attempt = this.view.data;
      untrack(() => this.#took(attempt));
    });
    $effect(() => this.#watchTime());
    $effect(() => {
      const stay = beforeLeaving(() => this.#autosave.flush());
      return () => {
        stay();
        void this.#autosave.flush();
      };
    });
  }

  get attempt(): Attempt | null {
    return this.view.data;
  }

  readonly running: boolean = $derived.by(() => this.view.data?.card.state === "started");

  readonly questions: Question[] = $derived.by(() => {
    const questions = this.view.data?.questions ?? [];
    return questions.map((question) => ({ ...question, ...this.#entered.get(question.id) }));
  });

  readonly open: number[] = $derived(unanswered(this.questions));
  readonly flagged: number[] = $derived(this.questions.flatMap((question, index) => (question.flagged ? [index] : [])));

  /** Goes to a question and remembers its index. */
  goTo(index: number): void {
    const to = Math.max(0, Math.min(index, this.questions.length - 1));
    const from = this.at;
    if (to === from) return;
    this.at = to;
    void this.#autosave.flush();
    const question = this.questions[to];
    if (this.running && question) this.#autosave.later(this.#saving(question));
  }

  chooseOption(question: Question, option: string): void {
    this.#enter(question, { answer: choose(question, option) }, "now");
  }

  write(question: Question, text: string): void {
    this.#enter(question, { answer: text.trim() === "" ? null : text }, "later");
  }

  clear(question: Question): void {
    this.#enter(question, { answer: null }, "now");
  }

  flag(question: Question): void {
    this.#enter(question, { flagged: !question.flagged }, "now");
  }

  /** Stores what was typed without waiting for the delay. */
  settle(): void {
    if (this.#autosave.pending) void this.#autosave.flush();
  }

  async handIn(): Promise<boolean> {
    this.handingIn = true;
    try {
      await this.#autosave.flush();
      // Answers that are not on the disk yet would be missing, so they are stored before submission.
      if (this.#autosave.pending) return false;
      this.view.set(await call("hand_in", { id: this.#id() }));
      return true;
    } catch (thrown) {
      notifyProblem(thrown);
      await this.view.reload();
      return false;
    } finally {
      this.handingIn = false;
    }
  }

  #enter(question: Question, change: Partial<Entered>, when: "now" | "later"): void {
    if (!this.running || this.handingIn || this.#countdown?.over) return;
    const entered: Entered = { answer: question.answer, flagged: question.flagged, ...change };
    this.#entered = new Map(this.#entered).set(question.id, entered);
    const saving = this.#saving({ ...question, ...entered });
    if (when === "now") void this.#autosave.now(saving);
    else this.#autosave.later(saving);
  }

  #saving(question: Question) {
    const { id: question_id, answer, flagged } = question;
    return { attempt_id: this.#id(), question_id, answer: $state.snapshot(answer) as Given, flagged, at_question: this.at };
  }

  /** Takes what the desktop sent: the position at first, the time whenever it differs, no input once it is over. */
  #took(attempt: Attempt | null): void {
    if (!attempt) return;
    if (this.#openedId !== attempt.card.id) {
      this.#openedId = attempt.card.id;
      this.#entered = new Map();
      this.#countdown = null;
      this.#handInFrom = 0;
      this.at = Math.max(0, Math.min(attempt.at_question, attempt.questions.length - 1));
      this.secondsAtFirst = attempt.seconds_left ?? 0;
    }
    if (attempt.card.state !== "started") {
      if (this.#entered.size > 0) this.#entered = new Map();
      this.#countdown = null;
      this.secondsLeft = null;
      return;
    }
    if (attempt.seconds_left === null) this.#countdown = null;
    else if (!this.#countdown || Math.abs(this.#countdown.secondsLeft - attempt.seconds_left) >= CORRECTION_SECONDS_MIN) {
      this.#countdown = new Countdown(attempt.seconds_left, () => performance.now());
    }
    this.#tick();
  }

  #tick(): void {
    this.secondsLeft = this.#countdown?.secondsLeft ?? null;
    if (!this.#countdown?.over || this.handingIn || performance.now() < this.#handInFrom) return;
    this.#handInFrom = performance.now() + HAND_IN_AGAIN_MS;
    void this.handIn().then((done) => done && notify(m.test_time_over()));
  }

  #watchTime(): (() => void) | void {
    if (!this.running) return;
    let before = { wall: Date.now(), steady: performance.now() };
    const timer = setInterval(() => {
      const now = { wall: Date.now(), steady: performance.now() };
      if (slept(before, now)) void this.view.reload();
      before = now;
      this.#tick();
    }, TICK_MS);
    const shown = () => !document.hidden && void this.view.reload();
    document.addEventListener("visibilitychange", shown);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", shown);
    };
  }
}
