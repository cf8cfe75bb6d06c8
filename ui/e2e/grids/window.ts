/// <reference types="node" />
import { chromium, type Browser, type Locator, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, inject } from "vitest";

import type { Peer } from "./grid";

let browser: Browser;
let pages: Page[] = [];
let faults: string[] = [];

/** What a browser says when a node is away: that is what some tests are about. */
const AWAY = /^Failed to load resource|WebSocket connection to|ERR_CONNECTION/;

/** Call it once in each file. Every test fails when a page reported an error, or something broke its policy. */
export function useWindows(): void {
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

/** Opens the window of a node, as a person with a new address would, and waits for live data. */
export async function open(
  peer: Pick<Peer, "name" | "url">,
  route = "",
  first: (page: Page) => Promise<void> = () => Promise.resolve(),
): Promise<Page> {
  const size = { width: 1280, height: 800 };
  const context = await browser.newContext({ viewport: size, locale: "en-GB", reducedMotion: "reduce" });
  // As in the desktop app.
  await context.addInitScript(() => Object.freeze(Object.prototype));
  const page = await context.newPage();
  pages.push(page);
  page.on("pageerror", error => faults.push(error.message));
  page.on("dialog", dialog => faults.push(`the page asked: ${dialog.message()}`));
  page.on("console", message => {
    if (message.type() === "error" && !AWAY.test(message.text())) faults.push(message.text());
  });
  await first(page);
  await page.goto(await peer.url());
  await page.getByRole("region", { name: "This machine" }).getByText(peer.name).waitFor();
  if (route !== "") await page.evaluate(to => (window.location.hash = to), route);
  return page;
}

/** Waits until the keyboard acts on this. */
export async function focused(locator: Locator): Promise<void> {
  await locator.and(locator.page().locator(":focus")).waitFor();
}

/** Types the path of a file into the sheet for a new job, with keys alone, and waits until Start has the focus. */
export async function readFile(page: Page, file: string): Promise<void> {
  await page.keyboard.press("Control+n");
  await focused(page.getByRole("textbox", { name: "Path of a file or folder on this machine" }));
  await page.keyboard.insertText(file);
  await page.keyboard.press("Enter");
  await focused(page.getByRole("button", { name: "Start", exact: true }));
}

/** Waits until what the sheet started is a job on screen: the node has answered. */
export async function started(page: Page, name: string): Promise<void> {
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.getByRole("main").getByRole("heading", { name, exact: true }).waitFor();
}
