import { expect, test } from "vitest";
import type { GroupCard } from "$shared/desktop/generated";
import { byToday } from "./groups";

const group = (id: string, start_time: string | null, unmarked_today: number | null) => ({ id, start_time, unmarked_today }) as GroupCard;

test("today's lessons come first, by time, and every group keeps its number", () => {
  const groups = [group("a", "09:00", null), group("b", "15:30", 2), group("c", null, null), group("d", "11:00", 0)];
  expect(byToday(groups).map(({ group, index }) => `${group.id}${index}`)).toEqual(["d3", "b1", "a0", "c2"]);
});
