/** The people of this laptop and the unlocked person. */
import { call, onEvent, problemOf } from "$shared/desktop/desktop";
import type { Invitee, LookAtCode, Person, Problem, SignIn, SignInWithCode, Start } from "$shared/desktop/generated";
import { storeAll } from "$shared/desktop/leaving";
import { showLook } from "$shared/look/look.svelte";
import { go } from "$shared/router/router.svelte";

export class Session {
  start = $state.raw<Start | null>(null);
  person = $state.raw<Person | null>(null);
  problem = $state.raw<Problem | null>(null);

  /** Requests the people of this laptop. The look is applied as soon as it is known. */
  async load(): Promise<void> {
    try {
      const start = await call("start");
      if (this.start === null) showLook(start.look);
      this.start = start;
      this.person = start.unlocked;
      this.problem = null;
    } catch (thrown) {
      this.problem = problemOf(thrown);
    }
  }

  /** Loads now and whenever the people of this laptop change. Returns a function that stops it. */
  follow(): () => void {
    void this.load();
    return onEvent((event) => {
      if (event.kind === "people") void this.load();
      if (event.kind === "sync" && this.person !== null && this.person.signed_out !== event.status.signed_out)
        this.person = { ...this.person, signed_out: event.status.signed_out };
    });
  }

  async signIn(form: SignIn): Promise<void> {
    this.#enter(await call("sign_in", form));
  }

  async cancelSignIn(): Promise<void> {
    await call("cancel_sign_in");
  }

  async lookAtCode(form: LookAtCode): Promise<Invitee> {
    return call("look_at_code", form);
  }

  async signInWithCode(form: SignInWithCode): Promise<void> {
    this.#enter(await call("sign_in_with_code", form));
  }

  /**
   * For a session that the server ended: the person stays on the current page. With a code, the password is a new one: an
   * administrator has reset it.
   */
  async signInAgain(person: Person, password: string, code = ""): Promise<void> {
    const { server, user_name } = person;
    this.person =
      code === ""
        ? await call("sign_in", { server, name: user_name, password })
        : await call("sign_in_with_code", { server, code, user_name, password });
  }

  async unlock(userId: string, password: string): Promise<void> {
    this.#enter(await call("unlock", { user_id: userId, password }));
  }

  async lock(): Promise<void> {
    await storeAll();
    await call("lock");
    await this.#leave();
  }

  async signOut(): Promise<void> {
    await storeAll();
    await call("sign_out");
    await this.#leave();
  }

  #enter(person: Person): void {
    go({ name: "home" }, { replace: true });
    this.person = person;
  }

  async #leave(): Promise<void> {
    this.person = null;
    go({ name: "home" }, { replace: true });
    await this.load();
  }
}
