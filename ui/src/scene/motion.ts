/** Movement that ends: one request for a frame at a time, none once it is done. */

export const LAYOUT_MS = 240;

/** Calls `frame` with shares from 0 to 1, eased out, the last time with exactly 1. Returns how to stop it. */
export function animate(durationMs: number, frame: (share: number) => void): () => void {
  if (durationMs <= 0) {
    frame(1);
    return () => undefined;
  }
  let handle = 0;
  let start: number | null = null;
  const next = (now: number): void => {
    start ??= now;
    const share = Math.min((now - start) / durationMs, 1);
    if (share < 1) handle = requestAnimationFrame(next);
    frame(share === 1 ? 1 : 1 - (1 - share) ** 3);
  };
  handle = requestAnimationFrame(next);
  return () => {
    cancelAnimationFrame(handle);
  };
}

/** Long work in slices: at once for a short while, then a slice for each turn of the page. Returns how to stop it. */
export function inSlices(advance: (hasTime: () => boolean) => boolean, done: (atOnce: boolean) => void): () => void {
  const slice = (ms: number): (() => boolean) => {
    const end = performance.now() + ms;
    return () => performance.now() < end;
  };
  if (advance(slice(FIRST_SLICE_MS))) {
    done(true);
    return () => undefined;
  }
  let handle: ReturnType<typeof setTimeout> | undefined;
  const next = (): void => {
    if (advance(slice(SLICE_MS))) done(false);
    else handle = setTimeout(next);
  };
  handle = setTimeout(next);
  return () => {
    clearTimeout(handle);
  };
}

/** Grids of a usual size are laid out within this, before anything is painted. */
const FIRST_SLICE_MS = 40;
/** Leaves half of a frame to everything else. */
const SLICE_MS = 8;

const REDUCED = typeof matchMedia === "undefined" ? null : matchMedia("(prefers-reduced-motion: reduce)");

/** Returns whether this person asked their system for less movement. */
export function motionReduced(): boolean {
  return REDUCED?.matches ?? false;
}
