/** Arrangements with a plain shape: chain, star, sites. "Mesh" is the force layout. */

import { LABEL_HEIGHT } from "../geometry";
import type { Link, Machine, MachineId, Point } from "../model";
import { otherEnd } from "../model";
import { centred, rounded, type Body } from "./force";
import { separate } from "./separate";

export type PlainPreset = "chain" | "star" | "sites";

export interface Subject {
  readonly machines: readonly Machine[];
  readonly links: readonly Link[];
  readonly bodies: ReadonlyMap<MachineId, Body>;
}

/** Room from one machine to the next: two discs, and a pill on the link between them. */
const STEP = 230;
const ROW_HEIGHT = 88 + LABEL_HEIGHT + 60;
const STAR_FIRST_RING = 10;
const STRETCH_X = 1.25;
/** From the middles of the outermost machines of one site to those of the next: two discs, texts and borders. */
const SITE_GAP_X = 270;
const SITE_GAP_Y = 270;

/** Returns a place for every machine; the middle is at the origin. */
export function presetSpots(preset: PlainPreset, subject: Subject): Map<MachineId, Point> {
  const spots = { chain, star, sites }[preset](subject);
  return rounded(centred(spots));
}

function chain(subject: Subject): Map<MachineId, Point> {
  const order = chainOrder(subject);
  return new Map(
    order.map(({ id }, i) => [id, order.length <= ARCH_MAX ? onArch(i, order.length) : inRows(i, order.length)]),
  );
}

/** Up to here a chain is one arch, longer ones go to and fro in rows. */
const ARCH_MAX = 12;
const ARCH_STRETCH = 1.6;

/** An arch, not a line: on a line, links that skip a machine would lie on those that do not. */
function onArch(index: number, count: number): Point {
  const steps = Math.max(count - 1, 1);
  // Half the way round an ellipse (Ramanujan's estimate for this stretch) holds all steps.
  const height = (steps * STEP * 0.95) / (Math.PI * 1.32);
  const angle = Math.PI * (1 - index / steps);
  return { x: Math.cos(angle) * height * ARCH_STRETCH, y: -Math.sin(angle) * height };
}

function inRows(index: number, count: number): Point {
  const perRow = Math.ceil(Math.sqrt(count * 1.6));
  const row = Math.floor(index / perRow);
  const inRow = row % 2 === 0 ? index % perRow : perRow - 1 - (index % perRow);
  const fromMiddle = (inRow / (perRow - 1)) * 2 - 1;
  return { x: inRow * STEP, y: row * ROW_HEIGHT + fromMiddle * fromMiddle * BOW };
}

/** How far the ends of a row hang down, for the same reason. */
const BOW = 60;

/** Walks from machine to machine over the quickest link that leads to a new one. */
function chainOrder({ machines, links }: Subject): Machine[] {
  const left = new Map([...machines].sort(byHereThenName).map(machine => [machine.id, machine]));
  const linksOf = linksByMachine(links);
  const ends = [...left.values()].filter(machine => linksOf.get(machine.id)?.length === 1);
  const order: Machine[] = [];
  let next = ends[0] ?? left.values().next().value;
  while (next !== undefined) {
    order.push(next);
    left.delete(next.id);
    next = nearestLeft(next.id, linksOf, left) ?? left.values().next().value;
  }
  return order;
}

function nearestLeft(
  from: MachineId,
  linksOf: ReadonlyMap<MachineId, readonly Link[]>,
  left: ReadonlyMap<MachineId, Machine>,
): Machine | undefined {
  const steps = (linksOf.get(from) ?? []).filter(link => left.has(otherEnd(link, from)));
  steps.sort((p, q) => (p.rttMs ?? Infinity) - (q.rttMs ?? Infinity) || (p.id < q.id ? -1 : 1));
  const first = steps[0];
  return first === undefined ? undefined : left.get(otherEnd(first, from));
}

function star(subject: Subject): Map<MachineId, Point> {
  const hub = hubOf(subject);
  const spots = new Map<MachineId, Point>();
  if (hub === undefined) return spots;
  spots.set(hub.id, { x: 0, y: 0 });
  const rest = byDistanceFrom(hub, subject);
  for (let ring = 1, taken = 0; taken < rest.length; ring++) {
    const members = rest.slice(taken, taken + ringSize(rest.length - taken, ring)).sort(bySiteThenName);
    taken += members.length;
    members.forEach((machine, i) => spots.set(machine.id, onRing(ring, i, members.length)));
  }
  return separate([...subject.bodies.values()].slice(0, 400), spots);
}

/** Fills rings from inside; what is left goes to one last ring rather than leaving two machines alone on it. */
function ringSize(left: number, ring: number): number {
  const size = STAR_FIRST_RING * ring;
  return left <= size + 2 ? left : size;
}

function onRing(ring: number, index: number, count: number): Point {
  const radius = Math.max(STEP * ring, (count * 170) / (2 * Math.PI));
  const angle = -Math.PI / 2 + ((index + (ring % 2 === 0 ? 0.5 : 0)) / count) * 2 * Math.PI;
  return { x: Math.cos(angle) * radius * STRETCH_X, y: Math.sin(angle) * radius };
}

function hubOf({ machines, links }: Subject): Machine | undefined {
  const linksOf = linksByMachine(links);
  const degree = (machine: Machine): number => linksOf.get(machine.id)?.length ?? 0;
  return machines.find(machine => machine.here) ?? [...machines].sort((p, q) => degree(q) - degree(p))[0];
}

