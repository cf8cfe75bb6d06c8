/** What each key means in the scene. The table in the product's shortcut list is made from the same actions. */

import type { Gesture } from "./gesture";
import type { LinkPolicy, Point } from "./model";

export type Direction = "left" | "right" | "up" | "down";

export type KeyAction =
  | { readonly kind: "focus"; readonly towards: Direction }
  | { readonly kind: "focus_next_link" }
  | { readonly kind: "toggle_selected" }
  | { readonly kind: "select_all" }
  | { readonly kind: "open" }
  | { readonly kind: "menu" }
  | { readonly kind: "step_back" }
  | { readonly kind: "pan"; readonly by: Point }
  | { readonly kind: "zoom"; readonly factor: number }
  | { readonly kind: "frame_all" }
  | { readonly kind: "frame_selection" }
  | { readonly kind: "start_move" }
  | { readonly kind: "nudge"; readonly by: Point }
  | { readonly kind: "accept" }
  | { readonly kind: "cancel" }
  | { readonly kind: "choose_link" }
  | { readonly kind: "choose_rewire" }
  | { readonly kind: "set_policy"; readonly policy: LinkPolicy }
  | { readonly kind: "keep_off" }
  | { readonly kind: "prefer" };

/** The part of a `KeyboardEvent` that counts. */
export interface Key {
  readonly key: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
}

const PAN_PX = 80;
const ZOOM_FACTOR = 1.25;
const NUDGE = 20;
const NUDGE_FINE = 4;

const ARROWS: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
};

export const UNIT: Readonly<Record<Direction, Point>> = {
  left: { x: -1, y: 0 },
  right: { x: 1, y: 0 },
  up: { x: 0, y: -1 },
  down: { x: 0, y: 1 },
};

/** Returns what a key asks for, or null if it is not for the scene. `letters` is off when single letters are. */
export function keyAction(key: Key, gesture: Gesture, letters: boolean): KeyAction | null {
  if (key.ctrlKey || key.metaKey || key.altKey) return null;
  if (key.key === "Escape") return { kind: gesture.kind === "idle" ? "step_back" : "cancel" };
  if (gesture.kind === "nudging") return whileNudging(key);
  if (gesture.kind !== "idle") return null;
  return arrowAction(key) ?? namedAction(key) ?? (letters ? letterAction(key) : null);
}

function whileNudging(key: Key): KeyAction | null {
  const towards = ARROWS[key.key];
  if (towards !== undefined) return { kind: "nudge", by: scaled(UNIT[towards], key.shiftKey ? NUDGE_FINE : NUDGE) };
  return key.key === "Enter" ? { kind: "accept" } : null;
}

function arrowAction(key: Key): KeyAction | null {
  const towards = ARROWS[key.key];
  if (towards === undefined) return null;
  if (!key.shiftKey) return { kind: "focus", towards };
  return { kind: "pan", by: scaled(UNIT[towards], -PAN_PX) };
}

function namedAction(key: Key): KeyAction | null {
  switch (key.key) {
    case " ":
      return { kind: "toggle_selected" };
    case "Enter":
      return { kind: "open" };
    case "Home":
      return { kind: "frame_all" };
    case "ContextMenu":
      return { kind: "menu" };
    case "F10":
      return key.shiftKey ? { kind: "menu" } : null;
    default:
      return null;
  }
}

function letterAction(key: Key): KeyAction | null {
  switch (key.key.length === 1 ? key.key.toLowerCase() : "") {
    case "a":
      return key.shiftKey ? null : { kind: "select_all" };
    case "l":
      return key.shiftKey ? null : { kind: "focus_next_link" };
    case "m":
      return key.shiftKey ? null : { kind: "start_move" };
    case "k":
      return { kind: key.shiftKey ? "choose_rewire" : "choose_link" };
    case "p":
      return key.shiftKey ? { kind: "prefer" } : { kind: "set_policy", policy: "pinned" };
    case "f":
      return key.shiftKey ? null : { kind: "set_policy", policy: "forbidden" };
    case "x":
      return key.shiftKey ? null : { kind: "set_policy", policy: "automatic" };
    case "o":
      return key.shiftKey ? null : { kind: "keep_off" };
    case ".":
      return { kind: "frame_selection" };
    case "+":
    case "=":
      return { kind: "zoom", factor: ZOOM_FACTOR };
    case "-":
    case "_":
      return { kind: "zoom", factor: 1 / ZOOM_FACTOR };
    default:
      return null;
  }
}

function scaled(point: Point, by: number): Point {
  return { x: point.x * by, y: point.y * by };
}
