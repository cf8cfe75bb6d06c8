/// <reference types="node" />
import { afterAll, beforeAll, expect, it } from "vitest";

import type { LendingRules, LendingView, MachineView } from "../../src/bridge/api";
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

it("says when it sleeps, what it draws, and how jobs are kept apart, as the command line shows it", async () => {
  const page = await open(grid.first, "#/settings/lending");
  await page.getByRole("checkbox", { name: "Keep awake while it works" }).check();
  await expect.poll(async () => (await rules()).keep_awake).toBe(true);
  await page.getByRole("checkbox", { name: "Let other machines wake it for work" }).check();
  await expect.poll(async () => (await rules()).wake_for_work).toBe(true);

  const power = async (): Promise<(number | null | undefined)[]> => {
    const machines = await grid.first.json<MachineView[]>("machines");
    return machines.flatMap(({ power }) => [power.watts, power.tariff]);
  };
  const watts = page.getByRole("textbox", { name: "With all cores at work" });
  await watts.fill("180");
  await watts.press("Enter");
  const tariff = page.getByRole("textbox", { name: "Price, in your currency" });
  await tariff.fill("0,31");
  await tariff.press("Enter");
  await expect.poll(power).toEqual([180, 0.31]);
  await watts.fill("");
  await watts.press("Enter");
  await expect.poll(power).toEqual([null, 0.31]);

  // Whether this system makes namespaces only a try tells; if not, the reason is beside the choice.
  const isolation = async (): Promise<string> => (await grid.first.json<LendingView>("lending", "show")).isolation;
  await page.getByRole("radio", { name: /namespaces/ }).click();
  const refused = page.getByRole("alert").filter({ hasText: /namespaces/ });
  await expect.poll(async () => (await refused.count()) > 0 || (await isolation()) === "namespaces").toBe(true);
  await page.getByRole("radio", { name: /Standard/ }).check();
  await expect.poll(isolation).toBe("landlock");
});
