/// <reference types="node" />
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { ShareView } from "../../src/bridge/api";
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
