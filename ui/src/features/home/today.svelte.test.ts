import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test } from "vitest";
import type { ChildCard, GoOn as Stopped, GroupCard } from "$shared/desktop/generated";
import Child from "./Child.svelte";
import GoOn from "./GoOn.svelte";
import Groups from "./Groups.svelte";

let shown: ReturnType<typeof mount> | undefined;
afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
});
const text = (selector: string) => document.querySelector(selector)?.textContent?.replace(/\s+/g, " ").trim() ?? "";

test("a group names earlier lessons without marks and who misses lessons in a row", () => {
  const group = (id: string, unmarked_today: number | null): GroupCard => ({
    id,
    display_name: `Group ${id}`,
    days_of_week: [],
    start_time: "15:30:00",
    members: 10,
    unmarked_today,
  });
  const missing = [{ student_id: "s1", display_name: "Ann", lessons: 4 }];
  const news = [{ group_id: "b", unmarked_days: ["2026-11-17", "2026-11-20"], missing }];
  shown = mount(Groups, { target: document.body, props: { groups: [group("a", null), group("b", 10)], news } });
  flushSync();
  expect(text('[data-testid="group-1"]')).toContain("10 members · 15:30 today");
  expect(text('[data-testid="group-news-1"]')).toBe("2 earlier lessons not fully marked Ann: missed the last 4 lessons");
  expect([text('[data-testid="group-news-0"]'), text("li")].map((each) => each.includes("Group b"))).toEqual([false, true]);
});

const child = (days: number): ChildCard => ({
  user_id: "k",
  full_name: "Ann",
  courses: [],
  marks: [5, days, 0, 0],
  not_present: Array.from({ length: days }, (_, index) => ({
    day: `2026-11-${20 - index}`,
    status: "late",
    note: index === 0 ? "bus" : "",
  })),
  record: { attendance: { marks: [0, 0, 0, 0], percent: null, leaves_out_excused: false }, balances: [], certificates: [], badges: [] },
  results: [],
});

test("a parent sees the days, kinds and notes of what was not simply attended, a few at first", () => {
  shown = mount(Child, { target: document.body, props: { child: child(8), index: 0 } });
  flushSync();
  const days = () => [...document.querySelectorAll<HTMLElement>('[data-testid="child-days-0"] li')].map((each) => each.dataset.day);
  expect(days()).toHaveLength(6);
  expect(text('[data-testid="child-days-0"] li')).toBe("Friday 20 November Late bus");
  document.querySelector<HTMLButtonElement>("button[aria-expanded]")!.click();
  flushSync();
  expect(days()).toHaveLength(8);
});

test("a child who was always there has no list of days", () => {
  shown = mount(Child, { target: document.body, props: { child: child(0), index: 0 } });
  flushSync();
  expect(document.querySelector('[data-testid="child-days-0"]')).toBeNull();
  expect(document.body.textContent).toContain("Present at every lesson that was marked.");
});

test("continuing an unfinished test names the test and not a topic", () => {
  const at = { course_title: "Safety", topic_id: "t", topic_title: "Fuels", attempt_id: "a", attempt_title: "Fuel and fire" } as Stopped;
  shown = mount(GoOn, { target: document.body, props: { at } });
  flushSync();
  expect(text("section")).toContain("Fuel and fire Safety · Unfinished test");
  expect(text("section")).not.toContain("Fuels");
});
