import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";
import { unspoken } from "./spoken";

usePages();

const SCREENS = ["#/grid", "#/jobs", "#/machines"] as const;

describe("before the node has said anything", () => {
  it.each(SCREENS)("%s claims nothing, and says whom it asks", async route => {
    const page = await open(route, { scene: "starting" });
    await page.getByText("Asking this machine").waitFor();
    await page.getByRole("main").locator(".skeleton").waitFor();
    expect((await page.getByRole("main").innerText()).trim()).toBe("");
    expect(await page.getByRole("banner").innerText()).not.toMatch(/\d machine/);
    expect(await page.getByRole("main").getByRole("button").count()).toBe(0);
    expect(await breaches(page)).toEqual([]);
    // Nor when it turns out that there is none.
    await page.evaluate(() => window.lab.bridge.lose(window.lab.Refusal.noNode("gone")));
    await page.getByRole("alert").filter({ hasText: "Gridwell is not running on this machine." }).waitFor();
    expect((await page.getByRole("main").innerText()).trim()).toBe("");
  });
});

describe("a machine that is alone", () => {
  it("stands in the middle of the grid, with what can be done", async () => {
    const page = await open("#/grid", { scene: "alone" });
    await page.getByRole("application", { name: "Grid with 1 machine and 0 links" }).waitFor();
    expect(await page.locator("g[data-machine]").count()).toBe(1);
    for (const offer of ["Drop a file here", "Pair another machine"]) {
      await page.getByRole("main").getByRole("button", { name: offer }).waitFor();
    }
    expect(await page.getByRole("toolbar").count()).toBe(0);
    expect(await unspoken(page)).toEqual([]);
  });

  it("is the one row among the machines, and another one can be paired", async () => {
    const page = await open("#/machines", { scene: "alone" });
    const rows = page.getByRole("grid", { name: "Machines" }).getByRole("row");
    await rows.filter({ hasText: "this machine" }).waitFor();
    expect(await rows.count()).toBe(2);
    await page.getByRole("heading", { name: "Pair another machine" }).waitFor();
  });

  it("has no jobs yet, and says how to start one", async () => {
    const page = await open("#/jobs", { scene: "alone" });
    await page.getByRole("heading", { name: "No jobs yet" }).waitFor();
    await page.getByRole("main").getByRole("button", { name: "Choose file" }).waitFor();
    await page.getByRole("main").getByRole("button", { name: "Try a sample job" }).waitFor();
    expect(await page.getByRole("main").getByRole("row").count()).toBe(0);
  });
});
