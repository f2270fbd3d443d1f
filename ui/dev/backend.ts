/**
 * A made-up backend for looking at screens in a browser: `npx vite --mode preview`. It stands in for the desktop's API
 * by an alias in vite.config.ts; nothing in src/ knows of it and it is never in the product.
 *
 * Every file in fixtures/ gives handlers for commands: `export default { course: ({ id }) => … } satisfies Handlers`.
 * The address chooses: `?as=learner|instructor|teacher|parent|nobody`, `&lang=ru`, `&theme=dark`, `&zoom=200`, `&slow=800` (ms),
 * `&fail=course` (a command that is refused), `&empty` (no data). Put them before the `#`.
 * Put a PDF and a video as `sample.pdf` and `sample.webm` into dev/public/ (not in git).
 */
import type { Answer, Arguments, CommandName } from "../src/shared/desktop/desktop";
import type { Event, Problem } from "../src/shared/desktop/generated";

export type Handlers = {
  [Name in CommandName]?: (args: Arguments<Name>) => Answer<Name> | Promise<Answer<Name>>;
};

export const query = new URLSearchParams(location.search);

// Loaded when first asked, since the fixtures import from here.
const modules = import.meta.glob<{ default: Handlers }>("./fixtures/*.ts");
type Untyped = Record<string, ((args: unknown) => unknown) | undefined>;
let loaded: Promise<Untyped> | null = null;

async function load(): Promise<Untyped> {
  const all = await Promise.all(Object.values(modules).map((module) => module()));
  return Object.assign({}, ...all.map((module) => module.default));
}

/** Tells the window something, as the app would. */
export function emit(event: Event): void {
  for (const listener of listeners) listener({ payload: event });
}

/** Refuses a command. */
export function refuse(code: Problem["code"]): never {
  throw { code, message: `made up: ${code}`, retryable: false } satisfies Problem;
}

const listeners = new Set<(event: { payload: Event }) => void>();

/** In the place of `@tauri-apps/api/core`. */
export async function invoke(_: string, { name, arguments: args }: { name: string; arguments: unknown }): Promise<unknown> {
  await new Promise((done) => setTimeout(done, Number(query.get("slow") ?? 15)));
  console.debug("call", name, JSON.stringify(args));
  if (query.get("fail") === name) refuse("disk_failed");
  const handler = (await (loaded ??= load()))[name];
  if (!handler) refuse("not_found");
  return structuredClone(await handler(args));
}

/** In the place of `@tauri-apps/api/event`. */
export async function listen(_: string, listener: (event: { payload: Event }) => void): Promise<() => void> {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
