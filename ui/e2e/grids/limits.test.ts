/// <reference types="node" />
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { LimitView, LinkAsksView } from "../../src/bridge/api";
import { TestGrid, until, type Peer } from "./grid";
import { open, useWindows } from "./window";

useWindows();

let grid: TestGrid;
let mill: Peer;
let attic: Peer;

/** Two machines, one of which may run jobs on the other and no more. */
beforeAll(async () => {
  grid = await TestGrid.start(["mill", "attic"]);
  [mill, attic] = grid.peers as [Peer, Peer];
  await attic.cli("role", "attic", "--take", "admin", "links");
});
afterAll(() => grid.stop());

describe("counted licences", () => {
  it("are set in one window, seen in the other one, and counted no longer", async () => {
    const page = await open(mill, "#/settings/advanced");
    const row = page.getByRole("region", { name: "Counted licences" });
    await row.getByRole("textbox", { name: "Name" }).fill("nuke");
    await row.getByRole("spinbutton", { name: "At most" }).fill("3");
    await page.keyboard.press("Enter");
    await row.getByText("0 of 3 in use").waitFor();
    await until("attic knows of it", async () => {
      const [limit] = await attic.json<LimitView[]>("limit", "list");
      return limit?.name === "nuke" && limit.cap === 3 && limit.keeper_name === "mill";
    });
    const there = await open(attic, "#/settings/advanced");
    await there.getByText(/Kept by .*mill/).waitFor();
    await row.getByRole("button", { name: /Remove .*nuke/ }).click();
    await until("it is counted no longer", async () => (await mill.json<LimitView[]>("limit", "list")).length === 0);
  });
});

describe("a standing answer", () => {
  it("is listed where it was given, and taken back", async () => {
    const here = await open(mill, "#/jobs");
    await attic.cli("link", "pin", "mill");
    await here
      .getByRole("status")
      .filter({ hasText: /attic.* asks to pin its link/ })
      .getByRole("button", { name: /Always allow/ })
      .click();
    await here.evaluate(() => (window.location.hash = "#/settings/network"));
    const row = here.getByRole("region", { name: "Standing answers" });
    await row.getByText(/attic.* is always allowed/).waitFor();
    await row.getByRole("button", { name: /Take back/ }).click();
    await row.getByText("None: you are asked each time.").waitFor();
    expect((await mill.json<LinkAsksView>("link", "requests")).always).toEqual([]);
  });
});
