/** Pushes machines apart until their discs and texts no longer cover each other. */

import { footprint } from "../geometry";
import type { MachineId, Point } from "../model";
import type { Body } from "./force";

const GAP = 18;
/** Enough for any arrangement seen; a crowd that is still tight after this stays so. */
const ROUNDS = 60;

/** Returns new places for all bodies; each round takes pairs in order, so the outcome is always the same. */
export function separate(bodies: readonly Body[], spots: ReadonlyMap<MachineId, Point>): Map<MachineId, Point> {
  const placed = bodies.map(body => ({ body, at: { ...(spots.get(body.id) ?? { x: 0, y: 0 }) } }));
  for (let round = 0; round < ROUNDS; round++) {
    let moved = false;
    for (let i = 0; i < placed.length; i++) {
      for (let j = i + 1; j < placed.length; j++) {
        const [p, q] = [placed[i], placed[j]];
        if (p !== undefined && q !== undefined && pushApart(p, q)) moved = true;
      }
    }
    if (!moved) break;
  }
  return new Map(placed.map(({ body, at }) => [body.id, at]));
}

interface Placed {
  readonly body: Body;
  readonly at: { x: number; y: number };
}

/** Moves both by half of their overlap, along the axis where it is smaller. */
function pushApart(p: Placed, q: Placed): boolean {
  const one = footprint(p.at, p.body.radius, p.body.labelWidth);
  const two = footprint(q.at, q.body.radius, q.body.labelWidth);
  const overX = Math.min(one.x + one.width, two.x + two.width) - Math.max(one.x, two.x) + GAP;
  const overY = Math.min(one.y + one.height, two.y + two.height) - Math.max(one.y, two.y) + GAP;
  if (overX <= 0.5 || overY <= 0.5) return false;
  if (overX < overY) shift(p, q, "x", overX / 2);
  else shift(p, q, "y", overY / 2);
  return true;
}

function shift(p: Placed, q: Placed, axis: "x" | "y", by: number): void {
  const sign = p.at[axis] === q.at[axis] ? (p.body.id < q.body.id ? -1 : 1) : Math.sign(p.at[axis] - q.at[axis]);
  p.at[axis] += sign * by;
  q.at[axis] -= sign * by;
}
