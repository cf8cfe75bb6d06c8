/** The scene's arithmetic: sizes of machines, widths and ends of links, in scene units (pixels at zoom 1). */

import type { Link, LinkId, MachineId, Point } from "./model";

export const RADIUS_MIN = 22;
export const RADIUS_MAX = 44;
/** Space between a machine's outline and the ends of its links. */
export const LINK_GAP = 6;
/** Distance between links that join the same two machines. */
export const PARALLEL_GAP = 12;
/** Widths are drawn in few steps, so that links of one step share one path. */
export const WIDTHS = [1.5, 2.5, 3.5, 5, 6.5, 8] as const;
/** Traffic from which a link grows thicker, and at which it is thickest. */
const TRAFFIC_MIN = 10_000;
const TRAFFIC_MAX = 1_000_000_000;

export interface Segment {
  readonly from: Point;
  readonly to: Point;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Returns the radius of a machine: its area is in proportion to its score, within `22..=44`. */
export function radiusOf(score: number, highestScore: number): number {
  if (!(highestScore > 0) || !(score > 0)) return RADIUS_MIN;
  return clamp(RADIUS_MAX * Math.sqrt(score / highestScore), RADIUS_MIN, RADIUS_MAX);
}

/** Returns the width of a link: one of `WIDTHS`, by the logarithm of its traffic. */
export function widthOf(bytesPerSec: number): number {
  const share = Math.log(Math.max(bytesPerSec, TRAFFIC_MIN) / TRAFFIC_MIN) / Math.log(TRAFFIC_MAX / TRAFFIC_MIN);
  const step = Math.round(Math.min(share, 1) * (WIDTHS.length - 1));
  return WIDTHS[step] ?? WIDTHS[0];
}

/** The text under a machine, in scene units. */
export interface LabelSize {
  readonly width: number;
  readonly height: number;
}

/**
 * Returns the visible part of each link: from outline to outline, shifted aside where several join the same machines.
 *
 * Links with an unknown end, or whose machines overlap so that nothing is left between them, are left out.
 */
export function segmentsOf(
  links: readonly Link[],
  spots: ReadonlyMap<MachineId, Point>,
  radii: ReadonlyMap<MachineId, number>,
): Map<LinkId, Segment> {
  const lanes = lanesOf(links);
  const segments = new Map<LinkId, Segment>();
  for (const link of links) {
    const from = spots.get(link.a);
    const to = spots.get(link.b);
    if (from === undefined || to === undefined) continue;
    const shift = (lanes?.get(link.id) ?? 0) * (link.a < link.b ? 1 : -1);
    const segment = trimmed(from, to, radii.get(link.a) ?? 0, radii.get(link.b) ?? 0, shift);
    if (segment !== null) segments.set(link.id, segment);
  }
  return segments;
}

/** Returns the box around the text under a machine, or null without text. */
export function labelBox(center: Point, radius: number, label: LabelSize | undefined): Box | null {
  if (label === undefined || label.height === 0) return null;
  return {
    x: center.x - label.width / 2 - 4,
    y: center.y + radius + LABEL_GAP,
    width: label.width + 8,
    height: label.height,
  };
}

/** Returns the segment between two outlines, `shift` units to the right of the line between the centres, or null. */
export function trimmed(from: Point, to: Point, fromRadius: number, toRadius: number, shift = 0): Segment | null {
  const dx = to.x - from.x;
  const dy = to.y - from.y;
  const length = Math.hypot(dx, dy);
  const start = reach(fromRadius, shift);
  const end = length - reach(toRadius, shift);
  if (!(end > start)) return null;
  const ux = dx / length;
  const uy = dy / length;
  const x = from.x - uy * shift;
  const y = from.y + ux * shift;
  return { from: { x: x + ux * start, y: y + uy * start }, to: { x: x + ux * end, y: y + uy * end } };
}

/** How far from the centre a line that passes `shift` beside it leaves the outline. */
function reach(radius: number, shift: number): number {
  const outline = radius + LINK_GAP;
  return Math.sqrt(Math.max(outline * outline - shift * shift, 0));
}

/** Shifts of links that share their two machines; null when there are none, which is the usual case. */
function lanesOf(links: readonly Link[]): Map<LinkId, number> | null {
  const beside = new Map<string, LinkId[]>();
  let shared = false;
  for (const link of links) {
    const key = link.a < link.b ? `${link.a}\n${link.b}` : `${link.b}\n${link.a}`;
    const group = beside.get(key);
    if (group === undefined) beside.set(key, [link.id]);
    else shared = group.push(link.id) > 1;
  }
  if (!shared) return null;
  const lanes = new Map<LinkId, number>();
  for (const group of beside.values()) {
    group.sort();
    group.forEach((id, i) => lanes.set(id, (i - (group.length - 1) / 2) * PARALLEL_GAP));
  }
  return lanes;
}

export function lengthOf(segment: Segment): number {
  return Math.hypot(segment.to.x - segment.from.x, segment.to.y - segment.from.y);
}

/** Returns the point at share `t` of the way, `0` at `from`. */
export function along(segment: Segment, t: number): Point {
  return {
    x: segment.from.x + (segment.to.x - segment.from.x) * t,
    y: segment.from.y + (segment.to.y - segment.from.y) * t,
  };
}

/** Returns the distance from `point` to the nearest point of `segment`. */
export function distanceTo(segment: Segment, point: Point): number {
  const dx = segment.to.x - segment.from.x;
  const dy = segment.to.y - segment.from.y;
  const squared = dx * dx + dy * dy;
  const t = squared === 0 ? 0 : ((point.x - segment.from.x) * dx + (point.y - segment.from.y) * dy) / squared;
  const nearest = along(segment, clamp(t, 0, 1));
  return Math.hypot(point.x - nearest.x, point.y - nearest.y);
}

/** Returns the arc that fills `share` of a circle clockwise from the top, or an empty path. */
export function arcPath(radius: number, share: number): string {
  if (!(share > 0)) return "";
  const top = `M0 ${-radius}`;
  if (share >= 1) return `${top}A${radius} ${radius} 0 1 1 0 ${radius}A${radius} ${radius} 0 1 1 0 ${-radius}`;
  const angle = share * 2 * Math.PI;
  const [x, y] = [Math.sin(angle) * radius, -Math.cos(angle) * radius];
  return `${top}A${radius} ${radius} 0 ${share > 0.5 ? 1 : 0} 1 ${x.toFixed(2)} ${y.toFixed(2)}`;
}

/** Returns a box with rounded corners as a piece of a path. */
export function boxPath({ x, y, width, height }: Box, corner: number): string {
  const r = Math.min(corner, width / 2, height / 2);
  const [w, h, turn] = [round(width - 2 * r), round(height - 2 * r), `a${r} ${r} 0 0 1 `];
  const start = `M${round(x + r)} ${round(y)}`;
  return `${start}h${w}${turn}${r} ${r}v${h}${turn}${-r} ${r}h${-w}${turn}${-r} ${-r}v${-h}${turn}${r} ${-r}z`;
}

/** A tenth of a pixel is enough, and keeps long paths short. */
export function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Returns a full circle as a piece of a path. */
export function circlePath(center: Point, radius: number): string {
  const turn = `a${radius} ${radius} 0 1 1`;
  return `M${center.x - radius} ${center.y}${turn} ${2 * radius} 0${turn} ${-2 * radius} 0`;
}

export function boxAround(center: Point, width: number, height: number): Box {
  return { x: center.x - width / 2, y: center.y - height / 2, width, height };
}

/** Returns the box with the two points as opposite corners. */
export function boxBetween(p: Point, q: Point): Box {
  return { x: Math.min(p.x, q.x), y: Math.min(p.y, q.y), width: Math.abs(p.x - q.x), height: Math.abs(p.y - q.y) };
}

/** A part of a segment, as shares of its way. */
export interface Cover {
  readonly enter: number;
  readonly leave: number;
}

/** Returns the part of `segment` inside `box`, or null when it stays outside. */
export function coverOf({ from, to }: Segment, box: Box): Cover | null {
  let [enter, leave] = [0, 1];
  for (const [start, delta, low, high] of [
    [from.x, to.x - from.x, box.x, box.x + box.width],
    [from.y, to.y - from.y, box.y, box.y + box.height],
  ] as const) {
    if (delta === 0) {
      if (start < low || start > high) return null;
      continue;
    }
    const [p, q] = [(low - start) / delta, (high - start) / delta];
    enter = Math.max(enter, Math.min(p, q));
    leave = Math.min(leave, Math.max(p, q));
  }
  return enter < leave ? { enter, leave } : null;
}

export function overlaps(p: Box, q: Box): boolean {
  return p.x < q.x + q.width && q.x < p.x + p.width && p.y < q.y + q.height && q.y < p.y + p.height;
}

export function commonArea(p: Box, q: Box): number {
  const width = Math.min(p.x + p.width, q.x + q.width) - Math.max(p.x, q.x);
  const height = Math.min(p.y + p.height, q.y + q.height) - Math.max(p.y, q.y);
  return Math.max(width, 0) * Math.max(height, 0);
}

export function contains(box: Box, point: Point): boolean {
  return point.x >= box.x && point.x <= box.x + box.width && point.y >= box.y && point.y <= box.y + box.height;
}

/** Returns the smallest box around all boxes, or null without any. */
export function boundsOf(boxes: Iterable<Box>): Box | null {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  return left <= right ? { x: left, y: top, width: right - left, height: bottom - top } : null;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** Text is this wide on average in Inter, as a share of its size; exact widths are never needed. */
const GLYPH_WIDTH = 0.56;
/** Letters from here on (Chinese, Japanese, Korean, symbols) are about as wide as high. */
const WIDE_FROM = "\u2e80";

export function textWidth(text: string, size: number): number {
  let ems = 0;
  for (const letter of text) ems += letter >= WIDE_FROM ? 1 : GLYPH_WIDTH;
  return ems * size;
}

/** What a machine covers with its three lines of text: used to keep things apart, and as the target of a drop. */
export function footprint(center: Point, radius: number, labelWidth: number): Box {
  const width = Math.max(radius * 2, labelWidth);
  return { x: center.x - width / 2, y: center.y - radius, width, height: radius * 2 + LABEL_HEIGHT };
}

/** Rings of selection and focus fit between a machine and its text. */
export const LABEL_GAP = 9;
/** Height of the three lines under a machine, with the gap above them. */
export const LABEL_HEIGHT = 60;
/** Longer names and lines are cut; a person sees all of it on hover and in the inspector. */
export const LABEL_CHARS = 22;
