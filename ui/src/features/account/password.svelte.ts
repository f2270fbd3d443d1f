/** The form that changes the person's own password. */
import { call, problemOf } from "$shared/desktop/desktop";
import type { Problem } from "$shared/desktop/generated";
import { m } from "$messages";

export class PasswordForm {
  old = $state("");
  next = $state("");
  repeated = $state("");
  endOthers = $state(true);
  problem = $state.raw<Problem | null>(null);
  busy = $state(false);
  /** Whether to flag empty fields: after the first attempt to send them. */
  tried = $state(false);

  /** What is wrong with the repetition. */
  get differs(): string | undefined {
    return this.tried && this.next !== this.repeated ? m.account_differ() : undefined;
  }

  /** What is wrong with a field that may not be empty. */
  empty(value: string): string | undefined {
    return this.tried && value === "" ? m.people_empty() : undefined;
  }

  /** Changes the password. True for a success; then nothing of what was typed is kept. */
  async change(): Promise<boolean> {
    this.tried = true;
    if (this.busy || this.old === "" || this.next === "" || this.next !== this.repeated) return false;
    this.busy = true;
    this.problem = null;
    try {
      await call("change_password", { old_password: this.old, new_password: this.next, end_other_sessions: this.endOthers });
      this.old = this.next = this.repeated = "";
      this.tried = false;
      return true;
    } catch (thrown) {
      this.problem = problemOf(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
