/// <reference types="node" />
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { TestGrid, until } from "./grid";
import { open, readFile, started, useWindows } from "./window";

useWindows();

/** Each task lasts long enough to be lost. */
const COMMAND = ["exec", "--detach", "--array", "24", "--name", "slow", "--", "sleep", "1"];

/** How soon the window must say that a machine, and that the node, is gone (ui-spec §15). */
const OFFLINE_MS = 10_000;
const BANNER_MS = 2_000;

let grid: TestGrid;

beforeEach(async () => {
  grid = await TestGrid.start(["mill", "forge"], ["--lend-cores", "2"]);
});

afterEach(() => grid.stop());

describe("a machine that is killed while it works", () => {
  it("is Offline within ten seconds, its tasks move and the job ends", async () => {
    const page = await open(grid.first, "#/machines");
    const [mill, forge] = [grid.first, grid.peers[1]!];
    await mill.cli(...COMMAND);
    const row = page.getByRole("row").filter({ hasText: "forge" });
    await row.getByText("Working").waitFor();

    await forge.kill();

    await row.getByText("Offline").waitFor({ timeout: OFFLINE_MS });
    await page.evaluate(() => (window.location.hash = "#/jobs"));
    await page.getByRole("tab", { name: "Finished" }).click();
    await page.getByText("slow").first().waitFor({ timeout: 60_000 });
    const [job] = await mill.jobs();
    expect([job!.state, job!.counts.done]).toEqual(["done", 24]);
    // It says that something happened: in Activity stays what people were told.
    await page.evaluate(() => (window.location.hash = "#/activity"));
    await page.getByText(/forge/).first().waitFor();
  });
});

describe("a node that is killed", () => {
  it("is missed within two seconds, its data is dimmed, and all goes on when it is back", async () => {
    const page = await open(grid.first, "#/machines");
    const forge = page.getByRole("row").filter({ hasText: "forge" });
    const colour = (): Promise<string> => forge.getByText("forge").evaluate(name => getComputedStyle(name).color);
    const live = await colour();

    await grid.first.kill();

    await page.getByText(/^(Reconnecting|Gridwell is not running)/).waitFor({ timeout: BANNER_MS });
    await page.getByText("Gridwell is not running on this machine. Showing data from").waitFor();
    expect(await colour()).not.toBe(live);

    await grid.first.boot();
    await page.getByText("Gridwell is not running").waitFor({ state: "detached" });
    expect(await colour()).toBe(live);
    await grid.first.cli("exec", "--detach", "--name", "afterwards", "--", "true");
    await page.evaluate(() => (window.location.hash = "#/jobs"));
    await page.getByText("afterwards").first().waitFor();
  });

  it("loses nothing that was asked of it: the job starts once", async () => {
    const page = await open(grid.first);
    const file = grid.path("count.sh");
    await grid.script(file, "echo once");
    await readFile(page, file);

    // The wish is on its way, nobody answers, and then there is nobody.
    grid.first.freeze();
    await page.keyboard.press("Enter");
    await page.locator("[data-start][aria-busy]").waitFor();
    await grid.first.kill();
    await page.getByText("Gridwell is not running").waitFor();
    await grid.first.boot();

    await started(page, "count");
    await until("the job ends", async () => (await grid.first.jobs())[0]?.state === "done");
    expect((await grid.first.jobs()).map(job => job.name)).toEqual(["count"]);
  });

  it("keeps what it had answered", async () => {
    const page = await open(grid.first);
    const file = grid.path("kept.sh");
    await grid.script(file, "sleep 2");
    await readFile(page, file);
    await page.keyboard.press("Enter");
    await started(page, "kept");

    await grid.first.kill();
    await page.getByText("Gridwell is not running").waitFor();
    await grid.first.boot();

    await until("the job ends", async () => (await grid.first.jobs()).every(({ ended }) => ended !== null));
    expect((await grid.first.jobs()).map(job => [job.name, job.state])).toEqual([["kept", "done"]]);
    await page.getByRole("status").filter({ hasText: /Done/ }).waitFor();
  });
});

describe("a machine that is cut off from its grid", () => {
  it("says so above every screen until another one is back", async () => {
    const [mill, forge] = [grid.first, grid.peers[1]!];
    await mill.cli("set", "isolated-after=1s");
    const page = await open(mill, "#/jobs");
    const banner = page.getByText("No other machine has been reachable since");

    await forge.kill();
    await banner.waitFor();
    await page.evaluate(() => (window.location.hash = "#/activity"));
    await page.getByRole("tab", { name: "Events" }).click();
    await page.getByText("no other machine of the grid has been reachable for 1 s").waitFor();
    await banner.waitFor();

    await forge.boot();
    await banner.waitFor({ state: "detached" });
  });
});
