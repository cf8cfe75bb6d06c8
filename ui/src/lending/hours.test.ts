import { describe, expect, it } from "vitest";

import { ALL, alike, isEmpty, isOpen, moved, NIGHTS, NONE, paint, stretches, toggle } from "./hours";

describe("the hours of a week", () => {
  it("are painted as a rectangle, whichever corner it began at", () => {
    const corners = [
      [
        { day: 1, hour: 9 },
        { day: 2, hour: 11 },
      ],
      [
        { day: 2, hour: 9 },
        { day: 1, hour: 11 },
      ],
    ] as const;
    for (const [from, to] of corners) {
      const painted = paint(NONE, from, to, true);
      expect(painted.map(stretches)).toEqual([[], [[9, 12]], [[9, 12]], [], [], [], []]);
      expect(isEmpty(paint(painted, to, from, false))).toBe(true);
    }
  });

  it("of a day or of all days open, and close where all of them were open", () => {
    const monday = toggle(NONE, { day: 0 });
    expect(stretches(monday[0]!)).toEqual([[0, 24]]);
    expect(isEmpty(toggle(monday, { day: 0 }))).toBe(true);
    const nine = toggle(monday, { hour: 9 });
    expect(isOpen(nine, { day: 6, hour: 9 })).toBe(true);
    expect(toggle(toggle(ALL, { hour: 9 }), { hour: 9 })).toEqual(ALL);
  });

  it("are reached by keys and no further than the edges", () => {
    const at = { day: 0, hour: 23 };
    expect(moved(at, "ArrowRight", false)).toEqual(at);
    expect(moved(at, "ArrowRight", true)).toEqual({ day: 0, hour: 22 });
    expect(moved(at, "ArrowUp", false)).toEqual(at);
    expect(moved(at, "Home", false)).toEqual({ day: 0, hour: 0 });
    expect(moved(at, "x", false)).toBeNull();
  });

  it("are grouped by days that are alike, for words", () => {
    expect(alike(NIGHTS).map(({ first, last }) => [first, last])).toEqual([
      [0, 4],
      [5, 6],
    ]);
    expect(stretches(NIGHTS[0]!)).toEqual([
      [0, 7],
      [19, 24],
    ]);
  });
});
