import { expect, test } from "vitest";
import { Refused } from "$shared/desktop/desktop";
import type { Code, Invitee, PersonTile, Start } from "$shared/desktop/generated";
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

const invitee: Invitee = { full_name: "Leyla", user_name: null, organization_name: "School", expires_at: 0 };

function entry(people = [tile], code: Code | null = null) {
  const calls: unknown[] = [];
  const enter = async (...args: unknown[]) => {
    calls.push(args);
    if (code) throw new Refused({ code, message: "", retryable: false });
  };
  const lookAtCode = async (...args: unknown[]) => {
    calls.push(args);
    return invitee;
  };
  const session = { unlock: enter, signIn: enter, signInWithCode: enter, lookAtCode } as unknown as Session;
  return { entry: new Entry(session, start(people)), calls };
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

test("a person may stop waiting for a silent server, and may try again", async () => {
  let answer: (thrown: unknown) => void = () => {};
  const calls: string[] = [];
  const session = {
    signIn: () => new Promise<void>((_, refuse) => (answer = refuse)),
    cancelSignIn: async () => {
      calls.push("cancel");
      answer(new Refused({ code: "offline", message: "", retryable: true }));
    },
  } as unknown as Session;
  const it = new Entry(session, start([]));
  Object.assign(it, { name: "aysel", password: "x" });
  await it.cancel();
  expect(calls).toEqual([]);
  const waiting = it.signIn();
  expect([it.busy, it.asking]).toEqual([true, true]);
  await it.cancel();
  await waiting;
  expect([it.busy, it.asking, it.problem, it.name, it.password, calls]).toEqual([false, false, null, "aysel", "x", ["cancel"]]);
});

test("going back forgets the password and the problem", async () => {
  const { entry: it } = entry([tile], "cannot_unlock");
  it.choose(tile);
  it.password = "x";
  await it.unlock();
  it.back();
  expect([it.step, it.password, it.problem, it.chosen]).toEqual(["choose", "", null, null]);
});

async function invited(code: Code | null = null) {
  const made = entry([], code);
  made.entry.withCode();
  made.entry.code = " k7qm 4txr 9hwd 2fbn ";
  await made.entry.lookAtCode();
  return made;
}

test("a code is looked at before anything is chosen", async () => {
  const { entry: it, calls } = entry([]);
  it.withCode();
  await it.lookAtCode();
  expect([it.step, it.tried, calls]).toEqual(["code", true, []]);
  it.code = " k7qm 4txr 9hwd 2fbn ";
  await it.lookAtCode();
  expect(calls).toEqual([[{ server: "https://other.example", code: "k7qm 4txr 9hwd 2fbn" }]]);
  expect([it.invitee, it.tried]).toEqual([invitee, false]);
});

test("an invited person without a user name chooses one, and one with a name does not", async () => {
  const { entry: it, calls } = await invited();
  it.password = "long enough";
  await it.useCode();
  expect([calls.length, it.tried]).toEqual([1, true]);
  it.userName = " leyla ";
  await it.useCode();
  const form = { server: "https://other.example", code: "k7qm 4txr 9hwd 2fbn", user_name: "leyla", password: "long enough" };
  expect(calls[1]).toEqual([form]);
  it.invitee = { ...invitee, user_name: "leyla.a" };
  await it.useCode();
  expect(calls[2]).toEqual([{ ...form, user_name: "leyla.a" }]);
});

test("a used code whose data needs the old password goes on with signing in", async () => {
  const { entry: it } = await invited("old_password_needed");
  it.userName = "leyla";
  it.password = "long enough";
  await it.useCode();
  expect([it.step, it.name, it.password, it.needsOldPassword]).toEqual(["sign_in", "leyla", "long enough", true]);
});

test("a code for somebody else is forgotten with the person", async () => {
  const { entry: it } = await invited("taken");
  it.password = "long enough";
  it.notMe();
  expect([it.step, it.code, it.invitee, it.password, it.problem]).toEqual(["code", "", null, "", null]);
});
