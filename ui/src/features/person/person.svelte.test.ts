import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

type Send = (event: { payload: unknown }) => void;
const desk = vi.hoisted(() => ({ calls: [] as [string, unknown][], answers: {} as Record<string, unknown>, send: (() => {}) as Send }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: unknown }) => {
    desk.calls.push([name, args]);
    const answer = desk.answers[name];
    if (typeof answer === "string") throw { code: answer, message: "", retryable: false };
    return answer;
  },
}));
vi.mock("@tauri-apps/api/event", () => ({
  listen: async (_: string, listener: Send) => {
    desk.send = listener;
    return () => {};
  },
}));

import type { PersonPage } from "$shared/desktop/generated";
import { language, chooseLanguage } from "$shared/i18n/language.svelte";
import { go, route } from "$shared/router/router.svelte";
import PersonView from "../../views/PersonView.svelte";
import { standingOf } from "./person.svelte";

const person = (more: Partial<PersonPage> = {}): PersonPage => ({
  user_id: "u1",
  full_name: "Aysel Məmmədova",
  standing: "here",
  followed: true,
  pinned: false,
  results: [],
  courses: [],
  marks: [{ id: "m1", lesson_date: "2026-03-02", status: "late", group_name: "A1", note: "" }],
  payments: [
    { id: "p1", payment_date: "2026-03-01", title: "March", amount_minor: 5000, currency: "AZN", status: "paid", receipt_number: "R-1" },
  ],
  record: { attendance: { marks: [0, 1, 0, 0], percent: 100, leaves_out_excused: false }, balances: [], certificates: [], badges: [] },
  tables: ["follows", "payments"],
  ...more,
});

const part = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const asked = (name: string) => desk.calls.filter(([each]) => each === name).map(([, args]) => args);
const soon = (check: () => void) =>
  vi.waitFor(() => {
    flushSync();
    check();
  });

let close = () => {};
function show() {
  const shown = mount(PersonView, { target: document.body, props: { id: "u1", role: "admin" } });
  close = () => {
    void unmount(shown);
    close = () => {};
  };
  flushSync();
}
const press = (key: Partial<KeyboardEventInit>, target: EventTarget = document.body) =>
  target.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, cancelable: true, ...key }));

beforeEach(() => {
  desk.calls = [];
  desk.answers = { open_person: person(), person_page: person(), pin_person: person({ pinned: true }), let_go_of_person: {} };
  go({ name: "person", id: "u1" });
});
afterEach(() => {
  close();
  document.body.replaceChildren();
});

test.each([
  [{ standing: "here" }, true, "here"],
  [{ standing: "coming" }, true, "coming"],
  [{ standing: "coming" }, false, "never"],
  [{ standing: "coming", followed: false }, true, "left"],
  [{ standing: "refused", followed: false }, true, "refused"],
  [{ standing: "partly", followed: false }, false, "partly"],
] as const)("%j is told, online %s, as %s", (more, online, standing) => {
  expect(standingOf(person(more), online)).toBe(standing);
});

test("opening follows once, and a change reads again without following", async () => {
  show();
  await soon(() => expect(part("person-standing")?.dataset.standing).toBe("here"));
  expect(asked("open_person")).toEqual([{ id: "u1" }]);
  expect([part("person-lesson")?.textContent, part("person-payment")?.textContent].every((text) => text && !text.includes("choice_"))).toBe(
    true,
  );
  const before = asked("person_page").length;
  desk.answers.person_page = person({ payments: [] });
  desk.send({ payload: { kind: "changed", entities: ["payments"] } });
  await soon(() => expect(part("person-payment")).toBeNull());
  expect([asked("person_page").length, asked("open_person").length]).toEqual([before + 1, 1]);
});

test("an empty part is nothing when all is here, and not arrived while it is not", async () => {
  show();
  await soon(() => expect(part("person-results")).not.toBeNull());
  const here = part("person-results")!.textContent;
  close();
  document.body.replaceChildren();
  desk.answers.open_person = desk.answers.person_page = person({ standing: "coming" });
  show();
  await soon(() => expect(part("person-standing")?.dataset.standing).toBe("coming"));
  expect(part("person-results")!.textContent).not.toBe(here);
});

test("P pins and the button unpins, but not while something is typed", async () => {
  show();
  await soon(() => expect(part("person-pin")).not.toBeNull());
  const input = document.body.appendChild(document.createElement("input"));
  press({ code: "KeyP", key: "p" }, input);
  press({ code: "KeyP", key: "p", ctrlKey: true });
  expect(asked("pin_person")).toEqual([]);
  press({ code: "KeyP", key: "p" });
  await soon(() => expect(part("person-pin")?.getAttribute("aria-pressed")).toBe("true"));
  desk.answers.pin_person = person();
  part("person-pin")!.click();
  await soon(() => expect(part("person-pin")?.getAttribute("aria-pressed")).toBe("false"));
  expect(asked("pin_person")).toEqual([
    { id: "u1", pinned: true },
    { id: "u1", pinned: false },
  ]);
});

test("whoever is let go leaves the page, and a refused one stays", async () => {
  show();
  await soon(() => expect(part("person-let-go")).not.toBeNull());
  desk.answers.let_go_of_person = "disk_full";
  part("person-let-go")!.click();
  await soon(() => expect((part("person-let-go") as HTMLButtonElement).disabled).toBe(false));
  expect(route()).toEqual({ name: "person", id: "u1" });
  desk.answers.let_go_of_person = {};
  part("person-let-go")!.click();
  await soon(() => expect(route()).toEqual({ name: "records", table: "users", id: "u1" }));
});

test("a refused person offers to be opened again", async () => {
  desk.answers.open_person = desk.answers.person_page = person({ standing: "refused", followed: false });
  show();
  await soon(() => expect(part("person-open")).not.toBeNull());
  expect([part("person-pin"), part("person-let-go")]).toEqual([null, null]);
  part("person-open")!.click();
  await soon(() => expect(asked("open_person")).toHaveLength(2));
});

test.each(["not_found", "not_allowed", "disk_failed"])("%s has a state of its own in every language", async (code) => {
  desk.answers.open_person = desk.answers.person_page = code;
  const before = language();
  const texts = new Set<string>();
  for (const each of ["en", "ru", "az"] as const) {
    chooseLanguage(each);
    show();
    await soon(() => expect(part(code === "disk_failed" ? "error" : "empty")).not.toBeNull());
    texts.add(document.body.textContent!);
    close();
    document.body.replaceChildren();
  }
  chooseLanguage(before);
  expect(texts.size).toBe(3);
});
