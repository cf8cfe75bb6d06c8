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

/** `full`: three lines and pills · `names`: names only, larger · `shapes`: no words. */
export type Detail = "full" | "names" | "shapes";

export function detailAt(zoom: number): Detail {
  if (zoom >= ZOOM_FULL) return "full";
  return zoom >= ZOOM_NAMES ? "names" : "shapes";
}
