import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";
import { unspoken } from "./spoken";

usePages();

/** What the window asked about the layout, without looks at what holds. */
function asked(page: Page): Promise<unknown[]> {
  return page.evaluate(() =>
    window.lab.bridge.asked.filter(
      request =>
        (request.ask === "layout" && (request.kind != null || request.undo === true)) || request.ask === "behaviour",
    ),
  );
}

describe("the layout of the links", () => {
  it.each(["dark", "light"] as const)("says in %s what would change, changes it, and goes back", async theme => {
    const page = await open("#/settings/network", { theme });
    await page.getByRole("radio", { name: "Star" }).press("Space");
    const said = page.getByRole("status").filter({ hasText: "Goes:" });
    await said.locator("p").filter({ hasText: "render-01" }).waitFor();
    expect(await said.locator("figure .goes").count()).toBe(2);
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
    await page.getByRole("combobox", { name: "In the middle" }).selectOption({ label: "studio-nas" });
    await said.locator("p").filter({ hasText: "atelier-tower" }).waitFor();
    await page.getByRole("button", { name: "Use this layout" }).click();
    await page.getByText("The links of the grid take their new shape.").first().waitFor();
    await page.getByText(/atelier-tower.* asked for it/).waitFor();
    await page.getByText("Still to go:").waitFor();
    await page.getByRole("button", { name: "Back to the layout before" }).click();
    await page.getByText("Still to go:").waitFor({ state: "detached" });
    const requests = (await asked(page)) as { preview?: boolean; expected?: number; undo?: boolean }[];
    expect(requests.filter(request => request.preview !== true)).toMatchObject([
      { kind: "star", expected: 0 },
      { undo: true, expected: 1 },
    ]);
  });

  it("is refused where it would cut somebody off, who is named", async () => {
    const page = await open("#/settings/network");
    await page.getByRole("radio", { name: "Chain" }).press("Space");
    await page
      .getByRole("alert")
      .getByText(/win-box would be cut off/)
      .waitFor();
    expect(await page.getByRole("button", { name: "Use this layout" }).getAttribute("aria-disabled")).toBe("true");
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("alert").waitFor({ state: "detached" });
    expect(await page.getByRole("radio", { name: "Mesh" }).isChecked()).toBe(true);
  });

  it("is improved by itself where people want it, or on their word", async () => {
    const page = await open("#/settings/network");
    await page.getByText(/Link with .*win-box.* instead of .*lab-mini/).waitFor();
    await page.getByRole("button", { name: "Do it" }).click();
    await page.getByText(/Link with .*win-box.* instead of .*lab-mini/).waitFor({ state: "detached" });
    await page.getByRole("radiogroup", { name: "Random walk" }).getByRole("radio", { name: "On" }).press("Space");
    expect(await asked(page)).toEqual([
      { ask: "behaviour", name: "nearest", accept: true },
      { ask: "behaviour", name: "walk", mode: "on" },
    ]);
  });
});
