import { expect, test } from "vitest";
import { beforeLeaving, storeAll } from "./leaving";

test("everything is stored before somebody leaves, the last one first, and failures hold nobody back", async () => {
  const done: string[] = [];
  const stops = [
    beforeLeaving(async () => {
      await Promise.resolve();
      done.push("grid");
    }),
    beforeLeaving(() => {
      throw new Error("full");
    }),
    beforeLeaving(() => done.push("note")),
  ];
  await storeAll();
  expect(done).toEqual(["note", "grid"]);
  for (const stop of stops) stop();
  await storeAll();
  expect(done).toHaveLength(2);
});
