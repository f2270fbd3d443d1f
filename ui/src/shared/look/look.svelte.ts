/** The look of the window: theme, language, zoom. Shown at once, then stored by the app. */
import { call } from "../desktop/desktop";
import type { Look } from "../desktop/generated";
import { chooseLanguage } from "../i18n/language.svelte";

/** The steps of zoom, in percent. */
export const ZOOMS = [50, 67, 80, 90, 100, 110, 125, 150, 175, 200, 250, 300] as const;

const state = $state<{ look: Look }>({ look: { theme: "system", language: "", zoom_percent: 100 } });

/** The look in use. Reactive. */
export function look(): Look {
  return state.look;
}

/** Shows a look without storing it: the one that the app sent at the start. */
export function showLook(next: Look): void {
  state.look = next;
  chooseLanguage(next.language);
  const root = document.documentElement;
  if (next.theme === "system") delete root.dataset.theme;
  else root.dataset.theme = next.theme;
  root.style.setProperty("--zoom", String(next.zoom_percent / 100));
}

let stored: Promise<unknown> = Promise.resolve();

/**
 * Changes a part of the look, at once on the screen. Changes are stored one after another, so that the last one wins.
 */
export function changeLook(part: Partial<Look>): Promise<void> {
  const next = { ...$state.snapshot(state.look), ...part };
  showLook(next);
  const storing = stored.then(() => call("set_look", next));
  stored = storing.catch(() => undefined);
  return storing.then(() => undefined);
}

/** The next step of zoom up or down from a percent. */
export function nextZoom(percent: number, direction: 1 | -1): number {
  if (direction > 0) return ZOOMS.find((step) => step > percent) ?? ZOOMS[ZOOMS.length - 1];
  return ZOOMS.findLast((step) => step < percent) ?? ZOOMS[0];
}
