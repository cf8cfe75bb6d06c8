/// <reference types="node" />
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";

import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { FileView, ShareView } from "../../src/bridge/api";
import { TestGrid, until, type Peer } from "./grid";
import { open, useWindows } from "./window";

useWindows();

let grid: TestGrid;
let mill: Peer;
let attic: Peer;
let folder: string;

/** Two machines, and a folder on the first that nobody shares yet. */
beforeAll(async () => {
  grid = await TestGrid.start(["mill", "attic"]);
  [mill, attic] = grid.peers as [Peer, Peer];
  folder = grid.path("Textures");
  await mkdir(path.join(folder, "wood"), { recursive: true });
  await writeFile(path.join(folder, "wood", "oak.png"), Buffer.alloc(3_000_000, 7));
  await writeFile(path.join(folder, "readme.txt"), "read me\n");
});
afterAll(() => grid.stop());

describe("a folder", () => {
  it("is shared in one window, walked through in the other one, and not any more", async () => {
    const here = await open(mill, "#/files");
    await here.getByRole("heading", { name: "No machine shares a folder yet" }).waitFor();
    await here.getByRole("button", { name: "Share a folder" }).first().click();
    const dialog = here.getByRole("dialog", { name: "Share a folder" });
    await dialog.getByRole("textbox", { name: "Folder on this machine" }).fill(folder);
    await here.keyboard.press("Enter");
    const own = here.getByRole("region", { name: "Shared from this machine" });
    await own.getByText(folder).waitFor();
    await until("attic knows of it", async () =>
      (await attic.json<ShareView[]>("share", "list")).some(share => share.name === "Textures"),
    );

    const there = await open(attic, "#/files/mill/Textures");
    const list = there.getByRole("grid", { name: "Textures" });
    await list
      .getByRole("row", { name: /readme\.txt/ })
      .getByText(/On .*mill/)
      .waitFor();
    await list.focus();
    await there.keyboard.type("w");
    await there.keyboard.press("Enter");
    await there
      .getByRole("grid", { name: "wood" })
      .getByRole("row", { name: /oak\.png/ })
      .getByText("3 MB")
      .waitFor();
    await there.keyboard.press("Backspace");
    const copy = there.waitForEvent("download");
    await list.getByRole("row", { name: /readme\.txt/ }).dblclick();
    expect((await copy).suggestedFilename()).toBe("readme.txt");

    await own.getByRole("button", { name: /Stop sharing/ }).click();
    await own.getByText(folder).waitFor({ state: "detached" });
    await here.getByRole("button", { name: "Undo" }).last().click();
    await own.getByText(folder).waitFor();
  });
});

/** Two by two pixels. */
const PICTURE = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEUlEQVR4nGP4z8DA8B+MgBgAHfAD/dPQfSYAAAAASUVORK5CYII=",
  "base64",
);

describe("files for a shared folder", () => {
  async function choose(page: Page, name: string, buffer: Buffer): Promise<void> {
    const chooser = page.waitForEvent("filechooser");
    await page.getByRole("button", { name: "Copy files here…" }).click();
    await (await chooser).setFiles({ name, mimeType: "image/png", buffer });
    await page
      .getByRole("dialog", { name: /Copy 1 file into/ })
      .getByRole("button", { name: "Copy", exact: true })
      .click();
  }

  it("are copied into it by its owner's window, in nobody's place, and seen by others as pictures", async () => {
    const here = await open(mill, "#/files/mill/Textures");
    await choose(here, "elm.png", PICTURE);
    await here.getByRole("row", { name: /elm\.png/ }).waitFor();
    expect(await readFile(path.join(folder, "elm.png"))).toEqual(PICTURE);

    await choose(here, "elm.png", Buffer.from("another"));
    const there = here.getByRole("dialog", { name: "Already there: 1 file" });
    await there.getByRole("button", { name: "Keep what is there" }).click();
    await there.waitFor({ state: "detached" });
    expect(await readFile(path.join(folder, "elm.png"))).toEqual(PICTURE);

    const page = await open(attic, "#/files/mill/Textures");
    expect(await page.getByRole("button", { name: "Copy files here…" }).count()).toBe(0);
    await page.getByRole("row", { name: /elm\.png/ }).click();
    await page.getByRole("button", { name: "Show inspector" }).click();
    const picture = page.getByRole("complementary", { name: "Inspector" }).locator("img");
    await until("the picture is drawn", () =>
      picture.evaluate(image => (image as HTMLImageElement).naturalWidth > 0).catch(() => false),
    );
    await page
      .getByRole("row", { name: /elm\.png/ })
      .getByText("Here", { exact: true })
      .waitFor();
  });
});

