/// <reference types="node" />
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";

import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { TestGrid, until } from "./grid";
import { focused, open, useWindows } from "./window";

useWindows();

const FOLDERS = 50;
const FILES_EACH = 1_000;
/** What a window may get of a log when it opens it: its end, and what comes with every page. */
const LOG_BYTES = 2 * 1024 * 1024;

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start(["mill"]);
});

afterAll(() => grid.stop());

describe("a job of a million tasks", () => {
  it("opens, filters and stops", async () => {
    await grid.first.cli("exec", "--detach", "--hold", "--array", "1000000", "--name", "million", "--", "true");
    const [job] = await grid.first.jobs();
    await grid.first.cli("cancel", `${job!.id}.999999`);

    const page = await open(grid.first, `#/jobs/${job!.id}/tasks`);

    await page.getByText("1,000,000 tasks").first().waitFor();
    // The one task that is not like the others is found among all of them.
    await page.getByRole("tabpanel").getByRole("combobox").first().selectOption({ label: "Stopped" });
    await page.getByText("1 task", { exact: true }).waitFor();
    await page.getByRole("row").filter({ hasText: "999999" }).waitFor();
    await page.getByRole("main").getByRole("button", { name: "Stop", exact: true }).click();
    await page.getByRole("status").filter({ hasText: "Stopped" }).first().waitFor();
    const [ended] = await grid.first.jobs();
    expect([ended!.state, ended!.counts.cancelled]).toEqual(["cancelled", 1_000_000]);
  });
});

describe("a folder of fifty thousand files", () => {
  it("becomes a sheet that asks what to do with it, and starts nothing by itself", async () => {
    const folder = grid.path("textures");
    await fill(folder);
    const before = (await grid.first.jobs()).length;
    const page = await open(grid.first);

    await page.keyboard.press("Control+n");
    await focused(page.getByRole("textbox", { name: "Path of a file or folder on this machine" }));
    await page.keyboard.insertText(folder);
    await page.keyboard.press("Enter");

    const sheet = page.getByRole("dialog");
    await sheet.getByText("textures", { exact: true }).waitFor();
    await sheet.getByText(`It holds ${(FOLDERS * FILES_EACH).toLocaleString("en-GB")} files, 0 B.`).waitFor();
    await sheet.getByRole("textbox", { name: "Command", exact: true }).waitFor();
    await blocked(sheet.getByRole("button", { name: "Start", exact: true }));
    await page.keyboard.press("Enter");
    expect((await grid.first.jobs()).length).toBe(before);
  });
});

describe("a log of hundreds of megabytes", () => {
  it("opens at its end, comes in parts and is searched in what is there", async () => {
    const script = grid.path("talk.sh");
    await grid.script(script, "seq -f 'line %012.0f of very many' 10000000");
    await grid.first.cli("exec", "--detach", "--name", "talk", "--", script);
    await until("the program ends", async () => (await grid.first.jobs())[0]?.state === "done");
    const [job] = await grid.first.jobs();
    const page = await open(grid.first, "", measured);

    await page.evaluate(id => (window.location.hash = `#/jobs/${id}/logs`), job!.id);
    await page.getByText("this attempt wrote too much").waitFor();
    await page.evaluate(id => (window.location.hash = `#/jobs/${id}/logs/0.0`), job!.id);
    await page.getByText("this attempt wrote too much").waitFor();
    await page.getByRole("textbox", { name: "Search the log" }).fill("of very many");
    await page
      .getByRole("status")
      .filter({ hasText: /^1 of [\d,]+ in the lines shown here$/ })
      .waitFor();

    expect(received(page)).toBeLessThan(LOG_BYTES);
  });
});

async function blocked(control: Locator): Promise<void> {
  await until("it says why not", async () => (await control.getAttribute("aria-disabled")) === "true");
}

async function fill(folder: string): Promise<void> {
  for (let at = 0; at < FOLDERS; at += 1) {
    const inner = path.join(folder, `part ${at}`);
    await mkdir(inner, { recursive: true });
    await Promise.all(Array.from({ length: FILES_EACH }, (_, file) => writeFile(path.join(inner, `${file}.png`), "")));
  }
}

const sums = new WeakMap<Page, number>();

/** Counts every byte that the page gets. */
async function measured(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  session.on("Network.dataReceived", ({ dataLength }) => sums.set(page, received(page) + dataLength));
}

function received(page: Page): number {
  return sums.get(page) ?? 0;
}
