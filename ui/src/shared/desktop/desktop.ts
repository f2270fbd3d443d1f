/**
 * The only room that uses the desktop's API. Everything else calls `call` and subscribes with `onEvent`.
 *
 * A refused command rejects with a {@link Refused}, which carries the {@link Problem}; nothing else is ever thrown.
 */
import { invoke } from "@tauri-apps/api/core";
import { listen } from "@tauri-apps/api/event";
import { CODES, type Commands, type Event, type Problem } from "./generated";

export type CommandName = keyof Commands;
export type Arguments<Name extends CommandName> = Commands[Name]["arguments"];
export type Answer<Name extends CommandName> = Commands[Name]["answer"];

/** Commands that take nothing may be called without arguments. */
type Rest<Name extends CommandName> = Record<symbol, never> extends Arguments<Name> ? [] : [Arguments<Name>];

/** What a refused command throws. */
export class Refused extends Error {
  constructor(readonly problem: Problem) {
    super(`${problem.code}: ${problem.message}`);
    this.name = "Refused";
  }
}

/** Calls a command of the app. */
export async function call<Name extends CommandName>(name: Name, ...rest: Rest<Name>): Promise<Answer<Name>> {
  try {
    return await invoke<Answer<Name>>("call", { name, arguments: rest[0] ?? {} });
  } catch (thrown) {
    throw new Refused(problemOf(thrown));
  }
}

/** The problem in a thrown value; any other value becomes `internal`, so that no screen hides an error. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof Refused) return thrown.problem;
  if (typeof thrown === "object" && thrown !== null && "code" in thrown) {
    const problem = thrown as Problem;
    if (CODES.includes(problem.code)) return problem;
  }
  return { code: "internal", message: String(thrown), retryable: false };
}

type Handler = (event: Event) => void;
const handlers = new Set<Handler>();
let listening: Promise<unknown> | null = null;

/** Subscribes to events of the app. Returns a function that unsubscribes. */
export function onEvent(handler: Handler): () => void {
  handlers.add(handler);
  listening ??= listen<Event>("waystation", ({ payload }) => {
    for (const each of [...handlers]) each(payload);
  });
  return () => handlers.delete(handler);
}
