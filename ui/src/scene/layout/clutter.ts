/** How hard a layout is to read, in crossings: links in each other's way, too long or short, behind machines; too much room. */

import { boundsOf, coverOf, footprint, labelBox, LABEL_HEIGHT, lengthOf, type Box, type Segment } from "../geometry";
import type { MachineId, Point } from "../model";
import type { Body, Tie } from "./force";

/** A link behind a machine looks like a link to it, which is worse than a crossing. */
const COVERED_COST = 4;
/** Links to the same machine that leave it in nearly the same direction can hardly be told apart. */
const NARROW_COST = 2;
const NARROW_RAD = 0.16;
/** A link that is this much too long or too short costs as much as a crossing. */
const LENGTH_PER_CROSSING = 600;
/** So much of a link should be seen beside discs and texts. */
const VISIBLE_WANTED = 80;
const CRAMPED_COST = 4;
/** This machine belongs at the top. */
const ABOVE_COST = 4;
/** A usual window; a layout that has to be shrunk to fit into it loses its words. */
const WINDOW = { width: 1040, height: 640 };
const CROSSINGS_PER_ZOOM = 200;
/** Few machines get room for a pill on every link; many stand closer, so that their names can still be read. */
const FEW = 15;

export function linkLength(p: Body, q: Body, machineCount: number): number {
  return p.radius + q.radius + (machineCount <= FEW ? 150 : 90);
}

export function repulsionFor(machineCount: number): number {
  return machineCount <= FEW ? 1400 : 800;
}

/** A machine where a layout has put it. */
export interface Placed {
  readonly body: Body;
  readonly at: Point;
  readonly box: Box;
}

/** A link between two of them, from middle to middle. */
export interface Drawn extends Segment {
  readonly a: Placed;
  readonly b: Placed;
}

export function placedAt(body: Body, at: Point): Placed {
  return { body, at, box: footprint(at, body.radius, body.labelWidth) };
}

export function drawnBetween(a: Placed, b: Placed): Drawn {
  return { a, b, from: a.at, to: b.at };
}

/** Returns everything that is drawn; ties to unknown machines and to themselves are left out. */
export function drawn(
  bodies: readonly Body[],
  ties: readonly Tie[],
  spots: ReadonlyMap<MachineId, Point>,
): { machines: Placed[]; links: Drawn[] } {
  const machines = bodies.map(body => placedAt(body, spots.get(body.id) ?? { x: 0, y: 0 }));
  const byId = new Map(machines.map(machine => [machine.body.id, machine]));
  const links = ties.flatMap(({ a, b }) => {
    const [p, q] = [byId.get(a), byId.get(b)];
    return p === undefined || q === undefined || p === q ? [] : [drawnBetween(p, q)];
  });
  return { machines, links };
}

/** Returns the cost of a whole layout. */
export function unreadability(
  bodies: readonly Body[],
  ties: readonly Tie[],
  spots: ReadonlyMap<MachineId, Point>,
): number {
  const { machines, links } = drawn(bodies, ties, spots);
  let cost = shapeCost(machines);
  links.forEach((link, i) => {
    cost += ownCost(link, bodies.length) + behindCost([link], machines);
    for (let j = i + 1; j < links.length; j++) cost += pairCost(link, links[j]!);
  });
  return cost;
}

/** What a link costs by itself. */
export function ownCost({ a, b, from, to }: Drawn, machineCount: number): number {
  const length = lengthOf({ from, to });
  const [upper, down] = from.y < to.y ? [a, { from, to }] : [b, { from: to, to: from }];
  const text = labelBox(upper.at, upper.body.radius, { width: upper.body.labelWidth, height: LABEL_HEIGHT });
  const cover = text === null ? null : coverOf(down, text);
  const hidden = cover === null ? 0 : (cover.leave - cover.enter) * length;
  const visible = length - a.body.radius - b.body.radius - hidden;
  const cramped = Math.max(VISIBLE_WANTED - visible, 0) / VISIBLE_WANTED;
  return Math.abs(length - linkLength(a.body, b.body, machineCount)) / LENGTH_PER_CROSSING + cramped * CRAMPED_COST;
}

/** What links cost that run behind machines which are not theirs. */
export function behindCost(links: readonly Drawn[], machines: readonly Placed[]): number {
  let count = 0;
  for (const link of links) {
    for (const { body, box } of machines) {
      if (link.a.body !== body && link.b.body !== body && coverOf(link, box) !== null) count += 1;
    }
  }
  return count * COVERED_COST;
}

/** What two links cost each other. */
export function pairCost(p: Drawn, q: Drawn): number {
  const shared = [p.a, p.b].find(({ body }) => body === q.a.body || body === q.b.body);
  if (shared === undefined) return crosses(p, q) ? 1 : 0;
  const apart = Math.abs(directionFrom(shared, p) - directionFrom(shared, q));
  return Math.min(apart, 2 * Math.PI - apart) < NARROW_RAD ? NARROW_COST : 0;
}

/** What the arrangement costs as a whole: too large for a window, or with this machine below others. */
export function shapeCost(machines: readonly Placed[]): number {
  const bounds = boundsOf(machines.map(({ box }) => box));
  if (bounds === null) return 0;
  const zoom = Math.min(WINDOW.width / bounds.width, WINDOW.height / bounds.height);
  const top = machines.find(({ body }) => body.here)?.at.y ?? -Infinity;
  const above = machines.filter(({ at }) => at.y < top - 1).length;
  return Math.max(1 - zoom, 0) * CROSSINGS_PER_ZOOM + above * ABOVE_COST;
}

function directionFrom({ body }: Placed, { a, from, to }: Drawn): number {
  return a.body === body ? Math.atan2(to.y - from.y, to.x - from.x) : Math.atan2(from.y - to.y, from.x - to.x);
}

function crosses(p: Segment, q: Segment): boolean {
  return side(p, q.from) !== side(p, q.to) && side(q, p.from) !== side(q, p.to);
}

function side({ from, to }: Segment, point: Point): boolean {
  return (to.x - from.x) * (point.y - from.y) > (to.y - from.y) * (point.x - from.x);
}
