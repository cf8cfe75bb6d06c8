import type { ActionGroup } from "./actions.svelte";
import { score } from "./score";

/** Something the palette can find. */
export interface Entry {
  id: string;
  title: string;
  group: ActionGroup;
  /** More words under which it is found. */
  also: string;
}

/** The order of groups when nothing is typed (ui-spec §10). */
export const GROUPS: readonly ActionGroup[] = ["selection", "do", "go", "jobs", "machines", "settings", "help"];

/** More could not be looked through; typing narrows them down. */
const MOST = 50;
/** Jobs and machines before something is typed. */
const MOST_OF_A_KIND = 5;
/** What is done to the selection wins over equally good matches; then the order of the groups. */
const FAVOUR = 0.02;
const LEAST_SCORE = 0.35;
/** Words beside the title count a little less than the title. */
const ALSO = 0.9;

/** What fits a query, best first; without one everything in the order of the groups. */
export function find<E extends Entry>(entries: readonly E[], query: string): E[] {
  const typed = query.trim();
  if (typed === "") return unasked(entries);
  return entries
    .map(entry => ({ entry, fit: Math.max(score(typed, entry.title), ALSO * score(typed, entry.also)) }))
    .filter(({ fit }) => fit >= LEAST_SCORE)
    .map(({ entry, fit }) => ({ entry, rank: fit - FAVOUR * GROUPS.indexOf(entry.group) }))
    .sort((a, b) => b.rank - a.rank)
    .slice(0, MOST)
    .map(({ entry }) => entry);
}

function unasked<E extends Entry>(entries: readonly E[]): E[] {
  return GROUPS.flatMap(group => {
    const those = entries.filter(entry => entry.group === group);
    return group === "jobs" || group === "machines" ? those.slice(0, MOST_OF_A_KIND) : those;
  }).slice(0, MOST);
}
