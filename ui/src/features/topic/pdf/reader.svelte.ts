/** An open PDF: its pages, the current page, the zoom, the search. */
import type { PDFDocumentLoadingTask, PDFDocumentProxy, PDFPageProxy } from "pdfjs-dist";
import { look } from "$shared/look/look.svelte";
import { openPdf } from "./source";
import { MATCHES_MAX, findIn, textOf, type Match } from "./search";

export type Fit = "width" | "page" | "free";

/** A point of a PDF is 1/72 inch, of the screen 1/96. */
const POINT = 96 / 72;
const SCALE_MIN = 0.25 * POINT;
const SCALE_MAX = 5 * POINT;
/** Fitting does not enlarge a page beyond a readable size on a large screen; the person's zoom may. */
const FIT_MAX = 1.6 * POINT;
const STEP = 1.2;
/** Room around a page, in pixels at 100 %. */
const MARGIN = 32;

export class PdfReader {
  document = $state.raw<PDFDocumentProxy | null>(null);
  failed = $state(false);
  pages = $state(0);
  page = $state(1);
  fit = $state<Fit>("width");
  /** Room for the page, set by the component. */
  room = $state({ width: 0, height: 0 });
  /** The page in view at scale 1. */
  natural = $state({ width: 595, height: 842 });

  query = $state("");
  matches = $state.raw<Match[]>([]);
  match = $state(0);
  searching = $state(false);

  #free = $state(POINT);
  #task: PDFDocumentLoadingTask | null = null;
  #stop = new AbortController();
  #texts: (string | undefined)[] = [];
  #search = 0;

  constructor(private readonly turned: (page: number, pages: number) => void) {}

  async open(url: string, sizeBytes: number, page: number): Promise<void> {
    try {
      this.#task = await openPdf(url, sizeBytes, this.#stop.signal, () => (this.failed = true));
      const document = await this.#task.promise;
      if (this.#stop.signal.aborted) return;
      this.pages = document.numPages;
      this.page = Math.min(Math.max(1, page), document.numPages);
      this.document = document;
      this.turned(this.page, this.pages);
    } catch (thrown) {
      if (this.#stop.signal.aborted) return;
      console.error(thrown);
      this.failed = true;
    }
  }

  close(): void {
    this.#stop.abort();
    void this.#task?.destroy();
  }

  /** Pixels per point. */
  get scale(): number {
    if (this.fit === "free" || this.room.width === 0) return this.#free;
    const zoom = look().zoom_percent / 100;
    const wide = (this.room.width - MARGIN * zoom) / this.natural.width;
    const high = (this.room.height - MARGIN * zoom) / this.natural.height;
    const scale = this.fit === "width" ? wide : Math.min(wide, high);
    return Math.min(FIT_MAX * zoom, SCALE_MAX, Math.max(SCALE_MIN, scale));
  }

  get percent(): number {
    return (this.scale / POINT) * 100;
  }

  zoom(direction: 1 | -1): void {
    const next = this.scale * (direction > 0 ? STEP : 1 / STEP);
    this.#free = Math.min(SCALE_MAX, Math.max(SCALE_MIN, next));
    this.fit = "free";
  }

  go(page: number): void {
    if (this.pages === 0) return;
    const to = Math.min(Math.max(1, Math.round(page)), this.pages);
    if (to === this.page) return;
    this.page = to;
    this.turned(to, this.pages);
  }

  async getPage(page: number): Promise<PDFPageProxy | null> {
    return this.document?.getPage(page) ?? null;
  }

  /** Finds a word in all pages, starting with the current one; matches are shown as they are found. */
  async find(query: string): Promise<void> {
    const turn = ++this.#search;
    this.query = query;
    this.matches = [];
    this.match = 0;
    this.searching = query.trim() !== "";
    if (!this.searching) return;
    let found: Match[] = [];
    for (let page = 1; page <= this.pages && found.length < MATCHES_MAX; page += 1) {
      const text = await this.#textOf(page);
      if (turn !== this.#search) return;
      const here = findIn(text, query, page, MATCHES_MAX - found.length);
      if (here.length === 0) continue;
      const had = found.some((match) => match.page >= this.page);
      found = [...found, ...here];
      this.matches = found;
      // The first match at or after the current page.
      if (!had && page >= this.page) this.show(found.length - here.length);
    }
    this.searching = false;
    if (found.length > 0 && !found.some((match) => match.page === this.page)) this.show(this.match);
  }

  /** Goes to a match, wrapping around at the ends. */
  show(index: number): void {
    const all = this.matches.length;
    if (all === 0) return;
    this.match = ((index % all) + all) % all;
    this.go(this.matches[this.match].page);
  }

  async #textOf(number: number): Promise<string> {
    const kept = this.#texts[number];
    if (kept !== undefined) return kept;
    try {
      const page = await this.document?.getPage(number);
      const content = await page?.getTextContent();
      return (this.#texts[number] = textOf(content?.items ?? []).text);
    } catch {
      return "";
    }
  }
}
