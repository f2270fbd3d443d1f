/** Keys of the window itself: zoom, back and forward. */
import { changeLook, look, nextZoom } from "$shared/look/look.svelte";
import { notifyProblem } from "$shared/ui";

/** Handles a key of the window. */
export function windowKeys(event: KeyboardEvent): void {
  const command = event.ctrlKey || event.metaKey;
  if (command && !event.altKey) {
    const zoom = zoomOf(event, look().zoom_percent);
    if (zoom === null) return;
    event.preventDefault();
    changeLook({ zoom_percent: zoom }).catch(notifyProblem);
  } else if (event.altKey && !event.shiftKey && !command) {
    if (event.key === "ArrowLeft") history.back();
    else if (event.key === "ArrowRight") history.forward();
    else return;
    event.preventDefault();
  }
}

/** The zoom that a key asks for, whatever the layout of the keyboard. */
export function zoomOf(event: Pick<KeyboardEvent, "key" | "code">, percent: number): number | null {
  if (event.key === "+" || event.key === "=" || event.code === "Equal" || event.code === "NumpadAdd") return nextZoom(percent, 1);
  if (event.key === "-" || event.code === "Minus" || event.code === "NumpadSubtract") return nextZoom(percent, -1);
  if (event.key === "0" || event.code === "Digit0" || event.code === "Numpad0") return 100;
  return null;
}