function byDistanceFrom(hub: Machine, { machines, links }: Subject): Machine[] {
  const rtt = new Map<MachineId, number>();
  for (const link of links) {
    if (link.a === hub.id || link.b === hub.id) rtt.set(otherEnd(link, hub.id), link.rttMs ?? 1e6);
  }
  const distance = (machine: Machine): number => rtt.get(machine.id) ?? Infinity;
  const nearerFirst = (p: Machine, q: Machine): number => {
    const [near, far] = [distance(p), distance(q)];
    return near === far ? bySiteThenName(p, q) : near - far;
  };
  return machines.filter(machine => machine.id !== hub.id).sort(nearerFirst);
}

function sites(subject: Subject): Map<MachineId, Point> {
  const blocks = [...bySite(subject.machines).values()].map(blockOf);
  // Rows as wide as the first few sites together; the width that fits a window best is kept.
  const widths = blocks.map((_, i) => blocks.slice(0, i + 1).reduce((sum, { width }) => sum + width + SITE_GAP_X, 0));
  const tries = widths.map(width => inShelves(blocks, width)).sort((p, q) => p.shrink - q.shrink);
  return tries[0]?.spots ?? new Map<MachineId, Point>();
}

/** Puts sites side by side in rows at most `rowWidth` wide; `shrink` says how much the whole has to be shrunk. */
function inShelves(blocks: readonly Block[], rowWidth: number): { spots: Map<MachineId, Point>; shrink: number } {
  const spots = new Map<MachineId, Point>();
  let [x, y, rowHeight, width] = [0, 0, 0, 0];
  for (const block of blocks) {
    if (x > 0 && x + block.width > rowWidth) [x, y, rowHeight] = [0, y + rowHeight + SITE_GAP_Y, 0];
    for (const [id, p] of block.spots) spots.set(id, { x: x + p.x, y: y + p.y });
    x += block.width + SITE_GAP_X;
    width = Math.max(width, x);
    rowHeight = Math.max(rowHeight, block.height);
  }
  return { spots, shrink: Math.max(width / 1080, (y + rowHeight + SITE_GAP_Y) / 660) };
}

/** Machines of each site; this machine's site first, those of unknown place last. */
export function bySite(machines: readonly Machine[]): Map<string | null, Machine[]> {
  const groups = new Map<string | null, Machine[]>();
  for (const machine of [...machines].sort(byHereThenName)) {
    const group = groups.get(machine.site);
    if (group === undefined) groups.set(machine.site, [machine]);
    else group.push(machine);
  }
  const unknown = groups.get(null);
  if (unknown !== undefined && groups.delete(null)) groups.set(null, unknown);
  return groups;
}

interface Block {
  readonly spots: Map<MachineId, Point>;
  readonly width: number;
  readonly height: number;
}

/** One site: up to six machines on a ring, more in rows that are shifted against each other. */
function blockOf(members: readonly Machine[]): Block {
  const count = members.length;
  if (count <= 2)
    return {
      spots: new Map(members.map((m, i) => [m.id, { x: i * STEP, y: 0 }])),
      width: (count - 1) * STEP,
      height: 0,
    };
  if (count <= 6) return ringBlock(members);
  const perRow = Math.ceil(Math.sqrt(count * 1.2));
  const spots = new Map<MachineId, Point>();
  members.forEach((machine, i) => {
    const row = Math.floor(i / perRow);
    const x = (i % perRow) * (STEP - 30) + (row % 2) * ((STEP - 30) / 2);
    spots.set(machine.id, { x, y: row * (ROW_HEIGHT - 30) });
  });
  const rows = Math.ceil(count / perRow);
  return { spots, width: (perRow - 0.5) * (STEP - 30), height: (rows - 1) * (ROW_HEIGHT - 30) };
}

function ringBlock(members: readonly Machine[]): Block {
  const radius = Math.max(STEP / 2 / Math.sin(Math.PI / members.length), 130);
  const [width, height] = [radius * 2 * 1.1, radius * 2];
  const spots = new Map<MachineId, Point>();
  members.forEach((machine, i) => {
    const angle = -Math.PI / 2 + (i / members.length) * 2 * Math.PI;
    spots.set(machine.id, { x: width / 2 + Math.cos(angle) * radius * 1.1, y: height / 2 + Math.sin(angle) * radius });
  });
  return { spots, width, height };
}

function linksByMachine(links: readonly Link[]): Map<MachineId, Link[]> {
  const linksOf = new Map<MachineId, Link[]>();
  for (const link of links) {
    for (const end of [link.a, link.b]) {
      const own = linksOf.get(end);
      if (own === undefined) linksOf.set(end, [link]);
      else own.push(link);
    }
  }
  return linksOf;
}

function byHereThenName(p: Machine, q: Machine): number {
  return Number(q.here) - Number(p.here) || compare(p.name, q.name) || compare(p.id, q.id);
}

function bySiteThenName(p: Machine, q: Machine): number {
  return compare(p.site ?? "\uffff", q.site ?? "\uffff") || compare(p.name, q.name) || compare(p.id, q.id);
}

/** By code units, not by language: a layout must not depend on the language of the window. */
function compare(p: string, q: string): number {
  return p < q ? -1 : Number(p > q);
}
