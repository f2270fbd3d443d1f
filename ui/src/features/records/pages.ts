// Tables whose rows have a page of their own beside their fields.

import type { Route } from "$shared/router/router.svelte";

const PAGES: Record<string, "station" | "course" | "group" | "topic" | "person"> = {
  stations: "station",
  courses: "course",
  groups: "group",
  topics: "topic",
  users: "person",
};

/** The page of a row, where its table has one. */
export function pageOf(table: string, id: string): Route | null {
  const name = PAGES[table];
  return name ? { name, id } : null;
}
