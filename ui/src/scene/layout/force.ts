/** Where machines stand when nobody has placed them: linked ones near each other, none covering another. */

import {
  forceCollide,
  forceLink,
  forceManyBody,
  forceSimulation,
  forceX,
  forceY,
  type Simulation,
  type SimulationLinkDatum,
  type SimulationNodeDatum,
} from "d3-force";
import type { MachineId, Point } from "../model";
import { seededRandom } from "../random";
import { linkLength, repulsionFor, unreadability } from "./clutter";
import { separate } from "./separate";
import { tidied } from "./tidy";

export interface Body {
  readonly id: MachineId;
  readonly radius: number;
  /** Width of the text under it. */
  readonly labelWidth: number;
  /** The machine at the window: it goes to the top. */
  readonly here: boolean;
}

export interface Tie {
  readonly a: MachineId;
  readonly b: MachineId;
}

/** A layout in the making. It takes slices of time, so that the window never waits for it. */
export interface LayoutRun {
  /** Works while `hasTime` says so, at least one step; returns true when nothing is left to do. */
  advance(hasTime: () => boolean): boolean;
  /** Places so far; final once `advance` returned true. The middle is at the origin. */
  spots(): Map<MachineId, Point>;
}

/** Windows are wider than high, and so are labels. */
const STRETCH_X = 1.3;
/** Beyond this distance machines do not push each other, which keeps large grids compact and quick. */
const REPULSION_REACH = 900;
/** Boxes are kept apart pair by pair up to here; larger grids show groups or names only. */
const SEPARATE_LIMIT = 400;

interface Node extends SimulationNodeDatum {
  readonly body: Body;
}

/** Starts a layout that depends on its arguments alone: the same machines, links and seed give the same places. */
export function forceLayout(bodies: readonly Body[], ties: readonly Tie[], seed: number): LayoutRun {
  const order = [...bodies].sort((p, q) => (p.id < q.id ? -1 : 1));
  const links = [...ties].sort((p, q) => (p.a + p.b < q.a + q.b ? -1 : 1));
  const work = layOut(order, links, seededRandom(seed));
  let last = work.next();
  return {
    advance(hasTime) {
      while (last.done !== true) {
        last = work.next();
        if (!hasTime()) break;
      }
      return last.done ?? false;
    },
    spots: () => rounded(centred(last.value)),
  };
}

/** Yields the best places so far after each small step of work. */
function* layOut(
  order: readonly Body[],
  links: readonly Tie[],
  random: () => number,
): Generator<Map<MachineId, Point>, Map<MachineId, Point>> {
  const ticks = ticksFor(order.length);
  const tries = triesFor(order.length);
  let best: { spots: Map<MachineId, Point>; cost: number } | null = null;
  for (let i = 0; i < tries; i++) {
    const attempt = anAttempt(order, links, random, ticks);
    for (let tick = 0; tick < ticks; tick++) {
      attempt.simulation.tick();
      yield best?.spots ?? spotsOf(attempt.nodes);
    }
    const spots = finished(attempt.nodes);
    const cost = tries === 1 ? 0 : unreadability(order, links, spots);
    if (best === null || cost < best.cost) best = { spots, cost };
    if (cost === 0) break;
  }
  if (best === null || tries === 1) return best?.spots ?? new Map<MachineId, Point>();
  const tidying = tidied(order, links, best.spots);
  for (let step = tidying.next(); ; step = tidying.next()) {
    if (step.done === true) return separate(order, step.value);
    yield best.spots;
  }
}

/** Fewer steps for more machines: the whole layout stays well below a second of work. */
function ticksFor(count: number): number {
  if (count <= 100) return 200;
  return count <= 400 ? 160 : 100;
}

/** Up to here single machines are moved to better places afterwards; more cannot be told apart anyway. */
const TIDY_LIMIT = 100;

/** How many beginnings are tried; the most readable outcome is kept. Small grids are what people have. */
function triesFor(count: number): number {
  if (count <= 2) return 1;
  if (count <= 12) return 16;
  if (count <= 40) return 10;
  return count <= TIDY_LIMIT ? 2 : 1;
}

interface Attempt {
  readonly nodes: Node[];
  readonly simulation: Simulation<Node, undefined>;
}

function anAttempt(order: readonly Body[], ties: readonly Tie[], random: () => number, ticks: number): Attempt {
  const spread = Math.sqrt(order.length) * 120;
  const nodes: Node[] = order.map(body => ({ body, x: (random() - 0.5) * spread, y: (random() - 0.5) * spread }));
  const byId = new Map(nodes.map(node => [node.body.id, node]));
  const links = ties.flatMap(({ a, b }): SimulationLinkDatum<Node>[] => {
    const [source, target] = [byId.get(a), byId.get(b)];
    return source === undefined || target === undefined ? [] : [{ source, target }];
  });
  const length = ({ source, target }: SimulationLinkDatum<Node>): number =>
    linkLength((source as Node).body, (target as Node).body, order.length);
  const simulation = forceSimulation(nodes)
    .randomSource(random)
    .alphaDecay(1 - Math.pow(0.001, 1 / ticks))
    .force("link", forceLink<Node, SimulationLinkDatum<Node>>(links).distance(length))
    .force("charge", forceManyBody<Node>().strength(-repulsionFor(order.length)).distanceMax(REPULSION_REACH).theta(1))
    .force("collide", forceCollide<Node>(node => node.body.radius + 30).iterations(1))
    .force("x", forceX<Node>(0).strength(0.06))
    .force("y", forceY<Node>(0).strength(order.length <= 12 ? 0.06 : 0.11))
    .stop();
  return { nodes, simulation };
}

function finished(nodes: readonly Node[]): Map<MachineId, Point> {
  const turned = withHereOnTop(centred(spotsOf(nodes)), nodes.find(node => node.body.here)?.body.id);
  const wide = new Map([...turned].map(([id, p]) => [id, { x: p.x * STRETCH_X, y: p.y }]));
  const bodies = nodes.map(node => node.body);
  return centred(bodies.length <= SEPARATE_LIMIT ? separate(bodies, wide) : wide);
}

function spotsOf(nodes: readonly Node[]): Map<MachineId, Point> {
  return new Map(nodes.map(node => [node.body.id, { x: node.x ?? 0, y: node.y ?? 0 }]));
}

function withHereOnTop(spots: Map<MachineId, Point>, here: MachineId | undefined): Map<MachineId, Point> {
  const at = here === undefined ? undefined : spots.get(here);
  if (at === undefined || Math.hypot(at.x, at.y) < 1) return spots;
  const turn = -Math.PI / 2 - Math.atan2(at.y, at.x);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  return new Map([...spots].map(([id, p]) => [id, { x: p.x * cos - p.y * sin, y: p.x * sin + p.y * cos }]));
}

/** Moves all places so that their middle is at the origin. */
export function centred(spots: ReadonlyMap<MachineId, Point>): Map<MachineId, Point> {
  const count = Math.max(spots.size, 1);
  let [x, y] = [0, 0];
  for (const p of spots.values()) [x, y] = [x + p.x / count, y + p.y / count];
  return new Map([...spots].map(([id, p]) => [id, { x: p.x - x, y: p.y - y }]));
}

/** Whole units: they are stored, compared and written into the page. */
export function rounded(spots: ReadonlyMap<MachineId, Point>): Map<MachineId, Point> {
  return new Map([...spots].map(([id, p]) => [id, { x: Math.round(p.x), y: Math.round(p.y) }]));
}
