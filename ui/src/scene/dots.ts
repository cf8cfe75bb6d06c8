/** Tasks and files on their way, as dots that travel along links. Their speed says nothing about latency. */

import { lengthOf, type Cover, type Segment } from "./geometry";
import type { Link, LinkId, Point } from "./model";
import { hashOf } from "./random";

/** More dots than this say nothing more, and each one costs paint. */
export const DOTS_MAX = 60;
export const DOT_RADIUS = 2.75;
/** Every second frame of a usual screen: 30 a second. */
const FRAME_MS = 1000 / 60;
/** Where painting is slow (no graphics card, a large grid, a busy machine), dots get at most this share of the time. */
const SHARE = 1 / 8;
/** In scene units. */
const SPEED_PER_S = 64;
/** Dots of both directions keep to their own side of the link. */
const LANE = 3.5;
/** Dots move on for this long after the window lost the focus. */
export const UNFOCUSED_MS = 30_000;

export interface Stream {
  readonly link: LinkId;
  readonly forwards: number;
  readonly backwards: number;
}

/** Returns how many dots each link shows: one for each thing moving, or in proportion when that is more than `DOTS_MAX`. */
export function streamsOf(links: readonly Link[]): Stream[] {
  const busy = links.filter(link => link.state === "up" && link.movingAtoB + link.movingBtoA > 0);
  const total = busy.reduce((sum, link) => sum + link.movingAtoB + link.movingBtoA, 0);
  const share = total > DOTS_MAX ? DOTS_MAX / total : 1;
  let [owed, given] = [0, 0];
  // Rounds the running sum, not each part: the whole stays exact, and single dots are spread over the links.
  const take = (count: number): number => {
    owed += count * share;
    const dots = Math.round(owed) - given;
    given += dots;
    return dots;
  };
  return busy
    .map(link => ({ link: link.id, forwards: take(link.movingAtoB), backwards: take(link.movingBtoA) }))
    .filter(({ forwards, backwards }) => forwards + backwards > 0);
}

/** Returns where the dots are at `timeMs`, except those under something in `covered`. */
export function dotsAt(
  streams: readonly Stream[],
  segments: ReadonlyMap<LinkId, Segment>,
  covered: ReadonlyMap<LinkId, readonly Cover[]>,
  timeMs: number,
): Point[] {
  const dots: Point[] = [];
  for (const stream of streams) {
    const segment = segments.get(stream.link);
    if (segment === undefined) continue;
    const length = lengthOf(segment);
    const covers = covered.get(stream.link) ?? [];
    const start = (hashOf(stream.link) % 1000) / 1000 + (timeMs / 1000) * (SPEED_PER_S / Math.max(length, SPEED_PER_S));
    const add = (count: number, backwards: boolean): void => {
      for (let i = 0; i < count; i++) {
        const way = (start + i / count) % 1;
        const t = backwards ? 1 - way : way;
        if (!covers.some(cover => t > cover.enter && t < cover.leave)) dots.push(beside(segment, length, t, backwards));
      }
    };
    add(stream.forwards, false);
    add(stream.backwards, true);
  }
  return dots;
}

function beside({ from, to }: Segment, length: number, t: number, backwards: boolean): Point {
  const lane = (backwards ? -LANE : LANE) / Math.max(length, 1);
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  return { x: from.x + dx * t - dy * lane, y: from.y + dy * t + dx * lane };
}

/** Returns how long to wait before the next frame of dots, when the frame after the last one came `ms` later. */
export function pauseAfter(ms: number): number {
  const paint = Math.max(ms - FRAME_MS * 1.25, 0);
  return Math.min(Math.round(paint / SHARE), PAUSE_MAX_MS);
}

const PAUSE_MAX_MS = 500;

/** Everything that can stop the dots. */
export interface DotConditions {
  readonly anyMoving: boolean;
  readonly pageHidden: boolean;
  /** Null while the window has the focus. */
  readonly unfocusedForMs: number | null;
  readonly reducedMotion: boolean;
  /** Battery saver, this machine's graphics card at work, or stopped by the person. */
  readonly calm: boolean;
}

export function dotsMove(conditions: DotConditions): boolean {
  const { anyMoving, pageHidden, unfocusedForMs, reducedMotion, calm } = conditions;
  return anyMoving && !pageHidden && !reducedMotion && !calm && (unfocusedForMs ?? 0) < UNFOCUSED_MS;
}
