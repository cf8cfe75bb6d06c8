/** Large grids: machines of one site are drawn as one until a person opens it. */

import { GROUP_ABOVE } from "./detail";
import type { Link, Machine, MachineId, MachineState, Point } from "./model";

/** A machine as drawn: one machine, or a whole site. */
export interface Shown {
  readonly id: MachineId;
  readonly machine: Machine;
  /** The machines it stands for; null for a single machine. */
  readonly members: readonly MachineId[] | null;
}

export interface ShownGrid {
  readonly machines: readonly Shown[];
  readonly links: readonly Link[];
  /** How many sites are drawn as one. */
  readonly closed: number;
  /** Sites that were opened, with their machines. */
  readonly opened: ReadonlyMap<string, readonly MachineId[]>;
}

const GROUP_PREFIX = "site\n";

export function groupId(site: string): MachineId {
  return GROUP_PREFIX + site;
}

/** Returns the site that a group's id stands for, or null for a machine's id. */
export function siteOf(id: MachineId): string | null {
  return id.startsWith(GROUP_PREFIX) ? id.slice(GROUP_PREFIX.length) : null;
}

/** Returns what to draw: everything, or one machine per site for large grids, except for the sites in `open`. */
export function shownGrid(
  machines: readonly Machine[],
  links: readonly Link[],
  open: ReadonlySet<string>,
  describe: (site: string, members: readonly Machine[]) => Pick<Machine, "hardware" | "status">,
): ShownGrid {
  if (machines.length <= GROUP_ABOVE) return { machines: machines.map(single), links, closed: 0, opened: new Map() };
  const groups = new Map<string, Machine[]>();
  const shown: Shown[] = [];
  const opened = new Map<string, MachineId[]>();
  for (const machine of machines) {
    const { site } = machine;
    if (site === null || open.has(site)) shown.push(single(machine));
    if (site !== null && open.has(site)) append(opened, site, machine.id);
    else if (site !== null) append(groups, site, machine);
  }
  for (const [site, members] of groups) shown.push(groupOf(site, members, describe(site, members)));
  const ids = new Map<MachineId, MachineId>();
  for (const { id, members } of shown) for (const member of members ?? []) ids.set(member, id);
  return { machines: shown, links: mergedLinks(links, ids), closed: groups.size, opened };
}

function append<V>(lists: Map<string, V[]>, key: string, value: V): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

const singles = new WeakMap<Machine, Shown>();

/** The same machine gives the same value, so that an unchanged machine is not drawn again. */
function single(machine: Machine): Shown {
  let shown = singles.get(machine);
  if (shown === undefined) {
    shown = { id: machine.id, machine, members: null };
    singles.set(machine, shown);
  }
  return shown;
}

function groupOf(site: string, members: readonly Machine[], lines: Pick<Machine, "hardware" | "status">): Shown {
  const sum = (of: (machine: Machine) => number): number => members.reduce((total, machine) => total + of(machine), 0);
  const score = sum(machine => machine.score);
  const machine: Machine = {
    id: groupId(site),
    name: site,
    state: stateOfGroup(members),
    word: "",
    ...lines,
    score,
    use: score > 0 ? sum(machine => machine.use * machine.score) / score : 0,
    taskCount: sum(machine => machine.taskCount),
    pace: "full",
    leaning: null,
    mine: members.every(machine => machine.mine),
    here: members.some(machine => machine.here),
    site,
  };
  return { id: machine.id, machine, members: members.map(member => member.id) };
}

/** A group looks like its busiest members; it is a problem or offline only when all of it is. */
const GROUP_STATES: readonly MachineState[] = ["working", "ready", "in_use", "paused", "problem", "offline"];

function stateOfGroup(members: readonly Machine[]): MachineState {
  return GROUP_STATES.find(state => members.some(machine => machine.state === state)) ?? "offline";
}

