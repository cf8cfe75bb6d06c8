import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages, type Look } from "./lab";
import { centreOf, dragTo, emptySpot, focusOn, gripAt, ringOf, standing } from "./scene";

usePages();

describe("drawing a link by hand", () => {
  it("pins it, says so, and can be taken back and made again", async () => {
    const page = await openGrid();
    const [tower, mini] = [await idOf(page, "atelier-tower"), await idOf(page, "lab-mini")];
    await dragTo(page, await ringOf(page, tower), await centreOf(page, mini));
    await page.getByText("about 2.1 ms").waitFor();
    expect(await changes(page)).toEqual([]);
    await page.mouse.up();
    await page.getByText("Link pinned").first().waitFor();
    await page.keyboard.press("Control+z");
    await expect.poll(() => changes(page)).toEqual(["lab-mini pinned", "lab-mini automatic"]);
    await page.keyboard.press("Control+Shift+z");
    await expect.poll(() => changes(page)).toEqual(["lab-mini pinned", "lab-mini automatic", "lab-mini pinned"]);
  });

  it("says why a machine cannot be reached", async () => {
    const page = await openGrid();
    const [tower, imac] = [await idOf(page, "atelier-tower"), await idOf(page, "old-imac")];
    await dragTo(page, await ringOf(page, tower), await centreOf(page, imac));
    await page.getByText("old-imac is offline").waitFor();
    await page.mouse.up();
    expect(await changes(page)).toEqual([]);
  });
});

describe("a machine that is in the way", () => {
  it("is hidden, and shown again with all others", async () => {
    const page = await openGrid();
    const mini = await idOf(page, "lab-mini");
    const { x, y } = await centreOf(page, mini);
    await page.mouse.click(x, y);
    await page.keyboard.press("h");
    await page.getByText("1 machine hidden").waitFor();
    expect(await page.locator(`[data-machine="${mini}"]`).count()).toBe(0);
    await page.keyboard.press("Alt+h");
    await page.locator(`[data-machine="${mini}"]`).first().waitFor();
  });
});

describe("the end of a link", () => {
  it("on another machine makes that link before the old one goes, as one step", async () => {
    const page = await openGrid();
    const grip = await laptopEnd(page);
    await dragTo(page, grip, await centreOf(page, await idOf(page, "lab-mini")));
    await page.getByText(/about 2.1 ms · cuts off .*ana-laptop/).waitFor();
    await page.mouse.up();
    await page.getByText("Link moved").first().waitFor();
    expect(await changes(page)).toEqual(["lab-mini pinned", "ana-laptop forbidden"]);
    await page.keyboard.press("Control+z");
    await expect
      .poll(async () => (await changes(page)).slice(2))
      .toEqual(["ana-laptop automatic", "lab-mini automatic"]);
  });

  it("on empty space asks before it forbids", async () => {
    const page = await openGrid();
    for (const answer of ["Cancel", "Change it"]) {
      expect(await changes(page)).toEqual([]);
      await dragTo(page, await laptopEnd(page), await emptySpot(page));
      await page.mouse.up();
      await page.getByText("Forbid the link").waitFor();
      await page.getByRole("button", { name: answer }).click();
      await page.getByText("Forbid the link").waitFor({ state: "detached" });
    }
    await expect.poll(() => changes(page)).toEqual(["ana-laptop forbidden"]);
  });
});

describe("a link that is selected", () => {
  it.each(["dark", "light"] as const)("is shown beside the picture in %s, and changed there", async theme => {
    const page = await openGrid({ theme, inspector: "1" });
    await focusOn(page, await idOf(page, "ana-laptop"));
    await page.keyboard.press("l");
    await page.keyboard.press("Space");
    const inspector = page.getByRole("complementary", { name: "Inspector" });
    await inspector.getByText("Nobody has changed it: the grid decides.").waitFor();
    await inspector.getByText("4.1 GB received · 300 MB sent").waitFor();
    expect(await breaches(page)).toEqual([]);
    await inspector.getByRole("combobox").selectOption({ label: "Pinned" });
    await inspector.getByText(/Changed on .*atelier-tower/).waitFor();
    expect(await changes(page)).toEqual(["ana-laptop pinned"]);
    await page.keyboard.press("Control+z");
    await expect.poll(() => inspector.getByRole("combobox").inputValue()).toBe("automatic");
  });
});

describe("names of machines", () => {
  it.each([undefined, "200"] as const)("can be read in the smallest window with text of %s percent", async text => {
    const page = await open("#/grid", text === undefined ? {} : { text }, { width: 900, height: 600 });
    await standing(page);
    await page.getByRole("button", { name: "Hide active jobs" }).click();
    await standing(page);
    const sizes = await page
      .locator("text .name")
      .evaluateAll(names =>
        names
          .filter(name => name.getClientRects().length > 0)
          .map(name => parseFloat(getComputedStyle(name).fontSize) * (name as SVGTextElement).getScreenCTM()!.a),
      );
    expect(sizes.length).toBe(7);
    expect(Math.min(...sizes)).toBeGreaterThanOrEqual(text === undefined ? 11 : 22);
  });
});

describe("the list of links", () => {
  it("takes the picture's place with T, and gives it back with what was put where", async () => {
    const page = await openGrid();
    const tower = await idOf(page, "atelier-tower");
    const from = await centreOf(page, tower);
    await dragTo(page, from, { x: from.x + 60, y: from.y + 30 });
    await page.mouse.up();
    const put = await centreOf(page, tower);
    await page.keyboard.press("t");
    await page.getByRole("table", { name: "Links" }).waitFor();
    expect(await page.getByRole("row").filter({ hasText: "lab-mini" }).count()).toBe(1);
    await page.keyboard.press("t");
    await page.locator(".scene").waitFor();
    await page.keyboard.press("Control+z");
    await expect.poll(() => centreOf(page, tower)).not.toEqual(put);
  });
});

/** Shows the handles of the link to ana-laptop, and returns where the one at ana-laptop stands. */
async function laptopEnd(page: Page): Promise<{ x: number; y: number }> {
  return gripAt(page, await idOf(page, "atelier-tower"), await idOf(page, "ana-laptop"));
}

async function openGrid(look: Look = {}): Promise<Page> {
  const page = await open("#/grid", look);
  await standing(page);
  return page;
}

function idOf(page: Page, name: string): Promise<string> {
  return page.evaluate(name => window.lab.grid.machines.find(machine => machine.name === name)!.id, name);
}

/** What the window asked of links, in the order it asked. */
function changes(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    window.lab.bridge.asked.flatMap(request =>
      request.ask === "link" ? [`${window.lab.grid.machine(request.to)?.name} ${request.policy}`] : [],
    ),
  );
}
