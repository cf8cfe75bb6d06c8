/// <reference types="node" />
import { readdir, rename } from "node:fs/promises";
import path from "node:path";

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { TestGrid, until } from "./grid";
import { scene, texturedScene } from "./scenes";
import { focused, open, readFile, started, useWindows } from "./window";

useWindows();

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start(["mill", "forge"]);
});

afterAll(() => grid.stop());

describe("a scene", () => {
  it("becomes frames of two machines beside it, by keyboard alone", async () => {
    const file = grid.path("kitchen ü.blend");
    await scene(file);
    const page = await open(grid.first);

    await readFile(page, file);
    expect(await page.getByRole("textbox", { name: "Frames" }).inputValue()).toBe("1-8");
    await page.keyboard.press("Enter");

    await started(page, "kitchen ü");
    const film = page.getByRole("listbox", { name: "8 frames in a strip" });
    await film.waitFor();
    await until("every frame is a picture", async () => (await pictures(page)) === 8);
    const [job] = await grid.first.jobs();
    expect(await makers(page)).toEqual(["forge", "mill"]);
    const [folder] = job!.output_folders;
    expect(path.dirname(folder!)).toBe(grid.folder);
    expect((await readdir(folder!)).length).toBe(8);
  });

  it("names a texture that is missing before it starts, and starts once it is there", async () => {
    const [file, texture] = [grid.path("table.blend"), grid.path("wood_04.png")];
    await texturedScene(file, texture);
    await rename(texture, `${texture}.away`);
    const page = await open(grid.first);

    await readFile(page, file);
    const start = page.getByRole("button", { name: "Start", exact: true });
    const sheet = page.getByRole("dialog");
    await sheet.getByText("1 file is missing").waitFor();
    await sheet.getByText(texture, { exact: true }).waitFor();
    expect(await start.getAttribute("aria-disabled")).toBe("true");
    await page.keyboard.press("Enter");
    expect((await grid.first.jobs()).map(job => job.name)).not.toContain("table");

    await rename(`${texture}.away`, texture);
    await sheet.getByRole("button", { name: "Look again" }).click();
    await sheet.getByText("1 file is missing").waitFor({ state: "detached" });
    await start.click();
    await started(page, "table");
  });
});

describe("a script", () => {
  it("is watched from before it says anything", async () => {
    const [file, go] = [grid.path("says.sh"), grid.path("go")];
    await grid.script(file, `until [ -e ${go} ]; do sleep 0.05; done; echo "here it comes"`);
    const page = await open(grid.first);
    await readFile(page, file);
    await page.keyboard.press("Enter");
    await started(page, "says");
    await page.getByText("Running").first().waitFor();
    await grid.write(go, "");
    await page.getByRole("region", { name: "Log text" }).getByText("here it comes").waitFor();
  });
});

describe("a file chosen in the browser", () => {
  it("is sent to the machine and becomes a job", async () => {
    const page = await open(grid.first);
    await page.keyboard.press("Control+n");
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Choose file" }).click();
    const buffer = Buffer.from('gridwell_sample = 1\ntitle = "Sent"\nwidth = 40\nheight = 30\nframes = "1-2"\n');
    await (await chooser).setFiles({ name: "ball ü.gridwell-sample", mimeType: "text/plain", buffer });
    await focused(page.getByRole("button", { name: "Start", exact: true }));
    await page.keyboard.press("Enter");
    await started(page, "ball ü");
    await until("both frames are pictures", async () => (await pictures(page)) === 2);
  });
});

/** Frames of the filmstrip whose pictures are drawn. */
function pictures(page: Page): Promise<number> {
  return page
    .getByRole("option")
    .locator("img")
    .evaluateAll(all => all.filter(image => (image as HTMLImageElement).naturalWidth > 0).length);
}

/** Walks back from the last frame with one key; who made them. */
async function makers(page: Page): Promise<string[]> {
  const seen = new Set<string>();
  for (let press = 0; press < 8; press += 1) {
    seen.add((await page.locator("figcaption .cut").textContent()) ?? "");
    await page.keyboard.press("j");
  }
  return [...seen].sort();
}
