import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const desk = vi.hoisted(() => ({ calls: [] as { name: string; arguments: unknown }[], refuses: "", centre: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({
  invoke: async (_: string, call: { name: string; arguments: { id?: string } }) => {
    desk.calls.push(call);
    if (desk.refuses !== "" && call.arguments.id === desk.refuses) throw { code: "already_set", message: "", retryable: false };
    return call.name === "sync_centre" ? desk.centre : {};
  },
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import type { HeldItem, SyncCentre as Centre } from "$shared/desktop/generated";
import { formatDateTime } from "$shared/i18n/format";
import { errorWords } from "$shared/i18n/words";
import { dismiss, toasts } from "$shared/ui";
import { CentreController } from "./centre.svelte";
import SyncCentre from "./SyncCentre.svelte";

/** How long a test waits on a busy machine; only a failing test waits so long. */
const SOON = { timeout: 60_000 };

const item = (id: string, more: Partial<HeldItem> = {}): HeldItem => ({
  id,
  entity: "attendance_records",
  about: "Aysel · 2026-03-02",
  group: "Gas 1",
  deletes: false,
  author: "Kamran",
  at: 1_772_400_000_000,
  state: "waiting",
  alone: false,
  others: 0,
  decided_by: "",
  decided_at: null,
  fields: [{ name: "status", value: "late", server_value: null, kind: "choice" }],
  ...more,
});

const centreOf = (more: Partial<Centre> = {}): Centre => ({
  status: {
    online: true,
    busy: false,
    last_sync_at: null,
    waiting: 0,
    attention: 0,
    conflicts: 0,
    held: (more.held?.length ?? 0) + (more.offered?.length ?? 0),
    first_sync: false,
    rows_left: null,
    clock_off_ms: null,
    disk_low: false,
    signed_out: false,
    safe_to_close: true,
    problem: null,
  },
  attention: [],
  conflicts: [],
  held: [],
  own_held: [],
  offered: [],
  lost_rows: 0,
  withheld_rows: 0,
  repairs: [],
  waiting: [],
  merged: [],
  folder: "/data",
  ...more,
});

let close = () => {};

/** Renders the Sync centre with this data. */
function open(data: Centre): CentreController {
  desk.centre = data;
  let centre!: CentreController;
  const stop = $effect.root(() => {
    centre = new CentreController();
  });
  const page = mount(SyncCentre, { target: document.body, props: { centre, data } });
  flushSync();
  desk.calls = [];
  close = () => {
    void unmount(page);
    stop();
  };
  return centre;
}

const part = (testid: string, within: ParentNode = document): HTMLElement | null => within.querySelector(`[data-testid="${testid}"]`);
const card = (kind: string, id: string): HTMLElement =>
  document.querySelector<HTMLElement>(`[data-testid="${kind}-item"][data-id="${id}"]`)!;
const words = (element: Element | null): string => element?.textContent?.replace(/\s+/g, " ").trim() ?? "";
const asked = (): unknown[] => desk.calls.filter(({ name }) => name.startsWith("decide_")).map((call) => [call.name, call.arguments]);
const said = (): string[] => toasts().map(({ text }) => text);

async function press(button: HTMLElement | null, centre: CentreController): Promise<void> {
  button!.click();
  await vi.waitFor(() => expect(centre.busy).toBe(""), SOON);
  flushSync();
}

beforeEach(() => {
  desk.refuses = "";
  for (const toast of [...toasts()]) dismiss(toast.id);
});
afterEach(() => close());

test("an entry that the server has lost is brought back", async () => {
  const centre = open(centreOf({ offered: [item("a"), item("b")] }));
  await press(part("offered-accept", card("offered", "b")), centre);
  expect(asked()).toEqual([["decide_offered", { id: "b", accept: true }]]);
  expect(said()).toEqual(["It will be brought back"]);
});

test("an entry that the server has lost is left out", async () => {
  const centre = open(centreOf({ offered: [item("a"), item("b")] }));
  await press(part("offered-refuse", card("offered", "a")), centre);
  expect(asked()).toEqual([["decide_offered", { id: "a", accept: false }]]);
  expect(said()).toEqual(["It is not brought back"]);
});

test("all lost entries are brought back in their order", async () => {
  const centre = open(centreOf({ held: [item("h")], offered: [item("c"), item("a"), item("b")] }));
  expect(words(part("offered-accept-all"))).toBe("Bring back all (3)");
  await press(part("offered-accept-all"), centre);
  expect(asked()).toEqual(["c", "a", "b"].map((id) => ["decide_offered", { id, accept: true }]));
  expect(said()).toEqual(["They will be brought back"]);
});

test("an item that needs a look of its own is not brought back with the others", async () => {
  const centre = open(centreOf({ offered: [item("c"), item("a", { alone: true }), item("b")] }));
  expect(words(part("offered-accept-all"))).toBe("Bring back all (2)");
  await press(part("offered-accept-all"), centre);
  expect(asked()).toEqual(["c", "b"].map((id) => ["decide_offered", { id, accept: true }]));
});

test("all are brought back only where more than one may be together", () => {
  open(centreOf({ offered: [item("a", { alone: true }), item("b"), item("c", { alone: true })] }));
  expect([part("offered-accept-all"), part("offered-refuse-all") !== null]).toEqual([null, true]);
});

test("a card shows that it needs a look of its own, and is decided there", async () => {
  const centre = open(centreOf({ offered: [item("a", { alone: true }), item("b")] }));
  expect(words(part("offered-alone", card("offered", "a")))).toBe("This may decide what someone can see, do or pay. Look at it by itself.");
  expect(part("offered-alone", card("offered", "b"))).toBeNull();
  await press(part("offered-accept", card("offered", "a")), centre);
  expect(asked()).toEqual([["decide_offered", { id: "a", accept: true }]]);
});

test("a card shows whether only one laptop has the entry", () => {
  open(centreOf({ held: [item("h")], offered: [item("a"), item("b", { others: 2 })] }));
  expect(words(part("offered-others", card("offered", "a")))).toBe("One laptop alone says so: nobody else has offered the same.");
  expect(words(part("offered-others", card("offered", "b")))).toBe("The same is on other people's laptops: 2");
  expect(part("held-others")).toBeNull();
});

/** Opens the dialog that leaves all out. It appears a moment later. */
async function askToRefuseAll(): Promise<void> {
  part("offered-refuse-all")!.click();
  flushSync();
  await vi.waitFor(() => expect(part("offered-refuse-all-confirm")).not.toBeNull(), SOON);
}

test("all lost entries are left out in their order, once that is confirmed", async () => {
  const centre = open(centreOf({ offered: [item("c"), item("a", { alone: true }), item("b")] }));
  expect(words(part("offered-refuse-all"))).toBe("Bring none back (3)");
  await askToRefuseAll();
  expect(words(part("offered-refuse-all-dialog"))).toContain("Bring none of these 3 back?");
  expect(asked()).toEqual([]);
  await press(part("offered-refuse-all-confirm"), centre);
  expect(asked()).toEqual(["c", "a", "b"].map((id) => ["decide_offered", { id, accept: false }]));
  expect(said()).toEqual(["They are not brought back"]);
});

test("leaving all out stops at the first refusal, and shows why", async () => {
  const centre = open(centreOf({ offered: [item("c"), item("a"), item("b")] }));
  desk.refuses = "a";
  await askToRefuseAll();
  await press(part("offered-refuse-all-confirm"), centre);
  expect(asked()).toEqual(["c", "a"].map((id) => ["decide_offered", { id, accept: false }]));
  expect(said()).toEqual([errorWords("already_set")]);
});

test("one lost entry, and held changes, are not refused all at once", () => {
  open(centreOf({ held: [item("h"), item("i")], offered: [item("o")] }));
  expect([part("held-refuse-all"), part("offered-refuse-all")]).toEqual([null, null]);
});

test("a lost entry shows moments and money as they are read", () => {
  const fields = [
    { name: "deleted_at", value: 1_772_400_000_000, server_value: null, kind: "moment" },
    { name: "balance_minor", value: 125_050, server_value: 100_000, kind: "whole" },
  ];
  open(centreOf({ offered: [item("a", { fields })] }));
  const row = (name: string): string[] => [...part(`offered-field-${name}`)!.children].map(words);
  expect(row("deleted_at")).toEqual(["Deleted on", "Nothing", formatDateTime(1_772_400_000_000)]);
  expect(row("balance_minor")).toEqual(["Balance", "1,000.00", "1,250.50"]);
});

test("all held changes are accepted in their order", async () => {
  const centre = open(centreOf({ held: [item("c"), item("a"), item("b")], offered: [item("o")] }));
  expect(words(part("held-accept-all"))).toBe("Accept all (3)");
  await press(part("held-accept-all"), centre);
  expect(asked()).toEqual(["c", "a", "b"].map((id) => ["decide_held", { id, accept: true }]));
  expect(said()).toEqual(["Accepted"]);
});

test.each(["held", "offered"] as const)("accepting all %s stops at the first that is refused, and says why", async (kind) => {
  const centre = open(centreOf({ [kind]: [item("c"), item("a"), item("b")] }));
  desk.refuses = "a";
  await press(part(`${kind}-accept-all`), centre);
  expect(asked()).toEqual(["c", "a"].map((id) => [`decide_${kind}`, { id, accept: true }]));
  expect(said()).toEqual([errorWords("already_set")]);
  expect(desk.calls.at(-1)?.name).toBe("sync_centre");
});

test("a held change is still decided as a held change", async () => {
  const centre = open(centreOf({ held: [item("h")], offered: [item("o")] }));
  await press(part("held-refuse"), centre);
  expect(asked()).toEqual([["decide_held", { id: "h", accept: false }]]);
  expect(said()).toEqual(["Refused"]);
});

test("no other decision is possible while one is being sent", async () => {
  const centre = open(centreOf({ held: [item("h")], offered: [item("a"), item("b")] }));
  part("offered-accept", card("offered", "a"))!.click();
  flushSync();
  for (const testid of ["offered-accept-all", "offered-refuse-all", "offered-accept", "offered-refuse", "held-accept", "held-refuse"]) {
    expect([testid, (part(testid) as HTMLButtonElement).disabled]).toEqual([testid, true]);
  }
  await press(part("held-accept"), centre);
  expect(asked()).toEqual([["decide_offered", { id: "a", accept: true }]]);
});

test("each section counts its own items, although the state counts both together", () => {
  open(centreOf({ held: [item("h")], offered: [item("a"), item("b")] }));
  expect(words(part("sync-held")!.querySelector("h2"))).toBe("Waiting for your decision1");
  expect(words(part("sync-offered")!.querySelector("h2"))).toBe("Lost by the server2");
  expect(part("held-accept-all")).toBeNull();
});

test("a section without decisions is hidden", () => {
  open(centreOf({ held: [item("h")] }));
  expect([part("sync-held") !== null, part("sync-offered")]).toEqual([true, null]);
  close();
  open(centreOf({ offered: [item("o")] }));
  expect([part("sync-held"), part("sync-offered") !== null]).toEqual([null, true]);
});

test("a lost entry shows whose laptop had it, its value, and that there is no current value", () => {
  open(centreOf({ offered: [item("a"), item("b", { author: "", at: 0 })] }));
  expect(words(part("offered-author", card("offered", "a")))).toBe("From Kamran's laptop");
  expect(words(part("offered-stands", card("offered", "a")))).toBe("Nothing");
  expect(words(part("offered-value", card("offered", "a")))).toBe("Late");
  expect(card("offered", "a").querySelector("time")).not.toBeNull();
  expect(words(part("offered-author", card("offered", "b")))).toBe("From someone's laptop");
  expect(card("offered", "b").querySelector("time")).toBeNull();
});

test("lost entries that nobody has sent again are shown only when there are some", () => {
  open(centreOf({ lost_rows: 0 }));
  expect(part("sync-lost-rows")).toBeNull();
  close();
  open(centreOf({ lost_rows: 1 }));
  expect(words(part("sync-lost-rows"))).toContain("has lost 1 entry that");
  close();
  open(centreOf({ lost_rows: 3 }));
  expect(words(part("sync-lost-rows", part("sync-waiting")!))).toContain("has lost 3 entries that");
});

test("entries that the server cannot send are shown only when there are some", () => {
  open(centreOf({}));
  expect(part("sync-withheld-rows")).toBeNull();
  close();
  open(centreOf({ withheld_rows: 1 }));
  expect(words(part("sync-withheld-rows"))).toContain("1 entry of the server");
  close();
  open(centreOf({ withheld_rows: 3 }));
  expect(words(part("sync-withheld-rows"))).toContain("3 entries of the server");
});

test("a refused decision about a lost entry names what it is, not its table", () => {
  const field = (name: string, kind: string, value: unknown) => ({ name, kind, value, server_value: null, editable: false, choices: [] });
  const fields = [field("entity", "text", "attendance_records"), field("state", "choice", "accepted")];
  open(
    centreOf({
      attention: [
        { n: 7, entity: "offered_rows", row_id: "r", about: "", at: 1, code: "already_set", field: null, suggestion: null, fields },
      ],
    }),
  );
  const shown = words(part("attention-item"));
  expect(shown).toContain("Decision about a lost entry");
  expect(shown).toContain("What it is Attendance");
  expect(shown).not.toContain("attendance_records");
});
