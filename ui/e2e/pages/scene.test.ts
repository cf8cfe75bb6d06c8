import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, openScene, usePages } from "./lab";
import { centreOf, dragTo, emptySpot, focusOn, gripAt, placesOf, ringOf, wishes } from "./scene";

usePages();

/** In the lab's grid: this machine, a ready one, one that is offline; the lab refuses links to machines that are. */
const [HERE, READY, OFFLINE] = ["machine-0", "machine-1", "machine-6"];

describe("a drag from a ring", () => {
  it("onto any part of a machine asks for a link, and for nothing before", async () => {
    const page = await openScene();
    const text = (await page.locator('text[data-machine="machine-4"]').boundingBox())!;
    await dragTo(page, await ringOf(page, READY), { x: text.x + text.width / 2, y: text.y + 8 });
    expect(await wishes(page)).toEqual([]);
    await page.mouse.up();
    expect(await wishes(page)).toEqual([{ kind: "link", a: READY, b: "machine-4" }]);
  });

  it("onto a machine that cannot be reached says why, and does nothing", async () => {
    const page = await openScene();
    await dragTo(page, await ringOf(page, READY), await centreOf(page, OFFLINE));
    await page.getByText("Offline since 09:12").waitFor();
    expect(await page.locator(`g.refused[data-machine="${OFFLINE}"]`).count()).toBe(1);
    await page.mouse.up();
    expect(await wishes(page)).toEqual([]);
  });

  it("back onto its own machine does nothing", async () => {
    const page = await openScene();
    await dragTo(page, await ringOf(page, READY), await centreOf(page, "machine-4"));
    await page.mouse.move(...xy(await centreOf(page, READY)), { steps: 4 });
    await page.mouse.up();
    expect(await wishes(page)).toEqual([]);
  });

  it("ends with Escape, and letting go then does nothing", async () => {
    const page = await openScene();
    await focusOn(page, READY);
    await dragTo(page, await ringOf(page, READY), await centreOf(page, "machine-4"));
    await page.keyboard.press("Escape");
    expect(await page.locator(".preview .coming").count()).toBe(0);
    await page.mouse.up();
    expect(await wishes(page)).toEqual([]);
  });
});

describe("the end of a link", () => {
  it("moves to another machine, with the link that goes in red", async () => {
    const page = await openScene();
    const { grip, link, end, away } = await takeEnd(page);
    await dragTo(page, grip, await centreOf(page, away));
    expect(await page.locator(".preview .leaving").count()).toBe(1);
    await page.mouse.up();
    expect(await wishes(page)).toEqual([{ kind: "rewire", link, end, to: away }]);
  });

  it("dropped on empty space offers to forbid the link, and forbids nothing by itself", async () => {
    const page = await openScene();
    const { grip, link } = await takeEnd(page);
    await dragTo(page, grip, await emptySpot(page));
    await page.mouse.up();
    expect(await wishes(page)).toEqual([expect.objectContaining({ kind: "offer_forbid", link })]);
  });

  it("dropped where it came from does nothing", async () => {
    const page = await openScene();
    const { grip, machine } = await takeEnd(page);
    await dragTo(page, grip, await centreOf(page, machine));
    await page.getByText("Leave it as it is").waitFor();
    await page.mouse.up();
    expect(await wishes(page)).toEqual([]);
  });

  it("stays when Escape ends the drag", async () => {
    const page = await openScene();
    await focusOn(page, READY);
    const { grip, away } = await takeEnd(page);
    await dragTo(page, grip, await centreOf(page, away));
    await page.keyboard.press("Escape");
    await page.mouse.up();
    expect(await wishes(page)).toEqual([]);
  });
});

