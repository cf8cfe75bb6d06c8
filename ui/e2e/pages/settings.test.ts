import type { Locator } from "playwright-core";
import { expect, it } from "vitest";

import type { Request } from "~/bridge";
import { open, usePages } from "./lab";

usePages();

/** How much of an element is in sight, 0 … 1. */
const seenOf = (element: Locator): Promise<number> =>
  element.evaluate(
    whole =>
      new Promise<number>(done => {
        const watch = new IntersectionObserver(([entry]) => {
          watch.disconnect();
          done(entry?.intersectionRatio ?? 0);
        });
        watch.observe(whole);
      }),
  );

/** What the window asked to change. */
const changes = (page: Awaited<ReturnType<typeof open>>): Promise<Request[]> =>
  page.evaluate(() => window.lab.bridge.asked.filter(request => request.ask === "set"));

it("finds a setting by its name and goes to it", async () => {
  const page = await open("#/settings");
  await page.getByRole("textbox", { name: "Search settings" }).fill("cores");
  await page.getByRole("link", { name: "Cores to lend" }).click();
  await expect
    .poll(() => page.evaluate(() => document.activeElement?.getAttribute("aria-label")))
    .toBe("Cores to lend");
});

it.each(["dark", "light"] as const)(
  "keeps in %s the setting it went to in sight while rows above fill",
  async theme => {
    const page = await open("#/settings/network/always", { theme }, { width: 900, height: 600 });
    const row = page.getByRole("region", { name: "Standing answers" });
    await row.getByText(/ana-laptop.* is always allowed/).waitFor();
    await page.getByRole("region", { name: "Layout of the links" }).waitFor();
    await expect.poll(() => seenOf(row)).toBe(1);
    await page.mouse.move(600, 300);
    await page.mouse.wheel(0, -5_000);
    await expect.poll(() => seenOf(row)).toBeLessThan(1);
  },
);

it("lends fewer cores with the arrow keys, and takes it back", async () => {
  const page = await open("#/settings/lending");
  await page.getByRole("slider", { name: "Cores to lend" }).press("ArrowLeft");
  await page.getByText("This machine lends 11 cores.").first().waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect
    .poll(() => changes(page))
    .toEqual([
      { ask: "set", lend_cpus: 11 },
      { ask: "set", lend_cpus: 12 },
    ]);
});

it("tunes gravity with the arrow keys, keeps the focus, and takes it back", async () => {
  const page = await open("#/settings/advanced");
  const focused = (): Promise<string | null | undefined> =>
    page.evaluate(() => document.activeElement?.closest("label")?.textContent?.trim());
  await page.getByRole("radio", { name: "Least used first" }).press("ArrowRight");
  await expect.poll(focused).toBe("Most used first");
  await page.getByRole("radio", { name: "As usual" }).press("ArrowRight");
  await expect.poll(focused).toBe("Always the best");
  await page.getByRole("slider", { name: "Weight of this machine" }).press("ArrowLeft");
  await page.keyboard.press("Control+z");
  await expect
    .poll(() => changes(page))
    .toEqual([
      { ask: "set", strategy: "vertical" },
      { ask: "set", sharpness: 32 },
      { ask: "set", weight: 0.75 },
      { ask: "set", weight: 1 },
    ]);
});

it("renames the machine when the field is left, and only then", async () => {
  const page = await open("#/settings/machine/name");
  const field = page.getByRole("textbox", { name: "Name" });
  await field.fill("mill");
  expect(await changes(page)).toEqual([]);
  await field.press("Enter");
  await expect.poll(() => changes(page)).toEqual([{ ask: "set", name: "mill" }]);
});

it("sets a label and removes another", async () => {
  const page = await open("#/settings/machine");
  await page.getByRole("button", { name: "Add label" }).click();
  await page.keyboard.type("room = attic");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: /Remove.*site/ }).click();
  await expect
    .poll(() => changes(page))
    .toEqual([
      { ask: "set", labels: { room: "attic" } },
      { ask: "set", labels: { site: null } },
    ]);
});

it("offers to resume while the machine is paused, also while it finishes tasks", async () => {
  const page = await open("#/settings/lending");
  await page.evaluate(() => {
    const machine = window.lab.grid.thisMachine!;
    const data = {
      ...machine,
      standing: "draining" as const,
      accepts: false,
      why_not: "its owner paused lending",
      paused_until: null,
    };
    window.lab.bridge.tell({ event: "machine_changed", data });
  });
  await page.getByText("6 tasks still finish.").waitFor();
  await page.locator("main").getByRole("button", { name: "Resume lending" }).click();
  await expect.poll(() => changes(page)).toEqual([{ ask: "set", lend: true, pause_secs: 0 }]);
});

it("keeps the desktop app's choices, and hides them in a browser", async () => {
  const page = await open("#/settings/notifications", { desktop: "1" });
  const done = page.getByRole("checkbox", { name: "a job is done" });
  await done.click();
  await page.getByRole("link", { name: "Network" }).click();
  await page.getByRole("link", { name: "Notifications" }).click();
  await expect.poll(() => done.isChecked()).toBe(false);
  const browser = await open("#/settings");
  expect(await browser.getByRole("link", { name: "Notifications" }).count()).toBe(0);
});

it("copies a report without paths, addresses or names of jobs", async () => {
  const page = await open("#/settings/advanced");
  // The page's own word for it: no browser without a screen lends its clipboard.
  await page.evaluate(() => {
    navigator.clipboard.writeText = async text => void (document.documentElement.dataset["copied"] = text);
  });
  await page.getByRole("button", { name: "Copy diagnostics" }).click();
  await page.getByRole("button", { name: "Copied" }).waitFor();
  const report = await page.evaluate(() => document.documentElement.dataset["copied"]);
  expect(report).toContain("old-imac: down");
  expect(report).not.toMatch(/kitchen|192\.168|\/home/);
});

it("shows the licences that the build put beside the page", async () => {
  const page = await open("#/settings/about");
  await page.getByRole("button", { name: "Show licences" }).click();
  await page.getByText("SIL OPEN FONT LICENSE").first().waitFor();
});
