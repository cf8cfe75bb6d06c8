import { describe, expect, it } from "vitest";
import { IDLE, type Gesture } from "./gesture";
import { keyAction, type Key } from "./keys";
import { nearestTowards, nextLinkOf } from "./nearest";
import { aLink } from "./testing";

const press = (key: string, part: Partial<Key> = {}): Key => ({
  key,
  shiftKey: false,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...part,
});

describe("keys", () => {
  it("mean what the shortcut list says", () => {
    const meaning = (key: string, shiftKey = false): string | undefined =>
      keyAction(press(key, { shiftKey }), IDLE, true)?.kind;
    expect(["ArrowUp", " ", "a", "l", "+", "-", "Home", ".", "m", "k", "o", "Enter"].map(key => meaning(key))).toEqual([
      "focus",
      "toggle_selected",
      "select_all",
      "focus_next_link",
      "zoom",
      "zoom",
      "frame_all",
      "frame_selection",
      "start_move",
      "choose_link",
      "keep_off",
      "open",
    ]);
    expect([meaning("ArrowUp", true), meaning("K", true), meaning("P", true), meaning("F10", true)]).toEqual([
      "pan",
      "choose_rewire",
      "prefer",
      "menu",
    ]);
    expect(["p", "f", "x"].map(key => keyAction(press(key), IDLE, true))).toEqual([
      { kind: "set_policy", policy: "pinned" },
      { kind: "set_policy", policy: "forbidden" },
      { kind: "set_policy", policy: "automatic" },
    ]);
  });

  it("with Ctrl, and letters where they are switched off, are left to others", () => {
    expect(keyAction(press("a", { ctrlKey: true }), IDLE, true)).toBeNull();
    expect(keyAction(press("p"), IDLE, false)).toBeNull();
    expect(keyAction(press("ArrowLeft"), IDLE, false)).not.toBeNull();
  });

  it("move machines only in move mode, and do nothing else there", () => {
    const nudging: Gesture = { kind: "nudging", machines: ["ada"], by: { x: 0, y: 0 } };
    expect(keyAction(press("ArrowLeft"), nudging, true)).toEqual({ kind: "nudge", by: { x: -20, y: 0 } });
    expect(keyAction(press("f"), nudging, true)).toBeNull();
    expect(keyAction(press("Escape"), nudging, true)).toEqual({ kind: "cancel" });
  });
});

describe("arrow keys", () => {
  const spots = new Map([
    ["mid", { x: 0, y: 0 }],
    ["right", { x: 200, y: 10 }],
    ["near", { x: 60, y: -90 }],
    ["far", { x: 900, y: 0 }],
    ["left", { x: -300, y: 250 }],
  ]);

  it("lead to the next machine ahead, not to a nearer one aside", () => {
    expect(nearestTowards("mid", "right", spots)).toBe("right");
    expect(nearestTowards("mid", "up", spots)).toBe("near");
    expect(nearestTowards("mid", "left", spots)).toBe("left");
    expect(nearestTowards("far", "right", spots)).toBeNull();
  });

  it("reach every machine from every other", () => {
    const reached = new Set(["mid"]);
    for (const id of reached) {
      for (const towards of ["left", "right", "up", "down"] as const) {
        const next = nearestTowards(id, towards, spots);
        if (next !== null) reached.add(next);
      }
    }
    expect(reached.size).toBe(spots.size);
  });

  it("L goes round the links of a machine, clockwise from the top", () => {
    const links = ["right", "near", "left"].map(id => aLink("mid", id));
    const round = [null, "mid-near", "mid-right", "mid-left"].map(current => nextLinkOf("mid", current, links, spots));
    expect(round).toEqual(["mid-near", "mid-right", "mid-left", "mid-near"]);
    expect(nextLinkOf("far", null, links, spots)).toBeNull();
  });
});
