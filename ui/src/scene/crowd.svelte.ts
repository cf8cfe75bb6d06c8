/** The machines and links that are drawn, which may be groups of them. */

import { CROWD_ABOVE } from "./detail";
import { radiusOf } from "./geometry";
import { shownGrid, type Shown, type ShownGrid } from "./groups";
import { labelOf } from "./labels";
import type { Body } from "./layout/force";
import type { Link, LinkId, Machine, MachineId, SceneProps } from "./model";
import { steadyList, steadyMap, steadySet } from "./steady";
import * as words from "./words";

const NONE_OPEN: ReadonlySet<string> = new Set();

export class Crowd {
  readonly #props: SceneProps;
  #opened = $state.raw(NONE_OPEN);

  readonly grid: ShownGrid = $derived.by(() => this.#shown(this.#opened));
  /** The grid with all groups closed: what layouts arrange. */
  readonly base: ShownGrid = $derived.by(() => (this.#opened.size === 0 ? this.grid : this.#shown(NONE_OPEN)));
  /** So much to draw that a browser without a graphics card cannot draw all of it in each frame. */
  readonly large: boolean = $derived(this.grid.machines.length > CROWD_ABOVE);
  /** The links of `grid`: the same list while none of them changed. */
  readonly links: readonly Link[] = $derived.by(() => this.#steadyLinks(this.grid.links));
  /** What `base` consists of: the same set while nothing comes or goes, whatever changes on the machines. */
  readonly baseIds: ReadonlySet<MachineId> = $derived.by(() =>
    this.#steadyBase(new Set(this.base.machines.map(({ id }) => id))),
  );
  readonly byId: ReadonlyMap<MachineId, Shown> = $derived(new Map(this.grid.machines.map(shown => [shown.id, shown])));
  readonly ids: ReadonlySet<MachineId> = $derived.by(() => this.#steadyIds(new Set(this.byId.keys())));
  readonly linkById: ReadonlyMap<LinkId, Link> = $derived(new Map(this.links.map(link => [link.id, link])));
  readonly linkCounts: ReadonlyMap<MachineId, number> = $derived(countLinks(this.links));
  readonly radii: ReadonlyMap<MachineId, number> = $derived.by(() => this.#steadyRadii(radiiOf(this.grid.machines)));

  readonly #steadyLinks = steadyList<Link>();
  readonly #steadyBase = steadySet<MachineId>();
  readonly #steadyIds = steadySet<MachineId>();
  readonly #steadyRadii = steadyMap<MachineId, number>((p, q) => p === q);

  constructor(props: SceneProps) {
    this.#props = props;
  }

  open(site: string): void {
    this.#opened = new Set(this.#opened).add(site);
  }

  closeAll(): void {
    this.#opened = NONE_OPEN;
  }

  bodyOf(id: MachineId): Body | null {
    const shown = this.byId.get(id);
    return shown === undefined ? null : toBody(shown, this.radii);
  }

  /** Bodies of everything in `base`, for layouts. */
  bodies(): Map<MachineId, Body> {
    const { machines } = this.base;
    const radii = radiiOf(machines);
    return new Map(machines.map(shown => [shown.id, toBody(shown, radii)]));
  }

  #shown(opened: ReadonlySet<string>): ShownGrid {
    const { machines, links } = this.#props.input;
    return shownGrid(machines, links, opened, describeGroup);
  }
}

function toBody({ id, machine }: Shown, radii: ReadonlyMap<MachineId, number>): Body {
  return { id, radius: radii.get(id) ?? 0, labelWidth: labelOf(machine).size.width, here: machine.here };
}

function radiiOf(machines: readonly Shown[]): Map<MachineId, number> {
  const highest = machines.reduce((score, { machine }) => Math.max(score, machine.score), 0);
  return new Map(machines.map(({ id, machine }) => [id, radiusOf(machine.score, highest)]));
}

function countLinks(links: readonly Link[]): Map<MachineId, number> {
  const counts = new Map<MachineId, number>();
  for (const { a, b } of links) {
    counts.set(a, (counts.get(a) ?? 0) + 1);
    counts.set(b, (counts.get(b) ?? 0) + 1);
  }
  return counts;
}

function describeGroup(_site: string, members: readonly Machine[]): Pick<Machine, "hardware" | "status"> {
  const online = members.filter(machine => machine.state !== "offline").length;
  const tasks = members.reduce((sum, machine) => sum + machine.taskCount, 0);
  return { hardware: words.machines(members.length), status: words.groupStatus(online, tasks) };
}
