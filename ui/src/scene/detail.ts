/** How much is drawn at which zoom: fewer words while they could not be read, groups instead of a crowd. */

/** Below this zoom, hardware lines and pills are left out. */
export const ZOOM_FULL = 0.6;
/** Below this zoom, names are left out. */
export const ZOOM_NAMES = 0.35;
/** With more machines than this, each site is drawn as one. */
export const GROUP_ABOVE = 300;
/** A grid of more machines is a crowd: drawn in less detail while it moves, with text only where a person looks. */
export const CROWD_ABOVE = 80;
/** With at most this many links, every link says its round-trip time. */
export const PILLS_FOR_ALL = 12;
/** Otherwise this many of the slowest do. */
export const PILLS_SLOWEST = 5;

/**
 * From which zoom on a name is how large, in scene units: on the screen never below 11 pixels. In steps, so that zooming
 * sets no text anew in most of its frames.
 */
const NAME_SIZES = [
  [0.85, 13],
  [0.7, 16],
  [0.6, 18.5],
  [0.45, 24.5],
  [0, 31.5],
] as const;

/** `full`: three lines and pills · `names`: names only, larger · `shapes`: no words. */
export type Detail = "full" | "names" | "shapes";

/** Returns how large a name is drawn, in scene units. */
export function nameSizeAt(zoom: number): number {
  return NAME_SIZES.find(([from]) => zoom >= from)?.[1] ?? NAME_SIZES[0][1];
}

export function detailAt(zoom: number): Detail {
  if (zoom >= ZOOM_FULL) return "full";
  return zoom >= ZOOM_NAMES ? "names" : "shapes";
}
