import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";
import { unspoken } from "./spoken";

usePages();

const IMAC = "old-imac".replace(/[^a-z2-7]/g, "a").padEnd(52, "a");

describe("a machine that cannot be reached", () => {
  it.each(["dark", "light"] as const)("is asked after from its page in %s", async theme => {
    const page = await open(`#/machines/${IMAC}`, { theme }, { width: 900, height: 600 });
    await page.getByRole("main").getByRole("link", { name: "Why can I not reach it?" }).click();
    await page.getByText("192.168.1.44:7766 does not answer.").waitFor();
    await page.getByText("2 things need attention.").waitFor();
    expect(await page.getByRole("combobox", { name: "What to check" }).inputValue()).toBe(IMAC);
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
    expect(await page.evaluate(() => window.lab.bridge.asked.at(-1))).toEqual({ ask: "doctor_of", machine: IMAC });
  });

  it("is chosen where this machine is checked, and left again", async () => {
    const page = await open("#/doctor");
    await page.getByText("1 thing needs attention.").waitFor();
    const choice = page.getByRole("combobox", { name: "What to check" });
    await choice.selectOption(IMAC);
    await page.getByText("2 things need attention.").waitFor();
    await choice.selectOption({ label: "This machine and its links" });
    await page.getByText("1 thing needs attention.").waitFor();
    expect(await page.evaluate(() => window.location.hash)).toBe("#/doctor");
  });

  it("is checked from the palette, by keys alone", async () => {
    const page = await open(`#/machines/${IMAC}`);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("check the way");
    await page.keyboard.press("Enter");
    await page.getByText("192.168.1.44:7766 does not answer.").waitFor();
  });
});
