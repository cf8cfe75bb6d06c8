import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

describe("a dialog", () => {
  it("keeps the keyboard inside, whichever way it goes round", async () => {
    const page = await open("#/jobs");
    await page.keyboard.press("Control+n");
    await page.getByRole("dialog", { name: "New job" }).waitFor();
    for (const key of [...Array<string>(9).fill("Tab"), ...Array<string>(9).fill("Shift+Tab")]) {
      await page.keyboard.press(key);
      expect(await page.evaluate(() => document.activeElement?.closest("[role='dialog']") !== null)).toBe(true);
    }
  });

  it("is closed by Escape and by a click beside it, and no key acts on the page behind it", async () => {
    const page = await open("#/jobs");
    const dialog = page.getByRole("dialog", { name: "New job" });
    for (const close of [() => page.keyboard.press("Escape"), () => page.mouse.click(200, 400)]) {
      await page.keyboard.press("Control+n");
      await dialog.waitFor();
      await page.evaluate(() => (document.activeElement as HTMLElement).blur());
      await page.keyboard.press("3");
      expect(await page.getByRole("heading", { level: 1, name: "Jobs" }).count()).toBe(1);
      await close();
      await dialog.waitFor({ state: "detached" });
    }
  });

  it("lies over another one, and only the upper one hears Escape", async () => {
    const page = await open("#/jobs");
    await page.keyboard.press("Control+n");
    await page.getByRole("dialog", { name: "New job" }).waitFor();
    await page.evaluate(() => window.lab.pairing.come());
    await page.getByRole("dialog", { name: /sandstone/ }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: /sandstone/ }).waitFor({ state: "detached" });
    expect(await page.getByRole("dialog", { name: "New job" }).count()).toBe(1);
  });
});

describe("a menu", () => {
  it("opens on its first entry by a key, goes round, and gives the focus back", async () => {
    const page = await open("#/jobs");
    const button = page.getByRole("button", { name: "Pause lending" });
    await button.press("Enter");
    const entries = await page.getByRole("menuitem").allInnerTexts();
    expect(entries.length).toBeGreaterThan(2);
    expect(await now(page)).toBe(entries[0]);
    await page.keyboard.press("ArrowUp");
    expect(await now(page)).toBe(entries.at(-1));
    await page.keyboard.press("ArrowDown");
    expect(await now(page)).toBe(entries[0]);
    await page.keyboard.press("End");
    expect(await now(page)).toBe(entries.at(-1));
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("menu").waitFor({ state: "detached" });
    await expect.poll(() => button.evaluate(element => element === document.activeElement)).toBe(true);
  });

  it("goes to an entry by its letter", async () => {
    const page = await open("#/grid");
    await page.locator("g[data-machine]").first().click({ button: "right" });
    await page.getByRole("menu").waitFor();
    const entries = await page.getByRole("menuitem").allInnerTexts();
    const wanted = entries.find(entry => entry[0] !== entries[0]?.[0]) ?? "";
    await page.keyboard.press(wanted[0] ?? "");
    expect(await now(page)).toBe(wanted);
  });

  it("of a row opens where the pointer is, all of it in the window, and is closed by the button that opened it", async () => {
    const page = await open("#/jobs");
    await page.getByRole("row").nth(1).click({ button: "right" });
    const menu = page.getByRole("menu");
    const box = (await menu.boundingBox())!;
    expect(box.x + box.width).toBeLessThanOrEqual(1280);
    expect(box.y + box.height).toBeLessThanOrEqual(800);
    await page.mouse.click(8, 8);
    await menu.waitFor({ state: "detached" });
    const button = page.getByRole("button", { name: "Pause lending" });
    await button.click();
    await menu.waitFor();
    await button.click();
    await menu.waitFor({ state: "detached" });
  });
});

/** What the focused entry says. */
function now(page: Page): Promise<string | undefined> {
  return page.evaluate(() => (document.activeElement as HTMLElement | null)?.innerText);
}