/** Links between two groups become one; links inside a group are not drawn. */
function mergedLinks(links: readonly Link[], groupOfMember: ReadonlyMap<MachineId, MachineId>): Link[] {
  const merged = new Map<string, Link>();
  const kept: Link[] = [];
  for (const link of links) {
    const a = groupOfMember.get(link.a) ?? link.a;
    const b = groupOfMember.get(link.b) ?? link.b;
    if (a === link.a && b === link.b) {
      kept.push(link);
    } else if (a !== b) {
      const turned = a < b ? { ...link, a, b } : turnedRound({ ...link, a, b });
      const key = `${turned.a}\n${turned.b}`;
      merged.set(key, together(merged.get(key), { ...turned, id: `${GROUP_PREFIX}${key}` }));
    }
  }
  return [...kept, ...merged.values()];
}

function turnedRound(link: Link): Link {
  return { ...link, a: link.b, b: link.a, movingAtoB: link.movingBtoA, movingBtoA: link.movingAtoB };
}

function together(p: Link | undefined, q: Link): Link {
  if (p === undefined) return { ...q, policy: "automatic", pending: null };
  return {
    ...p,
    state: p.state === "up" || q.state === "up" ? "up" : p.state,
    path: p.path === "direct" || q.path === "direct" ? "direct" : "relayed",
    rttMs: p.rttMs === null || q.rttMs === null ? (p.rttMs ?? q.rttMs) : Math.min(p.rttMs, q.rttMs),
    bytesPerSec: p.bytesPerSec + q.bytesPerSec,
    movingAtoB: p.movingAtoB + q.movingAtoB,
    movingBtoA: p.movingBtoA + q.movingBtoA,
  };
}

/** Returns whether a link stands for several, so that its policy cannot be changed. */
export function isMergedLink(link: Pick<Link, "id">): boolean {
  return link.id.startsWith(GROUP_PREFIX);
}

/** Room for one machine in a site that was opened. */
const PACK_STEP = 150;
/** The angle between neighbours that packs a disc evenly (golden angle). */
const PACK_ANGLE = Math.PI * (3 - Math.sqrt(5));

/**
 * Returns where everything shown stands.
 *
 * A site that was opened spreads its machines around the group's place, and everything else gives way: it keeps its
 * direction, and its distance grows so that the disc in the middle becomes free. Closing the site undoes that.
 */
export function spotsOf(grid: ShownGrid, at: ReadonlyMap<MachineId, Point>): Map<MachineId, Point> {
  const spots = new Map<MachineId, Point>();
  const members = new Set([...grid.opened.values()].flat());
  for (const { id } of grid.machines) {
    const place = at.get(id);
    if (place !== undefined && !members.has(id)) spots.set(id, place);
  }
  const centers = new Map(
    [...grid.opened.keys()].map(site => [groupId(site), at.get(groupId(site)) ?? { x: 0, y: 0 }]),
  );
  for (const [site, ids] of grid.opened) {
    const id = groupId(site);
    const center = centers.get(id) ?? { x: 0, y: 0 };
    const radius = packRadius(ids.length) + PACK_STEP / 2;
    for (const [other, place] of centers) if (other !== id) centers.set(other, givenWay(place, center, radius));
    for (const [other, place] of spots) spots.set(other, givenWay(place, center, radius));
    for (const [member, place] of packedAround(center, ids)) spots.set(member, at.get(member) ?? place);
  }
  return spots;
}

function givenWay(place: Point, center: Point, radius: number): Point {
  const [dx, dy] = [place.x - center.x, place.y - center.y];
  const distance = Math.hypot(dx, dy);
  if (distance === 0) return place;
  const grown = Math.hypot(distance, radius) / distance;
  return { x: Math.round(center.x + dx * grown), y: Math.round(center.y + dy * grown) };
}

function packRadius(index: number): number {
  return PACK_STEP * 0.6 * Math.sqrt(index + 0.5);
}

/** Returns places for the machines of a site that was opened, packed around `center`. */
export function packedAround(center: Point, members: readonly MachineId[]): Map<MachineId, Point> {
  return new Map(
    members.map((id, i) => {
      const [radius, angle] = [packRadius(i), i * PACK_ANGLE];
      return [
        id,
        { x: Math.round(center.x + Math.cos(angle) * radius), y: Math.round(center.y + Math.sin(angle) * radius) },
      ];
    }),
  );
}
