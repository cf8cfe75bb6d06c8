/** Finds a place for a machine that has just come, without moving any other. */

import { footprint, overlaps, type Box } from "../geometry";
import type { Link, MachineId, Point } from "../model";
import { otherEnd } from "../model";
import { hashOf } from "../random";
import type { Body } from "./force";

/** Distance to the machine it enters beside; grows until a free place is found. */
const DISTANCE_FIRST = 210;
const DISTANCE_STEP = 70;
/** Around a crowd of a thousand machines a free place is found long before this. */
const DISTANCES = 40;
const ANGLES = 16;
const GAP = 16;

/** Returns the free place nearest to the machine that `entering` has its strongest link with. */
export function entryFor(
  entering: Body,
  links: readonly Link[],
  bodies: ReadonlyMap<MachineId, Body>,
  spots: ReadonlyMap<MachineId, Point>,
): Point {
  const beside = strongestNeighbour(entering.id, links, spots);
  const origin = (beside === null ? undefined : spots.get(beside)) ?? { x: 0, y: 0 };
  if (spots.size === 0) return origin;
  const taken = takenBoxes(bodies, spots);
  const turn = (hashOf(entering.id) % ANGLES) / ANGLES;
  for (let ring = 0; ring < DISTANCES; ring++) {
    const distance = DISTANCE_FIRST + ring * DISTANCE_STEP;
    for (let i = 0; i < ANGLES; i++) {
      const angle = ((i + turn) / ANGLES) * 2 * Math.PI;
      const at = {
        x: Math.round(origin.x + Math.cos(angle) * distance),
        y: Math.round(origin.y + Math.sin(angle) * distance),
      };
      if (isFree(footprint(at, entering.radius, entering.labelWidth), taken)) return at;
    }
  }
  return { x: origin.x + DISTANCE_FIRST + DISTANCES * DISTANCE_STEP, y: origin.y };
}

/** The placed machine at the other end of the strongest link: up before down, quick before slow. */
export function strongestNeighbour(
  machine: MachineId,
  links: readonly Link[],
  spots: ReadonlyMap<MachineId, Point>,
): MachineId | null {
  let best: Link | null = null;
  for (const link of links) {
    if (link.a !== machine && link.b !== machine) continue;
    if (!spots.has(otherEnd(link, machine))) continue;
    if (best === null || stronger(link, best)) best = link;
  }
  return best === null ? null : otherEnd(best, machine);
}

function stronger(p: Link, q: Link): boolean {
  if ((p.state === "up") !== (q.state === "up")) return p.state === "up";
  const [rttP, rttQ] = [p.rttMs ?? Infinity, q.rttMs ?? Infinity];
  return rttP === rttQ ? p.id < q.id : rttP < rttQ;
}

function takenBoxes(bodies: ReadonlyMap<MachineId, Body>, spots: ReadonlyMap<MachineId, Point>): Box[] {
  return [...spots].map(([id, at]) => {
    const body = bodies.get(id);
    const box = footprint(at, body?.radius ?? 22, body?.labelWidth ?? 0);
    return { x: box.x - GAP, y: box.y - GAP, width: box.width + 2 * GAP, height: box.height + 2 * GAP };
  });
}

function isFree(box: Box, taken: readonly Box[]): boolean {
  return !taken.some(other => overlaps(box, other));
}
