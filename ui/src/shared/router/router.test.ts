import { expect, test } from "vitest";
import { hrefOf, routeOf, type Route } from "./router.svelte";

const routes: Route[] = [
  { name: "home" },
  { name: "course", id: "a b/č" },
  { name: "topic", id: "1" },
  { name: "attempt", id: "2" },
  { name: "group", id: "3" },
  { name: "stations" },
  { name: "station", id: "4" },
  { name: "person", id: "6" },
  { name: "learners", courseId: "5" },
  { name: "sync" },
  { name: "account" },
  { name: "records", table: "stations" },
  { name: "records", table: "stations", id: "a/b" },
];

test.each(routes)("$name is what its address says", (route) => {
  expect(routeOf(hrefOf(route))).toEqual(route);
});

test.each([
  "",
  "#",
  "#/",
  "#/nowhere",
  "#/course",
  "#/course/",
  "#/learners",
  "#/course/%E0%A4%A",
  "#/records",
  "#/records/stations/%E0%A4%A",
])("%j leads home", (hash) => {
  expect(routeOf(hash)).toEqual({ name: "home" });
});
