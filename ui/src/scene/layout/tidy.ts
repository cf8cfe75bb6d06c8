/** Moves single machines a little while that makes a layout easier to read. */

import { overlaps, type Box } from "../geometry";
import type { MachineId, Point } from "../model";
import {
  behindCost,
  drawn,
  drawnBetween,
  ownCost,
  pairCost,
  placedAt,
  shapeCost,
  type Drawn,
  type Placed,
} from "./clutter";
import type { Body, Tie } from "./force";

/** Later sweeps find next to nothing. */
const SWEEPS = 5;
const DIRECTIONS = 12;
const DISTANCES = [40, 90, 170, 300];
const GAP = 16;

/** Yields after each machine, so that the work can be sliced; returns the tidied places. */
export function* tidied(
  bodies: readonly Body[],
  ties: readonly Tie[],
  start: ReadonlyMap<MachineId, Point>,
): Generator<void, Map<MachineId, Point>> {
  const spots = new Map(start);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    let moved = false;
    for (const body of bodies) {
      // This machine keeps its place at the top.
      if (body.here) continue;
      const best = bestPlace(body, bodies, ties, spots);
      if (best !== null) {
        spots.set(body.id, best);
        moved = true;
      }
      yield;
    }
    if (!moved) break;
  }
  return spots;
}

/** Returns a place around `body` that makes the layout easier to read, or null where it stands best already. */
function bestPlace(
  body: Body,
  bodies: readonly Body[],
  ties: readonly Tie[],
  spots: ReadonlyMap<MachineId, Point>,
): Point | null {
  const { machines, links } = drawn(bodies, ties, spots);
  const others = machines.filter(machine => machine.body !== body);
  const theirs = links.filter(({ a, b }) => a.body !== body && b.body !== body);
  const ends = links.flatMap(({ a, b }) => (a.body === body ? [b] : b.body === body ? [a] : []));
  const costAt = (at: Point): number => costOf(placedAt(body, at), ends, others, theirs);

  const origin = spots.get(body.id) ?? { x: 0, y: 0 };
  let [best, bestCost]: [Point | null, number] = [null, costAt(origin) - 1e-6];
  for (const distance of DISTANCES) {
    for (let i = 0; i < DIRECTIONS; i++) {
      const angle = (i / DIRECTIONS) * 2 * Math.PI;
      const at = { x: origin.x + Math.cos(angle) * distance, y: origin.y + Math.sin(angle) * distance };
      const room = grown(placedAt(body, at).box);
      if (others.some(({ box }) => overlaps(box, room))) continue;
      const cost = costAt(at);
      if (cost < bestCost) [best, bestCost] = [at, cost];
    }
  }
  return best;
}

/** The part of a layout's cost that depends on where one machine stands. */
function costOf(machine: Placed, ends: readonly Placed[], others: readonly Placed[], theirs: readonly Drawn[]): number {
  const own = ends.map(end => drawnBetween(machine, end));
  let cost = shapeCost([...others, machine]) + behindCost(theirs, [machine]) + behindCost(own, others);
  own.forEach((link, i) => {
    cost += ownCost(link, others.length + 1);
    for (const other of theirs) cost += pairCost(link, other);
    for (let j = i + 1; j < own.length; j++) cost += pairCost(link, own[j]!);
  });
  return cost;
}

function grown({ x, y, width, height }: Box): Box {
  return { x: x - GAP, y: y - GAP, width: width + 2 * GAP, height: height + 2 * GAP };
}
