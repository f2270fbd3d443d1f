/** The header's title and breadcrumbs of the current page. Set by `Page.svelte`, read by the shell. */
import type { Route } from "../router/router.svelte";

export interface Crumb {
  label: string;
  route: Route;
}

let current = $state.raw<{ title: string; crumbs: Crumb[] }>({ title: "", crumbs: [] });

export function page(): { title: string; crumbs: Crumb[] } {
  return current;
}

export function setPage(title: string, crumbs: Crumb[]): void {
  current = { title, crumbs };
}
