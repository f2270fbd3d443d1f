/**
 * Opens a PDF by ranges: the first piece, then whatever pdf.js asks for. pdf.js itself fetches only from http addresses;
 * the window's own address for a file may be of another scheme, and one way serves both.
 */
import { PDFDataRangeTransport, PDFWorker, getDocument, type PDFDocumentLoadingTask } from "pdfjs-dist/legacy/build/pdf.mjs";
import PdfWorkerScript from "pdfjs-dist/legacy/build/pdf.worker.mjs?worker";

/** One request; also what is fetched before anything is asked for. */
export const CHUNK_BYTES = 256 * 1024;
const TRIES_MAX = 3;

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The total size in `bytes 0-9/1234`, if it is told. */
export function totalOf(contentRange: string | null): number | null {
  const total = contentRange?.match(/\/(\d+)$/)?.[1];
  return total === undefined ? null : Number(total);
}

/** Fetches bytes `begin` to `end` (not included); tries again when that fails. */
export async function fetchRange(fetch: Fetch, url: string, begin: number, end: number, signal: AbortSignal): Promise<Uint8Array> {
  for (let tries = 1; ; tries += 1) {
    try {
      const response = await fetch(url, { headers: { Range: `bytes=${begin}-${end - 1}` }, signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      // A whole file in place of a piece of it: take the piece.
      return response.status === 206 ? bytes : bytes.subarray(begin, end);
    } catch (thrown) {
      if (signal.aborted || tries >= TRIES_MAX) throw thrown;
    }
  }
}

class RangeSource extends PDFDataRangeTransport {
  constructor(
    length: number,
    initial: Uint8Array,
    private readonly url: string,
    private readonly signal: AbortSignal,
    private readonly failed: (thrown: unknown) => void,
  ) {
    super(length, initial);
  }

  override requestDataRange(begin: number, end: number): void {
    fetchRange(fetch, this.url, begin, end, this.signal).then(
      (chunk) => this.onDataRange(begin, chunk),
      (thrown) => {
        if (!this.signal.aborted) this.failed(thrown);
      },
    );
  }
}

/** One worker for all documents of the window. */
let worker: PDFWorker | null = null;

function theWorker(): PDFWorker {
  // Given as a port: pdf.js would wrap an address that is not http into a blob, which the CSP refuses.
  worker ??= new PDFWorker({ port: new PdfWorkerScript() as unknown as null });
  return worker;
}

const beside = (folder: string) => new URL(`pdfjs/${folder}/`, document.baseURI).href;

/** Starts opening. `failed` hears of a piece that could not be fetched later on. */
export async function openPdf(url: string, sizeBytes: number, signal: AbortSignal, failed: (thrown: unknown) => void): Promise<PDFDocumentLoadingTask> {
  const response = await fetch(url, { headers: { Range: `bytes=0-${CHUNK_BYTES - 1}` }, signal });
  if (!response.ok) throw new Error(`status ${response.status}`);
  const first = new Uint8Array(await response.arrayBuffer());
  const length = totalOf(response.headers.get("Content-Range")) ?? sizeBytes;
  const whole = response.status !== 206 || first.length >= length;
  return getDocument({
    ...(whole ? { data: first } : { range: new RangeSource(length, first, url, signal, failed) }),
    worker: theWorker(),
    rangeChunkSize: CHUNK_BYTES,
    disableStream: true,
    disableAutoFetch: true,
    disableWorkerRendering: true,
    useWorkerFetch: false,
    cMapUrl: beside("cmaps"),
    cMapPacked: true,
    standardFontDataUrl: beside("standard_fonts"),
    iccUrl: beside("iccs"),
    wasmUrl: beside("wasm"),
  } as Parameters<typeof getDocument>[0]);
}
