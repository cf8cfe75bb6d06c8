import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

async function command(page: Page, words: string): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Commands" }).fill(words);
  await page.keyboard.press("Enter");
}

async function openSheet(page: Page): Promise<void> {
  await command(page, "pair machine");
  await page.getByRole("dialog", { name: "Pair machine" }).waitFor();
}

describe("pairing", () => {
  it.each(["dark", "light"] as const)("shows the link with its code in %s, and says who came with it", async theme => {
    const page = await open("#/jobs", { theme });
    await openSheet(page);
    await page.getByRole("button", { name: "Show link" }).click();
    await page.getByRole("img", { name: "The pairing link as a QR code" }).waitFor();
    await page.getByText("10 min left").waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => {
      const data = { ...window.lab.grid.thisMachine!, this: false, id: "f".repeat(52), name: "forge" };
      window.lab.bridge.tell({ event: "machine_changed", data });
    });
    await page.getByText("forge").filter({ hasText: "is paired." }).waitFor();
    await page.getByRole("button", { name: "Show another link" }).waitFor();
  });

  it("says in a sentence why a link does not pair, and pairs nothing", async () => {
    const page = await open("#/jobs");
    await openSheet(page);
    const link = page.getByRole("textbox", { name: "Pairing link" });
    await link.fill("gridwell://pair/used");
    await link.press("Enter");
    await page.getByText("This pairing link was used already.").waitFor();
    await page.getByText("Ask for a new one on forge.").waitFor();
    expect(await breaches(page)).toEqual([]);
    await link.fill("nonsense");
    await link.press("Enter");
    await page.getByText("This is not a pairing link.").waitFor();
  });

  it("opens filled in from a link, and joins with Enter", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => window.lab.bridge.command({ command: "pair", link: "gridwell://pair/good" }));
    const link = page.getByRole("textbox", { name: "Pairing link" });
    expect(await link.inputValue()).toBe("gridwell://pair/good");
    await link.press("Enter");
    await page.getByText("Paired. The grid has 2 machines now.").first().waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });
});

describe("the first start", () => {
  it("is gone through once, and lends what was chosen", async () => {
    const page = await open("", { scene: "alone", first: "1", desktop: "1" });
    await page.getByRole("heading", { name: "Name this machine and say what it lends" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("textbox", { name: "Name" }).fill("mill");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("heading", { name: "Pair another machine" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Just this one" }).click();
    await page.getByRole("checkbox", { name: "Keep lending when I close the window" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Choose file…" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
    expect(await page.evaluate(() => window.lab.bridge.asked.filter(request => request.ask === "set"))).toEqual([
      { ask: "set", name: "mill", lend_cpus: 8 },
    ]);
  });

  it("ends with a sample job that is ready to start", async () => {
    const page = await open("#/welcome", { scene: "alone", first: "1" });
    for (const name of ["Continue", "Just this one"]) await page.getByRole("button", { name }).click();
    await page.getByRole("button", { name: "Try a sample job" }).click();
    await page.getByRole("dialog", { name: /welcome/ }).waitFor();
    await page.keyboard.press("Enter");
    await expect
      .poll(() => page.evaluate(() => window.lab.bridge.asked.filter(({ ask }) => ask === "submit").length))
      .toBe(1);
  });

  it("is over for whoever goes elsewhere", async () => {
    const page = await open("", { scene: "alone", first: "1" });
    await page.getByRole("heading", { name: "Welcome to Gridwell" }).waitFor();
    await page.keyboard.press("2");
    await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
    await page.keyboard.press("1");
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
  });

  it("is not shown where there are machines and jobs", async () => {
    const page = await open("", { first: "1" });
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
  });
});

describe("the check-up", () => {
  it("puts what is wrong first, with what to do", async () => {
    const page = await open("#/doctor");
    await page.getByRole("heading", { name: "1 thing needs attention." }).waitFor();
    const first = page.locator("main li").first();
    expect(await first.innerText()).toContain("Turn on automatic time on win-box.");
  });

  it("says that nobody answers, and checks again", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => window.lab.bridge.lose(window.lab.Refusal.noNode("gone")));
    await page.evaluate(() => (window.location.hash = "#/doctor"));
    await page.getByRole("heading", { name: "Gridwell is not running on this machine." }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => window.lab.bridge.comeBack());
    await page.getByRole("button", { name: "Check again" }).click();
    await page.getByRole("heading", { name: "1 thing needs attention." }).waitFor();
  });
});

describe("the palette", () => {
  it("arranges the grid from another screen", async () => {
    const page = await open("#/jobs");
    await command(page, "layout: star");
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
    await expect.poll(() => page.evaluate(() => window.lab.grid.undo.next?.label)).toBe("Layout changed");
  });

  it("goes to the name of this machine, ready to type", async () => {
    const page = await open("#/jobs");
    await command(page, "rename this");
    await page.getByRole("textbox", { name: "Name" }).waitFor();
    await expect
      .poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement).value))
      .toBe("atelier-tower");
  });
});
