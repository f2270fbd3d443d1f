import { flushSync } from "svelte";
import { beforeEach, expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({
  answers: [] as (() => unknown)[],
  calls: [] as unknown[],
  tell: (_: unknown) => {},
}));

vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, call: unknown) => {
    desk.calls.push(call);
    return desk.answers.shift()?.();
  },
}));
vi.mock("@tauri-apps/api/event", () => ({
  listen: async (_: string, handler: (event: { payload: unknown }) => void) => {
    desk.tell = (payload) => handler({ payload });
    return () => {};
  },
}));

import { call, Refused } from "./desktop";
import { GATHER_MS, live, type Live } from "./live.svelte";

const group = { id: "g", display_name: "Qrup 1", days_of_week: [1], start_time: null, members: 3, unmarked_today: null };
const refusal = { code: "disk_failed", message: "no", retryable: true };
const settle = async () => {
  await vi.advanceTimersByTimeAsync(0);
};

function open(): { view: Live<"groups">; close: () => void } {
  let view!: Live<"groups">;
  const close = $effect.root(() => {
    view = live("groups", () => ({}), ["groups"], { empty: (groups) => groups.length === 0 });
  });
  flushSync();
  return { view, close };
}

beforeEach(() => {
  vi.useFakeTimers();
  desk.answers = [];
  desk.calls = [];
});

test("it is loading, then ready", async () => {
  desk.answers = [() => [group]];
  const { view, close } = open();
  expect(view.state).toBe("loading");
  await settle();
  expect([view.state, view.data]).toEqual(["ready", [group]]);
  expect(desk.calls).toEqual([{ name: "groups", arguments: {} }]);
  close();
});

test("an empty answer is empty, a refusal is an error", async () => {
  desk.answers = [() => []];
  const first = open();
  await settle();
  expect(first.view.state).toBe("empty");
  first.close();
  desk.answers = [
    () => {
      throw refusal;
    },
  ];
  const second = open();
  await settle();
  expect([second.view.state, second.view.problem]).toEqual(["error", refusal]);
  second.close();
});

test("a burst of changes of its tables causes one request, and the old answer stays meanwhile", async () => {
  desk.answers = [() => [group], () => [group, group]];
  const { view, close } = open();
  await settle();
  desk.tell({ kind: "changed", entities: ["courses", "groups"] });
  desk.tell({ kind: "changed", entities: ["groups"] });
  desk.tell({ kind: "changed", entities: ["courses"] });
  expect(view.data).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(GATHER_MS);
  expect([desk.calls.length, view.data?.length]).toEqual([2, 2]);
  close();
});

test("changes of other tables, and changes after it is closed, cause no request", async () => {
  desk.answers = [() => [group]];
  const { close } = open();
  await settle();
  desk.tell({ kind: "changed", entities: ["courses"] });
  await vi.advanceTimersByTimeAsync(GATHER_MS);
  desk.tell({ kind: "changed", entities: ["groups"] });
  close();
  await vi.advanceTimersByTimeAsync(GATHER_MS);
  expect(desk.calls).toHaveLength(1);
});

test("without a list of tables it follows those that its answer names", async () => {
  const page = (tables: string[]) => ({ rows: [], next: null, total: 0, tables });
  desk.answers = [() => page(["stations"]), () => page(["groups"]), () => page(["groups"])];
  const query = { table: "stations", filter: [], sort: [], search: "", after: null, limit: 1 };
  const close = $effect.root(() => void live("records", () => query));
  flushSync();
  await settle();
  desk.tell({ kind: "changed", entities: ["groups"] });
  await vi.advanceTimersByTimeAsync(GATHER_MS);
  expect(desk.calls).toHaveLength(1);
  desk.tell({ kind: "changed", entities: ["stations"] });
  await vi.advanceTimersByTimeAsync(GATHER_MS);
  expect(desk.calls).toHaveLength(2);
  desk.tell({ kind: "changed", entities: ["stations"] });
  desk.tell({ kind: "changed", entities: ["groups"] });
  await vi.advanceTimersByTimeAsync(GATHER_MS);
  expect(desk.calls).toHaveLength(3);
  close();
});

test("a failed refresh keeps the old answer and reports the error", async () => {
  desk.answers = [
    () => [group],
    () => {
      throw refusal;
    },
  ];
  const { view, close } = open();
  await settle();
  await view.reload();
  expect([view.state, view.problem?.code]).toEqual(["ready", "disk_failed"]);
  close();
});

test("an answer that was set is not overwritten by an earlier request", async () => {
  let answer!: (groups: unknown) => void;
  desk.answers = [() => new Promise((done) => (answer = done))];
  const { view, close } = open();
  view.set([group, group]);
  answer([group]);
  await settle();
  expect(view.data).toHaveLength(2);
  close();
});

test("a refused command throws its problem, anything else becomes internal", async () => {
  desk.answers = [
    () => {
      throw refusal;
    },
    () => {
      throw "boom";
    },
  ];
  await expect(call("groups")).rejects.toEqual(new Refused(refusal as never));
  await expect(call("groups")).rejects.toMatchObject({ problem: { code: "internal", message: "boom" } });
});
