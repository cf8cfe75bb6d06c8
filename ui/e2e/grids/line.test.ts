/// <reference types="node" />
import type { Locator, Page } from "playwright-core";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import type { LinkView } from "../../src/bridge/api";
import { TestGrid, until } from "./grid";
import { Line } from "./line";
import { open, readFile, started, useWindows } from "./window";

useWindows();

/** A name stands between marks that keep its direction to itself. */
const HELD = /slow.? is paused\./;

let grid: TestGrid;
let line: Line;
let page: Page;
/** A job that waits for as long as somebody holds it or its machines are paused. */
let job: string;

beforeEach(async () => {
  grid = await TestGrid.start(["mill", "forge"]);
  line = new Line();
  await grid.first.cli("exec", "--detach", "--array", "400", "--name", "slow", "--", "sleep", "1");
  [job] = (await grid.first.jobs()).map(({ id }) => id) as [string];
  page = await open(grid.first, `#/jobs/${job}`, page => line.take(page));
  await page.getByRole("main").getByRole("heading", { name: "slow", exact: true }).waitFor();
});

afterEach(() => grid.stop());

describe("answers that are lost", () => {
  it("are asked for again: each thing is done once, and said once", async () => {
    line.loseAnswers();
    await button("Pause").click();
    await until("the node holds the job", async () => (await state()) === "held");
    expect(await page.getByText(HELD).count()).toBe(0);

    line.mend();

    await said(HELD);
    await page.keyboard.press("Control+z");
    await until("the job goes on", async () => (await state()) !== "held");
  });
});

describe("a connection that is lost for a minute", () => {
  it("loses nothing: what was on its way is done, what is not possible says so", async () => {
    await page.clock.install();
    const file = grid.path("later.sh");
    await grid.script(file, "true");
    line.hang();
    await button("Pause").click();
    await page.locator("[aria-busy]").filter({ hasText: "Pause" }).waitFor();
    await pinTheLink();
    await readNothingYet(file);

    await line.cut();
    await page.getByText(/^(Reconnecting|Gridwell is not running)/).waitFor();
    await page.clock.fastForward("01:00");
    // Nothing was answered, so nothing is shown as done.
    for (const words of [HELD, "Link pinned", "Lending is paused on this machine."]) {
      expect(await page.getByText(words).count()).toBe(0);
    }
    await blocked(page.getByRole("region", { name: "This machine" }).getByRole("button", { name: "Pause lending" }));
    await page.keyboard.press("Control+Shift+p");

    line.mend();
    await page.clock.fastForward(10_000);

    await said(HELD);
    await said("Link pinned");
    expect(await state()).toBe("held");
    const [link] = (await grid.first.json<LinkView[]>("links")).filter(({ policy }) => policy === "pinned");
    expect(link).toBeDefined();
    // What was refused stays as it was.
    const [mill] = await grid.first.json<{ accepts: boolean }[]>("machines");
    expect(mill!.accepts).toBe(true);
    await readFile(page, file);
    await page.keyboard.press("Enter");
    await started(page, "later");
  });
});

async function state(): Promise<string | undefined> {
  return (await grid.first.jobs()).find(({ id }) => id === job)?.state;
}

function button(name: string): Locator {
  return page.getByRole("main").getByRole("button", { name, exact: true });
}

/** A message tells it. */
async function said(words: string | RegExp): Promise<void> {
  await page.getByText(words).first().waitFor();
}

async function blocked(control: Locator): Promise<void> {
  await until("it says why not", async () => (await control.getAttribute("aria-disabled")) === "true");
}

/** Pins the only link, with keys alone. */
async function pinTheLink(): Promise<void> {
  await page.keyboard.press("1");
  const node = page.locator("[data-machine][tabindex]").first();
  await node.waitFor();
  await node.focus();
  await page.keyboard.press("l");
  await page.keyboard.press("p");
}

/** Opens the sheet; nobody answers what the file is. */
async function readNothingYet(file: string): Promise<void> {
  await page.keyboard.press("Control+n");
  await page.getByRole("textbox", { name: "Path of a file or folder on this machine" }).waitFor();
  await page.keyboard.insertText(file);
  await page.keyboard.press("Escape");
}
