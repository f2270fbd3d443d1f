import { beforeEach, expect, test, vi } from "vitest";
import type { OpenedRecord, SaveRecord } from "$shared/desktop/generated";
import { rowOf, STATIONS } from "./testing";

const desk = vi.hoisted(() => ({ found: [] as unknown[] }));
vi.mock("@tauri-apps/api/core", () => ({ invoke: async () => desk.found }));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { NewForm } from "./new.svelte";
import { PaneForm } from "./pane.svelte";

const [code, name, status] = STATIONS.columns;
const typed = (text: string) => ({ value: null, text, label: "" });

let saved: SaveRecord[][] = [];
let refusal: unknown = null;
const records = {
  save: async (_: string, rows: SaveRecord[]) => {
    if (refusal) throw refusal;
    saved.push(rows);
    return ["new-id"];
  },
};

function opened(more: Partial<OpenedRecord> = {}): OpenedRecord {
  const row = rowOf(STATIONS, "s1", { name: "Quba", code: "Q-1", status: "active" });
  return {
    row,
    created_at: 0,
    may_change: true,
    may_delete: true,
    not_given: [],
    unsent: [],
    disputed: [],
    related: [],
    tables: [],
    ...more,
  };
}

const pane = (record = opened()) =>
  new PaneForm(
    records,
    () => STATIONS,
    () => record,
    async () => {},
  );

beforeEach(() => {
  saved = [];
  refusal = null;
  desk.found = [];
});

test("a field is stored as it is left, alone", async () => {
  const form = pane();
  form.type(code, typed("Q-2"));
  await form.leave(code);
  expect([saved, form.drafts.size]).toEqual([[[{ id: "s1", fields: { code: "Q-2" } }]], 0]);
});

test("an unchanged field is not stored, an emptied one is nothing", async () => {
  const form = pane();
  form.type(code, typed("Q-1"));
  await form.leave(code);
  expect(saved).toEqual([]);
  form.type(code, typed(""));
  await form.leave(code);
  expect(saved).toEqual([[{ id: "s1", fields: { code: null } }]]);
});

test("what is wrong stays typed, says why, and is taken back by Escape", async () => {
  const form = pane();
  form.type(code, typed("too long"));
  await form.leave(code);
  expect([saved, form.draft(code).text, form.wrongs.has("code")]).toEqual([[], "too long", true]);
  form.cancel(code);
  expect([form.draft(code).text, form.wrongs.size]).toEqual(["Q-1", 0]);
  form.type(name, typed(""));
  await form.leave(name);
  expect([saved, form.wrongs.has("name")]).toEqual([[], true]);
});

test("a refusal is shown at the field that it names, and what was typed stays", async () => {
  const form = pane();
  refusal = { code: "taken", message: "", retryable: false, fields: ["code"] };
  form.type(name, typed("Şəki"));
  await form.leave(name);
  expect([[...form.wrongs.keys()], form.draft(name).text]).toEqual([["code"], "Şəki"]);
  refusal = { code: "disk_full", message: "", retryable: true };
  await form.leave(name);
  expect(form.wrongs.has("name")).toBe(true);
});

test("leaving the pane stores all that is typed", async () => {
  const form = pane();
  form.type(code, typed("A"));
  form.type(name, typed("B"));
  await form.leaveAll();
  expect(saved.flat().map((row) => row.fields)).toEqual([{ code: "A" }, { name: "B" }]);
});

test("what may not be changed has no input", () => {
  expect(STATIONS.columns.filter((column) => pane().mayChange(column)).map((column) => column.name)).toEqual([
    "code",
    "name",
    "status",
    "description",
  ]);
  expect(pane(opened({ not_given: ["code"] })).mayChange(code)).toBe(false);
  expect(pane(opened({ may_change: false })).mayChange(name)).toBe(false);
});

test("a new row sends what was given, not the defaults", async () => {
  const form = new NewForm(records, STATIONS, {});
  form.type(name, typed("Quba"));
  expect(await form.create()).toEqual({ id: "new-id", label: "Quba" });
  expect(saved).toEqual([[{ id: null, fields: { name: "Quba" } }]]);
});

test("what is missing is said at its field before anything is sent", async () => {
  const form = new NewForm(records, STATIONS, {});
  form.type(code, typed("too long"));
  expect(await form.create()).toBeNull();
  expect([[...form.wrongs.keys()].sort(), saved, form.more]).toEqual([["code", "name"], [], true]);
});

test("a refused new row opens the field at fault", async () => {
  const form = new NewForm(records, STATIONS, {});
  form.type(name, typed("Quba"));
  refusal = { code: "bad_value", message: "", retryable: false, fields: ["status"] };
  await form.create();
  expect([form.wrongs.has("status"), form.more, form.busy]).toEqual([true, true, false]);
  form.type(status, { value: "closed", text: "", label: "" });
  refusal = { code: "not_allowed", message: "", retryable: false };
  await form.create();
  expect(form.problem?.code).toBe("not_allowed");
});

test("a value that is filled in is sent even where it is the default", async () => {
  const form = new NewForm(records, STATIONS, { status: { value: "active" }, code: { value: "Q" } });
  form.type(name, typed("Quba"));
  await form.create();
  expect(saved[0][0].fields).toEqual({ name: "Quba", status: "active", code: "Q" });
  expect(form.columns.first.map((column) => column.name)).toEqual(["name", "code", "status"]);
});

test("likely doubles are shown before a row is made", async () => {
  desk.found = [{ entity: "stations", id: "s1", label: "Quba AGDS" }];
  const form = new NewForm(records, STATIONS, {});
  form.type(name, typed("Qu"));
  await form.leave(name);
  expect(form.doubles).toEqual([]);
  form.type(name, typed("Quba"));
  await form.leave(name);
  expect(form.doubles.map((double) => double.label)).toEqual(["Quba AGDS"]);
  form.type(name, typed("Şəki"));
  expect(form.doubles).toEqual([]);
});
