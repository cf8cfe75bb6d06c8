import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { distanceTo, lengthOf, radiusOf, segmentsOf, trimmed, widthOf, LINK_GAP, WIDTHS } from "./geometry";
import { aLink } from "./testing";

const coordinate = fc.integer({ min: -2000, max: 2000 });
const point = fc.record({ x: coordinate, y: coordinate });

describe("radiusOf", () => {
  it("puts the area in proportion to the score", () => {
    expect(radiusOf(50, 100) ** 2 / radiusOf(100, 100) ** 2).toBeCloseTo(0.5);
  });

  it("stays within its limits for any score", () => {
    fc.assert(
      fc.property(fc.double(), fc.double(), (score, highest) => {
        const radius = radiusOf(score, highest);
        expect(radius).toBeGreaterThanOrEqual(22);
        expect(radius).toBeLessThanOrEqual(44);
      }),
    );
  });
});

describe("widthOf", () => {
  it("grows with traffic and takes few values", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: 0, max: 2 ** 40 }), (p, q) => {
        expect(WIDTHS).toContain(widthOf(p));
        expect(widthOf(Math.min(p, q))).toBeLessThanOrEqual(widthOf(Math.max(p, q)));
      }),
    );
  });

  it("ends at its limits", () => {
    expect([widthOf(0), widthOf(Infinity)]).toEqual([1.5, 8]);
  });
});

describe("trimmed", () => {
  it("leaves a gap before both outlines", () => {
    fc.assert(
      fc.property(point, point, (from, to) => {
        const segment = trimmed(from, to, 44, 22);
        if (segment === null) return;
        expect(Math.hypot(segment.from.x - from.x, segment.from.y - from.y)).toBeCloseTo(44 + LINK_GAP);
        expect(Math.hypot(segment.to.x - to.x, segment.to.y - to.y)).toBeCloseTo(22 + LINK_GAP);
        expect(lengthOf(segment)).toBeCloseTo(Math.hypot(to.x - from.x, to.y - from.y) - 66 - 2 * LINK_GAP);
      }),
    );
  });

  it("gives nothing between machines that overlap", () => {
    expect(trimmed({ x: 0, y: 0 }, { x: 50, y: 0 }, 44, 22)).toBeNull();
    expect(trimmed({ x: 0, y: 0 }, { x: 0, y: 0 }, 0, 0)).toBeNull();
  });
});

describe("segmentsOf", () => {
  it("keeps links between the same machines apart, whichever way round they are told", () => {
    const links = [aLink("p", "q", { id: "1" }), aLink("q", "p", { id: "2" }), aLink("p", "q", { id: "3" })];
    const spots = new Map([
      ["p", { x: 0, y: 0 }],
      ["q", { x: 300, y: 0 }],
    ]);
    const ys = [...segmentsOf(links, spots, new Map()).values()].map(segment => segment.from.y);
    expect(ys).toEqual([-12, 0, 12]);
  });

  it("leaves out links to machines it does not know", () => {
    expect(segmentsOf([aLink("p", "q")], new Map(), new Map()).size).toBe(0);
  });
});

describe("distanceTo", () => {
  it("is never more than the distance to either end", () => {
    fc.assert(
      fc.property(point, point, point, (from, to, p) => {
        const near = distanceTo({ from, to }, p);
        expect(near).toBeLessThanOrEqual(Math.hypot(p.x - from.x, p.y - from.y) + 1e-6);
        expect(near).toBeLessThanOrEqual(Math.hypot(p.x - to.x, p.y - to.y) + 1e-6);
      }),
    );
  });
});
