import { describe, expect, it } from "vitest";
import type { AttentionField, AttentionItem, HeldItem, SyncStatus } from "$shared/desktop/generated";
import { formatDateTime } from "$shared/i18n/format";
import * as attention from "./attention";
import { chipState, firstSyncPercent, needsPerson } from "./chip";
import { headline, lidWords } from "./sentences";
import { heldName, heldState, heldValues, shownFields } from "./held";
import { columnValueWords, columnWords, fieldWords, valueWords } from "./words";

const status = (more: Partial<SyncStatus> = {}): SyncStatus => ({
  online: true,
  busy: false,
  last_sync_at: null,
  waiting: 0,
  attention: 0,
  conflicts: 0,
  held: 0,
  first_sync: false,
  rows_left: null,
  clock_off_ms: null,
  disk_low: false,
  signed_out: false,
  safe_to_close: true,
  problem: null,
  ...more,
});

describe("the chip", () => {
  it("shows what matters most", () => {
    expect(chipState(status())).toBe("safe");
    expect(chipState(status({ online: false }))).toBe("offline");
    expect(chipState(status({ waiting: 3 }))).toBe("waiting");
    expect(chipState(status({ online: false, waiting: 3 }))).toBe("waiting_offline");
    expect(chipState(status({ busy: true, waiting: 3 }))).toBe("busy");
    expect(chipState(status({ rows_left: 0 }))).toBe("safe");
    expect(chipState(status({ first_sync: true, rows_left: 20, busy: true }))).toBe("first_sync");
    expect(chipState(status({ first_sync: true }))).toBe("first_sync");
    expect(chipState(status({ first_sync: true, online: false }))).toBe("offline");
    expect(chipState(status({ first_sync: true, problem: "device_revoked" }))).toBe("problem");
    expect(chipState(status({ clock_off_ms: 600_000 }))).toBe("warning");
    expect(chipState(status({ problem: "internal", busy: true }))).toBe("problem");
    expect(chipState(status({ conflicts: 1, first_sync: true, rows_left: 20 }))).toBe("attention");
    expect(chipState(status({ held: 2, waiting: 3 }))).toBe("attention");
    expect(needsPerson(status({ held: 2, conflicts: 1, attention: 4 }))).toBe(7);
    expect(chipState(status({ signed_out: true, attention: 2 }))).toBe("signed_out");
  });

  it("never says that all is sent or the lid may close before the first sync has ended", () => {
    expect([headline(status({ first_sync: true })), lidWords(status({ first_sync: true }))]).toEqual([
      "First sync",
      "Still downloading: keep the lid open if you can",
    ]);
    expect([headline(status()), lidWords(status())]).toEqual(["Everything is sent", "Safe to close the lid"]);
  });

  it("shows the progress of a first sync", () => {
    expect(firstSyncPercent(100, 100)).toBeNull();
    expect(firstSyncPercent(25, 100)).toBe(75);
    expect(firstSyncPercent(0, 100)).toBe(100);
  });
});

describe("a refused change", () => {
  const field = (name: string, kind: string, value: unknown, more: Partial<AttentionField> = {}): AttentionField => ({
    name,
    kind,
    value,
    server_value: null,
    editable: true,
    choices: [],
    ...more,
  });
  const item = (fields: AttentionField[], more: Partial<AttentionItem> = {}): AttentionItem => ({
    n: 7,
    entity: "courses",
    row_id: "r",
    about: "",
    at: 0,
    code: "taken",
    field: null,
    suggestion: null,
    fields,
    ...more,
  });

  it("sends only corrections, as values of their kind", () => {
    const one = item([
      field("course_code", "text", "GAS-1"),
      field("minutes", "whole", 5),
      field("share", "real", 0.5),
      field("open", "truth", false),
      field("id", "text", "x", { editable: false }),
    ]);
    expect(attention.corrected(one, { course_code: "GAS-2", minutes: "5", share: "0,75", open: true, id: "y" })).toEqual({
      course_code: "GAS-2",
      share: 0.75,
      open: true,
    });
    expect(attention.corrected(one, {})).toEqual({});
  });

  it("can be emptied", () => {
    expect(attention.corrected(item([field("due", "date", "2026-01-01")]), { due: "" })).toEqual({ due: null });
    expect(attention.corrected(item([field("title", "text", "x")]), { title: "" })).toEqual({ title: "" });
  });

  it("names the invalid field", () => {
    const one = item([field("minutes", "whole", 5), field("share", "real", 1), field("due", "date", null)]);
    expect(attention.problems(one, { minutes: "5.5", share: "much", due: "tomorrow" })).toEqual([
      { field: "minutes", why: "not_whole" },
      { field: "share", why: "not_a_number" },
      { field: "due", why: "not_a_date" },
    ]);
    expect(attention.problems(one, { minutes: "1 000", share: "−2,5", due: "2026-02-03" })).toEqual([]);
  });

  it("offers the suggestion where it may be taken", () => {
    const code = field("course_code", "text", "GAS-1");
    expect(attention.suggestedField(item([code], { field: "course_code", suggestion: "GAS-1-2" }))).toBe(code);
    expect(attention.suggestedField(item([{ ...code, editable: false }], { field: "course_code", suggestion: "x" }))).toBeNull();
    expect(attention.suggestedField(item([code], { field: "course_code" }))).toBeNull();
  });

  it("shows values that are not text", () => {
    expect(attention.formValue(field("a", "other", { b: 1 }))).toBe('{"b":1}');
    expect(attention.formValue(field("a", "text", null))).toBeNull();
    expect(attention.formValue(field("a", "truth", null))).toBe(false);
  });
});

