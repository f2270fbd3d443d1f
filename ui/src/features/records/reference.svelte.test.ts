import { beforeEach, expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({ answer: (_: string): unknown => [] }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, call: { arguments: { search: string } }) => desk.answer(call.arguments.search),
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import type { NewRow } from "./records.svelte";
import { ReferenceChoice } from "./reference.svelte";
import { columnOf, STATIONS } from "./testing";

const column = columnOf("station_id", "reference", { refers_to: "stations" });
const row = (id: string) => ({ entity: "stations", id, label: `Station ${id}` });
let chosen: [string | null, string][] = [];
let created: [string, NewRow["preset"], NewRow["made"]][] = [];

function open(more: { table?: typeof STATIONS; value?: string | null; optional?: boolean } = {}) {
  const value = more.value === undefined ? "1" : more.value;
  return new ReferenceChoice(
    { table: () => more.table ?? STATIONS, create: (table, preset = {}, made) => void created.push([table, preset, made]) },
    () => ({ ...column, optional: more.optional ?? true }),
    () => ({ value, text: "", label: value === null ? "" : "Quba" }),
    (id, label) => void chosen.push([id, label]),
  );
}

beforeEach(() => {
  chosen = [];
  created = [];
  desk.answer = (search) => (search === "none" ? [] : [row("1"), row("2")]);
});

test("it shows the label, then what is typed, and the label again when that is dropped", async () => {
  const choice = open();
  expect(choice.shown).toBe("Quba");
  choice.type("sta");
  expect([choice.shown, choice.open]).toEqual(["sta", true]);
  choice.leave();
  expect([choice.shown, choice.open, chosen]).toEqual(["Quba", false, []]);
});

test("Enter takes the first that is found, arrows another, round and round", async () => {
  const choice = open();
  choice.type("sta");
  await vi.waitFor(() => expect(choice.found).toHaveLength(2));
  choice.take();
  choice.type("sta");
  choice.move(1);
  choice.take();
  expect(chosen).toEqual([
    ["1", "Station 1"],
    ["2", "Station 2"],
  ]);
  choice.move(-2);
  expect(choice.at).toBe(2);
});

test("before anything is found Enter takes nothing", () => {
  const choice = open();
  choice.type("sta");
  choice.take();
  expect([chosen, created]).toEqual([[], []]);
});

test("an emptied field is nothing, where nothing may stand there", () => {
  const choice = open();
  choice.type(" ");
  choice.leave();
  expect(chosen).toEqual([[null, ""]]);
  const needed = open({ optional: false });
  needed.type("");
  needed.leave();
  expect(chosen).toHaveLength(1);
});

test("a missing row is made on the spot, with what was typed as its name, and is chosen then", async () => {
  const choice = open({ value: null });
  choice.type("none");
  await vi.waitFor(() => expect(choice.found).toEqual([]));
  choice.take();
  expect(created[0].slice(0, 2)).toEqual(["stations", { name: { value: "none" } }]);
  created[0][2]?.({ id: "9", label: "none" });
  expect(chosen).toEqual([["9", "none"]]);
});

test("who may make no rows of the table is not offered a new one", async () => {
  const choice = open({ table: { ...STATIONS, may_insert: false } });
  choice.type("none");
  await vi.waitFor(() => expect(choice.found).toEqual([]));
  expect(choice.count).toBe(0);
  choice.take();
  expect(created).toEqual([]);
});

test("a late answer to an earlier text is dropped", async () => {
  let late!: (rows: unknown) => void;
  desk.answer = () => new Promise((done) => (late = done));
  const choice = open();
  choice.type("a");
  desk.answer = () => [row("2")];
  choice.type("ab");
  await vi.waitFor(() => expect(choice.found).toHaveLength(1));
  late([row("1")]);
  await Promise.resolve();
  expect(choice.found?.map((found) => found.id)).toEqual(["2"]);
});
