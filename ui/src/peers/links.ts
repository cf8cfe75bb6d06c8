import { Refusal, type LinkPolicy, type LinkView, type PeerId } from "~/bridge";
import { hrefOf } from "~/shell/routes";
import { everyHalfMinute, type Grid, type ToastAction } from "~/state";
import { format, isolate, m, plain, problem, words } from "~/text";

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
export type AskCutOff = (sentence: string) => Promise<boolean>;

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
  const before = changes.map(change => ({ ...change, policy: policyOf(grid, change) }));
  try {
    const made = await makeAll(grid, changes, seenOf(grid, changes), cutOff);
    // What was left because somebody is asked first is not taken back.
    const back = before.slice(0, made.count).reverse();
    const said = made.asked === null ? label : m.grid_asked({ name: isolate(made.asked) });
    remember(grid, said, { changes, back, seen: made.seen }, cutOff);
  } catch (thrown) {
    // Who was asked whether to cut machines off has said no.
    if (Refusal.from(thrown).code !== "would_cut_off") tellUndo(grid, thrown);
  }
}

/** What was made of links, and the way back. */
interface Made {
  changes: readonly Change[];
  back: readonly Change[];
  seen: Seen;
}

/** Says what was made, and keeps it as the last step. */
export function remember(grid: Grid, label: string, { changes, back, ...made }: Made, cutOff: AskCutOff): void {
  let { seen } = made;
  const move = async (to: readonly Change[], anyway: boolean): Promise<void> => {
    ({ seen } = await makeAll(grid, to, anyway ? new Map() : seen, cutOff));
  };
  grid.undo.push({ label, undo: anyway => move(back, anyway), redo: () => move(changes, false) });
  grid.toasts.done(label, { label: m.common_undo(), run: () => void takeBack(grid) });
}

/** Takes the last step back; says why when that is refused. */
async function takeBack(grid: Grid, anyway = false): Promise<void> {
  try {
    await grid.undo.undo(anyway);
  } catch (thrown) {
    tellUndo(grid, thrown);
  }
}

/** Says why a step was not taken back; what somebody changed since is taken back all the same by `again`. */
export function tellUndo(grid: Grid, thrown: unknown, again = (): void => void takeBack(grid, true)): void {
  const refusal = Refusal.from(thrown);
  const { sentence, details } = problem(refusal);
  const anyway = { label: m.grid_undo_anyway(), run: again };
  if (refusal.code !== "link_changed") grid.toasts.problem(sentence, details);
  else if (refusal instanceof LinkRefusal) tellChanged(grid, refusal, anyway);
  else grid.toasts.problem(sentence, details, [anyway]);
}

/** Says who changed a link meanwhile. */
function tellChanged(grid: Grid, refusal: LinkRefusal, anyway: ToastAction): void {
  const { from, to } = refusal.link;
  const changed = viewOf(grid, refusal.link)?.changed ?? null;
  const show = { label: m.common_show(), run: () => (window.location.hash = hrefOf("grid", from, to)) };
  if (changed === null) {
    const { sentence, details } = problem(refusal);
    grid.toasts.problem(sentence, details, [show, anyway]);
    return;
  }
  const [by, at] = changed;
  const said = { name: isolate(machineName(grid, by)), ago: format.ago(at, everyHalfMinute.ms) };
  grid.toasts.problem(m.grid_changed_since(said), "", [show, anyway]);
}

/** A refusal that knows the link it is about. */
export class LinkRefusal extends Refusal {
  constructor(
    refusal: Refusal,
    readonly link: Pick<Change, "from" | "to">,
  ) {
    super(refusal);
  }
}

/** What became of wishes for changes. */
interface Granted {
  seen: Seen;
  /** How many were made or asked for. */
  count: number;
  /** Whose owner has to allow the last one first; what would have followed it was left. */
  asked: string | null;
}

/**
 * One after the other: a rewired link makes the new one before the old one goes, and where the new one waits for another
 * owner, the old one stays.
 */
