import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

const SCREENS = [
  "#/grid",
  "#/jobs",
  "#/machines",
  "#/files",
  "#/activity",
  "#/settings",
  "#/doctor",
  "#/welcome",
] as const;
const ITEMS = [
  "#/jobs/kitchenaaaaaaaaa",
  `#/machines/${"render".padEnd(52, "a")}`,
  "#/files/render-01/Textures",
  "#/files/old-imac/Archive",
] as const;

describe.each(["dark", "light"] as const)("in %s", theme => {
  it.each([...SCREENS, ...ITEMS])("%s has nothing that shuts people out", async route => {
    expect(await breaches(await open(route, { theme }))).toEqual([]);
  });
});

describe("the settings", () => {
  const PAGES = ["lending", "machine", "machines", "notifications", "appearance", "network", "advanced", "about"];

  it.each(PAGES)("%s shuts nobody out, and fits into the smallest window with long words", async id => {
    const page = await open(`#/settings/${id}`, { desktop: "1", locale: "en-XA" }, { width: 900, height: 600 });
    expect(await breaches(page)).toEqual([]);
    expect(await overflow(page)).toEqual([0, 0]);
    expect(await page.evaluate(cut)).toEqual([]);
  });
});

describe("every screen", () => {
  it.each(SCREENS)("%s is there before anything was done", async route => {
    expect(await breaches(await open(route, { scene: "alone" }))).toEqual([]);
  });

  it.each(SCREENS)("%s fits into the smallest window, with long words", async route => {
    const page = await open(route, { locale: "en-XA" }, { width: 900, height: 600 });
    expect(await overflow(page)).toEqual([0, 0]);
  });

  it.each([...SCREENS, ...ITEMS])("%s loses nothing with text of twice the size", async route => {
    const page = await open(route);
    await page.evaluate(() => (document.documentElement.style.fontSize = "200%"));
    expect(await overflow(page)).toEqual([0, 0]);
  });

  it.each(SCREENS)("%s can be read from right to left", async route => {
    const page = await open(route, { dir: "rtl" });
    expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)).toBe(0);
    const [nav, main] = await Promise.all([
      page.locator("nav").first().boundingBox(),
      page.locator("main").boundingBox(),
    ]);
    expect(nav?.x).toBeGreaterThan(main?.x ?? 0);
  });

  it.each(SCREENS)("%s shows hostile names as text", async route => {
    const page = await open(route, { scene: "hostile" });
    expect(await page.locator("main img[src='x']").count()).toBe(0);
    // eslint-disable-next-line no-control-regex
    expect(await page.evaluate(() => document.body.innerText)).not.toMatch(/[\u202a-\u202e\u0007\u001b]/);
  });

  it.each(SCREENS)("%s has every word in the catalogue", async route => {
    const page = await open(route, { scene: "alone", locale: "en-XA" });
    const words = await page.evaluate(() => {
      const walker = document.createTreeWalker(document.querySelector("main") ?? document.body, NodeFilter.SHOW_TEXT);
      const found: string[] = [];
      for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
        // Names and keys are nobody's words; drawn text has no `bdi`, so that a name is isolated by characters.
        const isName = node.nodeValue?.startsWith("\u2068") === true;
        if (!isName && node.parentElement?.closest("bdi, kbd, .mono, .selectable, style, script") == null)
          found.push(node.nodeValue ?? "");
      }
      return found.map(text => text.trim()).filter(text => /[a-z]{3}/.test(text) && !text.includes("["));
    });
    expect(words).toEqual([]);
  });
});

/** Rows of settings that hold more than they show. */
function cut(): (string | null)[] {
  return [...document.querySelectorAll("main section > *")]
    .filter(element => element.scrollWidth > element.clientWidth + 1)
    .map(element => element.textContent);
}

/** How far the window, and the screen in it, would have to be scrolled sideways. */
function overflow(page: Page): Promise<number[]> {
  return page.evaluate(() => {
    const main = document.querySelector("main");
    return [
      document.documentElement.scrollWidth - window.innerWidth,
      (main?.scrollWidth ?? 0) - (main?.clientWidth ?? 0),
    ];
  });
}
