/** Fetching a piece of a file. */

const TRIES_MAX = 3;

type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** The total size in `bytes 0-9/1234`, if it is given. */
export function totalOf(contentRange: string | null): number | null {
  const total = contentRange?.match(/\/(\d+)$/)?.[1];
  return total === undefined ? null : Number(total);
}

/** Fetches bytes `begin` to `end` (not included); retries failures. */
export async function fetchRange(fetch: Fetch, url: string, begin: number, end: number, signal: AbortSignal): Promise<Uint8Array> {
  for (let tries = 1; ; tries += 1) {
    try {
      const response = await fetch(url, { headers: { Range: `bytes=${begin}-${end - 1}` }, signal });
      if (!response.ok) throw new Error(`status ${response.status}`);
      const bytes = new Uint8Array(await response.arrayBuffer());
      // A server may send the whole file instead of a range: take the range.
      return response.status === 206 ? bytes : bytes.slice(begin, end);
    } catch (thrown) {
      if (signal.aborted || tries >= TRIES_MAX) throw thrown;
    }
  }
}
