/** Where the arrow keys lead, and the order of a machine's links. */

import { UNIT, type Direction } from "./keys";
import type { Link, LinkId, MachineId, Point } from "./model";
import { otherEnd } from "./model";

/** A machine straight ahead wins over one that is nearer but off to the side, by this factor. */
const SIDEWAYS_COST = 2.5;

/** Returns the machine that lies next in a direction: one ahead within 45°, else any that is ahead at all, else null. */
export function nearestTowards(
  from: MachineId,
  towards: Direction,
  spots: ReadonlyMap<MachineId, Point>,
): MachineId | null {
  const origin = spots.get(from);
  if (origin === undefined) return spots.keys().next().value ?? null;
  const unit = UNIT[towards];
  let best: MachineId | null = null;
  let bestCost = Infinity;
  for (const [id, at] of spots) {
    if (id === from) continue;
    const ahead = (at.x - origin.x) * unit.x + (at.y - origin.y) * unit.y;
    const aside = Math.abs((at.x - origin.x) * unit.y - (at.y - origin.y) * unit.x);
    if (ahead <= 0) continue;
    const cost = ahead + aside * SIDEWAYS_COST + (aside > ahead ? 1e6 : 0);
    if (cost < bestCost) [best, bestCost] = [id, cost];
  }
  return best;
}

/** Returns the link of `machine` that follows `current`, going clockwise from the top; null without links. */
export function nextLinkOf(
  machine: MachineId,
  current: LinkId | null,
  links: readonly Link[],
  spots: ReadonlyMap<MachineId, Point>,
): LinkId | null {
  const origin = spots.get(machine) ?? { x: 0, y: 0 };
  const own = links
    .filter(link => link.a === machine || link.b === machine)
    .map(link => ({ id: link.id, angle: clockAngle(origin, spots.get(otherEnd(link, machine))) }))
    .sort((p, q) => p.angle - q.angle || (p.id < q.id ? -1 : 1));
  const index = own.findIndex(link => link.id === current);
  return own[(index + 1) % Math.max(own.length, 1)]?.id ?? null;
}

/** 0 at the top, growing clockwise. */
function clockAngle(from: Point, to: Point | undefined): number {
  if (to === undefined) return Infinity;
  const angle = Math.atan2(to.x - from.x, from.y - to.y);
  return angle < 0 ? angle + 2 * Math.PI : angle;
}
