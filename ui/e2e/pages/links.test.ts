import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages, type Look } from "./lab";
import { unspoken } from "./spoken";

usePages();

const NAS = "studio-nas".replace(/[^a-z2-7]/g, "a").padEnd(52, "a");
const TOWER = "atelier-tower".replace(/[^a-z2-7]/g, "a").padEnd(52, "a");

it("limits what files take of a link, and takes it back", async () => {
  const page = await openLink();
  const speed = page.getByRole("region", { name: "Files, each way" });
  await speed.getByRole("slider").press("ArrowLeft");
  await speed.getByText("At most 500 MB a second").waitFor();
  await page.getByRole("button", { name: "Undo" }).last().click();
  await speed.getByText("As fast as the network is").waitFor();
  const asked = await page.evaluate(() =>
    window.lab.bridge.asked.flatMap(request => (request.ask === "link_limit" ? [request.bytes_per_sec] : [])),
  );
  expect(asked).toEqual([500e6, null]);
});

describe("what became of a link", () => {
  it.each(["dark", "light"] as const)("is told beside it in %s, and its last change undone", async theme => {
    const page = await openLink({ theme });
    const changes = page.getByRole("region", { name: "Changes" });
    await expect.poll(() => said(page)).toEqual(["Forbidden → Automatic", "Automatic → Pinned"]);
    await changes.getByText(/Changed on .*studio-nas.* 1 d 2 h ago/).waitFor();
    await policy(page).selectOption({ label: "Forbidden" });
    await expect.poll(() => said(page)).toHaveLength(3);
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
    expect(await changes.getByRole("button", { name: "Undo" }).count()).toBe(1);
    await changes.getByRole("button", { name: "Undo" }).click();
    await expect.poll(async () => (await said(page))[0]).toBe("Forbidden → Pinned");
    expect(await policy(page).inputValue()).toBe("pinned");
    // The way back is a step itself.
    await page.keyboard.press("Control+z");
    await expect.poll(() => policy(page).inputValue()).toBe("forbidden");
    await page.keyboard.press("Control+Shift+z");
    await expect.poll(() => policy(page).inputValue()).toBe("pinned");
  });

  it("is not taken back silently over what somebody else changed since", async () => {
    const page = await openLink();
    await policy(page).selectOption({ label: "Automatic" });
    await expect.poll(() => said(page)).toHaveLength(3);
    await page.evaluate(nas => window.lab.links.changeThere(nas, "forbidden"), NAS);
    await expect.poll(async () => (await said(page))[0]).toBe("Automatic → Forbidden");
    await page.getByRole("region", { name: "Changes" }).getByRole("button", { name: "Undo" }).click();
    await page.getByText(/studio-nas.* changed this link 2 min ago\./).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Undo anyway" }).click();
    await expect.poll(() => policy(page).inputValue()).toBe("pinned");
  });

  it("is shown from wherever the refusal is read", async () => {
    const page = await openLink();
    await policy(page).selectOption({ label: "Automatic" });
    await expect.poll(() => said(page)).toHaveLength(3);
    await page.evaluate(nas => window.lab.links.changeThere(nas, "forbidden"), NAS);
    await page.evaluate(() => (window.location.hash = "#/jobs"));
    await page.getByRole("region", { name: "Messages" }).getByRole("button", { name: "Undo" }).click();
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByRole("region", { name: "Changes" }).waitFor();
    expect(await page.evaluate(() => window.location.hash)).toBe("#/grid");
  });
});

/** The picture with the link to the store selected, and what is known of it beside it. */
async function openLink(look: Look = {}): Promise<Page> {
  const page = await open(`#/grid/${TOWER}/${NAS}`, look);
  await page.getByRole("region", { name: "Changes" }).waitFor();
  return page;
}

function policy(page: Page): ReturnType<Page["getByRole"]> {
  return page.getByRole("complementary", { name: "Inspector" }).getByRole("combobox");
}

/** What became of the link, newest first. */
function said(page: Page): Promise<string[]> {
  return page.getByRole("region", { name: "Changes" }).locator("bdi").allInnerTexts();
}
