/**
 * A view that stays current: calls a command, holds its answer in one of four states, and calls it again when the app
 * reports a change of one of its tables. The old answer stays visible meanwhile.
 *
 *     const course = live("course", () => ({ id }), ["courses", "modules", "topics"]);
 *     <Loadable of={course}>{#snippet children(course)}…{/snippet}</Loadable>
 *
 * `live` is called while a component is set up, and stops with it. Arguments are a function, so that they may follow
 * props; when they change, the old answer is dropped unless `keep` is set (a grid that moves to the next month keeps
 * it).
 *
 * The list of tables may be left out where the answer itself names the tables that it was read from, as records do.
 */
import { untrack } from "svelte";
import { call, onEvent, problemOf, type Answer, type Arguments, type CommandName } from "./desktop";
import type { Problem } from "./generated";

export type LiveState = "loading" | "empty" | "error" | "ready";

export interface LiveOptions<Name extends CommandName> {
  /** Whether an answer counts as empty. */
  empty?: (answer: Answer<Name>) => boolean;
  /** Keep showing the old answer when the arguments change. */
  keep?: boolean;
  /** A burst of changes within this time causes one request; {@link GATHER_MS} when omitted. */
  gather_ms?: number;
}

/** A burst of changes within this time causes one request. */
export const GATHER_MS = 60;

export class Live<Name extends CommandName> {
  /** The answer, once there is one. */
  data = $state.raw<Answer<Name> | null>(null);
  /** The error. Beside `data` it means that the last refresh failed. */
  problem = $state.raw<Problem | null>(null);
  /** Whether a request is running. */
  busy = $state(false);

  #turn = 0;
  #again = false;
  #arguments: Arguments<Name> | null = null;

  constructor(
    readonly name: Name,
    readonly options: LiveOptions<Name> = {},
  ) {}

  get state(): LiveState {
    if (this.data !== null) return this.options.empty?.(this.data) ? "empty" : "ready";
    return this.problem !== null ? "error" : "loading";
  }

  /** Sets the answer, when another command has just returned the same view. */
  set(answer: Answer<Name>): void {
    this.#turn += 1;
    this.busy = false;
    this.data = answer;
    this.problem = null;
  }

  /** Requests these arguments from now on. */
  ask(args: Arguments<Name>): Promise<void> {
    this.#arguments = args;
    if (!this.options.keep) this.data = null;
    this.problem = null;
    this.busy = false;
    return this.reload();
  }

  /** Requests again. While a request is running, another one follows it instead of running in parallel. */
  async reload(): Promise<void> {
    const args = this.#arguments;
    if (args === null) return;
    if (this.busy) {
      this.#again = true;
      return;
    }
    const turn = ++this.#turn;
    this.busy = true;
    try {
      const answer = await (call as (name: Name, args: Arguments<Name>) => Promise<Answer<Name>>)(this.name, args);
      if (turn !== this.#turn) return;
      this.data = answer;
      this.problem = null;
    } catch (thrown) {
      if (turn !== this.#turn) return;
      this.problem = problemOf(thrown);
    }
    this.busy = false;
    if (this.#again) {
      this.#again = false;
      await this.reload();
    }
  }
}

export function live<Name extends CommandName>(
  name: Name,
  args: () => Arguments<Name>,
  entities?: readonly string[],
  options: LiveOptions<Name> = {},
): Live<Name> {
  const view = new Live(name, options);
  $effect.pre(() => {
    const now = $state.snapshot(args()) as Arguments<Name>;
    untrack(() => void view.ask(now));
  });
  const tables = () => entities ?? tablesOf(view.data);
  $effect(() => onChanged(tables, () => void view.reload(), options.gather_ms));
  return view;
}

/** The tables that an answer says it was read from. */
function tablesOf(answer: unknown): readonly string[] {
  const tables = (answer as { tables?: unknown } | null)?.tables;
  return Array.isArray(tables) ? tables : [];
}

/** Calls back when one of these tables changed, at most once in `gather_ms`. Returns a function that stops it. */
export function onChanged(entities: readonly string[] | (() => readonly string[]), changed: () => void, gather_ms = GATHER_MS): () => void {
  let timer: ReturnType<typeof setTimeout> | null = null;
  const stop = onEvent((event) => {
    if (event.kind !== "changed" || timer !== null) return;
    // Asked at each event: an answer that came meanwhile may name other tables.
    const wanted = typeof entities === "function" ? untrack(entities) : entities;
    if (!event.entities.some((entity) => wanted.includes(entity))) return;
    timer = setTimeout(() => {
      timer = null;
      changed();
    }, gather_ms);
  });
  return () => {
    stop();
    if (timer !== null) clearTimeout(timer);
  };
}
