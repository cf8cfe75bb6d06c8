import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { batchesOf } from "./batches";
import { bringingIntoView, framing, toScreen, toWorld, zoomed } from "./camera";
import { detailAt, nameSizeAt } from "./detail";
import { dotsAt, dotsMove, DOTS_MAX, pauseAfter, streamsOf, UNFOCUSED_MS } from "./dots";
import { boxAround, coverOf, type Segment } from "./geometry";
import { shortened } from "./labels";
import { attention, linksWithPills, placedPills } from "./pills";
import { aLink } from "./testing";

const NONE = attention({ machines: new Set(), links: new Set() }, []);
const flat = (length: number): Segment => ({ from: { x: 0, y: 0 }, to: { x: length, y: 0 } });

describe("links of the same look", () => {
  it("share one path, and those drawn apart are in none", () => {
    const links = [aLink("a", "b"), aLink("b", "c"), aLink("c", "d", { path: "relayed" }), aLink("d", "e")];
    const segments = new Map(links.map(link => [link.id, flat(10)]));
    const batches = batchesOf(links, segments, new Set(["d-e"]));
    expect(batches.map(({ dash, d }) => [dash, d])).toEqual([
      ["solid", "M0 0L10 0M0 0L10 0"],
      ["relayed", "M0 0L10 0"],
    ]);
  });

  it("stay few however many links there are, as long as they are unbroken", () => {
    const links = Array.from({ length: 3000 }, (_, i) =>
      aLink(`a${i}`, "b", { bytesPerSec: 1.01 ** i, policy: i % 50 === 0 ? "pinned" : "automatic" }),
    );
    const segments = new Map(links.map(link => [link.id, flat(10)]));
    expect(batchesOf(links, segments, new Set()).length).toBeLessThanOrEqual(12);
  });

  it("are paths of their own where they are dashed", () => {
    const links = ["b", "c", "d"].map(b => aLink("a", b, { path: "relayed" }));
    const segments = new Map(links.map(link => [link.id, flat(10)]));
    expect(batchesOf(links, segments, new Set())).toHaveLength(3);
  });

  it("tell pending changes and policies apart", () => {
    const looks = [
      aLink("a", "b"),
      aLink("a", "c", { pending: "applying" }),
      aLink("a", "d", { pending: "consent" }),
      aLink("a", "e", { policy: "pinned" }),
      aLink("a", "f", { policy: "forbidden" }),
      aLink("a", "g", { state: "down" }),
    ];
    const segments = new Map(looks.map(link => [link.id, flat(10)]));
    expect(new Set(batchesOf(looks, segments, new Set()).map(({ key }) => key)).size).toBe(6);
  });
});

describe("pills", () => {
  it("stand on all of at most twelve links", () => {
    expect(
      linksWithPills(
        Array.from({ length: 12 }, (_, i) => aLink("a", `${i}`)),
        NONE,
      ),
    ).toHaveLength(12);
  });

  it("otherwise stand on the five slowest and on those looked at", () => {
    const links = Array.from({ length: 30 }, (_, i) => aLink(`a${i}`, `b${i}`, { rttMs: i }));
    const look = attention({ machines: new Set(), links: new Set(["a3-b3"]) }, [{ machines: "a7" }]);
    expect(linksWithPills(links, look).map(link => link.rttMs)).toEqual([3, 7, 29, 28, 27, 26, 25]);
  });

  it("move along the link until they cover nothing", () => {
    const link = aLink("a", "b");
    const [pill] = placedPills(
      [link],
      new Map([[link.id, flat(400)]]),
      [boxAround({ x: 200, y: 0 }, 80, 40)],
      () => "2.1 ms",
    );
    expect(pill?.at.x).not.toBe(200);
    expect(Math.abs((pill?.at.x ?? 200) - 200)).toBeGreaterThan(60);
  });
});

