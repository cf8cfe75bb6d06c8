/** What something that floats belongs to, in pixels of the window; a point has no size. */
export interface Anchor {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Between what floats and the window's border. */
const BORDER_PX = 8;

export function pointAnchor(x: number, y: number): Anchor {
  return { left: x, right: x, top: y, bottom: y };
}

/**
 * Returns where something of `size` goes beside `anchor`: under it, or above it where more of it has room there, flush with
 * its left or right side, all of it in the window. It is to be no higher than `room`.
 */
export function place(
  anchor: Anchor,
  size: Size,
  window: Size,
  { flush, gap }: { flush: "left" | "right"; gap: number },
): { left: number; top: number; room: number } {
  const under = window.height - BORDER_PX - anchor.bottom - gap;
  const above = anchor.top - gap - BORDER_PX;
  const goesUnder = size.height <= under || under >= above;
  const room = Math.max(0, goesUnder ? under : above);
  const height = Math.min(size.height, room);
  const left = flush === "left" ? anchor.left : anchor.right - size.width;
  return {
    left: Math.max(BORDER_PX, Math.min(left, window.width - BORDER_PX - size.width)),
    top: goesUnder ? anchor.bottom + gap : anchor.top - gap - height,
    room,
  };
}
