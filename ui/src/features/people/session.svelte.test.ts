import { expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({ calls: [] as string[], last: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: unknown }) => {
    desk.calls.push(name);
    desk.last = args;
    if (name === "start") return { people: [], look: { theme: "", language: "", zoom_percent: 100 }, unlocked: null };
    if (name === "note_position") throw { code: "locked", message: "", retryable: false };
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { call, problemOf } from "$shared/desktop/desktop";
import type { Person } from "$shared/desktop/generated";
import { beforeLeaving } from "$shared/desktop/leaving";
import { notifyProblem, toasts } from "$shared/ui";
import { Session } from "./session.svelte";

test("unsaved input is stored before locking and signing out", async () => {
  const stop = beforeLeaving(() => call("answer", { attempt_id: "a", question_id: "q", answer: "4", flagged: false, at_question: 0 }));
  await new Session().lock();
  await new Session().signOut();
  expect(desk.calls.filter((name) => name !== "start")).toEqual(["answer", "lock", "answer", "sign_out"]);
  stop();
});

test("the next person gets no message about locking", async () => {
  const note = { content_item_id: "c", page: 1, second: null, percent: 1, seconds_spent: 0 };
  await call("note_position", note).catch(notifyProblem);
  expect(toasts()).toEqual([]);
  await expect(call("note_position", note).catch((thrown) => problemOf(thrown).code)).resolves.toBe("locked");
});

test("signing in again takes the password, or a code with a new one when an administrator has reset it", async () => {
  const person = { server: "https://s.example", user_name: "leyla" } as Person;
  await new Session().signInAgain(person, "present one");
  expect([desk.calls.at(-1), desk.last]).toEqual(["sign_in", { server: "https://s.example", name: "leyla", password: "present one" }]);
  await new Session().signInAgain(person, "next one", "k7qm 4txr");
  const form = { server: "https://s.example", code: "k7qm 4txr", user_name: "leyla", password: "next one" };
  expect([desk.calls.at(-1), desk.last]).toEqual(["sign_in_with_code", form]);
});
