/** A person's way to sign in, for administrators: one-time codes are made, shown once, and revoked. */
import { call, problemOf } from "$shared/desktop/desktop";
import type { Invitation, NewInvitation, Problem } from "$shared/desktop/generated";

export class InviteController {
  /** The newest invitation before; undefined until it is known, null when there is none. */
  last = $state.raw<Invitation | null | undefined>(undefined);
  /** The new code. It is kept nowhere else. */
  made = $state.raw<NewInvitation | null>(null);
  /** Whether the person was left out because they have a password. */
  hasPassword = $state(false);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);

  constructor(readonly person: string) {}

  /** Whether an earlier code still works at this moment. */
  isOpen(now: number): boolean {
    const last = this.last;
    return !!last && last.used_at === null && last.revoked_at === null && last.expires_at > now;
  }

  async load(): Promise<void> {
    await this.#attempt(async () => {
      const invitations = await call("invitations_of", { id: this.person });
      this.last = invitations[0] ?? null;
    });
  }

  /** Makes a code. Without `reset`, a person who has a password keeps it and gets none. */
  async make(reset: boolean): Promise<void> {
    await this.#attempt(async () => {
      const made = await call("invite", { people: [this.person], reset_passwords: reset });
      this.hasPassword = made.left_out.includes(this.person);
      this.made = made.invitations[0] ?? null;
    });
  }

  /** True when the code does not work any more. */
  async revoke(): Promise<boolean> {
    const last = this.last;
    if (!last) return false;
    await this.#attempt(async () => {
      await call("revoke_invitation", { id: last.id });
      this.last = { ...last, revoked_at: last.made_at };
    });
    return this.problem === null;
  }

  async #attempt(ask: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.busy = true;
    this.problem = null;
    try {
      await ask();
    } catch (thrown) {
      this.problem = problemOf(thrown);
    } finally {
      this.busy = false;
    }
  }
}
