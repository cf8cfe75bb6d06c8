import { describe, expect, it } from "vitest";
import { dropTargetAt, hitAt, type HitMap } from "./hit";

function aMap(part: Partial<HitMap> = {}): HitMap {
  return {
    machines: [
      { id: "ada", at: { x: 0, y: 0 }, radius: 40, label: { width: 90, height: 50 } },
      { id: "bob", at: { x: 400, y: 0 }, radius: 22, label: { width: 90, height: 50 } },
    ],
    segments: new Map([["ada-bob", { from: { x: 45, y: 0 }, to: { x: 373, y: 0 } }]]),
    grips: [],
    zoom: 1,
    ...part,
  };
}

describe("hitAt", () => {
  it("tells body, ring, name, link and ground apart", () => {
    expect(hitAt(aMap(), { x: 10, y: 10 })).toEqual({ kind: "machine", machine: "ada" });
    expect(hitAt(aMap(), { x: 0, y: -42 })).toEqual({ kind: "ring", machine: "ada" });
    expect(hitAt(aMap(), { x: 30, y: 60 })).toEqual({ kind: "machine", machine: "ada" });
    expect(hitAt(aMap(), { x: 200, y: 11 })).toEqual({ kind: "link", link: "ada-bob" });
    expect(hitAt(aMap(), { x: 200, y: 13 })).toEqual({ kind: "ground" });
  });

  it("reaches as far on the screen at any zoom", () => {
    expect(hitAt(aMap({ zoom: 0.5 }), { x: 200, y: 23 })).toEqual({ kind: "link", link: "ada-bob" });
    expect(hitAt(aMap({ zoom: 2 }), { x: 200, y: 7 })).toEqual({ kind: "ground" });
  });

  it("leaves most of a machine that is small on the screen for taking hold of it", () => {
    expect(hitAt(aMap({ zoom: 0.1 }), { x: 400, y: 16 })).toEqual({ kind: "machine", machine: "bob" });
  });

  it("offers the ends of a link only where they are shown", () => {
    expect(hitAt(aMap(), { x: 60, y: 0 })).toEqual({ kind: "link", link: "ada-bob" });
    expect(hitAt(aMap({ grips: ["ada-bob"] }), { x: 60, y: 0 })).toEqual({ kind: "end", link: "ada-bob", end: "a" });
    expect(hitAt(aMap({ grips: ["ada-bob"] }), { x: 360, y: 8 })).toEqual({ kind: "end", link: "ada-bob", end: "b" });
  });

  it("takes the nearer of two links", () => {
    const segments = new Map([
      ["upper", { from: { x: 100, y: 0 }, to: { x: 300, y: 0 } }],
      ["lower", { from: { x: 100, y: 14 }, to: { x: 300, y: 14 } }],
    ]);
    expect(hitAt(aMap({ segments }), { x: 200, y: 9 })).toEqual({ kind: "link", link: "lower" });
  });

  it("takes the machine on top where two overlap", () => {
    const machines = [
      { id: "below", at: { x: 0, y: 0 }, radius: 40, label: { width: 0, height: 0 } },
      { id: "above", at: { x: 20, y: 0 }, radius: 40, label: { width: 0, height: 0 } },
    ];
    expect(hitAt(aMap({ machines }), { x: 10, y: 0 })).toEqual({ kind: "machine", machine: "above" });
  });
});

describe("dropTargetAt", () => {
  it("takes any part of a machine: disc, ring and text", () => {
    for (const point of [
      { x: 400, y: 0 },
      { x: 400, y: 28 },
      { x: 440, y: 70 },
    ]) {
      expect(dropTargetAt(aMap(), point)).toEqual({ kind: "machine", machine: "bob" });
    }
  });

  it("ignores links", () => {
    expect(dropTargetAt(aMap({ grips: ["ada-bob"] }), { x: 200, y: 0 })).toEqual({ kind: "ground" });
  });
});
