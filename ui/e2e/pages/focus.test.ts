import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { open, usePages } from "./lab";

usePages();

const TOWER = `#/machines/${"atelieratower".padEnd(52, "a")}`;

describe("the keyboard", () => {
  it("stays with the labels of a machine while they come and go", async () => {
    const page = await open(TOWER);
    const add = page.getByRole("button", { name: "Add label" });
    await add.focus();
    await press(page, "Enter", page.getByRole("textbox", { name: "Add label" }));
    await page.keyboard.type("room = attic");
    await press(page, "Enter", add);
    await press(page, "Enter", page.getByRole("textbox", { name: "Add label" }));
    await press(page, "Escape", add);
    await press(page, "Shift+Tab", page.getByRole("button", { name: /Remove .*tier/ }));
    await press(page, "Enter", page.getByRole("button", { name: /Remove .*tier/ }));
    await tellLabels(page, { site: "studio" });
    await on(add);
    await press(page, "Shift+Tab", page.getByRole("button", { name: /Remove .*site/ }));
    await tellLabels(page, {});
    await on(add);
  });

  it("stays in what opened over the page while a screen was on its way", async () => {
    const page = await open("#/jobs");
    await page.getByRole("grid", { name: "Jobs" }).focus();
    let comes = (): void => {};
    const held = new Promise<void>(resolve => (comes = resolve));
    await page.route(/activity/i, async route => {
      await held;
      await route.continue();
    });
    await page.evaluate(() => (window.location.hash = "#/activity"));
    await page.keyboard.press("Control+k");
    const commands = page.getByRole("combobox", { name: "Commands" });
    await on(commands);
    comes();
    await page.getByRole("tab", { name: "Events" }).waitFor();
    await on(commands);
  });

  it("goes back from a toast to where it was", async () => {
    const page = await open("#/jobs");
    const jobs = page.getByRole("grid", { name: "Jobs" });
    await jobs.focus();
    await page.evaluate(() => {
      window.lab.grid.toasts.problem("One.");
      window.lab.grid.toasts.problem("Two.");
    });
    const close = page.getByRole("button", { name: "Dismiss" });
    await close.first().focus();
    await press(page, "Enter", close);
    await press(page, "Enter", jobs);
  });

  it("stays in the table of links when a link goes", async () => {
    const page = await open("#/grid");
    await page.locator("g[data-machine]").first().waitFor();
    await page.keyboard.press("t");
    const policy = (name: string): Locator => page.getByRole("combobox", { name: new RegExp(name) });
    await policy("lab-mini").focus();
    await page.evaluate(() => {
      const gone = window.lab.grid.links.find(link => link.name === "lab-mini")!;
      window.lab.bridge.tell({ event: "link_removed", data: { from: gone.from, peer: gone.peer } });
    });
    await on(policy("old-imac"));
  });

  it("goes on in the list of jobs when the job in front of it is opened, and comes back", async () => {
    const page = await open("#/jobs");
    await page.getByRole("grid", { name: "Jobs" }).focus();
    await press(page, "ArrowDown");
    await press(page, "Enter");
    await page.getByRole("heading", { level: 1, name: "holiday film.mov" }).waitFor();
    await inPage(page);
    await page.getByRole("link", { name: "All jobs" }).focus();
    await press(page, "Enter");
    await page.getByRole("grid", { name: "Jobs" }).waitFor();
    await inPage(page);
  });

  it("stays in the sheet while drafts come and go, and goes back to what opened it", async () => {
    const page = await open("#/jobs");
    const opener = page.getByRole("button", { name: "New job" });
    await opener.focus();
    await press(page, "Enter");
    const sheet = page.getByRole("dialog");
    await sheet.getByRole("textbox").waitFor();
    await page.keyboard.type("/home/ana/kitchen.blend");
    await press(page, "Enter", sheet.getByRole("button", { name: "Start", exact: true }));
    await press(page, "Escape");
    await sheet.waitFor({ state: "detached" });
    await inPage(page);
  });

  it("stays where it was when the inspector goes", async () => {
    const page = await open("#/jobs", { inspector: "1" });
    await page.getByRole("complementary").getByRole("button", { name: "Hide inspector" }).focus();
    await press(page, "Enter");
    await page.getByRole("complementary").waitFor({ state: "detached" });
    await inPage(page);
  });

  it("stays with a machine when its lending is paused and resumed", async () => {
    const page = await open("#/jobs");
    await page.getByRole("button", { name: "Pause lending" }).focus();
    await press(page, "Enter");
    await press(page, "ArrowDown");
    await press(page, "Enter");
    await page.evaluate(() => {
      const data = { ...window.lab.grid.thisMachine!, state: "paused" as const, accepts: false };
      window.lab.bridge.tell({ event: "machine_changed", data });
    });
    await on(page.getByRole("button", { name: "Resume lending" }));
  });

  it("clears a filter and goes on in it", async () => {
    const page = await open("#/machines");
    await page.keyboard.press("/");
    await page.keyboard.type("render");
    const clear = page.getByRole("button", { name: "Clear filter" });
    await press(page, "Tab", clear);
    await press(page, "Enter", page.getByRole("textbox", { name: "Filter machines" }));
  });
});

/** Presses a key; then something has the focus: what is named, or anything at all. */
async function press(page: Page, key: string, then?: Locator): Promise<void> {
  await page.keyboard.press(key);
  if (then === undefined) await inPage(page);
  else await on(then);
}

async function on(control: Locator): Promise<void> {
  await expect.poll(() => control.evaluate(element => element === document.activeElement)).toBe(true);
}

/** Waits until the focus has come to rest, which is never nowhere. */
async function inPage(page: Page): Promise<void> {
  const rests = (): Promise<boolean> =>
    page.evaluate(async () => {
      for (let frame = 0; frame < 3; frame += 1) await new Promise(requestAnimationFrame);
      return document.activeElement !== document.body;
    });
  await expect.poll(rests).toBe(true);
}

/** As a node does after a label was set. */
async function tellLabels(page: Page, labels: Record<string, string>): Promise<void> {
  await page.evaluate(told => {
    const data = { ...window.lab.grid.thisMachine!, labels: told };
    window.lab.bridge.tell({ event: "machine_changed", data });
  }, labels);
}
