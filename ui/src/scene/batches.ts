/**
 * Links that look the same are drawn by one path: a thousand links are a handful of elements.
 *
 * Dashed ones are the exception. A browser cuts a single dashed line to what is in view before it makes dashes of it,
 * but not a path of many: those cost most of a frame in large grids.
 */

import { round, widthOf, type Segment } from "./geometry";
import type { Link, LinkId } from "./model";

export type LinkTone = "automatic" | "pinned" | "forbidden";
/** `solid` direct · `relayed` dashed 8-6 · `dotted` no connection · `consent` slow dashes. */
export type LinkDash = "solid" | "relayed" | "dotted" | "consent";

export interface Batch {
  readonly key: string;
  readonly tone: LinkTone;
  readonly dash: LinkDash;
  readonly width: number;
  /** Being carried out: drawn at 60 %. */
  readonly applying: boolean;
  readonly d: string;
}

/** Returns one path for each look of unbroken links, and one for each broken one; links without a segment, and those in `apart`, are left out. */
export function batchesOf(
  links: readonly Link[],
  segments: ReadonlyMap<LinkId, Segment>,
  apart: ReadonlySet<LinkId>,
): Batch[] {
  const parts = new Map<string, { link: Link; d: string[] }>();
  for (const link of links) {
    const segment = segments.get(link.id);
    if (segment === undefined || apart.has(link.id)) continue;
    const key = keyOf(link);
    const batch = parts.get(key);
    if (batch === undefined) parts.set(key, { link, d: [pathOf(segment)] });
    else batch.d.push(pathOf(segment));
  }
  const batches = [...parts].map(([key, { link, d }]) => ({
    key,
    tone: link.policy,
    dash: dashOf(link),
    width: shownWidth(link),
    applying: link.pending === "applying",
    d: d.join(""),
  }));
  return batches.sort((p, q) => order(p) - order(q) || (p.key < q.key ? -1 : 1));
}

function keyOf(link: Link): string {
  const dash = dashOf(link);
  if (dash !== "solid") return `${link.policy} ${dash} ${link.id}`;
  return `${link.policy} ${shownWidth(link)} ${link.pending === "applying" ? "applying" : "settled"}`;
}

/** What a person set lies above what the grid chose by itself. */
function order(batch: Batch): number {
  return ["automatic", "forbidden", "pinned"].indexOf(batch.tone);
}

export function dashOf(link: Link): LinkDash {
  if (link.pending === "consent") return "consent";
  if (link.policy === "forbidden" || link.state !== "up") return "dotted";
  return link.path === "relayed" ? "relayed" : "solid";
}

export function shownWidth(link: Link): number {
  return dashOf(link) === "dotted" ? 2.5 : widthOf(link.bytesPerSec);
}

export function pathOf({ from, to }: Segment): string {
  return `M${round(from.x)} ${round(from.y)}L${round(to.x)} ${round(to.y)}`;
}
