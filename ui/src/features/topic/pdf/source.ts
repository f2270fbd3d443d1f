/**
 * Opens a PDF by ranges: the first piece, then the ranges that pdf.js requests. pdf.js itself fetches only from http
 * addresses; the window's own address for a file may have another scheme, and this covers both.
 */
import { PDFDataRangeTransport, PDFWorker, getDocument, type PDFDocumentLoadingTask } from "pdfjs-dist/legacy/build/pdf.mjs";
import PdfWorkerScript from "pdfjs-dist/legacy/build/pdf.worker.mjs?worker";
import { fetchRange, totalOf } from "./range";

/** The size of one request, and of the piece that is fetched in advance. */
export const CHUNK_BYTES = 256 * 1024;

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
  // Passed as a port: pdf.js would wrap an address that is not http into a blob, which the CSP refuses.
  worker ??= new PDFWorker({ port: new PdfWorkerScript() as unknown as null });
  return worker;
}

const beside = (folder: string) => new URL(`pdfjs/${folder}/`, document.baseURI).href;

/** Starts opening. `failed` is called when a piece cannot be fetched later on. */
export async function openPdf(
  url: string,
  sizeBytes: number,
  signal: AbortSignal,
  failed: (thrown: unknown) => void,
): Promise<PDFDocumentLoadingTask> {
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
