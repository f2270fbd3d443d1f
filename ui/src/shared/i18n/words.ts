/** Messages for codes of the app: problems, roles, kinds. A test ensures that every code has its message. */
import * as messages from "$messages";
import type { Code, Role } from "../desktop/generated";

type Message = () => string;

/** A message by a key made at run time; the key itself when there is none, which the tests prevent. */
export function wordFor(key: string): string {
  const message = (messages as unknown as Record<string, Message | undefined>)[key];
  return message ? message() : key;
}

/** Whether there is a message with this key. */
export function hasWord(key: string): boolean {
  return key in messages;
}

/** The problem and what to do about it, in plain words. */
export function errorWords(code: Code): string {
  return wordFor(`error_${code}`);
}

export function roleWords(role: Role): string {
  return wordFor(`shell_role_${role}`);
}
