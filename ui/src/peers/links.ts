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

/**
 * Changes links as one step that can be taken back. `cutOff` is asked when a change would cut machines off; only with its
 * yes is it made. Problems are told, not thrown.
 */
export async function changeLinks(
  grid: Grid,
  changes: readonly Change[],
  label: string,
  cutOff: (sentence: string) => Promise<boolean>,
): Promise<void> {
  const before = changes.map(change => ({ ...change, policy: policyOf(grid, change) }));
  try {
    const made = await makeAll(grid, changes, cutOff);
    if (!made) return;
    grid.undo.push({
      label,
      undo: async () => void (await makeAll(grid, [...before].reverse(), cutOff)),
      redo: async () => void (await makeAll(grid, changes, cutOff)),
    });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void takeBack(grid) });
  } catch (thrown) {
    tell(grid, thrown);
  }
}

async function takeBack(grid: Grid): Promise<void> {
  try {
    await grid.undo.undo();
  } catch (thrown) {
    tell(grid, thrown);
  }
}

/** One after the other: a rewired link makes the new one before the old one goes. */
async function makeAll(
  grid: Grid,
  changes: readonly Change[],
  cutOff: (sentence: string) => Promise<boolean>,
): Promise<boolean> {
  for (const change of changes) {
    const wish = (cut_off: boolean): Promise<unknown> =>
      grid.wishes.make(linkKey(change.from, change.to), {
        ask: "link",
        ...change,
        expected: viewOf(grid, change)?.revision ?? null,
        cut_off,
      });
    try {
      await wish(false);
    } catch (thrown) {
      const refusal = Refusal.from(thrown);
      if (refusal.code !== "would_cut_off") throw refusal;
      if (!(await cutOff(problem(refusal).details))) return false;
      await wish(true);
    }
  }
  return true;
}

function viewOf(grid: Grid, change: Change): LinkView | undefined {
  const id = pairId(change.from, change.to);
  return oneForEach(grid.links, grid.thisMachine?.id).find(link => pairId(link.from, link.peer) === id);
}

function policyOf(grid: Grid, change: Change): LinkPolicy {
  return viewOf(grid, change)?.policy ?? "automatic";
}

function tell(grid: Grid, thrown: unknown): void {
  const { sentence, details } = problem(Refusal.from(thrown));
  grid.toasts.problem(sentence, details);
}

/** "atelier-tower — lab-mini". */
export function linkName(grid: Grid, one: PeerId, other: PeerId): string {
  const name = (id: PeerId): string => isolate(grid.machine(id)?.name ?? id.slice(0, 8));
  return m.grid_link_name({ one: name(one), other: name(other) });
}
