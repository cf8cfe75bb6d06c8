import { Refusal, type LinkChangeView, type LinkView, type PeerId } from "~/bridge";
import type { Grid } from "~/state";
import { asSentence, m, plain, words } from "~/text";
import { confirmed, linkKey, LinkRefusal, pairId, remember, SAID, tellUndo, type AskCutOff } from "./links";

/** What became of one link, newest first, as this machine kept it. */
export function changesOf(
  kept: readonly LinkChangeView[],
  here: PeerId | undefined,
  { from, peer }: Pick<LinkView, "from" | "peer">,
): LinkChangeView[] {
  if (from !== here && peer !== here) return [];
  const other = from === here ? peer : from;
  return kept.filter(change => change.peer === other);
}

/** "Automatic → Pinned"; in the words of the machine what is no change of what one owner wants. */
export function changeSentence({ wanted, sentence }: LinkChangeView): string {
  if (wanted === null) return asSentence(sentence);
  const [before, after] = wanted;
  return m.grid_history_step({ before: words.linkPolicy(before), after: words.linkPolicy(after) });
}

/** Goes back behind a change of a link, as a step that can be taken back itself. */
export async function undoChange(
  grid: Grid,
  change: LinkChangeView,
  link: Pick<LinkView, "from" | "peer">,
  cutOff: AskCutOff,
  anyway = false,
): Promise<void> {
  const ends = { from: link.from, to: link.peer };
  try {
    const wish = (cut_off: boolean): Promise<unknown> =>
      grid.wishes.make(linkKey(ends.from, ends.to), { ask: "link_undo", id: change.id, anyway: anyway || cut_off });
    await confirmed(wish, cutOff);
    if (change.wanted === null) {
      grid.toasts.done(m.shell_undone({ what: plain(change.sentence) }));
      return;
    }
    const [before, after] = change.wanted;
    const made = { changes: [{ ...ends, policy: before }], back: [{ ...ends, policy: after }] };
    remember(grid, SAID[before](), { ...made, seen: await revisionOf(grid, link) }, cutOff);
  } catch (thrown) {
    // Who was asked whether to cut machines off has said no.
    const refusal = Refusal.from(thrown);
    if (refusal.code === "would_cut_off") return;
    tellUndo(grid, new LinkRefusal(refusal, ends), () => void undoChange(grid, change, link, cutOff, true));
  }
}

/** The answer names no revision, and the event that does may come later than the next change. */
async function revisionOf(grid: Grid, link: Pick<LinkView, "from" | "peer">): Promise<Map<string, number>> {
  const id = pairId(link.from, link.peer);
  const views = await grid.ask({ ask: "links" });
  const own = views.find(view => view.from === grid.thisMachine?.id && pairId(view.from, view.peer) === id);
  return new Map(own === undefined ? [] : [[id, own.revision]]);
}
