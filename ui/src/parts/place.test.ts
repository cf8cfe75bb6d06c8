import { describe, expect, it } from "vitest";

import { place, pointAnchor } from "./place";

const WINDOW = { width: 1_000, height: 600 };
const BUTTON = { left: 500, right: 532, top: 100, bottom: 132 };
const MENU = { width: 200, height: 150 };
const HOW = { flush: "left", gap: 4 } as const;

describe("what floats", () => {
  it("lies under what it belongs to, flush with the side that was asked for", () => {
    expect(place(BUTTON, MENU, WINDOW, HOW)).toEqual({ left: 500, top: 136, room: 456 });
    expect(place(BUTTON, MENU, WINDOW, { ...HOW, flush: "right" }).left).toBe(332);
  });

  it("lies above where it has no room below", () => {
    const low = { ...BUTTON, top: 500, bottom: 532 };
    expect(place(low, MENU, WINDOW, HOW)).toEqual({ left: 500, top: 346, room: 488 });
  });

  it("is never higher than the better of both sides", () => {
    const high = { ...MENU, height: 900 };
    expect(place(BUTTON, high, WINDOW, HOW)).toEqual({ left: 500, top: 136, room: 456 });
    expect(place({ ...BUTTON, top: 500, bottom: 532 }, high, WINDOW, HOW)).toMatchObject({ top: 8, room: 488 });
  });

  it("stays in the window", () => {
    expect(place(pointAnchor(990, 50), MENU, WINDOW, HOW).left).toBe(792);
    expect(place(pointAnchor(2, 50), MENU, WINDOW, { ...HOW, flush: "right" }).left).toBe(8);
  });
});
