import { expect, test } from "vitest";
import { Refused } from "$shared/desktop/desktop";
import type { Code, PersonTile, Start } from "$shared/desktop/generated";
import { Entry } from "./entry.svelte";
import type { Session } from "./session.svelte";

const tile = {
  user_id: "u",
  full_name: "Aysel",
  user_name: "aysel",
  role: "learner",
  server: "https://s.example",
  waiting: 0,
  last_here_at: 0,
} as PersonTile;
const start = (people: PersonTile[]) => ({ people, server: "https://other.example" }) as Start;

function entry(people = [tile], code: Code | null = null) {
  const calls: unknown[] = [];
  const enter = async (...args: unknown[]) => {
    calls.push(args);
    if (code) throw new Refused({ code, message: "", retryable: false });
  };
  return { entry: new Entry({ unlock: enter, signIn: enter } as unknown as Session, start(people)), calls };
}

test("it begins with signing in without people, and with choosing otherwise", () => {
  expect([entry([]).entry.step, entry().entry.step]).toEqual(["sign_in", "choose"]);
});

test("empty fields are flagged and nothing is sent", async () => {
  const { entry: it, calls } = entry([]);
  it.name = " ";
  await it.signIn();
  expect([it.tried, calls]).toEqual([true, []]);
});

test("a wrong password is reported and may be corrected", async () => {
  const { entry: it, calls } = entry([tile], "cannot_unlock");
  it.choose(tile);
  it.password = "x";
  await it.unlock();
  expect([it.problem?.code, it.busy, it.needsServer]).toEqual(["cannot_unlock", false, true]);
  expect(calls).toEqual([["u", "x"]]);
});

test("signing in with the server keeps the person's server and name, never the password", () => {
  const { entry: it } = entry();
  it.choose(tile);
  it.password = "secret";
  it.withServer();
  expect([it.step, it.server, it.name, it.password]).toEqual(["sign_in", "https://s.example", "aysel", ""]);
});

test("going back forgets the password and the problem", async () => {
  const { entry: it } = entry([tile], "cannot_unlock");
  it.choose(tile);
  it.password = "x";
  await it.unlock();
  it.back();
  expect([it.step, it.password, it.problem, it.chosen]).toEqual(["choose", "", null, null]);
});
