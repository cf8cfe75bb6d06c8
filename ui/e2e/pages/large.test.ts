import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { usePages } from "./lab";
import { EVERY_SCREEN, openScreen } from "./walk";

usePages();

const SIZES = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
] as const;

describe("text of twice the size", () => {
  it.each(EVERY_SCREEN.map(([name]) => name))("%s loses nothing", async name => {
    const page = await openScreen(name, { text: "200" });
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await expect.poll(() => overflow(page)).toEqual({ window: 0, main: 0 });
      await expect.poll(() => page.evaluate(cut)).toEqual([]);
      await pictured(page, `${name} ${size.width}`);
    }
  });
});

describe("text that grows while the window is open", () => {
  it.each([
    ["the jobs", "[role='row'][aria-rowindex='2']"],
    ["the machines", "[role='row'][aria-rowindex='2']"],
    ["events", "[role='row'][aria-rowindex='2']"],
    ["a job's tasks", "[role='row'][aria-rowindex='2']"],
    ["a job's logs", ".window > *"],
    ["a job's timeline", ".names > li"],
  ])("finds room in every row: %s", async (name, row) => {
    const page = await openScreen(name);
    const height = (): Promise<number> =>
      page
        .locator(`main ${row}`)
        .first()
        .evaluate(element => element.getBoundingClientRect().height);
    const once = await height();
    await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
    await expect.poll(height).toBe(2 * once);
  });
});

/** Words of controls and headings that are cut, unless all of it can be read elsewhere; each with how much is missing. */
function cut(): string[] {
  /** How much wider a list of choices would have to be to show the one that is chosen. */
  function missingOfChoice(select: HTMLSelectElement): number {
    const copy = select.cloneNode(true) as HTMLSelectElement;
    copy.replaceChildren(...[...copy.options].filter(option => option.value === select.value));
    copy.style.cssText = "position: absolute; width: max-content; min-width: 0; visibility: hidden";
    select.after(copy);
    const missing = copy.offsetWidth - select.offsetWidth;
    copy.remove();
    return missing;
  }

  function missingOf(element: HTMLElement): number {
    const style = getComputedStyle(element);
    if (element instanceof HTMLSelectElement) return missingOfChoice(element);
    const clips = style.overflowX !== "visible" || element.tagName === "BUTTON";
    // What is one pixel wide is for screen readers.
    return clips && element.clientWidth > 1 ? element.scrollWidth - element.clientWidth : 0;
  }

  const controls = "button, a, h1, h2, h3, label, [role='tab'], [role='menuitem'], [role='option'], select, th, dt";
  return [...document.querySelectorAll<HTMLElement>(controls)]
    .flatMap(control => [control, ...control.querySelectorAll<HTMLElement>("*")])
    .filter(each => each.closest(".unseen, [title], .selectable, svg") === null && each.getClientRects().length > 0)
    .map(each => ({ each, missing: missingOf(each) }))
    .filter(({ missing }) => missing > 1)
    .map(({ each, missing }) => `${each.tagName} “${each.textContent?.trim()}” ${missing}`);
}

/** How far the window, and the screen in it, would have to be scrolled sideways. */
function overflow(page: Page): Promise<{ window: number; main: number }> {
  return page.evaluate(() => {
    const main = document.querySelector("main");
    return {
      window: document.documentElement.scrollWidth - window.innerWidth,
      main: (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0),
    };
  });
}

/** A picture to look at, where a folder for them is named. */
async function pictured(page: Page, name: string): Promise<void> {
  const folder = process.env["GRIDWELL_SHOTS"];
  if (folder !== undefined) await page.screenshot({ path: `${folder}/${name.replaceAll(" ", "-")}.png` });
}
