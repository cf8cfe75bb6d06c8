import { Refusal, type LinkPolicy, type LinkView, type PeerId } from "~/bridge";
import type { Grid } from "~/state";
import { isolate, m, problem } from "~/text";

/** A link as one thing, whoever tells of it: the same for both directions. */
export function pairId(one: PeerId, other: PeerId): string {
  return one < other ? `${one}|${other}` : `${other}|${one}`;
}

/** One view for each link: this machine's own where there is one, else what either end tells. */
export function oneForEach(links: readonly LinkView[], here: PeerId | undefined): LinkView[] {
  const kept = new Map<string, LinkView>();
  for (const link of links) {
    const id = pairId(link.from, link.peer);
    const known = kept.get(id);
    if (known === undefined || link.from === here) kept.set(id, link);
  }
  return [...kept.values()];
}

/** The end of a link that is not `machine`. */
export function otherEnd(link: LinkView, machine: PeerId): PeerId {
  return link.from === machine ? link.peer : link.from;
}

/** One change of one link. */
export interface Change {
  from: PeerId;
  to: PeerId;
  policy: LinkPolicy;
}

/** The key under which a change of a link is pending. */
export function linkKey(one: PeerId, other: PeerId): string {
  return `link.${pairId(one, other)}`;
}

export const SAID: Record<LinkPolicy, () => string> = {
  automatic: m.grid_link_automatic,
  pinned: m.grid_link_pinned,
  forbidden: m.grid_link_forbidden,
};

/** The revision of each link when it was looked at; a change of one that somebody changed since is refused. */
type Seen = ReadonlyMap<string, number>;

/** Asked when a change would cut machines off; only with its yes is it made. */
type AskCutOff = (sentence: string) => Promise<boolean>;

/**
 * Changes links as one step that can be taken back, unless somebody changed one of them since. Problems are told, not
 * thrown.
 */
export async function changeLinks(
  grid: Grid,
  changes: readonly Change[],
  label: string,
  cutOff: AskCutOff,
): Promise<void> {
  const before = changes.map(change => ({ ...change, policy: policyOf(grid, change) })).reverse();
  try {
    let seen = await makeAll(grid, changes, seenOf(grid, changes), cutOff);
    const move = async (to: readonly Change[], anyway: boolean): Promise<void> => {
      seen = await makeAll(grid, to, anyway ? new Map() : seen, cutOff);
    };
    grid.undo.push({ label, undo: anyway => move(before, anyway), redo: () => move(changes, false) });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void takeBack(grid) });
  } catch (thrown) {
    // Who was asked whether to cut machines off has said no.
    if (Refusal.from(thrown).code !== "would_cut_off") tellUndo(grid, thrown);
  }
}

/** Takes the last step back; says why when that is refused. */
async function takeBack(grid: Grid, anyway = false): Promise<void> {
  try {
    await grid.undo.undo(anyway);
  } catch (thrown) {
    tellUndo(grid, thrown);
  }
}

/** Says why the last step was not taken back; what somebody changed since can be taken back all the same. */
export function tellUndo(grid: Grid, thrown: unknown): void {
  const refusal = Refusal.from(thrown);
  const { sentence, details } = problem(refusal);
  const anyway = { label: m.grid_undo_anyway(), run: () => void takeBack(grid, true) };
  grid.toasts.problem(sentence, details, refusal.code === "link_changed" ? anyway : null);
}

/** One after the other: a rewired link makes the new one before the old one goes. Returns the revisions after. */
async function makeAll(grid: Grid, changes: readonly Change[], seen: Seen, cutOff: AskCutOff): Promise<Seen> {
  const after = new Map(seen);
  for (const change of changes) {
    const id = pairId(change.from, change.to);
    const wish = (cut_off: boolean): Promise<LinkView> =>
      grid.wishes.make(linkKey(change.from, change.to), {
        ask: "link",
        ...change,
        expected: seen.get(id) ?? null,
        cut_off,
      });
    after.set(id, (await confirmed(wish, cutOff)).revision);
  }
  return after;
}

async function confirmed(wish: (cut_off: boolean) => Promise<LinkView>, cutOff: AskCutOff): Promise<LinkView> {
  try {
    return await wish(false);
  } catch (thrown) {
    const refusal = Refusal.from(thrown);
    if (refusal.code !== "would_cut_off" || !(await cutOff(problem(refusal).details))) throw refusal;
    return await wish(true);
  }
}

function seenOf(grid: Grid, changes: readonly Change[]): Seen {
  return new Map(changes.map(change => [pairId(change.from, change.to), viewOf(grid, change)?.revision ?? 0]));
}

function viewOf(grid: Grid, change: Change): LinkView | undefined {
  const id = pairId(change.from, change.to);
  return oneForEach(grid.links, grid.thisMachine?.id).find(link => pairId(link.from, link.peer) === id);
}

function policyOf(grid: Grid, change: Change): LinkPolicy {
  return viewOf(grid, change)?.policy ?? "automatic";
}

/** "atelier-tower — lab-mini". */
export function linkName(grid: Grid, one: PeerId, other: PeerId): string {
  const name = (id: PeerId): string => isolate(grid.machine(id)?.name ?? id.slice(0, 8));
  return m.grid_link_name({ one: name(one), other: name(other) });
}
