// An icon for each table of the sidebar; tables without one of their own have the one of their section.

import type { Component } from "svelte";
import BookOpen from "@lucide/svelte/icons/book-open";
import Building2 from "@lucide/svelte/icons/building-2";
import ClipboardList from "@lucide/svelte/icons/clipboard-list";
import Fuel from "@lucide/svelte/icons/fuel";
import Laptop from "@lucide/svelte/icons/laptop";
import Table2 from "@lucide/svelte/icons/table-2";
import UserRound from "@lucide/svelte/icons/user-round";
import UsersRound from "@lucide/svelte/icons/users-round";

const OF_TABLE: Record<string, Component> = { devices: Laptop };
const OF_SECTION: Record<string, Component> = {
  people: UserRound,
  groups: UsersRound,
  courses: BookOpen,
  tests: ClipboardList,
  stations: Fuel,
  organization: Building2,
};

export function iconOf(table: { name: string; section: string }): Component {
  return OF_TABLE[table.name] ?? OF_SECTION[table.section] ?? Table2;
}
