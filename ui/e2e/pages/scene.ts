import type { Page } from "playwright-core";

import type { Link, Machine, Point, SceneWish } from "../../src/scene/model";

declare global {
  interface Window {
    sceneLab: {
      update(): void;
      settled(): boolean;
      grid(): { machines: readonly Machine[]; links: readonly Link[] };
      /** What a person asked for so far, but for selections and first places. */
      said: SceneWish[];
    };
  }
}

/** What the scene wished, in words that a test can compare; where machines stand is told by `placesOf`. */
export function wishes(page: Page): Promise<{ kind: string }[]> {
  return page.evaluate(() =>
    window.sceneLab.said
      .filter(wish => wish.kind !== "select" && !(wish.kind === "place" && wish.why === "settle"))
      .map(wish => (wish.kind === "place" ? { kind: wish.kind } : { ...wish })),
  );
}

/** Where machines stand in the scene. */
export async function placesOf(page: Page): Promise<Record<string, Point>> {
  const places = await page.locator("g[data-machine]").evaluateAll(all =>
    all.map(each => {
      const [, x, y] = /\(([-\d.]+) ([-\d.]+)\)/.exec(each.getAttribute("transform") ?? "") ?? [];
      return [(each as SVGElement).dataset["machine"]!, { x: Number(x), y: Number(y) }] as const;
    }),
  );
  return Object.fromEntries(places);
}

/** Waits until all machines have stood where they are for some frames: layouts take a while, and so do panels that make room. */
export async function standing(page: Page): Promise<void> {
  await page.evaluate(() => document.fonts.ready);
  await page.waitForFunction(
    enough => {
      const seen = window as unknown as { stood?: { at: string; frames: number } };
      const boxes = [...document.querySelectorAll("g[data-machine] .disc")].map(disc => disc.getBoundingClientRect());
      const at = JSON.stringify(boxes.map(({ x, y, width }) => [x, y, width]));
      const frames = boxes.length > 0 && seen.stood?.at === at ? seen.stood.frames + 1 : 0;
      seen.stood = { at, frames };
      return frames >= enough;
    },
    20,
    { polling: "raf" },
  );
}

async function discOf(page: Page, machine: string): Promise<Point & { radius: number }> {
  const box = (await page.locator(`[data-machine="${machine}"] .disc`).boundingBox())!;
  const round = (value: number): number => Math.round(value * 10) / 10;
  return { x: round(box.x + box.width / 2), y: round(box.y + box.height / 2), radius: box.width / 2 };
}

/** Where the middle of a machine is in the window. */
export async function centreOf(page: Page, machine: string): Promise<Point> {
  const { x, y } = await discOf(page, machine);
  return { x, y };
}

/** A point on the ring of a machine, from which a link is drawn. */
export async function ringOf(page: Page, machine: string): Promise<Point> {
  const { x, y, radius } = await discOf(page, machine);
  return { x: x + radius, y };
}

async function middleOf(page: Page, one: string, other: string, share = 0.5): Promise<Point> {
  const [p, q] = [await discOf(page, one), await discOf(page, other)];
  const length = Math.hypot(q.x - p.x, q.y - p.y);
  const t = (p.radius + (length - p.radius - q.radius) * share) / length;
  return { x: p.x + (q.x - p.x) * t, y: p.y + (q.y - p.y) * t };
}

/** Points at a link, and returns where the handle of its end at `other` stands. */
export async function gripAt(page: Page, one: string, other: string): Promise<Point> {
  // Past the middle: the words of the first machine may lie over it.
  const { x: overX, y: overY } = await middleOf(page, one, other, 0.7);
  await page.mouse.move(overX, overY, { steps: 3 });
  const grips = page.locator(".grip");
  await grips.first().waitFor();
  const { x, y } = await discOf(page, other);
  const points = await grips.evaluateAll(all =>
    all.map(grip => {
      const { left, top, width, height } = grip.getBoundingClientRect();
      return { x: left + width / 2, y: top + height / 2 };
    }),
  );
  const far = (point: Point): number => Math.hypot(point.x - x, point.y - y);
  return points.sort((p, q) => far(p) - far(q))[0]!;
}

/** A point of the scene that is far from everything. */
export async function emptySpot(page: Page): Promise<Point> {
  const box = (await page.locator(".scene").boundingBox())!;
  return { x: box.x + 24, y: box.y + box.height / 2 };
}

/** Presses at one point and moves to the other, as a hand does; the button stays down. */
export async function dragTo(page: Page, from: Point, to: Point): Promise<void> {
  await page.mouse.move(from.x, from.y, { steps: 2 });
  await page.mouse.down();
  await page.mouse.move(to.x, to.y, { steps: 6 });
}

export async function focusOn(page: Page, machine: string): Promise<void> {
  await page.locator(`g[data-machine="${machine}"]`).focus();
}
