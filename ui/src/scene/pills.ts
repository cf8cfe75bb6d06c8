/** The small plates on links: which links have one, and where it stands. */

import { PILLS_FOR_ALL, PILLS_SLOWEST } from "./detail";
import { along, boxAround, commonArea, textWidth, type Box, type Segment } from "./geometry";
import { badgeOf } from "./glyphs";
import type { Link, LinkId, MachineId, Point, Selection } from "./model";

export interface Pill {
  readonly link: LinkId;
  readonly text: string;
  readonly at: Point;
  readonly width: number;
  /** Where the glyph of the link's policy stands, beside the pill. */
  readonly badgeAt: Point;
}

export const PILL_HEIGHT = 18;
export const BADGE_RADIUS = 9;
const PILL_TEXT = 11;
const PILL_PADDING = 8;
const BADGE_ROOM = 2 * BADGE_RADIUS + 3;
/** Between pills, and between a pill and what else it must not touch. */
const GAP = 5;
/** A machine with many links shows this many of their pills when it is pointed at; more would cover each other. */
const PILLS_PER_MACHINE = 16;
/** Tried in turn until the pill covers nothing: shares of the link, from the middle outwards. */
const PLACES = [0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68, 0.26, 0.74, 0.2, 0.8];

/** What a person looks at: pointed at, focused or selected. */
export interface Attention {
  readonly links: ReadonlySet<LinkId>;
  readonly machines: ReadonlySet<MachineId>;
}

export function attention(
  selection: Selection,
  more: { links?: LinkId | null; machines?: MachineId | null }[],
): Attention {
  const links = new Set(selection.links);
  const machines = new Set(selection.machines);
  for (const { links: link, machines: machine } of more) {
    if (link != null) links.add(link);
    if (machine != null) machines.add(machine);
  }
  return { links, machines };
}

/** Returns the links that say their round-trip time, those looked at first. */
export function linksWithPills(links: readonly Link[], { links: looked, machines }: Attention): Link[] {
  if (links.length <= PILLS_FOR_ALL) return [...links];
  const chosen = new Map(links.filter(link => looked.has(link.id)).map(link => [link.id, link]));
  if (machines.size > 0) {
    const own = links.filter(link => machines.has(link.a) || machines.has(link.b));
    for (const link of own.slice(0, PILLS_PER_MACHINE)) chosen.set(link.id, link);
  }
  for (const link of slowest(links)) chosen.set(link.id, link);
  return [...chosen.values()];
}

function slowest(links: readonly Link[]): Link[] {
  const measured = links.filter(link => link.state === "up" && link.policy !== "forbidden" && link.rttMs !== null);
  return measured.sort((p, q) => (q.rttMs ?? 0) - (p.rttMs ?? 0) || (p.id < q.id ? -1 : 1)).slice(0, PILLS_SLOWEST);
}

/** Puts each pill on its link where it covers no machine, no text and no other pill, or as little as it can. */
export function placedPills(
  links: readonly Link[],
  segments: ReadonlyMap<LinkId, Segment>,
  covered: readonly Box[],
  textOf: (link: Link) => string,
): Pill[] {
  const taken = [...covered];
  const pills: Pill[] = [];
  for (const link of links) {
    const segment = segments.get(link.id);
    if (segment === undefined) continue;
    const text = textOf(link);
    const width = Math.round(textWidth(text, PILL_TEXT)) + 2 * PILL_PADDING;
    const badge = badgeOf(link) === null ? 0 : BADGE_ROOM;
    const center = freePlace(segment, width + badge, taken);
    taken.push(roomAround(center, width + badge));
    const at = { x: center.x + badge / 2, y: center.y };
    pills.push({
      link: link.id,
      text,
      at,
      width,
      badgeAt: { x: at.x - width / 2 - BADGE_ROOM + BADGE_RADIUS, y: at.y },
    });
  }
  return pills;
}

function freePlace(segment: Segment, width: number, taken: readonly Box[]): Point {
  let [best, bestCover] = [along(segment, 0.5), Infinity];
  for (const t of PLACES) {
    const at = along(segment, t);
    const room = roomAround(at, width);
    const cover = taken.reduce((area, other) => area + commonArea(room, other), 0);
    if (cover === 0) return at;
    if (cover < bestCover) [best, bestCover] = [at, cover];
  }
  return best;
}

function roomAround(at: Point, width: number): Box {
  return boxAround(at, width + GAP, PILL_HEIGHT + GAP);
}
