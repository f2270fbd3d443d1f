import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Start } from "$shared/desktop/generated";

const desk = vi.hoisted(() => ({ calls: [] as [string, unknown][], answers: {} as Record<string, unknown> }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: unknown }) => {
    desk.calls.push([name, args]);
    const answer = desk.answers[name];
    if (typeof answer === "string") throw { code: answer, message: "", retryable: false };
    return answer;
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import CodeForm from "./CodeForm.svelte";
import { Entry } from "./entry.svelte";
import { Session } from "./session.svelte";

const INVITEE = { full_name: "Leyla Əliyeva", user_name: null, organization_name: "School", expires_at: 0 };
const start = { people: [], server: "https://s.example", keyring: true } as unknown as Start;
const part = <E extends HTMLElement = HTMLInputElement>(testid: string) => document.querySelector<E>(`[data-testid="${testid}"]`);

let close = () => {};
let session: Session;
let entry: Entry;

beforeEach(() => {
  desk.calls = [];
  desk.answers = { look_at_code: INVITEE, sign_in_with_code: { user_id: "u", full_name: "Leyla" } };
  session = new Session();
  entry = new Entry(session, start);
  entry.withCode();
  const form = mount(CodeForm, { target: document.body, props: { entry, start } });
  close = () => void unmount(form);
  flushSync();
});
afterEach(() => close());

function type(testid: string, text: string) {
  const input = part(testid)!;
  input.value = text;
  input.dispatchEvent(new Event("input", { bubbles: true }));
  flushSync();
}

async function send(shows: () => boolean) {
  part<HTMLButtonElement>("code-next")?.click();
  part<HTMLButtonElement>("code-submit")?.click();
  await vi.waitFor(() => {
    flushSync();
    expect(shows()).toBe(true);
  });
}

test("a pasted code shows whom it invites, and a name and a password sign in", async () => {
  expect(document.activeElement).toBe(part("code-code"));
  type("code-code", " k7qm-4txr 9hwd 2fbn");
  await send(() => part("code-person") !== null);
  expect(part("code-person")!.textContent).toContain("Leyla Əliyeva");
  expect(part("code-person")!.textContent).toContain("School");
  await vi.waitFor(() => expect(document.activeElement).toBe(part("code-user-name")));
  type("code-user-name", "leyla");
  type("code-password", "long enough");
  expect(part("code-password")!.autocomplete).toBe("new-password");
  await send(() => session.person !== null);
  expect(desk.calls.at(-1)).toEqual([
    "sign_in_with_code",
    { server: "https://s.example", code: "k7qm-4txr 9hwd 2fbn", user_name: "leyla", password: "long enough" },
  ]);
});

test.each(["unknown_code", "code_used", "code_expired", "code_revoked", "organization_suspended", "offline", "too_many_attempts"])(
  "%s is said in words, and the code stays",
  async (refusal) => {
    desk.answers.look_at_code = refusal;
    type("code-code", "K7QM");
    await send(() => part("code-error") !== null);
    expect(part("code-error")!.dataset.code).toBe(refusal);
    expect(part("code-error")!.textContent).not.toContain("error_");
    expect(part("code-code")!.value).toBe("K7QM");
  },
);

test("a taken user name and a short password can be corrected", async () => {
  type("code-code", "K7QM");
  await send(() => part("code-person") !== null);
  for (const [refusal, focused] of [
    ["taken", "code-user-name"],
    ["password_too_short", "code-password"],
  ]) {
    desk.answers.sign_in_with_code = refusal;
    type("code-user-name", "leyla");
    type("code-password", "short");
    await send(() => part("code-error")?.dataset.code === refusal);
    await vi.waitFor(() => expect(document.activeElement).toBe(part(focused)));
  }
});

test("empty fields are flagged and nothing is asked", async () => {
  await send(() => part("code-code")!.getAttribute("aria-invalid") === "true");
  expect(desk.calls).toEqual([]);
  part<HTMLButtonElement>("code-with-password")!.click();
  expect(entry.step).toBe("sign_in");
});
