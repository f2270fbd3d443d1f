/**
 * The language of the screens. Every message and every format reads {@link language}, so that switching it updates the
 * window at once, without a restart.
 */
import { overwriteGetLocale } from "../../paraglide/runtime.js";

export type Language = "en" | "ru" | "az";

export const LANGUAGES: readonly { code: Language; name: string }[] = [
  { code: "en", name: "English" },
  { code: "ru", name: "Русский" },
  { code: "az", name: "Azərbaycanca" },
];

const state = $state<{ code: Language }>({ code: "en" });

overwriteGetLocale(() => state.code);

/** The language in use. Reactive. */
export function language(): Language {
  return state.code;
}

export function isLanguage(word: string): word is Language {
  return LANGUAGES.some(({ code }) => code === word);
}

/** Sets the language; empty means the system's, and English when the system uses an unsupported one. */
export function chooseLanguage(word: string, system: readonly string[] = globalThis.navigator?.languages ?? []): void {
  const wanted = isLanguage(word) ? word : system.map((tag) => tag.slice(0, 2).toLowerCase()).find(isLanguage);
  state.code = wanted ?? "en";
  if (typeof document !== "undefined") document.documentElement.lang = state.code;
}