describe("a machine", () => {
  it("stays where it was put, whatever is told of it, until that is undone", async () => {
    const page = await openScene();
    const before = await placesOf(page);
    const from = await centreOf(page, READY);
    await dragTo(page, from, { x: from.x + 70, y: from.y + 40 });
    await page.mouse.up();
    const after = await placesOf(page);
    const others = (places: Record<string, unknown>) => ({ ...places, [READY]: null });
    expect(after[READY]).not.toEqual(before[READY]);
    expect(others(after)).toEqual(others(before));

    await page.evaluate(() => window.sceneLab.update());
    expect(await placesOf(page)).toEqual(after);

    await page.keyboard.press("Control+z");
    await expect.poll(() => placesOf(page)).toEqual(before);
  });

  it("is selected by a click, added with Shift, and opened by a double click", async () => {
    const page = await openScene();
    await page.mouse.click(...xy(await centreOf(page, READY)));
    await page.keyboard.down("Shift");
    await page.mouse.click(...xy(await centreOf(page, HERE)));
    await page.keyboard.up("Shift");
    expect(await selected(page)).toEqual([HERE, READY]);
    await page.mouse.dblclick(...xy(await centreOf(page, "machine-4")));
    expect((await wishes(page)).at(-1)).toEqual({ kind: "open", machine: "machine-4" });
  });

  it("is selected by a box around it", async () => {
    const page = await openScene();
    const start = await emptySpot(page);
    const ends = await Promise.all([HERE, READY].map(id => centreOf(page, id)));
    const far = (of: (p: { x: number; y: number }) => number, from: number) =>
      ends.map(of).sort((p, q) => Math.abs(q - from) - Math.abs(p - from))[0]!;
    const [x, y] = [far(p => p.x, start.x), far(p => p.y, start.y)];
    await dragTo(page, start, { x: x + Math.sign(x - start.x) * 12, y: y + Math.sign(y - start.y) * 12 });
    await page.mouse.up();
    expect(await selected(page)).toEqual(expect.arrayContaining([HERE, READY]));
  });
});

describe("the view", () => {
  it("goes on from where it was left, by hand and by wheel", async () => {
    const page = await openScene();
    const empty = await emptySpot(page);
    await page.mouse.move(empty.x, empty.y);
    await page.mouse.down({ button: "middle" });
    await page.mouse.move(empty.x + 120, empty.y - 60, { steps: 4 });
    await page.mouse.up({ button: "middle" });
    const at = await centreOf(page, READY);
    await page.mouse.move(at.x, at.y);
    await page.mouse.wheel(0, -200);
    await expect
      .poll(async () => (await page.locator(`[data-machine="${READY}"] .disc`).boundingBox())!.width)
      .not.toBe(0);
    const zoomed = await centreOf(page, READY);
    expect(Math.hypot(zoomed.x - at.x, zoomed.y - at.y)).toBeLessThan(2);
  });

  it("moves with Shift and arrows, and shows everything again with Home", async () => {
    const page = await openScene();
    await focusOn(page, HERE);
    const before = await centreOf(page, HERE);
    await page.keyboard.press("Shift+ArrowRight");
    expect(await centreOf(page, HERE)).toEqual({ x: before.x - 80, y: before.y });
    await page.keyboard.press("+");
    await page.keyboard.press("Home");
    await expect.poll(() => centreOf(page, HERE)).toEqual(before);
  });
});

