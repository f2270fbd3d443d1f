import { expect, test } from "vitest";
import { fetchRange, totalOf } from "./range";

const whole = Uint8Array.from({ length: 100 }, (_, index) => index);
const never = new AbortController().signal;
const answer = (status: number, bytes: Uint8Array) => new Response(bytes.slice(), { status });

test("the total size comes from the answer", () => {
  expect(["bytes 0-9/1234", "bytes 0-9/*", null].map(totalOf)).toEqual([1234, null, null]);
});

test("a piece is asked for by its first and last byte", async () => {
  let asked: unknown;
  const bytes = await fetchRange(
    async (_, init) => {
      asked = init.headers;
      return answer(206, whole.subarray(10, 20));
    },
    "u",
    10,
    20,
    never,
  );
  expect(asked).toEqual({ Range: "bytes=10-19" });
  expect([...bytes]).toEqual([...whole.subarray(10, 20)]);
});

test("a whole file in place of a piece is cut", async () => {
  expect([...(await fetchRange(async () => answer(200, whole), "u", 10, 13, never))]).toEqual([10, 11, 12]);
});

test("it tries three times, then fails", async () => {
  let tries = 0;
  const bad = async () => {
    tries += 1;
    return answer(500, whole);
  };
  await expect(fetchRange(bad, "u", 0, 1, never)).rejects.toThrow("status 500");
  expect(tries).toBe(3);
});
