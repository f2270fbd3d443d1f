import { beforeEach, expect, test, vi } from "vitest";
import type { NotePosition } from "$shared/desktop/generated";
import { GAP_MS, IDLE_SECONDS_MAX, Position } from "./position";

let sent: NotePosition[];
let failures: unknown[];
let send: (note: NotePosition) => Promise<unknown>;
let position: Position;
const page = (page: number) => ({ page, second: null, percent: page * 10 });

beforeEach(() => {
  vi.useFakeTimers({ now: 0 });
  sent = [];
  failures = [];
  send = async (note) => {
    sent.push(note);
  };
  position = new Position("item", { send: (note) => send(note), now: () => Date.now(), failed: (thrown) => failures.push(thrown) });
});

const pages = () => sent.map((note) => note.page);

test("a turned page is sent at once", async () => {
  position.at(page(2));
  await vi.advanceTimersByTimeAsync(0);
  expect(sent).toEqual([{ content_item_id: "item", page: 2, second: null, percent: 20, seconds_spent: 0 }]);
});

test("quick page turns send the first and the last", async () => {
  for (const n of [2, 3, 4, 5]) position.at(page(n));
  await vi.advanceTimersByTimeAsync(GAP_MS);
  expect(pages()).toEqual([2, 5]);
});

test("leaving sends what waits, once", async () => {
  position.at(page(2));
  position.at(page(3));
  void position.flush();
  void position.flush();
  await vi.advanceTimersByTimeAsync(GAP_MS * 2);
  expect(pages()).toEqual([2, 3]);
});

test("the same position is not sent twice", async () => {
  position.at(page(2));
  await vi.advanceTimersByTimeAsync(GAP_MS);
  position.at(page(2));
  await vi.advanceTimersByTimeAsync(GAP_MS);
  expect(pages()).toEqual([2]);
});

test("time between notes counts, idle time does not", async () => {
  await vi.advanceTimersByTimeAsync(40_000);
  position.at(page(2));
  await vi.advanceTimersByTimeAsync(3_600_000);
  position.at(page(3));
  await vi.advanceTimersByTimeAsync(0);
  expect(sent.map((note) => note.seconds_spent)).toEqual([40, IDLE_SECONDS_MAX]);
});

test("an older position is never stored after a newer one, and a refusal is reported", async () => {
  const order: (number | null)[] = [];
  send = (note) =>
    new Promise((done, refuse) =>
      setTimeout(
        () => {
          order.push(note.page);
          if (note.page === 2) refuse("full");
          else done(null);
        },
        note.page === 2 ? 2_000 : 0,
      ),
    );
  position.at(page(2));
  await vi.advanceTimersByTimeAsync(GAP_MS);
  position.at(page(3));
  await vi.advanceTimersByTimeAsync(3_000);
  expect([order, failures]).toEqual([[2, 3], ["full"]]);
});
