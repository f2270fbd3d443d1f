import { flushSync, mount, unmount } from "svelte";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { ConflictItem, SyncStatus } from "$shared/desktop/generated";

const desk = vi.hoisted(() => ({ answer: null as unknown }));
vi.mock("@tauri-apps/api/core", () => ({ invoke: async () => desk.answer }));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import { dismiss, toasts } from "$shared/ui";
import Arriving from "./Arriving.svelte";
import type { CentreController } from "./centre.svelte";
import ConflictCard from "./ConflictCard.svelte";
import { syncNow } from "./status.svelte";

const status = (more: Partial<SyncStatus>): SyncStatus => ({
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
const part = (testid: string) => document.querySelector<HTMLElement>(`[data-testid="${testid}"]`);
const said = () => toasts().map(({ text }) => text);

let shown: ReturnType<typeof mount> | undefined;
beforeEach(() => [...toasts()].forEach(({ id }) => dismiss(id)));
afterEach(async () => {
  if (shown) await unmount(shown);
  shown = undefined;
});

test("“Sync now” answers, with and without a server", async () => {
  desk.answer = status({ online: false });
  await syncNow();
  expect(said()).toEqual(["The server cannot be reached. Waystation syncs by itself as soon as it can."]);
  desk.answer = status({});
  await syncNow();
  expect(said()).toContain("Synced just now");
});

test("a failed or signed-out sync is not called done: the Sync centre says what is wrong", async () => {
  desk.answer = status({ problem: "internal" });
  await syncNow();
  desk.answer = status({ signed_out: true });
  await syncNow();
  expect(said()).toEqual([]);
});

test("during the first sync the numbers of what arrives stand in place of “nothing here”", () => {
  shown = mount(Arriving, { target: document.body, props: { status: status({ first_sync: true, busy: true, rows_left: 2660 }) } });
  flushSync();
  expect([part("arriving")!.dataset.online, part("arriving")!.textContent!.includes("0 of 2,660 records")]).toEqual(["true", true]);
});

test("a first sync without a server says that the data has not arrived", () => {
  shown = mount(Arriving, { target: document.body, props: { status: status({ first_sync: true, online: false }) } });
  flushSync();
  expect(part("arriving")!.dataset.online).toBe("false");
  expect(part("arriving")!.textContent).toContain("Your data has not arrived yet");
});

function conflict(keptHere: boolean): ConflictItem {
  const at = new Date(2026, 10, 27, 16, 17, 5).getTime();
  return {
    id: "c1",
    entity: "attendance_records",
    row_id: "r1",
    field: "mark",
    about: "Ann",
    group_id: null,
    student_id: null,
    lesson_date: "2026-11-27",
    kept: { value: "present", by: "Nigar", at, here: keptHere },
    lost: { value: "late", by: "Nigar", at: at + 4_000, here: false },
  };
}

test("two entries of one person in one minute are told apart by second and laptop", () => {
  const centre = { busy: "" } as CentreController;
  shown = mount(ConflictCard, { target: document.body, props: { centre, item: conflict(true) } });
  flushSync();
  const words = part("conflict-item")!.textContent!.replace(/\s+/g, " ");
  for (const fact of ["16:17:05, on this laptop", "16:17:09, on another laptop"]) expect(words).toContain(fact);
});

test("where no laptop is known none is named", () => {
  const centre = { busy: "" } as CentreController;
  shown = mount(ConflictCard, { target: document.body, props: { centre, item: conflict(false) } });
  flushSync();
  expect(part("conflict-item")!.textContent).not.toContain("laptop");
});
