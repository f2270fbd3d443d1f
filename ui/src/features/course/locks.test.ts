import { expect, test } from "vitest";
import type { ContentLock } from "$shared/desktop/generated";
import { lockWords } from "./locks";

const words = (kind: string, titles: string[] = [], day: string | null = null) => lockWords({ kind, titles, day } as ContentLock);

test("each lock says what opens it, by the titles that people know", () => {
  expect(words("topic", ["Documents"])).toBe("First finish “Documents”");
  expect(words("courses", ["Basics", "Fire"])).toBe("First complete the courses “Basics” and “Fire”");
  expect(words("modules", ["One"])).toBe("First complete “One”");
  expect(words("assessments", ["Quiz"])).toBe("First pass “Quiz”");
  expect(words("until", [], "2026-03-11")).toContain("11");
  expect(words("payment")).toBe("First buy this course or subscribe to it");
});

test("a lock that cannot be read, or of a later version, sends people to whoever runs the course", () => {
  expect(words("unreadable")).toBe(words("of_later_years"));
  expect(words("unreadable")).toContain("Ask");
});
