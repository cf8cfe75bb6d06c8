import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { Bar } from "~/bridge";
import { ticks, type Range } from "~/parts/time";
import { barAt, lanesOf, panned, rectsOf, wholeRange, xOf, zoomed } from "./gantt";

function bar(machine: string, started: number, ended: number | null, some: Partial<Bar> = {}): Bar {
  return { job: "j", step: 0, tasks: { start: 0, end: 1 }, machine, started, ended, state: "done", ...some };
}

const NOW = 1_000_000;
const WHOLE: Range = { from: 0, to: 1_000_000 };

describe("bars in lanes", () => {
  it("lie side by side where they overlap and in one track where not", () => {
    const lanes = lanesOf([bar("b", 0, 10), bar("b", 5, 20), bar("b", 10, 15), bar("a", 0, null)], id => id, NOW);
    expect(lanes.map(({ machine, top, tracks }) => [machine, top, tracks])).toEqual([
      ["a", 0, 1],
      ["b", 1, 2],
    ]);
    expect(lanes[1]?.bars.map(placed => placed.track)).toEqual([0, 1, 0]);
    expect(lanes[0]?.bars[0]?.end).toBe(NOW);
  });

  it("never overlap in a track", () => {
    const some = fc.record({ start: fc.nat(1_000), length: fc.nat(200), machine: fc.constantFrom("a", "b") });
    fc.assert(
      fc.property(fc.array(some, { maxLength: 60 }), bars => {
        const made = bars.map(({ start, length, machine }) => bar(machine, start, start + length));
        for (const lane of lanesOf(made, id => id, NOW)) {
          for (let track = 0; track < lane.tracks; track += 1) {
            const inTrack = lane.bars.filter(placed => placed.track === track);
            inTrack.slice(1).forEach((placed, at) => expect(placed.start).toBeGreaterThanOrEqual(inTrack[at]!.end));
          }
        }
      }),
    );
  });

  it("are joined where they are narrower than a pixel", () => {
    const bars = Array.from({ length: 10_000 }, (_, at) => bar("a", at * 100, at * 100 + 90));
    const [lane] = lanesOf(bars, id => id, NOW);
    const rects = rectsOf(lane!, WHOLE, 500);
    expect(rects.length).toBeLessThanOrEqual(500);
    expect(rects.reduce((sum, rect) => sum + rect.count, 0)).toBe(10_000);
  });

  it("are found under the pointer", () => {
    const lanes = lanesOf([bar("a", 0, 100), bar("b", 0, 100)], id => id, NOW);
    expect(barAt(lanes, 1, 50, 0)?.bar.machine).toBe("b");
    expect(barAt(lanes, 1, 105, 10)?.bar.machine).toBe("b");
    expect(barAt(lanes, 1, 150, 10)).toBeNull();
    expect(barAt(lanes, 7, 50, 10)).toBeNull();
  });
});

describe("the time that is shown", () => {
  it("holds every bar", () => {
    const range = wholeRange([bar("a", 5, 10), bar("a", 100, null)], NOW);
    expect(range.from).toBeLessThanOrEqual(5);
    expect(range.to).toBeGreaterThanOrEqual(NOW);
  });

  it("is zoomed around a moment that stays where it is", () => {
    const range = zoomed(WHOLE, 0.5, 250_000, WHOLE);
    expect(range.to - range.from).toBe(500_000);
    expect(xOf(range, 100, 250_000)).toBeCloseTo(25);
  });

  it("never leaves what there is", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("zoom" as const), by: fc.double({ min: 0.1, max: 10, noNaN: true }) }),
      fc.record({ kind: fc.constant("pan" as const), by: fc.integer({ min: -2_000_000, max: 2_000_000 }) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 20 }), steps => {
        let range = WHOLE;
        for (const { kind, by } of steps) {
          range = kind === "zoom" ? zoomed(range, by, (range.from + range.to) / 2, WHOLE) : panned(range, by, WHOLE);
          expect(range.from).toBeGreaterThanOrEqual(WHOLE.from - 1e-6);
          expect(range.to).toBeLessThanOrEqual(WHOLE.to + 1e-6);
          expect(range.to - range.from).toBeGreaterThanOrEqual(999);
        }
      }),
    );
  });

  it("is named at round moments with room between them", () => {
    const found = ticks({ from: 0, to: 600_000 }, 600);
    expect(found).toEqual([0, 120_000, 240_000, 360_000, 480_000, 600_000]);
    expect(ticks({ from: 0, to: 365 * 86_400_000 }, 600).length).toBeLessThanOrEqual(8);
  });
});
