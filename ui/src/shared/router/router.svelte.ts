/** The route of the window: typed, and kept in the address after `#`, so that back and forward work. */

export type Route =
  | { name: "home" }
  | { name: "course"; id: string }
  | { name: "topic"; id: string }
  | { name: "attempt"; id: string }
  | { name: "group"; id: string }
  | { name: "stations" }
  | { name: "station"; id: string }
  | { name: "person"; id: string }
  | { name: "learners"; courseId: string }
  | { name: "records"; table: string; id?: string }
  | { name: "account" }
  | { name: "sync" };

const WITH_ID = ["course", "topic", "attempt", "group", "station", "person"] as const;

/** The address of a route, for `href`. */
export function hrefOf(route: Route): string {
  if (route.name === "records") {
    const list = `#/records/${encodeURIComponent(route.table)}`;
    return route.id ? `${list}/${encodeURIComponent(route.id)}` : list;
  }
  if ("id" in route) return `#/${route.name}/${encodeURIComponent(route.id)}`;
  if ("courseId" in route) return `#/learners/${encodeURIComponent(route.courseId)}`;
  return route.name === "home" ? "#/" : `#/${route.name}`;
}

/** The route of an address; an unknown one is home. */
export function routeOf(hash: string): Route {
  const [name, raw, rest] = hash.replace(/^#?\/?/, "").split("/");
  let id: string;
  let row: string;
  try {
    id = decodeURIComponent(raw ?? "");
    row = decodeURIComponent(rest ?? "");
  } catch {
    return { name: "home" };
  }
  const known = WITH_ID.find((each) => each === name);
  if (known && id) return { name: known, id };
  if (name === "learners" && id) return { name, courseId: id };
  if (name === "records" && id) return row ? { name, table: id, id: row } : { name, table: id };
  if (name === "stations" || name === "sync" || name === "account") return { name };
  return { name: "home" };
}

const state = $state<{ route: Route }>({ route: { name: "home" } });

/** The current route. Reactive. */
export function route(): Route {
  return state.route;
}

/** Goes to a route; `replace` adds no entry to the history. */
export function go(to: Route, { replace = false } = {}): void {
  const href = hrefOf(to);
  if (replace) history.replaceState(null, "", href);
  else if (location.hash !== href) history.pushState(null, "", href);
  state.route = to;
}

/** Follows the address bar: back, forward, links. Returns a function that stops it. */
export function followAddress(): () => void {
  const follow = () => {
    state.route = routeOf(location.hash);
  };
  follow();
  addEventListener("popstate", follow);
  addEventListener("hashchange", follow);
  return () => {
    removeEventListener("popstate", follow);
    removeEventListener("hashchange", follow);
  };
}
