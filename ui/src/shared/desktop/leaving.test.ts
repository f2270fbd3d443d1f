import { expect, test } from "vitest";
import { beforeLeaving, storeAll } from "./leaving";

test("everything is stored before leaving, the last one first, and failures do not prevent it", async () => {
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
