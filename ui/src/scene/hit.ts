/** What lies under the pointer, by arithmetic: links have no elements of their own that could be hit. */

import { along, contains, distanceTo, labelBox, lengthOf, type LabelSize, type Segment } from "./geometry";
import type { LinkEnd, LinkId, MachineId, Point } from "./model";

export type Hit =
  | { readonly kind: "ground" }
  | { readonly kind: "machine"; readonly machine: MachineId }
  /** The outline, from which a new link is drawn. */
  | { readonly kind: "ring"; readonly machine: MachineId }
  | { readonly kind: "link"; readonly link: LinkId }
  | { readonly kind: "end"; readonly link: LinkId; readonly end: LinkEnd };

/** The scene as it is drawn, in scene units. */
export interface HitMap {
  readonly machines: readonly Disc[];
  readonly segments: ReadonlyMap<LinkId, Segment>;
  /** Links whose ends can be taken: the hovered, focused and selected ones. */
  readonly grips: Iterable<LinkId>;
  readonly zoom: number;
}

export interface Disc {
  readonly id: MachineId;
  readonly at: Point;
  readonly radius: number;
  readonly label: LabelSize;
}

/** All in window pixels. */
const RING_INSIDE_PX = 6;
const RING_OUTSIDE_PX = 9;
export const LINK_REACH_PX = 12;
export const GRIP_RADIUS_PX = 12;
/** The middle of a grip stands this far before the end of its link, clear of the ring it points at. */
const GRIP_INSET_PX = 12;

const GROUND: Hit = { kind: "ground" };

/** Returns what a press at `point` would take hold of. Machines drawn later lie above earlier ones. */
export function hitAt(map: HitMap, point: Point): Hit {
  return gripAt(map, point) ?? discAt(map, point) ?? labelAt(map, point) ?? linkAt(map, point) ?? GROUND;
}

/** Returns the machine that a link dropped at `point` would reach: its disc with the ring, or its text. */
export function dropTargetAt(map: HitMap, point: Point): Hit {
  const disc = discAt(map, point);
  if (disc?.kind === "ring") return { kind: "machine", machine: disc.machine };
  return disc ?? labelAt(map, point) ?? GROUND;
}

function gripAt(map: HitMap, point: Point): Hit | null {
  for (const link of map.grips) {
    const segment = map.segments.get(link);
    if (segment === undefined) continue;
    const grips = gripsOf(segment, map.zoom);
    for (const end of ["a", "b"] as const) {
      const at = grips[end];
      if (Math.hypot(point.x - at.x, point.y - at.y) <= GRIP_RADIUS_PX / map.zoom) return { kind: "end", link, end };
    }
  }
  return null;
}

/** Returns where the handles at both ends of a link stand. */
export function gripsOf(segment: Segment, zoom: number): Readonly<Record<LinkEnd, Point>> {
  const inset = Math.min(GRIP_INSET_PX / zoom / Math.max(lengthOf(segment), 1), 0.4);
  return { a: along(segment, inset), b: along(segment, 1 - inset) };
}

function discAt(map: HitMap, point: Point): (Hit & { kind: "machine" | "ring" }) | null {
  const outside = RING_OUTSIDE_PX / map.zoom;
  for (let i = map.machines.length - 1; i >= 0; i--) {
    const disc = map.machines[i];
    if (disc === undefined) continue;
    const distance = Math.hypot(point.x - disc.at.x, point.y - disc.at.y);
    if (distance > disc.radius + outside) continue;
    // Of a small machine on the screen, most stays for taking hold of it.
    const inside = Math.min(RING_INSIDE_PX / map.zoom, disc.radius / 4);
    return { kind: distance < disc.radius - inside ? "machine" : "ring", machine: disc.id };
  }
  return null;
}

function labelAt(map: HitMap, point: Point): Hit | null {
  const disc = map.machines.findLast(({ at, radius, label }) => {
    const box = labelBox(at, radius, label);
    return box !== null && contains(box, point);
  });
  return disc === undefined ? null : { kind: "machine", machine: disc.id };
}

function linkAt(map: HitMap, point: Point): Hit | null {
  let best: LinkId | null = null;
  let bestDistance = LINK_REACH_PX / map.zoom;
  for (const [link, segment] of map.segments) {
    const distance = distanceTo(segment, point);
    if (distance < bestDistance) [best, bestDistance] = [link, distance];
  }
  return best === null ? null : { kind: "link", link: best };
}
