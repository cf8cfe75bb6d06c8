/** The shapes that say a state without colour, drawn around the origin. */

import type { Link, MachineState, Point } from "./model";

export interface Glyph {
  readonly d: string;
  /** Filled shapes carry a thin line of the same colour, which rounds their corners. */
  readonly filled: boolean;
  readonly stroke: number;
}

/** In a box from -12 to 12. */
export const STATE_GLYPHS: Readonly<Record<MachineState, Glyph>> = {
  ready: { d: "M-6.5.5-2 5 6.5-4.5", filled: false, stroke: 2.6 },
  working: { d: "M-4-6.5 7 0-4 6.5Z", filled: true, stroke: 2.2 },
  in_use: {
    d: "M0-8a3.6 3.6 0 1 1 0 7.2a3.6 3.6 0 1 1 0-7.2ZM-6.8 7.4c0-4.2 2.9-5.6 6.8-5.6s6.8 1.4 6.8 5.6Z",
    filled: true,
    stroke: 1.2,
  },
  paused: { d: "M-3.8-5.6V5.6M3.8-5.6V5.6", filled: false, stroke: 3.4 },
  offline: { d: "M5.2-7-5.2 7", filled: false, stroke: 2.6 },
  problem: { d: "M0-8V1.6M0 7.6V7.7", filled: false, stroke: 3.4 },
};

export type LinkBadge = "lock" | "forbidden" | "hourglass";

/** Where the pen starts, and a path in steps from there: many badges are drawn by one path. In a box from -6 to 6. */
const BADGES: Readonly<Record<LinkBadge, { readonly start: Point; readonly steps: string }>> = {
  lock: { start: { x: -4, y: -0.8 }, steps: "h8v5.4h-8zm1.6 0v-1.8a2.4 2.4 0 0 1 4.8 0v1.8" },
  forbidden: { start: { x: 0, y: -5 }, steps: "a5 5 0 1 1 0 10a5 5 0 1 1 0-10zm-3.5 8.5l7-7" },
  hourglass: {
    start: { x: -3.6, y: -5 },
    steps: "h7.2m-7.2 10h7.2m-6.4-10c0 3 2.8 3.4 2.8 5s-2.8 2-2.8 5m5.6-10c0 3-2.8 3.4-2.8 5s2.8 2 2.8 5",
  },
};

/** Returns the outline of a badge around `center`, as a piece of a path. */
export function badgePath(badge: LinkBadge, center: Point): string {
  const { start, steps } = BADGES[badge];
  return `M${(center.x + start.x).toFixed(1)} ${(center.y + start.y).toFixed(1)}${steps}`;
}

/** Returns the glyph that stands on a link, or null for an ordinary one. */
export function badgeOf(link: Link): LinkBadge | null {
  if (link.pending === "consent") return "hourglass";
  if (link.policy === "pinned") return "lock";
  return link.policy === "forbidden" ? "forbidden" : null;
}
