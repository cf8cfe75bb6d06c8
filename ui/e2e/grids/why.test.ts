/// <reference types="node" />
import { afterAll, beforeAll, expect, it } from "vitest";

import type { MachineView, WhyView } from "../../src/bridge/api";
import { TestGrid } from "./grid";
import { open, useWindows } from "./window";

useWindows();

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start(["mill", "forge", "anvil"]);
});

afterAll(() => grid.stop());

it("says of every machine every reason why nothing runs, from the palette", async () => {
  const [mill, , anvil] = grid.peers;
  await anvil!.cli("pause", "1h");
  const needs = ["ram > 900 TB", "tier = gold", "tool:no-such-tool"].flatMap(need => ["--needs", need]);
  await mill!.cli("exec", "--detach", "--name", "impossible", ...needs, "--", "true");
  const why = await mill!.json<WhyView>("why", "last");
  expect(why.machines.map(machine => machine.reasons.length >= 3)).toEqual([true, true, true]);

  const page = await open(mill!);
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Commands" }).waitFor();
  await page.keyboard.type("why is nothing");
  await page.keyboard.press("Enter");

  const dialog = page.getByRole("dialog", { name: "Why is nothing running?" });
  await dialog.getByText(why.sentence).waitFor();
  await dialog.getByText(why.smallest_change).waitFor();
  for (const machine of why.machines) {
    const row = dialog.getByRole("row").filter({ has: page.getByRole("rowheader", { name: machine.name }) });
    for (const reason of machine.reasons) await row.getByText(reason, { exact: true }).waitFor();
  }
});

it("lets a person tune gravity, says what it is tuned to, and takes it back", async () => {
  const mill = grid.first;
  const page = await open(mill, "#/settings/advanced");
  const main = page.getByRole("main");

  await main.getByText("Only this one").click();
  await page.getByText("Gravity is tuned.").waitFor();
  expect(await tuning()).toMatchObject({ strategy: "direct", weight: 1 });
  await main.getByRole("radio", { name: "Only this one" }).and(page.locator(":checked")).waitFor();

  const weight = main.getByRole("slider", { name: "Weight of this machine" });
  await weight.focus();
  await weight.press("ArrowRight");
  await expect.poll(tuning).toMatchObject({ strategy: "direct", weight: 1.25 });
  for (let step = 0; step < 2; step++) {
    await page.getByRole("button", { name: "Undo" }).last().click();
  }
  await expect.poll(tuning).toMatchObject({ strategy: "horizontal", weight: 1 });

  async function tuning(): Promise<MachineView["tuning"] | undefined> {
    const machines = await mill.json<MachineView[]>("machines");
    return machines.find(machine => machine.this)?.tuning;
  }
});