/** ui-spec §15, point 10. */
describe("room", () => {
  const here = (page: Page, file: RegExp) => page.getByRole("row", { name: file }).getByText(/^(Kept here|Here)$/);

  async function free(page: Page, file: RegExp): Promise<void> {
    await page.getByRole("row", { name: file }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Free space" }).click();
  }

  async function isHere(file: string): Promise<boolean> {
    const { here_bytes, size_bytes } = await attic.json<FileView>("files", "stat", `/mill/Textures/room/${file}`);
    return here_bytes === size_bytes;
  }

  it("is never made of a kept file or a last copy, and what went comes again", async () => {
    const room = path.join(folder, "room");
    await mkdir(room);
    for (const name of ["kept.bin", "last.bin", "spare.bin", "stale.bin"])
      await writeFile(path.join(room, name), Buffer.alloc(200_000, name));
    await attic.cli("files", "fetch", "/mill/Textures/room");
    await attic.cli("files", "pin", "/mill/Textures/room/kept.bin");
    const page = await open(attic, "#/files/mill/Textures/room");
    await here(page, /kept\.bin/).waitFor();

    await page.getByRole("row", { name: /kept\.bin/ }).click({ button: "right" });
    await page.getByRole("menuitem", { name: "Don’t keep" }).waitFor();
    expect(await page.getByRole("menuitem", { name: "Free space" }).count()).toBe(0);
    await page.keyboard.press("Escape");

    await free(page, /spare\.bin/);
    await page.getByText("200 kB freed.").first().waitFor();
    expect(await isHere("spare.bin")).toBe(false);
    await page.getByRole("button", { name: "Undo" }).last().click();
    await here(page, /spare\.bin/).waitFor();

    // Its owner has another version: what is here may be the last copy of this one.
    await writeFile(path.join(room, "stale.bin"), "new");
    await page.getByRole("button", { name: "Look again" }).click();
    await page
      .getByRole("row", { name: /stale\.bin/ })
      .getByText("Older version here")
      .waitFor();

    // A folder: what is kept in it stays, and what its owner has no more.
    await page.getByRole("button", { name: "Up one folder" }).click();
    await free(page, /^room/);
    await page
      .getByText(/freed\. 1 file stayed: kept here\. 1 file stayed: no other copy can be reached now\./)
      .first()
      .waitFor();
    expect([await isHere("kept.bin"), await isHere("last.bin")]).toEqual([true, false]);
    await page.getByRole("button", { name: "Undo" }).last().click();
    await until("what went is here again", async () => (await isHere("last.bin")) && (await isHere("spare.bin")));

    await mill.kill();
    await page.evaluate(() => (window.location.hash = "#/files/mill/Textures/room"));
    await page.getByText(/mill.* is away: these are the names remembered here/).waitFor();
    await free(page, /last\.bin/);
    await page.getByText("Nothing was freed. 1 file stayed: no other copy can be reached now.").first().waitFor();
    expect(await isHere("last.bin")).toBe(true);

    await page.getByRole("row", { name: /last\.bin/ }).click({ button: "right" });
    await page.getByRole("menuitem", { name: /Notify me when .*mill.* is back/ }).click();
    await page
      .getByText(/You will be told when .*mill.* is back/)
      .first()
      .waitFor();
    await mill.boot();
    await page.getByText("mill is back").first().waitFor({ timeout: 60_000 });
  });
});
