/// <reference types="node" />
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

import { chromium, type Browser, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

export interface Look {
  scene?: "studio" | "alone" | "hostile" | "starting";
  theme?: "dark" | "light" | "contrast";
  locale?: string;
  dir?: "rtl";
  inspector?: "1";
  /** The size of text, in percent. */
  text?: "200";
  /** With the desktop app's own choices. */
  desktop?: "1";
  /** Whether this machine may let others in and revoke them. */
  admin?: "0";
  /** Whether something waits for a second admin. */
  proposals?: "1";
  /** On a system that can do little for lending. */
  poor?: "1";
  /** As at the very first start. */
  first?: "1";
}

let browser: Browser;
let pages: Page[] = [];
/** What went wrong in a page: errors, and breaches of its security policy. */
let faults: string[] = [];

/** Call it once in each file. Every test fails when a page reported an error. */
export function usePages(): void {
  beforeAll(async () => {
    browser = await chromium.connect(inject("browser"));
  });
  afterEach(async () => {
    await Promise.all(pages.map(page => page.context().close()));
    const said = faults;
    pages = [];
    faults = [];
    expect(said).toEqual([]);
  });
  afterAll(() => browser.close());
}

/** Opens a page of the lab and waits until the screen stands. */
export async function open(route: string, look: Look = {}, size = { width: 1280, height: 800 }): Promise<Page> {
  const page = await goTo(`${inject("lab")}?${new URLSearchParams({ ...look })}${route}`, "reduce", size);
  await page.locator("main > *").first().waitFor();
  return page;
}

/** Opens the scene's own page, with a made-up grid and a caller that grants every wish, and waits until it stands. */
export async function openScene(
  asked: Record<string, string> = {},
  reducedMotion: "reduce" | "no-preference" = "reduce",
): Promise<Page> {
  const address = inject("lab").replace("lab.html", "scene-lab.html");
  const page = await goTo(`${address}?${new URLSearchParams(asked)}`, reducedMotion);
  await page.waitForFunction(() => window.sceneLab?.settled());
  await page.evaluate(() => document.fonts.ready);
  return page;
}

/** Opens the rules of lending on a page of their own, with made-up rules. */
export async function openLending(asked: Record<string, string> = {}, more: { hasTouch?: true } = {}): Promise<Page> {
  const address = inject("lab").replace("lab.html", "lending-lab.html");
  const page = await goTo(`${address}?${new URLSearchParams(asked)}`, "reduce", { width: 1280, height: 800 }, more);
  await page.getByRole("status").waitFor();
  return page;
}

async function goTo(
  address: string,
  reducedMotion: "reduce" | "no-preference",
  size = { width: 1280, height: 800 },
  more: { hasTouch?: true } = {},
): Promise<Page> {
  const context = await browser.newContext({ viewport: size, reducedMotion, bypassCSP: false, ...more });
  // As in the desktop app.
  await context.addInitScript(() => Object.freeze(Object.prototype));
  const page = await context.newPage();
  pages.push(page);
  // What is said of "now" is the same on every day.
  await page.clock.setFixedTime(new Date("2026-11-25T13:02:10Z"));
  page.on("pageerror", error => faults.push(error.message));
  page.on("console", message => {
    if (message.type() === "error") faults.push(message.text());
  });
  await page.goto(address);
  return page;
}

/** Breaches of WCAG 2.2 A and AA, as axe-core sees them, one line each. */
export async function breaches(page: Page): Promise<string[]> {
  // Through the debugger, which the page's policy does not bind.
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run(options: object): Promise<AxeResults> } };
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
    const { violations } = await axe.run({ runOnly: { type: "tag", values: tags } });
    return violations.flatMap(rule =>
      rule.nodes.map(node => `${rule.id}: ${node.target.join(" ")} ${node.failureSummary}`),
    );
  });
}

interface AxeResults {
  violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[];
}