describe("keys", () => {
  it("walk over machines, select them, and all of them", async () => {
    const page = await openScene();
    await focusOn(page, HERE);
    await page.keyboard.press("ArrowDown");
    const next = await page.evaluate(() => (document.activeElement as SVGElement).dataset["machine"]);
    expect(next).not.toBe(HERE);
    await page.keyboard.press("Space");
    expect(await selected(page)).toEqual([next]);
    await page.keyboard.press("a");
    expect((await selected(page)).length).toBe(7);
    // One machine alone is in the order of Tab.
    expect(await page.locator('[data-machine][tabindex="0"]').count()).toBe(1);
  });

  it("pin, forbid and give back the link that L leads to", async () => {
    const page = await openScene();
    await focusOn(page, HERE);
    await page.keyboard.press("l");
    const link = await page.evaluate(() => (document.activeElement as SVGElement).dataset["link"]);
    for (const key of ["p", "f", "x"]) await page.keyboard.press(key);
    expect(await wishes(page)).toEqual(
      ["pinned", "forbidden", "automatic"].map(policy => ({ kind: "set_policy", links: [link], policy })),
    );
    await page.keyboard.press("Escape");
    expect(await page.evaluate(() => (document.activeElement as SVGElement).dataset["machine"])).toBe(HERE);
  });

  it("link with K, from a list that a few letters make short", async () => {
    const page = await openScene();
    await focusOn(page, READY);
    await page.keyboard.press("k");
    await page.getByRole("combobox").waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.type("render-02");
    await page.keyboard.press("Enter");
    expect(await wishes(page)).toEqual([{ kind: "link", a: READY, b: "machine-4" }]);
    await page.getByRole("combobox").waitFor({ state: "detached" });
    await expect.poll(() => page.evaluate(() => (document.activeElement as SVGElement).dataset["machine"])).toBe(READY);
  });

  it("rewire with Shift K, and leave the list with Escape", async () => {
    const page = await openScene();
    const { link, away, stays } = await takeEnd(page);
    await focusOn(page, stays);
    for (let turn = 0; turn < 6; turn++) {
      await page.keyboard.press("l");
      if ((await page.evaluate(() => (document.activeElement as SVGElement).dataset["link"])) === link) break;
    }
    await page.keyboard.press("Shift+k");
    await page.getByRole("combobox").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("combobox").waitFor({ state: "detached" });
    expect(await wishes(page)).toEqual([]);
    await page.keyboard.press("Shift+k");
    await page.getByRole("combobox").waitFor();
    const name = await page.locator(`text[data-machine="${away}"] .name`).textContent();
    await page.keyboard.type(name!.replace(/[\u2066-\u2069]/g, ""));
    await page.keyboard.press("Enter");
    expect(await wishes(page)).toEqual([{ kind: "rewire", link, end: "b", to: away }]);
  });

  it("move a machine with M, arrows and Enter, and not after Escape", async () => {
    const page = await openScene();
    await focusOn(page, READY);
    const before = await placesOf(page);
    await page.keyboard.press("m");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Escape");
    expect(await placesOf(page)).toEqual(before);
    await page.keyboard.press("m");
    await page.keyboard.press("ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
    await page.keyboard.press("Enter");
    const { x, y } = before[READY]!;
    expect((await placesOf(page))[READY]).toEqual({ x: x + 20, y: y + 4 });
  });

  it("keep jobs off a machine and prefer it", async () => {
    const page = await openScene();
    await focusOn(page, READY);
    await page.keyboard.press("o");
    await page.keyboard.press("Shift+p");
    expect(await wishes(page)).toEqual([
      { kind: "keep_off", machines: [READY] },
      { kind: "prefer", machines: [READY] },
    ]);
  });
});

describe("a locked scene", () => {
  it("lets look and select, and nothing else", async () => {
    const page = await openScene({ locked: "" });
    const before = await placesOf(page);
    const from = await centreOf(page, READY);
    await dragTo(page, from, { x: from.x + 70, y: from.y + 40 });
    await page.mouse.up();
    await dragTo(page, await ringOf(page, READY), await centreOf(page, "machine-4"));
    await page.mouse.up();
    await focusOn(page, READY);
    for (const key of ["k", "m", "ArrowRight", "Enter"]) await page.keyboard.press(key);
    expect(await placesOf(page)).toEqual(before);
    expect((await wishes(page)).filter(({ kind }) => kind !== "select" && kind !== "open")).toEqual([]);
  });
});

describe("movement", () => {
  it("is there without a wish for less of it", async () => {
    const page = await openScene({}, "no-preference");
    const first = await dotsOf(page);
    await expect.poll(() => dotsOf(page)).not.toBe(first);
  });

  it("is not there with one: dots rest, and a layout is there at once", async () => {
    const page = await openScene();
    const first = await dotsOf(page);
    await frames(page, 12);
    expect(await dotsOf(page)).toBe(first);

    await page.getByRole("button", { name: "Layout: Mesh" }).click();
    await page.getByRole("button", { name: "Chain" }).click();
    await expect.poll(async () => (await wishes(page)).at(-1)?.kind).toBe("place");
    const places = await placesOf(page);
    await frames(page, 12);
    expect(await placesOf(page)).toEqual(places);
  });
});

describe("a crowd", () => {
  it("has neither dashes nor text while it is zoomed, and both again when it rests", async () => {
    const page = await openScene({ n: "120", nosites: "" });
    const rests = page.locator(".scene:not([data-rough])");
    await rests.waitFor();
    await focusOn(page, HERE);
    // Near enough for names.
    for (let press = 0; press < 3; press++) await page.keyboard.press("+");
    await rests.waitFor();
    await expect.poll(() => page.locator("text[data-machine]").count()).toBeGreaterThan(0);
    expect(await dashesOf(page)).not.toBe("none");

    const meanwhile = page.evaluate(
      () =>
        new Promise(tell => {
          const scene = document.querySelector(".scene")!;
          const look = (): void => {
            if (!scene.hasAttribute("data-rough")) {
              requestAnimationFrame(look);
              return;
            }
            const dashes = getComputedStyle(document.querySelector("path.dotted")!).strokeDasharray;
            tell([dashes, document.querySelectorAll("text[data-machine]").length]);
          };
          look();
        }),
    );
    await page.keyboard.press("+");
    expect(await meanwhile).toEqual(["none", 0]);
    await rests.waitFor();
    await expect.poll(() => page.locator("text[data-machine]").count()).toBeGreaterThan(0);
    expect(await dashesOf(page)).not.toBe("none");
  });
});

for (const [name, asked] of [
  ["one machine", { n: "1" }],
  ["thirty machines", { n: "30" }],
  ["names from strangers", { n: "12", hostile: "" }],
  ["sites", { n: "400" }],
] as const) {
  for (const theme of ["dark", "light"])
    it(`a scene of ${name} is open to everyone in ${theme}`, async () => {
      expect(await breaches(await openScene({ ...asked, theme }))).toEqual([]);
    });
}

/** A link, where the handle of one end stands, the machine there, and one that the link does not reach. */
async function takeEnd(page: Page) {
  const found = await page.evaluate(() => {
    const { links, machines } = window.sceneLab.grid();
    const link = links.find(({ state, pending, a }) => state === "up" && pending === null && a !== "machine-0")!;
    const away = machines.find(
      ({ id, state }) => id !== link.a && id !== link.b && state !== "offline" && state !== "problem",
    )!;
    return { link: link.id, a: link.a, b: link.b, away: away.id };
  });
  const grip = await gripAt(page, found.a, found.b);
  return { grip, link: found.link, end: "b", machine: found.b, stays: found.a, away: found.away };
}

async function selected(page: Page): Promise<string[]> {
  const chosen = page.locator('[data-machine][aria-pressed="true"]');
  return (await chosen.evaluateAll(all => all.map(each => (each as SVGElement).dataset["machine"]!))).sort();
}

function dashesOf(page: Page): Promise<string> {
  const dotted = page.locator("path.dotted").first();
  return dotted.evaluate(link => getComputedStyle(link).strokeDasharray);
}

function dotsOf(page: Page): Promise<string> {
  return page.locator(".scene canvas").evaluate(canvas => (canvas as HTMLCanvasElement).toDataURL());
}

function frames(page: Page, count: number): Promise<void> {
  return page.evaluate(async left => {
    while (left-- > 0) await new Promise(requestAnimationFrame);
  }, count);
}

function xy({ x, y }: { x: number; y: number }): [number, number] {
  return [x, y];
}
