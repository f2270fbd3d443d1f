/** The order of a teacher's groups on the first screen. */
import type { GroupCard } from "$shared/desktop/generated";

/** A group with its place in the list of the app, which names it in the sidebar too. */
export interface Placed {
  group: GroupCard;
  index: number;
}

/** Today's lessons first, by time; the rest keep their order. */
export function byToday(groups: readonly GroupCard[]): Placed[] {
  const placed = groups.map((group, index) => ({ group, index }));
  const key = ({ group, index }: Placed): [number, string, number] =>
    group.unmarked_today === null ? [1, "", index] : [0, group.start_time ?? "", index];
  return placed.sort((a, b) => {
    const [x, y] = [key(a), key(b)];
    return x[0] - y[0] || (x[1] < y[1] ? -1 : x[1] > y[1] ? 1 : 0) || x[2] - y[2];
  });
}
