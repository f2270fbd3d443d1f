/** The state of the first screen: choosing a person, unlocking, signing in. */
import { problemOf } from "$shared/desktop/desktop";
import type { Code, Invitee, PersonTile, Problem, Start } from "$shared/desktop/generated";
import type { Session } from "./session.svelte";

export type Step = "choose" | "unlock" | "sign_in" | "code";

/** Refusals that signing in with the server can resolve. */
const NEEDS_SERVER: readonly Code[] = ["cannot_unlock", "no_keyring", "store_damaged"];

/** Refusals that a corrected address may resolve. */
export const ABOUT_ADDRESS: readonly Code[] = [
  "bad_address",
  "no_such_server",
  "server_silent",
  "not_secure",
  "bad_certificate",
  "no_such_route",
  "offline",
];

export class Entry {
  step = $state<Step>("choose");
  chosen = $state.raw<PersonTile | null>(null);
  server = $state("");
  name = $state("");
  password = $state("");
  /** The old password, requested once when no other secret opens the data here. */
  oldPassword = $state("");
  needsOldPassword = $state(false);
  /** The one-time code of an invitation, as it was typed or pasted. */
  code = $state("");
  /** Whom the code invites, once the server has said. */
  invitee = $state.raw<Invitee | null>(null);
  /** The user name that an invited person without one chooses. */
  userName = $state("");
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  /** Whether the server is asked, which the person may stop waiting for. */
  asking = $state(false);
  /** Whether to flag empty fields: after the first attempt to send them. */
  tried = $state(false);

  #cancelled = false;

  constructor(
    private readonly session: Session,
    start: Start,
  ) {
    this.server = start.server;
    if (start.people.length === 0) this.step = "sign_in";
  }

  /** Whether signing in with the server is the next step. */
  get needsServer(): boolean {
    return this.problem !== null && NEEDS_SERVER.includes(this.problem.code);
  }

  choose(tile: PersonTile): void {
    this.#clear("unlock");
    this.chosen = tile;
  }

  back(): void {
    this.#clear("choose");
    this.chosen = null;
  }

  somebodyElse(): void {
    this.#clear("sign_in");
    this.chosen = null;
    this.name = "";
  }

  /** Signs the chosen person in with the server: their password changed, or the key is unavailable. */
  withServer(): void {
    const tile = this.chosen;
    this.#clear("sign_in");
    if (tile === null) return;
    this.server = tile.server;
    this.name = tile.user_name;
  }

  /** Signing in with a one-time code; the server stays as typed. */
  withCode(): void {
    this.#clear("code");
    this.code = "";
  }

  /** From the code back to the password. */
  withPassword(): void {
    this.#clear("sign_in");
  }

  /** Another code: this one invites somebody else. */
  notMe(): void {
    this.withCode();
  }

  /** Asks the server whom the code invites. */
  async lookAtCode(): Promise<void> {
    this.tried = true;
    const form = { server: this.server.trim(), code: this.code.trim() };
    if (form.server === "" || form.code === "") return;
    await this.#ask(async () => {
      this.invitee = await this.session.lookAtCode(form);
      this.tried = false;
    });
  }

  /** Uses the code with the chosen password, and the chosen user name where there is none. */
  async useCode(): Promise<void> {
    this.tried = true;
    const user_name = this.invitee?.user_name ?? this.userName.trim();
    if (this.invitee === null || user_name === "" || this.password === "") return;
    const form = { server: this.server.trim(), code: this.code.trim(), user_name, password: this.password };
    await this.#ask(() => this.session.signInWithCode(form));
    // The code is used: what remains is to open the data here, with the password of before.
    if (this.problem?.code === "old_password_needed") {
      this.step = "sign_in";
      this.name = user_name;
      this.needsOldPassword = true;
    }
  }

  async unlock(): Promise<void> {
    const tile = this.chosen;
    this.tried = true;
    if (tile === null || this.password === "") return;
    await this.#attempt(() => this.session.unlock(tile.user_id, this.password));
  }

  async signIn(): Promise<void> {
    this.tried = true;
    const form = { server: this.server.trim(), name: this.name.trim(), password: this.password };
    if (form.server === "" || form.name === "" || form.password === "") return;
    await this.#ask(() => this.session.signIn(this.oldPassword === "" ? form : { ...form, old_password: this.oldPassword }));
    if (this.problem?.code === "old_password_needed") this.needsOldPassword = true;
  }

  /** Stops waiting for the server. What was typed stays. */
  async cancel(): Promise<void> {
    if (!this.asking) return;
    this.#cancelled = true;
    await this.session.cancelSignIn();
  }

  /** As {@link #attempt}, but the person may stop waiting: that is no problem to show. */
  async #ask(enter: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.asking = true;
    this.#cancelled = false;
    await this.#attempt(enter);
    this.asking = false;
    if (this.#cancelled) this.problem = null;
  }

  #clear(step: Step): void {
    this.step = step;
    this.password = "";
    this.oldPassword = "";
    this.needsOldPassword = false;
    this.invitee = null;
    this.userName = "";
    this.problem = null;
    this.tried = false;
  }

  async #attempt(enter: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      await enter();
    } catch (thrown) {
      this.problem = problemOf(thrown);
    } finally {
      this.busy = false;
    }
  }
}
