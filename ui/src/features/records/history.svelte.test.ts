import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { HistoryChange } from "$shared/desktop/generated";
import { columnOf, tableOf } from "./testing";

const desk = vi.hoisted(() => ({ parts: [] as unknown[], calls: [] as [string, unknown][], refusal: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, { name, arguments: args }: { name: string; arguments: { id: string } }) => {
    desk.calls.push([name, args]);
    if (name === "record" && args.id === "g1") return { row: { label: "Group 1" } };
    if (name === "record") throw { code: "not_found", message: "", retryable: false };
    if (desk.refusal) throw desk.refusal;
    return desk.parts.shift();
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import HistoryPanel from "./HistoryPanel.svelte";

const PEOPLE = tableOf(
  [
    columnOf("full_name"),
    columnOf("group_id", "reference", { refers_to: "groups" }),
    columnOf("joined_at", "moment"),
    columnOf("start_time", "time"),
    columnOf("price_minor", "money"),
    columnOf("phone"),
    columnOf("email"),
  ],
  { name: "users", label: ["full_name"] },
);
const change = (more: Partial<HistoryChange>): HistoryChange => ({
  at: 0,
  op: "update",
  user_name: "Nigar",
  device: "Office laptop",
  before: {},
  after: {},
  ...more,
});
const part = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const words = (element: Element | null) => element?.textContent?.replace(/\s+/g, " ").trim() ?? "";
const changes = () => [...document.querySelectorAll("[data-testid=history-change]")];

let close = () => {};

async function open(shows: string) {
  const props = $state({ table: PEOPLE, id: "u1", updatedAt: 1 });
  const page = mount(HistoryPanel, { target: document.body, props });
  close = () => void unmount(page);
  expect(desk.calls, "nothing is asked before it is opened").toEqual([]);
  part("history-open")!.click();
  flushSync();
  expect(words(part("history"))).toContain("Loading");
  await vi.waitFor(() => expect(part(shows)).not.toBeNull());
  return props;
}

beforeEach(() => {
  desk.calls = [];
  desk.refusal = null;
  desk.parts = [];
});
afterEach(() => close());

test("each change says who, on which device, and what stood before and after", async () => {
  const before = { group_id: "g1", start_time: "09:30:00", price_minor: 1999, gone_column: "a" };
  const after = { group_id: "g2", start_time: "10:00:00", price_minor: null, gone_column: "b" };
  desk.parts = [{ changes: [change({ before, after })], next: null }];
  await open("history-change");
  const text = words(changes()[0]);
  expect(text).toContain("Nigar · changed");
  expect(text).toContain("Office laptop");
  expect(text).toContain("Group: Group 1 → Not on this laptop");
  expect(text).toContain("09:30 → 10:00");
  expect(text).toContain("19.99 → –");
  expect(text).toContain("Gone column: a → b");
  expect(part("history-older")).toBeNull();
});

test("a new row shows a few of its values, and all on demand", async () => {
  const after = { full_name: "A", group_id: "g1", joined_at: "2026-03-04T05:06:00+00:00", phone: "1", email: "e" };
  desk.parts = [{ changes: [change({ op: "insert", user_name: "", device: "psql", after })], next: null }];
  await open("history-change");
  expect(words(changes()[0])).toContain("Another program · created");
  expect(words(changes()[0])).not.toContain("E-mail");
  part("history-all")!.click();
  flushSync();
  expect(words(changes()[0])).toContain("E-mail: e");
  expect(words(changes()[0])).not.toContain("2026-03-04T");
});

test("older changes follow, and a change of the row reads again", async () => {
  desk.parts = [
    { changes: [change({ user_name: "B" })], next: 7 },
    { changes: [change({ user_name: "A" })], next: null },
    { changes: [change({ user_name: "C" })], next: null },
  ];
  const props = await open("history-older");
  part("history-older")!.click();
  await vi.waitFor(() => expect(changes().map((each) => words(each)[0])).toEqual(["B", "A"]));
  expect(desk.calls.map(([, args]) => (args as { before: number | null }).before)).toEqual([null, 7]);
  props.updatedAt = 2;
  await vi.waitFor(() => expect(changes().map((each) => words(each)[0])).toEqual(["C"]));
});

test("nothing recorded, offline, refused and failed look different", async () => {
  desk.parts = [{ changes: [], next: null }];
  await open("history-none");
  for (const [code, shows] of [
    ["offline", "history-offline"],
    ["not_allowed", "history-no-right"],
    ["unknown_entity", "history-none"],
    ["disk_failed", "error"],
  ]) {
    close();
    desk.calls = [];
    desk.refusal = { code, message: "", retryable: false };
    await open(shows);
    expect(changes()).toEqual([]);
  }
});

test("what cannot be reached is tried again", async () => {
  desk.refusal = { code: "offline", message: "", retryable: true };
  await open("history-offline");
  desk.refusal = null;
  desk.parts = [{ changes: [change({})], next: null }];
  part("history-offline")!.querySelector("button")!.click();
  await vi.waitFor(() => expect(changes()).toHaveLength(1));
  expect(part("history-offline")).toBeNull();
});
