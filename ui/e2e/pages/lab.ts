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
/** What the test at hand has opened. */
let pages: Page[] = [];
/** What tests have done with. Nothing is left in a page that goes elsewhere, and it opens the next document in a fifth of the time. */
let idle: Page[] = [];
/** Pages that fingers touch, which their contexts keep for good. */
const touched = new WeakSet<Page>();
/** What went wrong in a page: errors, and breaches of its security policy. */
let faults: string[] = [];

/** Call it once in each file. Every test fails when a page reported an error. */
export function usePages(): void {
  beforeAll(async () => {
    browser = await chromium.connect(inject("browser"));
  });
  afterEach(async ({ task }) => {
    // Where a test broke off nobody knows what is still held down.
    const failed = task.result?.state === "fail";
    await Promise.all(pages.map(page => (failed || touched.has(page) ? page.context().close() : clear(page))));
    const said = faults;
    pages = [];
    faults = [];
    expect(said).toEqual([]);
  });
  afterAll(async () => {
    idle = [];
    await browser.close();
  });
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
  const page = more.hasTouch === true ? await freshPage(more) : (idle.pop() ?? (await freshPage()));
  if (more.hasTouch === true) touched.add(page);
  pages.push(page);
  await page.setViewportSize(size);
  await page.emulateMedia({ reducedMotion });
  // What is said of "now" is the same on every day.
  await page.clock.setFixedTime(new Date("2026-11-25T13:02:10Z"));
  await page.goto(address);
  return page;
}

/** A page that shares nothing with others. */
async function freshPage(more: { hasTouch?: true } = {}): Promise<Page> {
  const context = await browser.newContext({ bypassCSP: false, ...more });
  await context.addInitScript(() => {
    // As in the desktop app.
    Object.freeze(Object.prototype);
    // What the test before left.
    if (window.location.protocol === "http:") window.localStorage.clear();
  });
  const page = await context.newPage();
  page.on("pageerror", error => faults.push(error.message));
  page.on("console", message => {
    if (message.type() === "error") faults.push(message.text());
  });
  return page;
}

/** Leaves a page as if nobody had used it. */
async function clear(page: Page): Promise<void> {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.goto("about:blank");
  await page.mouse.move(-1, -1);
  idle.push(page);
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
