import type { Bar, PeerId } from "~/bridge";
import type { Range } from "~/parts/time";

/** A bar in its lane: `track` counts from 0 where runs on one machine overlap. */
export interface Placed {
  bar: Bar;
  track: number;
  start: number;
  end: number;
}

/** One machine's bars. */
export interface Lane {
  machine: PeerId;
  name: string;
  /** The first track of the lane, counted through all lanes. */
  top: number;
  tracks: number;
  /** By start. */
  bars: Placed[];
}

/** One second: closer nothing can be told apart. */
const LEAST_SPAN = 1_000;

/** Bars in lanes, each in the lowest track that is free; a running bar ends now. Lanes are in the order of names. */
export function lanesOf(bars: readonly Bar[], nameOf: (machine: PeerId) => string, now: number): Lane[] {
  const byMachine = new Map<PeerId, Bar[]>();
  for (const bar of bars) {
    const list = byMachine.get(bar.machine);
    if (list === undefined) byMachine.set(bar.machine, [bar]);
    else list.push(bar);
  }
  const lanes = [...byMachine].map(([machine, list]) => ({ machine, name: nameOf(machine), list }));
  lanes.sort((a, b) => a.name.localeCompare(b.name));
  let top = 0;
  return lanes.map(({ machine, name, list }) => {
    const placed = stack(list, now);
    const tracks = placed.reduce((most, bar) => Math.max(most, bar.track + 1), 1);
    const lane = { machine, name, top, tracks, bars: placed };
    top += tracks;
    return lane;
  });
}

function stack(bars: Bar[], now: number): Placed[] {
  const free: number[] = [];
  return [...bars]
    .sort((a, b) => a.started - b.started)
    .map(bar => {
      const end = Math.max(bar.started, bar.ended ?? now);
      const found = free.findIndex(until => until <= bar.started);
      const track = found < 0 ? free.length : found;
      free[track] = end;
      return { bar, track, start: bar.started, end };
    });
}

/** Everything there is, with a little room on both sides. */
export function wholeRange(bars: readonly Bar[], now: number): Range {
  let [from, to] = [now - 60_000, now];
  for (const bar of bars) {
    from = Math.min(from, bar.started);
    to = Math.max(to, bar.ended ?? now);
  }
  const room = (to - from) * 0.03;
  return { from: from - room, to: to + room };
}

/** Closer (`factor` < 1) or farther, with the moment `at` staying where it is; never beyond `whole`. */
export function zoomed(range: Range, factor: number, at: number, whole: Range): Range {
  const span = Math.min(whole.to - whole.from, Math.max(LEAST_SPAN, (range.to - range.from) * factor));
  const share = (at - range.from) / (range.to - range.from);
  return within({ from: at - share * span, to: at + (1 - share) * span }, whole);
}

/** Moved in time, never beyond `whole`. */
export function panned(range: Range, ms: number, whole: Range): Range {
  return within({ from: range.from + ms, to: range.to + ms }, whole);
}

function within(range: Range, whole: Range): Range {
  const span = range.to - range.from;
  if (span >= whole.to - whole.from) return whole;
  const from = Math.min(whole.to - span, Math.max(whole.from, range.from));
  return { from, to: from + span };
}

export function xOf(range: Range, width: number, at: number): number {
  return ((at - range.from) / (range.to - range.from)) * width;
}

export function timeAt(range: Range, width: number, x: number): number {
  return range.from + (x / Math.max(1, width)) * (range.to - range.from);
}

/** A rectangle on the screen: one bar, or several of the same look that are too narrow to tell apart. */
export interface Rect {
  x: number;
  width: number;
  track: number;
  bar: Bar;
  count: number;
}

/** What is drawn of a lane. Bars below a pixel are joined, so that 20,000 of them cost as much as the screen is wide. */
export function rectsOf(lane: Lane, range: Range, width: number): Rect[] {
  const rects: Rect[] = [];
  const last: (Rect | undefined)[] = [];
  for (const { bar, track, start, end } of lane.bars) {
    if (end < range.from || start > range.to) continue;
    const x = Math.max(0, xOf(range, width, start));
    const right = Math.min(width, xOf(range, width, end));
    const before = last[track];
    const isJoined = before !== undefined && right - before.x < 2 && looksLike(before.bar, bar);
    if (isJoined) {
      before.width = Math.max(before.width, right - before.x);
      before.count += 1;
    } else {
      const rect = { x, width: Math.max(1, right - x), track, bar, count: 1 };
      rects.push(rect);
      last[track] = rect;
    }
  }
  return rects;
}

function looksLike(one: Bar, other: Bar): boolean {
  return one.state === other.state && one.job === other.job;
}

/** The bar at a moment in a track of all lanes; the nearest one within `slack` ms. */
export function barAt(lanes: readonly Lane[], track: number, at: number, slack: number): Placed | null {
  const lane = lanes.find(each => track >= each.top && track < each.top + each.tracks);
  if (lane === undefined) return null;
  let nearest: Placed | null = null;
  let least = slack;
  for (const placed of lane.bars) {
    if (placed.track !== track - lane.top) continue;
    const away = at < placed.start ? placed.start - at : at > placed.end ? at - placed.end : 0;
    if (away <= least) [nearest, least] = [placed, away];
  }
  return nearest;
}