async function makeAll(grid: Grid, changes: readonly Change[], before: Seen, cutOff: AskCutOff): Promise<Granted> {
  const seen = new Map(before);
  for (const [at, change] of changes.entries()) {
    const id = pairId(change.from, change.to);
    const wish = (cut_off: boolean): Promise<LinkView> =>
      grid.wishes.make(linkKey(change.from, change.to), {
        ask: "link",
        ...change,
        expected: before.get(id) ?? null,
        cut_off,
      });
    const view = await confirmed(wish, cutOff).catch((thrown: unknown) => {
      throw new LinkRefusal(Refusal.from(thrown), change);
    });
    seen.set(id, view.revision);
    answeredOf(grid).set(id, view.revision);
    if (change.policy === "pinned" && view.policy !== "pinned") return { seen, count: at + 1, asked: view.name };
  }
  return { seen, count: changes.length, asked: null };
}

/** Makes a wish, and again with `cut_off` where machines would be cut off and that is meant. */
export async function confirmed<T>(wish: (cut_off: boolean) => Promise<T>, cutOff: AskCutOff): Promise<T> {
  try {
    return await wish(false);
  } catch (thrown) {
    const refusal = Refusal.from(thrown);
    if (refusal.code !== "would_cut_off" || !(await cutOff(problem(refusal).details))) throw refusal;
    return await wish(true);
  }
}

/** Revisions that answers named: the events that tell of them may come later than the next change. */
const answered = new WeakMap<Grid, Map<string, number>>();

function answeredOf(grid: Grid): Map<string, number> {
  const known = answered.get(grid) ?? new Map<string, number>();
  answered.set(grid, known);
  return known;
}

function seenOf(grid: Grid, changes: readonly Change[]): Seen {
  return new Map(
    changes.map(change => {
      const id = pairId(change.from, change.to);
      return [id, Math.max(viewOf(grid, change)?.revision ?? 0, answeredOf(grid).get(id) ?? 0)];
    }),
  );
}

function viewOf(grid: Grid, change: Pick<Change, "from" | "to">): LinkView | undefined {
  const id = pairId(change.from, change.to);
  return oneForEach(grid.links, grid.thisMachine?.id).find(link => pairId(link.from, link.peer) === id);
}

function policyOf(grid: Grid, change: Change): LinkPolicy {
  return viewOf(grid, change)?.policy ?? "automatic";
}

/** "atelier-tower — lab-mini". */
export function linkName(grid: Grid, one: PeerId, other: PeerId): string {
  const name = (id: PeerId): string => isolate(machineName(grid, id));
  return m.grid_link_name({ one: name(one), other: name(other) });
}

/** What people call a machine; the beginning of its key where nobody has said it. */
export function machineName(grid: Grid, id: PeerId): string {
  return grid.machine(id)?.name ?? id.slice(0, 8);
}

/** Why a link cannot be changed at this machine now. */
export function whyNotChanged(grid: Grid, { from, peer }: Pick<LinkView, "from" | "peer">): string | null {
  if (grid.stale) return m.shell_unavailable_stale();
  const here = grid.thisMachine?.id;
  return from === here || peer === here ? null : m.grid_why_not_ours();
}

/** What is known of a link besides its state, as `machine` sees it: since when, how quick, how much went through, what broke it. */
export function linkLines(link: LinkView, machine: PeerId, now: number): string[] {
  const isMine = link.from === machine;
  const [received, sent] = isMine ? [link.received_bytes, link.sent_bytes] : [link.sent_bytes, link.received_bytes];
  const since = m.machine_link_since({ state: words.linkState(link.state), time: format.when(link.since, now) });
  return [
    [since, link.rtt_ms === null ? "" : format.roundTrip(link.rtt_ms)].filter(Boolean).join(" · "),
    received + sent === 0 ? "" : m.machine_traffic({ received: format.bytes(received), sent: format.bytes(sent) }),
    plain(link.state === "up" ? "" : link.last_error),
  ].filter(Boolean);
}
