/// <reference types="node" />
import { afterAll, beforeAll, expect, it } from "vitest";

import type { LendingRules, LendingView } from "../../src/bridge/api";
import { TestGrid } from "./grid";
import { open, useWindows } from "./window";

useWindows();

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start(["mill"]);
});

afterAll(() => grid.stop());

/** The rules as the command line has them. */
async function rules(): Promise<LendingRules> {
  return (await grid.first.json<LendingView>("lending", "show")).rules;
}

it("changes the rules of lending as the command line shows them, and takes that back", async () => {
  const page = await open(grid.first, "#/settings/lending");
  const before = await rules();

  await page.getByRole("checkbox", { name: "It is there for the grid", checked: true }).waitFor();
  await page.getByRole("radio", { name: /Stand still at once/ }).check();
  await expect.poll(rules).toEqual({ ...before, on_return: { kind: "freeze" } });
  await page.getByRole("button", { name: "Undo" }).click();
  await expect.poll(rules).toEqual(before);
  await page.getByRole("radio", { name: /Stand still at once/, checked: false }).waitFor();

  // What the command line changes the page shows.
  await grid.first.cli("lending", "set", "--never", "resolve");
  await page.getByRole("button", { name: /Remove .*resolve/ }).click();
  await expect.poll(async () => (await rules()).never_while.programs).toEqual([]);
  await page.keyboard.press("Control+z");
  await expect.poll(async () => (await rules()).never_while.programs).toEqual(["resolve"]);
});