describe("a held change", () => {
  const held = (more: Partial<HeldItem> = {}): HeldItem => ({
    id: "h",
    entity: "attendance_records",
    about: "Aysel · 2026-03-02",
    group: "Gas 1",
    deletes: false,
    author: "Kamran",
    at: 0,
    state: "waiting",
    alone: false,
    others: 0,
    decided_by: "",
    decided_at: null,
    fields: [
      { name: "status", value: "late", server_value: "absent", kind: "choice" },
      { name: "note", value: "bus", server_value: "bus", kind: "text" },
    ],
    ...more,
  });

  it("has a readable name", () => {
    expect(heldName(held())).toMatch(/^Attendance · Gas 1 · Aysel · /);
    expect(heldName(held())).not.toContain("2026-03-02");
    expect(heldName(held({ entity: "groups", about: "Gas 1" }))).toBe("Group · Gas 1");
    expect(heldName(held({ group: "", about: "" }))).toBe("Attendance");
  });

  it("shows what differs from the current values", () => {
    expect(shownFields(held()).map((field) => field.name)).toEqual(["status"]);
    expect(shownFields(held({ fields: held().fields.slice(1) })).map((field) => field.name)).toEqual(["note"]);
    expect(heldValues(held())).toBe("Late, bus");
    expect(heldValues(held({ deletes: true }))).toBe("Delete this");
    const other = (value: unknown): HeldItem => held({ fields: [{ name: "answers", value, server_value: null, kind: "other" }] });
    expect(heldValues(other([1, 3]))).toBe("1, 3");
    expect(heldValues(other([]))).toBe("Nothing");
    expect(heldValues(other({ "01a1ff38-a5a8-7719-89b9-a4773df452b8": 4, "01a1ff38-a5a8-7719-89b9-a4773df452b9": 2 }))).toBe("2 entries");
  });

  it("shows its author who decided", () => {
    expect(heldState(held())).toBe("Waiting for someone else to accept");
    expect(heldState(held({ state: "accepted", decided_by: "Sabina" }))).toBe("Accepted by Sabina");
    expect(heldState(held({ state: "refused" }))).toBe("Refused by Someone");
  });
});

describe("a column", () => {
  it("is named by its subject", () => {
    expect(columnWords("position", "text")).toBe("Position");
    expect(columnWords("position", "whole")).toBe("Place in the list");
    expect(columnWords("not_known_yet")).toBe("Not known yet");
  });

  it("shows a moment as a day with its time", () => {
    const at = 1_772_400_000_000;
    expect(valueWords(at, "moment")).toBe(formatDateTime(at));
    expect(columnValueWords("deleted_at", at, "moment")).toBe(formatDateTime(at));
    expect(valueWords(null, "moment")).toBe("Nothing");
    expect(valueWords(1_500, "whole")).toBe("1,500");
  });

  it("shows money, which is kept in hundredths, with two decimals", () => {
    expect(columnValueWords("price_minor", 125_050, "whole")).toBe("1,250.50");
    expect(columnValueWords("balance_minor", -5, "whole")).toBe("-0.05");
    expect(columnValueWords("price_minor", 0, "whole")).toBe("0.00");
    expect(columnValueWords("price_minor", null, "whole")).toBe("Nothing");
    expect(columnValueWords("minutes", 125_050, "whole")).toBe("125,050");
    expect(fieldWords({ name: "price_minor", value: 4_900, kind: "whole" })).toBe("49.00");
    expect(valueWords({ price_minor: 4_900, currency: "AZN" })).toBe("Price: 49.00, Currency: AZN");
    expect(heldValues({ deletes: false, fields: [{ name: "balance_minor", value: 100, server_value: null, kind: "whole" }] })).toBe("1.00");
  });
});
