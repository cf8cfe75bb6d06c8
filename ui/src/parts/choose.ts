/** Which rows of a list are chosen, and where the keyboard stands in it. */
export interface Choice {
  /** The row the keyboard acts on. */
  active: string | null;
  /** Where a range began. */
  anchor: string | null;
  chosen: ReadonlySet<string>;
}

export const NOTHING_CHOSEN: Choice = { active: null, anchor: null, chosen: new Set() };

/** How far a key moves in a list. */
export type Move = "up" | "down" | "page-up" | "page-down" | "first" | "last";

/** Moves the active row; with `extend` everything between the anchor and it is chosen. */
export function moved(choice: Choice, ids: readonly string[], move: Move, page: number, extend: boolean): Choice {
  const last = ids.length - 1;
  if (last < 0) return choice;
  const at = choice.active === null ? -1 : ids.indexOf(choice.active);
  const wanted = {
    up: at < 0 ? last : at - 1,
    down: at + 1,
    "page-up": at - page,
    "page-down": at + page,
    first: 0,
    last,
  }[move];
  const active = ids[Math.min(last, Math.max(0, wanted))] ?? null;
  return extend && active !== null ? extended(choice, ids, active) : { active, anchor: active, chosen: choice.chosen };
}

/** What a click on a row does: alone, with the key that adds, or with Shift. */
export function clicked(choice: Choice, ids: readonly string[], id: string, how: "only" | "toggle" | "range"): Choice {
  switch (how) {
    case "only":
      return { active: id, anchor: id, chosen: new Set([id]) };
    case "toggle":
      return toggled({ ...choice, active: id });
    case "range":
      return extended(choice, ids, id);
  }
}

/** Adds or removes the active row. */
export function toggled(choice: Choice): Choice {
  if (choice.active === null) return choice;
  const chosen = new Set(choice.chosen);
  if (!chosen.delete(choice.active)) chosen.add(choice.active);
  return { active: choice.active, anchor: choice.active, chosen };
}

export function allChosen(choice: Choice, ids: readonly string[]): Choice {
  return { ...choice, chosen: new Set(ids) };
}

/** Rows that are gone are chosen no more. Returns the same choice when nothing is gone. */
export function kept(choice: Choice, ids: readonly string[]): Choice {
  const there = new Set(ids);
  const isGone = (id: string | null): boolean => id !== null && !there.has(id);
  if (!isGone(choice.active) && !isGone(choice.anchor) && ![...choice.chosen].some(isGone)) return choice;
  return {
    active: isGone(choice.active) ? null : choice.active,
    anchor: isGone(choice.anchor) ? null : choice.anchor,
    chosen: new Set([...choice.chosen].filter(id => there.has(id))),
  };
}

function extended(choice: Choice, ids: readonly string[], to: string): Choice {
  const anchor = choice.anchor ?? choice.active ?? to;
  const [from, until] = [ids.indexOf(anchor), ids.indexOf(to)].sort((a, b) => a - b) as [number, number];
  return { active: to, anchor, chosen: new Set(ids.slice(Math.max(0, from), until + 1)) };
}
