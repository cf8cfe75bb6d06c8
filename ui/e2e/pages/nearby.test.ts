import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";
import { unspoken } from "./spoken";

usePages();

type Lab = typeof window.lab.pairing;

/** The sheet for pairing, with what is around this machine. */
async function openSheet(
  around: (pairing: Lab) => void,
  look = {},
  size?: { width: number; height: number },
): Promise<Page> {
  const page = await open("#/jobs", look, size);
  await page.evaluate(`(${around})(window.lab.pairing)`);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Commands" }).fill("pair machine");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Pair machine" }).waitFor();
  return page;
}

/** With what codes were tried, and where. */
function tried(page: Page): Promise<unknown[]> {
  return page.evaluate(() =>
    window.lab.bridge.asked.flatMap(request => (request.ask === "pair_code" ? [[request.code, request.at]] : [])),
  );
}

async function type(page: Page, code: string): Promise<void> {
  await page.getByRole("textbox", { name: "Code or link" }).fill(code);
  await page.keyboard.press("Enter");
}

describe("machines nearby that show a code", () => {
  it.each(["dark", "light"] as const)("are listed in %s, and one is chosen with the keyboard", async theme => {
    const page = await openSheet(pairing => pairing.around("mill", "forge"), { theme });
    const list = page.getByRole("radiogroup", { name: "Machines nearby that show a code" });
    await list.getByRole("radio", { name: /^forge/ }).waitFor();
    await list.getByText("Several show one: choose whose code you type.").waitFor();
    expect(await breaches(page)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
    await type(page, "7K2M-9QXR");
    expect(await tried(page)).toEqual([]);
    await list.getByRole("radio", { name: /^mill/ }).focus();
    await page.keyboard.press("ArrowDown");
    expect(await list.getByRole("radio", { name: /^forge/ }).isChecked()).toBe(true);
    await type(page, "7K2M-9QXR");
    await page.getByRole("list", { name: "The four words" }).waitFor();
    expect(await tried(page)).toEqual([["7K2M-9QXR", "192.168.1.31:7766"]]);
  });

  it("need no choice where there is one", async () => {
    const page = await openSheet(pairing => pairing.around("mill"));
    const mill = page.getByRole("radio", { name: /^mill/ });
    await mill.waitFor();
    expect(await mill.isChecked()).toBe(true);
    await type(page, "7K2M-9QXR");
    await page.getByRole("list", { name: "The four words" }).waitFor();
    expect(await tried(page)).toEqual([["7K2M-9QXR", "192.168.1.30:7766"]]);
  });

  it("appear when one looks again", async () => {
    const page = await openSheet(pairing => pairing.around());
    await page.getByText("None yet. Show a code on the other machine: it appears here.").waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => window.lab.pairing.around("mill"));
    await page.getByRole("button", { name: "Look again" }).click();
    await page.getByRole("radio", { name: /^mill/ }).waitFor();
  });

  it("that are none are told with what to do, once a code was typed", async () => {
    const page = await openSheet(pairing => pairing.around());
    await page.getByText("None yet.").waitFor();
    await type(page, "7K2M-9QXR");
    await page.getByRole("alert").filter({ hasText: "No machine nearby shows a code." }).waitFor();
    await page.getByRole("alert").getByText("is on the same network").waitFor();
    expect(await tried(page)).toEqual([["7K2M-9QXR", null]]);
  });

  it("are being looked for: that is said, and the address can be typed meanwhile", async () => {
    const page = await openSheet(pairing => pairing.aroundForEver());
    await page.getByText("Looking around…").waitFor();
    expect(await page.getByRole("button", { name: "Look again" }).getAttribute("aria-busy")).toBe("true");
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("radio", { name: "Another one, by its address" }).check();
    await page.getByRole("textbox", { name: "Address of the other machine" }).fill("192.168.1.30:7766");
    await type(page, "7K2M-9QXR");
    await page.getByRole("list", { name: "The four words" }).waitFor();
  });

  it("are not looked for where that is off, until somebody wants it", async () => {
    const page = await openSheet(pairing => pairing.around(null));
    await page.getByText("This machine does not look for others nearby.").waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => window.lab.pairing.around("mill"));
    await page.getByRole("button", { name: "Look for them" }).click();
    await page.getByRole("radio", { name: /^mill/ }).waitFor();
    const sets = await page.evaluate(() => window.lab.bridge.asked.filter(request => request.ask === "set"));
    expect(sets).toEqual([{ ask: "set", nearby: true }]);
  });

  it.each(["en", "de"])("fit into a small window with large text (%s)", async locale => {
    const page = await open("#/jobs", { text: "200", locale }, { width: 900, height: 600 });
    await page.evaluate(() => window.lab.pairing.around("mill", "a-machine-with-a-name-that-is-very-long-indeed"));
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill(locale === "de" ? "koppeln" : "pair");
    await page.keyboard.press("Enter");
    await page.getByRole("radio", { name: /very-long/ }).waitFor();
    const wider = await page.locator(".side-sheet-body").evaluate(box => box.scrollWidth - box.clientWidth);
    expect(wider).toBe(0);
  });
});

describe("the settings", () => {
  it("switch looking around off and on", async () => {
    const page = await open("#/settings/network");
    const check = page.getByRole("checkbox", { name: /Look for machines that show a code/ });
    await check.waitFor();
    expect(await check.isChecked()).toBe(true);
    await check.uncheck();
    const sets = await page.evaluate(() => window.lab.bridge.asked.filter(request => request.ask === "set"));
    expect(sets).toEqual([{ ask: "set", nearby: false }]);
    expect(await breaches(page)).toEqual([]);
  });
});
