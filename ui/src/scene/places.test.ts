import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { arranged, manual, moved, NO_PLACES, parsePlaces, REMEMBERED_MAX, settled, storedPlaces } from "./places";

const spot = (x: number, y: number): { x: number; y: number } => ({ x, y });

describe("places", () => {
  it("keep every machine that was not moved where it is", () => {
    const before = moved(
      NO_PLACES,
      new Map([
        ["ada", spot(1, 1)],
        ["bob", spot(2, 2)],
      ]),
    );
    const after = moved(before, new Map([["ada", spot(9, 9)]]));
    expect(after.at.get("bob")).toEqual(spot(2, 2));
    expect(after.preset).toBe("manual");
  });

  it("made by hand come back after a preset", () => {
    const byHand = moved(NO_PLACES, new Map([["ada", spot(1, 1)]]));
    const star = arranged(
      byHand,
      "star",
      new Map([
        ["ada", spot(5, 5)],
        ["bob", spot(6, 6)],
      ]),
    );
    const back = manual(star);
    expect([...back.at]).toEqual([
      ["bob", spot(6, 6)],
      ["ada", spot(1, 1)],
    ]);
    expect(back.preset).toBe("manual");
  });

  it("that settle never move a machine, and are the same value when nothing was missing", () => {
    const before = moved(NO_PLACES, new Map([["ada", spot(1, 1)]]));
    expect(settled(before, new Map([["ada", spot(7, 7)]]))).toBe(before);
    expect(
      settled(
        before,
        new Map([
          ["ada", spot(7, 7)],
          ["bob", spot(2, 2)],
        ]),
      ).at.get("ada"),
    ).toEqual(spot(1, 1));
  });

  it("forget the oldest of too many machines that left", () => {
    const crowd = new Map(Array.from({ length: REMEMBERED_MAX + 5 }, (_, i) => [`m${i}`, spot(i, 0)]));
    const after = moved(moved(NO_PLACES, crowd), new Map([["ada", spot(1, 1)]]));
    expect(after.at.size).toBe(REMEMBERED_MAX);
    expect(after.at.has("ada") && !after.at.has("m0")).toBe(true);
  });

  it("survive storage, whatever the machines are called", () => {
    const id = fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "toString"));
    const at = fc.record({ x: fc.integer({ min: -9999, max: 9999 }), y: fc.integer({ min: -9999, max: 9999 }) });
    fc.assert(
      fc.property(fc.array(fc.tuple(id, at)), rows => {
        const places = moved(NO_PLACES, new Map(rows));
        expect(parsePlaces(JSON.parse(JSON.stringify(storedPlaces(places))))).toEqual(places);
      }),
    );
  });

  it("read from a damaged file are places or nothing", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (preset, at) => {
        for (const { x, y } of parsePlaces({ preset, at }).at.values()) expect(Number.isFinite(x + y)).toBe(true);
      }),
    );
    expect(
      parsePlaces({
        at: [
          ["far", 1e9, 0],
          ["nan", NaN, 0],
          ["ok", 1, 2],
          [3, 1, 2],
        ],
      }).at,
    ).toEqual(new Map([["ok", spot(1, 2)]]));
  });
});
