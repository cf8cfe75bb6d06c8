import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";
import { unspoken } from "./spoken";

usePages();

/** What the window wished, without what it only asked. */
function wished(page: Page, ask: string): Promise<unknown[]> {
  return page.evaluate(
    ask => window.lab.bridge.asked.filter(request => request.ask === ask && Object.keys(request).length > 1),
    ask,
  );
}

describe("counted licences", () => {
  it.each(["dark", "light"] as const)("are listed in %s, with who has them for which job", async theme => {
    const page = await open("#/settings/advanced/limits", { theme }, { width: 900, height: 600 });
    const row = page.getByRole("region", { name: "Counted licences" });
    await row.getByText(/Kept here · .*render-01.*: 2 for .*kitchen/).waitFor();
    await row.getByText(/Kept by .*studio-nas/).waitFor();
    expect(await row.getByRole("button", { name: /^Remove/ }).count()).toBe(1);
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
  });

  it("are added, changed, removed, and taken back", async () => {
    const page = await open("#/settings/advanced");
    const row = page.getByRole("region", { name: "Counted licences" });
    await row.getByRole("textbox", { name: "Name" }).fill("mari");
    await row.getByRole("spinbutton", { name: "At most" }).fill("4");
    await page.keyboard.press("Enter");
    await row.getByText("0 of 4 in use").waitFor();
    await row.getByRole("spinbutton", { name: /Most licences of .*mari/ }).fill("5");
    await page.keyboard.press("Tab");
    await row.getByText("0 of 5 in use").waitFor();
    await row.getByRole("button", { name: /Remove .*mari/ }).click();
    await row.getByText("0 of 5 in use").waitFor({ state: "detached" });
    await page.getByRole("region", { name: "Messages" }).getByRole("button", { name: "Undo" }).last().click();
    await row.getByText("0 of 5 in use").waitFor();
    expect(await wished(page, "limit")).toEqual([
      { ask: "limit", name: "mari", cap: 4 },
      { ask: "limit", name: "mari", cap: 5 },
      { ask: "limit", name: "mari", cap: null },
      { ask: "limit", name: "mari", cap: 5 },
    ]);
  });
});

describe("a standing answer", () => {
  it.each(["dark", "light"] as const)("is named in %s, and taken back", async theme => {
    const page = await open("#/settings/network/always", { theme }, { width: 900, height: 600 });
    const row = page.getByRole("region", { name: "Standing answers" });
    await row.getByText(/ana-laptop.* is always allowed/).waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
    await row.getByRole("button", { name: /Take back/ }).click();
    await row.getByText("None: you are asked each time.").waitFor();
    const machine = await page.evaluate(() => window.lab.grid.machines.find(({ name }) => name === "ana-laptop")?.id);
    expect(await wished(page, "link_answer")).toEqual([{ ask: "link_answer", machine, allow: true, always: false }]);
  });
});
