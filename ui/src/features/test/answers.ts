// Answers to a test's questions: which are answered, what a key press chooses, which are still open.

import type { Question } from "$shared/desktop/generated";

export type Given = Question["answer"];

export type Shape = "one" | "many" | "number" | "line" | "text";

/** The input of a question on the screen; an unknown type of a newer program is answered by text. */
export function shapeOf(question: Pick<Question, "question_type">): Shape {
  switch (question.question_type) {
    case "single":
    case "true_false":
      return "one";
    case "multiple":
      return "many";
    case "numeric":
      return "number";
    case "short_answer":
      return "line";
    default:
      return "text";
  }
}

export function isAnswered(given: Given): boolean {
  if (given === null) return false;
  return Array.isArray(given) ? given.length > 0 : given.trim() !== "";
}

/** Indexes of the questions without an answer. */
export function unanswered(questions: readonly Question[]): number[] {
  return questions.flatMap((question, index) => (isAnswered(question.answer) ? [] : [index]));
}

export function isChosen(given: Given, option: string): boolean {
  return Array.isArray(given) ? given.includes(option) : given === option;
}

/** The answer after an option was chosen: the option, or the list with it added or removed, in the options' order. */
export function choose(question: Question, option: string): Given {
  if (shapeOf(question) === "one") return option;
  const before = Array.isArray(question.answer) ? question.answer : [];
  const after = before.includes(option) ? before.filter((one) => one !== option) : [...before, option];
  const order = question.options.map((one) => one.id);
  return after.length === 0 ? null : after.sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** Text as it is stored: blank text is no answer. */
export function written(text: string): Given {
  return text.trim() === "" ? null : text;
}

/** A number as people write it: a comma or a point, spaces between thousands. Empty counts as a number not given yet. */
export function isNumber(text: string): boolean {
  const plain = text.replace(/\s/g, "").replace(",", ".").replace("−", "-");
  return plain === "" || /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(plain);
}

/** Letters of the options, as on paper; past Z there are only numbers. */
export function optionLetter(index: number): string {
  return index < 26 ? String.fromCharCode(65 + index) : String(index + 1);
}

export type TestKey = { do: "option"; index: number } | { do: "flag" } | { do: "next" } | { do: "previous" } | { do: "hand-in" };

type Press = Pick<KeyboardEvent, "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">;

/** Options with a letter key: A to E and, because F is the flag, no further. Digits reach nine. */
const LETTER_KEYS = ["KeyA", "KeyB", "KeyC", "KeyD", "KeyE"];

/** Where the focus is: in a line or an area of text, on an option, or elsewhere. */
export type Focus = "line" | "text" | "option" | "other";

/**
 * The action of a key, by its position on the keyboard. In an area of text only Ctrl+Enter works, in a line of text
 * also Enter and the page keys; on an option up and down belong to the group.
 */
export function keyOf(press: Press, options: number, focus: Focus): TestKey | null {
  const { code } = press;
  const enter = code === "Enter" || code === "NumpadEnter";
  if (press.altKey) return null;
  if (press.ctrlKey || press.metaKey) return enter ? { do: "hand-in" } : null;
  if (focus === "text") return null;
  if (enter) return { do: press.shiftKey ? "previous" : "next" };
  if (press.shiftKey) return null;
  if (code === "PageDown") return { do: "next" };
  if (code === "PageUp") return { do: "previous" };
  if (focus === "line") return null;
  const digit = /^(?:Digit|Numpad)([1-9])$/.exec(code);
  const index = digit ? Number(digit[1]) - 1 : LETTER_KEYS.indexOf(code);
  if (index >= 0 && index < options) return { do: "option", index };
  // With six options F chooses the sixth, as its label shows; the flag then needs its button.
  if (code === "KeyF") return options >= 6 ? { do: "option", index: 5 } : { do: "flag" };
  if (code === "ArrowRight") return { do: "next" };
  if (code === "ArrowLeft") return { do: "previous" };
  if (focus === "option") return null;
  if (code === "ArrowDown") return { do: "next" };
  return code === "ArrowUp" ? { do: "previous" } : null;
}