describe("dots", () => {
  it("are one for each thing moving, and never more than sixty", () => {
    expect(streamsOf([aLink("a", "b", { movingAtoB: 3, movingBtoA: 1 })])).toEqual([
      { link: "a-b", forwards: 3, backwards: 1 },
    ]);
    const moving = fc.array(fc.tuple(fc.nat(5000), fc.nat(5000)), { maxLength: 200 });
    fc.assert(
      fc.property(moving, counts => {
        const links = counts.map(([movingAtoB, movingBtoA], i) => aLink("a", `${i}`, { movingAtoB, movingBtoA }));
        const total = counts.reduce((sum, [p, q]) => sum + p + q, 0);
        const dots = streamsOf(links).reduce((sum, stream) => sum + stream.forwards + stream.backwards, 0);
        expect(dots).toBe(Math.min(total, DOTS_MAX));
      }),
    );
  });

  it("travel the way things move", () => {
    const segments = new Map([["a-b", flat(640)]]);
    const xs = (backwards: boolean, timeMs: number): number =>
      dotsAt(
        [{ link: "a-b", forwards: backwards ? 0 : 1, backwards: backwards ? 1 : 0 }],
        segments,
        new Map(),
        timeMs,
      )[0]?.x ?? NaN;
    const step = (backwards: boolean): number => {
      const by = [0, 1, 2, 3].map(i => xs(backwards, i * 100 + 100) - xs(backwards, i * 100)).sort((p, q) => p - q);
      return by[1] ?? NaN;
    };
    expect(step(false)).toBeCloseTo(6.4);
    expect(step(true)).toBeCloseTo(-6.4);
  });

  it("hide under what covers their link", () => {
    const cover = coverOf(flat(100), boxAround({ x: 50, y: 0 }, 20, 10));
    expect(cover).toEqual({ enter: 0.4, leave: 0.6 });
    expect(coverOf(flat(100), boxAround({ x: 50, y: 20 }, 20, 10))).toBeNull();
    const streams = [{ link: "a-b", forwards: 10, backwards: 0 }];
    const dots = dotsAt(streams, new Map([["a-b", flat(100)]]), new Map([["a-b", [{ enter: 0, leave: 1 }]]]), 0);
    expect(dots).toEqual([]);
  });

  it("draw every second frame where that is cheap, and seldom where it is not", () => {
    expect([16, 18, 40, 5000].map(pauseAfter)).toEqual([0, 0, 153, 500]);
  });

  it("rest for each reason alone", () => {
    const moving = { anyMoving: true, pageHidden: false, unfocusedForMs: null, reducedMotion: false, calm: false };
    expect(dotsMove(moving)).toBe(true);
    expect(dotsMove({ ...moving, unfocusedForMs: UNFOCUSED_MS - 1 })).toBe(true);
    for (const reason of [
      { anyMoving: false },
      { pageHidden: true },
      { unfocusedForMs: UNFOCUSED_MS },
      { reducedMotion: true },
      { calm: true },
    ]) {
      expect(dotsMove({ ...moving, ...reason })).toBe(false);
    }
  });
});

describe("the camera", () => {
  const size = { width: 800, height: 600 };

  it("frames a box inside the view, without blowing up a small one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 6000 }), fc.integer({ min: 1, max: 5000 }), (width, height) => {
        const camera = framing({ x: -5, y: 7, width, height }, size);
        const [low, high] = [toScreen(camera, { x: -5, y: 7 }), toScreen(camera, { x: width - 5, y: height + 7 })];
        expect(low.x >= 0 && low.y >= 0 && high.x <= size.width && high.y <= size.height).toBe(true);
        expect(camera.k).toBeLessThanOrEqual(1.15);
      }),
    );
  });

  it("zooms around the point under the pointer", () => {
    const before = { x: 10, y: 20, k: 1 };
    const after = zoomed(before, 1.5, { x: 300, y: 200 });
    expect(toWorld(after, { x: 300, y: 200 })).toEqual(toWorld(before, { x: 300, y: 200 }));
  });

  it("moves no farther than it takes to see a point", () => {
    const camera = { x: 0, y: 0, k: 1 };
    expect(bringingIntoView(camera, { x: 400, y: 300 }, size)).toBe(camera);
    expect(toScreen(bringingIntoView(camera, { x: 2000, y: 300 }, size), { x: 2000, y: 300 })).toEqual({
      x: 710,
      y: 300,
    });
  });

  it("says how much can be read", () => {
    expect([1, 0.6, 0.59, 0.35, 0.34].map(detailAt)).toEqual(["full", "full", "names", "names", "shapes"]);
  });
});

describe("names", () => {
  it("are never smaller than eleven pixels where they are drawn", () => {
    const zooms = Array.from({ length: 100 }, (_, at) => 0.35 + at / 100);
    const small = zooms.filter(zoom => detailAt(zoom) !== "shapes" && zoom * nameSizeAt(zoom) < 11);
    expect(small).toEqual([]);
  });
});

describe("names from other machines", () => {
  it("are cut by letters, not by bytes", () => {
    expect(shortened("👩‍🚀".repeat(30), 3)).toBe("👩‍🚀👩‍🚀…");
    expect(shortened("atelier-tower", 20)).toBe("atelier-tower");
  });

  it("cannot turn the direction of other text, break a line or pile up marks", () => {
    expect(shortened("a\u202eb\nc\u2069d")).toBe("a\ufffdb\ufffdc\ufffdd");
    expect([...shortened(`e${"\u0301".repeat(50)}`)].length).toBeLessThanOrEqual(5);
  });

  it("stay short whatever they are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 400 }), name => {
        expect([...new Intl.Segmenter().segment(shortened(name, 12))].length).toBeLessThanOrEqual(12);
      }),
    );
  });
});
