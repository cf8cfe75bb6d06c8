import type { SuggestionView } from "~/bridge";
import type { Grid } from "~/state";
import { format, isolate, m } from "~/text";
import { machineName } from "./links";

/** What a behaviour would do, and why, one sentence: `Link with attic: there are only 2 links.` */
export function suggestionSentence(grid: Grid, suggestion: SuggestionView): string {
  return m.settings_suggestion({ what: deedOf(grid, suggestion), why: reasonOf(suggestion) });
}

function deedOf(grid: Grid, { link_with, let_go }: SuggestionView): string {
  const name = (id: string): string => isolate(machineName(grid, id));
  if (link_with !== null && let_go !== null)
    return m.settings_suggestion_replace({ name: name(link_with), other: name(let_go) });
  if (link_with !== null) return m.settings_suggestion_link({ name: name(link_with) });
  return m.settings_suggestion_let_go({ name: let_go === null ? "" : name(let_go) });
}

function reasonOf({ why, new_micros, old_micros, links }: SuggestionView): string {
  const fresh = format.roundTrip((new_micros ?? 0) / 1_000);
  const old = format.roundTrip((old_micros ?? 0) / 1_000);
  const n = format.number(links ?? 0);
  switch (why) {
    case "may_be_nearer":
      return m.settings_suggestion_may_be_nearer({ fresh, old });
    case "is_nearer":
      return m.settings_suggestion_is_nearer({ fresh, old });
    case "is_not_nearer":
      return m.settings_suggestion_is_not_nearer({ fresh, old });
    case "not_measured":
      return m.settings_suggestion_not_measured();
    case "too_many":
      return m.settings_suggestion_too_many({ n });
    case "too_few":
      return m.settings_suggestion_too_few({ count: links ?? 0, n });
    case "chance":
      return m.settings_suggestion_chance();
  }
}
