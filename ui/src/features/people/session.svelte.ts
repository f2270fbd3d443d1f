/** The people of this laptop and the unlocked person. */
import { call, onEvent, problemOf } from "$shared/desktop/desktop";
import type { Person, Problem, SignIn, Start } from "$shared/desktop/generated";
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

  /** For a session that the server ended: the person stays on the current page. */
  async signInAgain(person: Person, password: string): Promise<void> {
    this.person = await call("sign_in", { server: person.server, name: person.user_name, password });
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
