import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { footprint, overlaps } from "../geometry";
import type { MachineId, Point } from "../model";
import { seededRandom } from "../random";
import { aLink, aMachine } from "../testing";
import { entryFor, strongestNeighbour } from "./enter";
import { forceLayout, type Body } from "./force";
import { presetSpots, type PlainPreset } from "./presets";

function bodiesOf(count: number): Body[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `m${i}`,
    radius: 22 + (i % 5) * 5,
    labelWidth: 100,
    here: i === 0,
  }));
}

function tiesOf(count: number, seed: number): { a: MachineId; b: MachineId }[] {
  const random = seededRandom(seed);
  const pick = (): MachineId => `m${Math.floor(random() * count)}`;
  return Array.from({ length: count * 2 }, () => ({ a: pick(), b: pick() })).filter(({ a, b }) => a !== b);
}

function layout(
  bodies: readonly Body[],
  ties: readonly { a: MachineId; b: MachineId }[],
  seed = 1,
): Map<MachineId, Point> {
  const run = forceLayout(bodies, ties, seed);
  run.advance(() => true);
  return run.spots();
}

function expectNothingCovered(bodies: readonly Body[], spots: ReadonlyMap<MachineId, Point>): void {
  const boxes = bodies.map(body => footprint(spots.get(body.id) ?? { x: NaN, y: NaN }, body.radius, body.labelWidth));
  boxes.forEach((box, i) => {
    expect(boxes.slice(i + 1).filter(other => overlaps(box, other))).toEqual([]);
  });
}

describe("the force layout", () => {
  it("depends on machines, links and seed alone, not on their order or on pauses", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 25 }), fc.integer(), (count, seed) => {
        const [bodies, ties] = [bodiesOf(count), tiesOf(count, seed)];
        const paused = forceLayout(bodies.toReversed(), ties.toReversed(), seed);
        while (!paused.advance(() => false));
        expect(paused.spots()).toEqual(layout(bodies, ties, seed));
      }),
      { numRuns: 20 },
    );
  });

  it("covers no machine with another", () => {
    for (const count of [1, 2, 3, 7, 30]) {
      const bodies = bodiesOf(count);
      expectNothingCovered(bodies, layout(bodies, tiesOf(count, count)));
    }
  });

  it("puts the machine at the window above the middle", () => {
    for (const count of [2, 3, 7, 12]) {
      const all = bodiesOf(count).flatMap((p, i, bodies) => bodies.slice(i + 1).map(q => ({ a: p.id, b: q.id })));
      expect(layout(bodiesOf(count), all).get("m0")?.y).toBeLessThanOrEqual(0);
    }
  });

  it("ends for a thousand machines, whatever they are linked to", () => {
    const spots = layout(bodiesOf(1000), [...tiesOf(1000, 5), { a: "m1", b: "gone" }]);
    expect(spots.size).toBe(1000);
    expect([...spots.values()].every(({ x, y }) => Number.isInteger(x) && Number.isInteger(y))).toBe(true);
  });
});

describe("every preset", () => {
  const presets: PlainPreset[] = ["chain", "star", "sites"];
  const subjectOf = (count: number): Parameters<typeof presetSpots>[1] => {
    const machines = bodiesOf(count).map((body, i) =>
      aMachine(body.id, { here: body.here, site: ["Home", "Studio", null][i % 3] ?? null }),
    );
    const links = tiesOf(count, 3).map(({ a, b }, i) => aLink(a, b, { id: `l${i}`, rttMs: i }));
    return { machines, links, bodies: new Map(bodiesOf(count).map(body => [body.id, body])) };
  };

  it("gives each machine its own place", () => {
    for (const preset of presets) {
      for (const count of [1, 2, 3, 7, 30, 200]) {
        const subject = subjectOf(count);
        const spots = presetSpots(preset, subject);
        expect([...spots.keys()].sort()).toEqual([...subject.bodies.keys()].sort());
        if (count <= 30) expectNothingCovered([...subject.bodies.values()], spots);
      }
    }
  });

  it("chain follows the links from one end to the other", () => {
    const machines = ["c", "a", "d", "b"].map(id => aMachine(id));
    const links = [aLink("a", "b"), aLink("b", "c"), aLink("c", "d")];
    const bodies = new Map(machines.map(({ id }) => [id, { id, radius: 30, labelWidth: 80, here: false }]));
    const spots = presetSpots("chain", { machines, links, bodies });
    const order = [...spots].sort(([, p], [, q]) => p.x - q.x).map(([id]) => id);
    expect(order.join("")).toBe("abcd");
  });

  it("star has the machine at the window in the middle of the others", () => {
    const spots = presetSpots("star", subjectOf(7));
    const others = [...spots].filter(([id]) => id !== "m0").map(([, p]) => p);
    const hub = spots.get("m0") ?? { x: NaN, y: NaN };
    expect(Math.min(...others.map(p => p.x))).toBeLessThan(hub.x);
    expect(Math.max(...others.map(p => p.x))).toBeGreaterThan(hub.x);
  });
});

describe("a machine that enters", () => {
  const bodies = new Map(bodiesOf(30).map(body => [body.id, body]));
  const entering: Body = { id: "new", radius: 30, labelWidth: 120, here: false };

  it("takes a free place, the nearer to its strongest link the better", () => {
    const spots = layout([...bodies.values()], tiesOf(30, 2));
    const links = [aLink("new", "m7", { rttMs: 1 }), aLink("new", "m9", { rttMs: 40 })];
    const place = entryFor(entering, links, bodies, spots);
    expectNothingCovered([...bodies.values(), entering], new Map([...spots, ["new", place]]));
    const away = (id: MachineId): number =>
      Math.hypot(place.x - (spots.get(id)?.x ?? 0), place.y - (spots.get(id)?.y ?? 0));
    expect(away("m7")).toBeLessThan(900);
  });

  it("is the middle when it is alone", () => {
    expect(entryFor(entering, [], new Map(), new Map())).toEqual({ x: 0, y: 0 });
  });

  it("prefers a link that is up to a quicker one that is down", () => {
    const spots = new Map(["p", "q"].map(id => [id, { x: 0, y: 0 }]));
    const links = [aLink("new", "p", { state: "down", rttMs: 1 }), aLink("q", "new", { rttMs: 80 })];
    expect(strongestNeighbour("new", links, spots)).toBe("q");
  });
});
