import { flushSync, mount, unmount } from "svelte";
import { afterEach, expect, test, vi } from "vitest";
import type { RecordColumn } from "$shared/desktop/generated";
import type { Live } from "$shared/desktop/live.svelte";
import { ADMIN, columnOf, STATIONS } from "./testing";

vi.mock("@tauri-apps/api/core", () => ({
  invoke: async () => [
    { entity: "stations", id: "s1", label: "Quba" },
    { entity: "stations", id: "s2", label: "Şəki" },
  ],
}));
vi.mock("@tauri-apps/api/event", () => ({ listen: async () => () => {} }));

import type { Wanted } from "./filter";
import OneOfInput from "./OneOfInput.svelte";
import { Records, RECORDS } from "./records.svelte";

const all = (testid: string) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${testid}"]`)];

// happy-dom has no top layer.
HTMLElement.prototype.showPopover ??= () => {};

let close = () => {};
afterEach(() => close());

function open(column: RecordColumn) {
  const props = $state({
    column,
    wanted: [] as readonly Wanted[],
    onchange: (next: Wanted[]) => {
      props.wanted = next;
    },
  });
  const records = new Records({ data: [{ ...STATIONS, may_insert: false }] } as unknown as Live<"tables">, ADMIN);
  const page = mount(OneOfInput, { target: document.body, props, context: new Map([[RECORDS, records]]) });
  close = () => void unmount(page);
  return props;
}

test("words of a choice are ticked", () => {
  const props = open(columnOf("status", "choice", { choices: ["active", "closed"] }));
  for (const word of ["active", "closed", "active"]) {
    all(`one-of-${word}`)[0].click();
    flushSync();
  }
  expect(props.wanted).toEqual([{ value: "closed", label: "" }]);
});

test("rows of another table are collected, each once", async () => {
  const props = open(columnOf("station_id", "reference", { refers_to: "stations" }));
  const take = async (index: number) => {
    const input = all("field-station_id")[0] as HTMLInputElement;
    input.focus();
    input.value = "x";
    input.dispatchEvent(new Event("input", { bubbles: true }));
    await vi.waitFor(() => expect(all("reference-option")).toHaveLength(2));
    all("reference-option")[index].click();
    flushSync();
  };
  await take(0);
  await take(1);
  await take(0);
  expect(props.wanted.map(({ value, label }) => [value, label])).toEqual([
    ["s1", "Quba"],
    ["s2", "Şəki"],
  ]);
  all("one-of-chip")[0].querySelector("button")!.click();
  flushSync();
  expect(all("one-of-chip").map((chip) => chip.textContent?.trim())).toEqual(["Şəki"]);
});
