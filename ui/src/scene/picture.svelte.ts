/** What is drawn, worked out from machines, links, places and what is being dragged. */

import { batchesOf, type Batch } from "./batches";
import { streamsOf, type Stream } from "./dots";
import {
  along,
  boxAround,
  boxPath,
  circlePath,
  coverOf,
  labelBox,
  segmentsOf,
  type Box,
  type Cover,
  type LabelSize,
  type Segment,
} from "./geometry";
import type { Gesture } from "./gesture";
import { badgeOf, badgePath, type LinkBadge } from "./glyphs";
import type { Disc } from "./hit";
import { labelSize, NO_LABEL } from "./labels";
import type { Link, LinkId, Machine, MachineId, Point } from "./model";
import { attention, BADGE_RADIUS, linksWithPills, PILL_HEIGHT, placedPills, type Pill } from "./pills";
import type { Stage } from "./stage.svelte";
import { steadyMap } from "./steady";
import * as words from "./words";

const NOBODY: readonly MachineId[] = [];
const NO_LINKS: ReadonlySet<LinkId> = new Set();
const NO_WAY: Point = { x: 0, y: 0 };

export class Picture {
  readonly #stage: Stage;

  /** Machines that a hand or a key is moving. */
  readonly held: readonly MachineId[] = $derived.by(() => heldBy(this.#stage.gesture) ?? NOBODY);
  readonly heldBy: Point = $derived.by(() => wayOf(this.#stage.gesture));
  readonly #heldSet = $derived(new Set(this.held));

  readonly #labels: ReadonlyMap<MachineId, LabelSize> = $derived.by(() => {
    const { crowd, detail, nameSize, textScale } = this.#stage;
    const sizeOf = (machine: Machine): LabelSize => labelSize(machine, detail, nameSize, textScale);
    return this.#steadyLabels(new Map(crowd.grid.machines.map(({ id, machine }) => [id, sizeOf(machine)])));
  });
  readonly #steadyLabels = steadyMap<MachineId, LabelSize>((p, q) => p.width === q.width && p.height === q.height);

  /** Links without those that follow the held machines: these stay as they are during a drag. */
  readonly #restingSegments = $derived.by(() => {
    const { crowd, arrangement } = this.#stage;
    return segmentsOf(crowd.links, arrangement.spots, crowd.radii);
  });
  readonly #following: ReadonlySet<LinkId> = $derived.by(() => this.#linksOf(this.#heldSet));
  readonly batches: Batch[] = $derived.by(() =>
    batchesOf(this.#stage.crowd.links, this.#restingSegments, this.#following),
  );

  /** Links that follow the held machines, drawn apart so that a drag redraws only them. */
  readonly #followingLinks: readonly Link[] = $derived.by(() =>
    this.#following.size === 0 ? [] : this.#stage.crowd.links.filter(link => this.#following.has(link.id)),
  );
  readonly #followingSegments = $derived.by(() => {
    const { crowd, arrangement } = this.#stage;
    const spots = new Map(arrangement.spots);
    for (const id of this.held) spots.set(id, this.spotOf(id));
    return segmentsOf(this.#followingLinks, spots, crowd.radii);
  });
  readonly followingBatches: Batch[] = $derived.by(() =>
    batchesOf(this.#followingLinks, this.#followingSegments, NO_LINKS),
  );

  /** All links as they are drawn now. */
  readonly segments: ReadonlyMap<LinkId, Segment> = $derived.by(() =>
    this.#following.size === 0
      ? this.#restingSegments
      : new Map([...this.#restingSegments, ...this.#followingSegments]),
  );

  /** Plates under the texts, which dim the links behind them; those of held machines follow apart, as links do. */
  readonly plates: string = $derived.by(() => this.#platesOf(id => !this.#heldSet.has(id), NO_WAY));
  readonly followingPlates: string = $derived.by(() =>
    this.held.length === 0 ? "" : this.#platesOf(id => this.#heldSet.has(id), this.heldBy),
  );

  readonly discs: readonly Disc[] = $derived.by(() => {
    const { ids, radii } = this.#stage.crowd;
    return [...ids].map(id => ({
      id,
      at: this.spotOf(id),
      radius: radii.get(id) ?? 0,
      label: this.#labels.get(id) ?? NO_LABEL,
    }));
  });

  readonly #covered: readonly Box[] = $derived(
    this.discs.flatMap(({ at, radius, label }) => {
      const text = labelBox(at, radius, label);
      const disc = boxAround(at, radius * 2, radius * 2);
      return text === null ? [disc] : [disc, text];
    }),
  );
  readonly #looked = $derived.by(() => {
    const { hover, focus, props } = this.#stage;
    const link = hover.kind === "link" || hover.kind === "end" ? hover.link : null;
    const machine = hover.kind === "machine" || hover.kind === "ring" ? hover.machine : null;
    return attention(props.input.selection, [
      { links: link, machines: machine },
      { links: focus?.link ?? null, machines: focus?.machine ?? null },
    ]);
  });
  readonly pills: readonly Pill[] = $derived.by(() => {
    if (this.#stage.detail !== "full") return [];
    const links = linksWithPills(this.#stage.crowd.links, this.#looked);
    return placedPills(links, this.segments, this.#covered, words.pill);
  });

  /** The glyphs of pinned, forbidden and awaited links: one path of plates and one of lines for each kind. */
  readonly badges: readonly { kind: LinkBadge; plates: string; lines: string }[] = $derived.by(() => {
    if (this.#stage.detail === "shapes") return [];
    const pills = new Map(this.pills.map(pill => [pill.link, pill]));
    const kinds = new Map<LinkBadge, Point[]>();
    for (const link of this.#stage.crowd.links) {
      const kind = badgeOf(link);
      const segment = this.segments.get(link.id);
      if (kind === null || segment === undefined) continue;
      const at = pills.get(link.id)?.badgeAt ?? along(segment, 0.5);
      const others = kinds.get(kind);
      if (others === undefined) kinds.set(kind, [at]);
      else others.push(at);
    }
    return [...kinds].map(([kind, points]) => ({
      kind,
      plates: points.map(point => circlePath(point, BADGE_RADIUS)).join(""),
      lines: points.map(point => badgePath(kind, point)).join(""),
    }));
  });

  readonly streams: readonly Stream[] = $derived.by(() => streamsOf(this.#stage.crowd.links));
  /** Where machines and pills cover links that carry dots. */
  readonly covers: ReadonlyMap<LinkId, readonly Cover[]> = $derived.by(() => {
    const pills = this.pills.map(({ at, width }) => boxAround(at, width, PILL_HEIGHT));
    const covers = new Map<LinkId, Cover[]>();
    for (const { link } of this.streams) {
      const segment = this.segments.get(link);
      if (segment !== undefined)
        covers.set(
          link,
          [...pills, ...this.#covered].flatMap(box => coverOf(segment, box) ?? []),
        );
    }
    return covers;
  });

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  /** Where a machine is drawn now, with the way that it is being dragged. */
  spotOf(id: MachineId): Point {
    const at = this.#stage.arrangement.spots.get(id) ?? NO_WAY;
    return this.#heldSet.has(id) ? { x: at.x + this.heldBy.x, y: at.y + this.heldBy.y } : at;
  }

  #platesOf(chosen: (id: MachineId) => boolean, by: Point): string {
    const { crowd, arrangement, labelling } = this.#stage;
    let plates = "";
    for (const [id, at] of arrangement.spots) {
      if (!chosen(id) || !labelling.has(id)) continue;
      const box = labelBox({ x: at.x + by.x, y: at.y + by.y }, crowd.radii.get(id) ?? 0, this.#labels.get(id));
      if (box !== null) plates += boxPath(box, 8);
    }
    return plates;
  }

  #linksOf(machines: ReadonlySet<MachineId>): ReadonlySet<LinkId> {
    if (machines.size === 0) return NO_LINKS;
    const { links } = this.#stage.crowd.grid;
    return new Set(links.filter(link => machines.has(link.a) || machines.has(link.b)).map(link => link.id));
  }
}

function heldBy(gesture: Gesture): readonly MachineId[] | null {
  return gesture.kind === "moving" || gesture.kind === "nudging" ? gesture.machines : null;
}

function wayOf(gesture: Gesture): Point {
  return gesture.kind === "moving" || gesture.kind === "nudging" ? gesture.by : NO_WAY;
}
