import type { JobView, LinkView, MachineView, PeerId } from "~/bridge";
import { pairId } from "./links";

/** Links that a person is about to change, by their ends. */
export interface Rewiring {
  comes: readonly (readonly [PeerId, PeerId])[];
  goes: readonly (readonly [PeerId, PeerId])[];
}

/** What a change of links would do, as far as this machine sees the grid. */
export interface Consequences {
  /** Machines that are reached now and would not be any more. */
  cutOff: PeerId[];
  /** Jobs with tasks on machines to which another way is taken. */
  jobs: number;
}

/** Follows the links that carry something: `via` says which way is taken now. The node has the last word. */
export function consequencesOf(
  { comes, goes }: Rewiring,
  links: readonly LinkView[],
  machines: readonly MachineView[],
  jobs: readonly JobView[],
  here: PeerId,
): Consequences {
  const up = new Set(links.filter(link => link.state === "up").map(link => pairId(link.from, link.peer)));
  const gone = new Set(goes.map(([one, other]) => pairId(one, other)));
  const then = new Set([...up].filter(id => !gone.has(id)));
  for (const [one, other] of comes) then.add(pairId(one, other));
  const [before, after] = [reached(up, here), reached(then, here)];
  const moved = new Set(machines.filter(machine => crosses(wayTo(machine, here), gone)).map(({ id }) => id));
  return {
    cutOff: [...before].filter(id => !after.has(id)),
    jobs: jobs.filter(job => job.made_by.some(made => made.running > 0 && moved.has(made.machine))).length,
  };
}

/** Everything that links lead to, from one machine on. */
function reached(pairs: ReadonlySet<string>, from: PeerId): Set<PeerId> {
  const next = new Map<PeerId, PeerId[]>();
  const of = (id: PeerId): PeerId[] => next.get(id) ?? next.set(id, []).get(id)!;
  for (const pair of pairs) {
    const [one = "", other = ""] = pair.split("|");
    of(one).push(other);
    of(other).push(one);
  }
  const found = new Set([from]);
  for (const id of found) for (const neighbour of of(id)) found.add(neighbour);
  return found;
}

/** The machines on the way to another one, both ends included. */
function wayTo({ id, via }: MachineView, here: PeerId): PeerId[] {
  return [here, ...(via ?? []), id];
}

function crosses(way: readonly PeerId[], gone: ReadonlySet<string>): boolean {
  return way.slice(1).some((to, at) => gone.has(pairId(way[at] ?? "", to)));
}
