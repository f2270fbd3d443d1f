/** The first screen's view, shared by the sidebar and the first page: one request for both. */
import { getContext, setContext } from "svelte";
import { live, type Live } from "$shared/desktop/live.svelte";

const KEY = Symbol("home");

/** The tables whose change changes the first screen. */
export const HOME_ENTITIES = [
  "courses",
  "modules",
  "topics",
  "content_items",
  "media_assets",
  "enrollments",
  "topic_progress",
  "content_progress",
  "assessments",
  "assessment_attempts",
  "attendance_records",
  "payments",
  "certificates",
  "badges",
  "user_badges",
  "organizations",
  "groups",
  "group_memberships",
  "group_membership_periods",
  "stations",
  "guardian_links",
  "users",
  "downloads",
] as const;

export function provideHome(): Live<"home"> {
  return setContext(
    KEY,
    live("home", () => ({}), HOME_ENTITIES, { gather_ms: 400 }),
  );
}

export function useHome(): Live<"home"> {
  return getContext(KEY);
}
