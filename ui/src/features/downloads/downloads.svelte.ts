/** Downloads: one state for the window, updated by events of the app. */
import { getContext, setContext } from "svelte";
import { call, onEvent } from "$shared/desktop/desktop";
import type { Download, Downloads } from "$shared/desktop/generated";
import { notifyProblem } from "$shared/ui";

const KEY = Symbol("downloads");

/** The progress of a set of downloads. */
export interface Sum {
  /** Downloaded bytes. */
  fetched: number;
  /** Total bytes. */
  all: number;
  percent: number;
  failed: number;
  items: number;
}

/** Adds up downloads. */
export function sumOf(items: readonly Download[]): Sum {
  const fetched = items.reduce((sum, item) => sum + item.bytes_fetched, 0);
  const all = items.reduce((sum, item) => sum + item.size_bytes, 0);
  const failed = items.filter((item) => item.state === "failed").length;
  return { fetched, all, percent: all > 0 ? (fetched / all) * 100 : 0, failed, items: items.length };
}

export class DownloadState {
  now = $state.raw<Downloads | null>(null);

  follow(): () => void {
    void this.#take(call("downloads"));
    return onEvent((event) => {
      if (event.kind === "downloads") this.now = event.downloads;
    });
  }

  /** Downloads of a course. */
  ofCourse(courseId: string): readonly Download[] {
    return this.now?.items.filter((item) => item.course_id === courseId) ?? [];
  }

  /** The download of an item. */
  ofItem(itemId: string): Download | undefined {
    return this.now?.items.find((item) => item.content_item_id === itemId);
  }

  /** Requests the state again, for example for the current free space. */
  refresh = () => this.#take(call("downloads"));
  course = (id: string) => this.#take(call("download_course", { id }));
  topic = (id: string) => this.#take(call("download_topic", { id }));
  pause = () => this.#take(call("pause_downloads"));
  resume = () => this.#take(call("resume_downloads"));
  remove = (id: string) => this.#take(call("remove_downloads", { id }));

  /** Shows an answer, or the error. True on success. */
  async #take(answer: Promise<Downloads>): Promise<boolean> {
    try {
      this.now = await answer;
      return true;
    } catch (thrown) {
      notifyProblem(thrown);
      return false;
    }
  }
}

export function provideDownloads(): DownloadState {
  const state = setContext(KEY, new DownloadState());
  $effect(() => state.follow());
  return state;
}

export function useDownloads(): DownloadState {
  return getContext(KEY);
}
