import { flushSync, mount, unmount, type Component } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({ calls: [] as [string, unknown][], answers: {} as Record<string, unknown> }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: { reset_passwords?: boolean } }) => {
    desk.calls.push([name, args]);
    const answer = name === "invite" && args.reset_passwords ? desk.answers.reset : desk.answers[name];
    if (typeof answer === "string") throw { code: answer, message: "", retryable: false };
    return answer;
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { Live } from "$shared/desktop/live.svelte";
import type { Invitation, OwnSession } from "$shared/desktop/generated";
import AccessPanel from "./AccessPanel.svelte";
import ChangePassword from "./ChangePassword.svelte";
import InviteDialog from "./InviteDialog.svelte";
import { PasswordForm } from "./password.svelte";
import Sessions from "./Sessions.svelte";

const part = <E extends HTMLElement = HTMLButtonElement>(testid: string) => document.querySelector<E>(`[data-testid="${testid}"]`);
const asked = (name: string) => desk.calls.filter(([each]) => each === name).map(([, args]) => args);
const soon = (check: () => void) =>
  vi.waitFor(() => {
    flushSync();
    check();
  });

let close = () => {};
function show<Props extends Record<string, unknown>>(component: Component<Props>, props: Props) {
  const shown = mount(component, { target: document.body, props });
  close = () => void unmount(shown);
  flushSync();
}

beforeEach(() => {
  desk.calls = [];
  desk.answers = { change_password: {}, end_session: {}, end_other_sessions: {}, revoke_invitation: {}, invitations_of: [] };
});
afterEach(() => {
  close();
  document.body.replaceChildren();
});

test("a password is changed when both repetitions agree, and nothing typed is kept", async () => {
  const form = new PasswordForm();
  expect(await form.change()).toBe(false);
  expect([form.empty(form.old) !== undefined, desk.calls]).toEqual([true, []]);
  Object.assign(form, { old: "old one", next: "new one 1", repeated: "new one 2" });
  expect(await form.change()).toBe(false);
  expect([form.differs !== undefined, desk.calls]).toEqual([true, []]);
  form.repeated = "new one 1";
  form.endOthers = false;
  expect(await form.change()).toBe(true);
  expect(desk.calls).toEqual([["change_password", { old_password: "old one", new_password: "new one 1", end_other_sessions: false }]]);
  expect([form.old, form.next, form.repeated, form.differs, form.problem]).toEqual(["", "", "", undefined, null]);
});

test.each(["wrong_password", "password_too_short", "offline", "session_ended"])("%s is said in words", async (refusal) => {
  desk.answers.change_password = refusal;
  show(ChangePassword, {});
  for (const [testid, text] of [
    ["password-old", "old one"],
    ["password-new", "new one 1"],
    ["password-repeat", "new one 1"],
  ]) {
    const input = part<HTMLInputElement>(testid)!;
    input.value = text;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }
  flushSync();
  part("password-change")!.click();
  await soon(() => expect(part("password-error")?.dataset.code).toBe(refusal));
  expect(part("password-error")!.textContent).not.toContain("error_");
  expect(part<HTMLInputElement>("password-old")!.value).toBe("old one");
});

const session = (id: string, more: Partial<OwnSession>): OwnSession => ({
  id,
  device_name: id,
  platform: "linux",
  is_this: false,
  created_at: 0,
  last_used_at: 0,
  ...more,
});

async function sessionsOf(list: OwnSession[]) {
  desk.answers.own_sessions = list;
  const sessions = new Live("own_sessions");
  sessions.set(list);
  sessions.reload = async () => sessions.set(desk.answers.own_sessions as OwnSession[]);
  show(Sessions, { sessions });
}

test("one laptop is signed out, then all others", async () => {
  const list = [session("office", { is_this: true }), session("lost", {}), session("script", { platform: "http" })];
  await sessionsOf(list);
  expect([part("session-0")!.dataset.this, part("session-end-0"), part("session-end-1")!.getAttribute("aria-label")]).toEqual([
    "true",
    null,
    "Sign out lost",
  ]);
  expect(part("session-2")!.textContent).toContain("Personal token");
  desk.answers.own_sessions = [list[0], list[2]];
  part("session-end-1")!.click();
  await soon(() => expect(part("session-2")).toBeNull());
  expect(asked("end_session")).toEqual([{ id: "lost" }]);
  desk.answers.own_sessions = [list[0]];
  part("sessions-end-all")!.click();
  await soon(() => expect(part("sessions-only-this")).not.toBeNull());
  expect(asked("end_other_sessions")).toHaveLength(1);
});

const MADE = { id: "i2", user_id: "u2", full_name: "Leyla", user_name: null, code: "K7QM-4TXR-9HWD-2FBN", expires_at: 1_800_000_000_000 };
const PROPS = { open: true, person: "u2", name: "Leyla", server: "https://s.example" };

test("a code is shown once with how long it lasts, and copied", async () => {
  desk.answers.invite = { invitations: [MADE], left_out: [] };
  const copied: string[] = [];
  Object.defineProperty(navigator, "clipboard", { value: { writeText: async (text: string) => copied.push(text) }, configurable: true });
  show(InviteDialog, PROPS);
  await soon(() => expect(part("invite-state")).not.toBeNull());
  part("invite-make")!.click();
  await soon(() => expect(part("invite-code")?.textContent).toBe("K7QM-4TXR-9HWD-2FBN"));
  expect(asked("invite")).toEqual([{ people: ["u2"], reset_passwords: false }]);
  expect(part("invite-until")!.textContent).toContain("2027");
  part("invite-copy")!.click();
  await soon(() => expect(copied).toEqual(["K7QM-4TXR-9HWD-2FBN"]));
  expect(part("invite-make")).toBeNull();
});

test("a password that exists is reset only after its consequences are shown", async () => {
  desk.answers.invite = { invitations: [], left_out: ["u2"] };
  desk.answers.reset = { invitations: [{ ...MADE, user_name: "leyla" }], left_out: [] };
  show(InviteDialog, PROPS);
  await soon(() => expect(part("invite-state")).not.toBeNull());
  part("invite-make")!.click();
  await soon(() => expect(part("invite-reset-text")).not.toBeNull());
  expect(part("invite-code")).toBeNull();
  part("invite-reset")!.click();
  await soon(() => expect(part("invite-code")).not.toBeNull());
  expect(asked("invite")).toEqual([
    { people: ["u2"], reset_passwords: false },
    { people: ["u2"], reset_passwords: true },
  ]);
  expect(part("invite-dialog")!.textContent).toContain("leyla");
});

const earlier = (more: Partial<Invitation>): Invitation => ({
  id: "i1",
  user_id: "u2",
  made_by: "Gülnar",
  made_at: Date.now() - 1000,
  expires_at: Date.now() + 86_400_000,
  used_at: null,
  revoked_at: null,
  ...more,
});

test("an open code is revoked", async () => {
  desk.answers.invitations_of = [earlier({})];
  show(InviteDialog, PROPS);
  await soon(() => expect(part("invite-state")?.textContent).toContain("Gülnar"));
  part("invite-revoke")!.click();
  await soon(() => expect(part("invite-revoke")).toBeNull());
  expect(asked("revoke_invitation")).toEqual([{ id: "i1" }]);
});

test.each([{ used_at: 5 }, { revoked_at: 5 }, { expires_at: 5 }])("a code with %j offers nothing to revoke", async (more) => {
  desk.answers.invitations_of = [earlier(more)];
  show(InviteDialog, PROPS);
  await soon(() => expect(part("invite-state")).not.toBeNull());
  expect(part("invite-revoke")).toBeNull();
});

test("a person whom the server does not know yet, and a missing network, are said in words", async () => {
  desk.answers.invite = "not_found";
  show(InviteDialog, PROPS);
  await soon(() => expect(part("invite-state")).not.toBeNull());
  part("invite-make")!.click();
  await soon(() => expect(part("invite-not-there")).not.toBeNull());
  desk.answers.invite = "offline";
  part("invite-make")!.click();
  await soon(() => expect(part("invite-error")?.dataset.code).toBe("offline"));
});

test("the pane of a person asks the server for nothing before the dialog is opened", async () => {
  desk.answers.invitations_of = "offline";
  show(AccessPanel, { id: "u2", name: "Leyla", server: "https://s.example" });
  expect(desk.calls).toEqual([]);
  part("invite")!.click();
  await soon(() => expect(part("invite-error")?.dataset.code).toBe("offline"));
  expect(asked("invitations_of")).toEqual([{ id: "u2" }]);
});
