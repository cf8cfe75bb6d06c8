/// <reference types="node" />
import { afterAll, beforeAll, expect, it } from "vitest";

import type { MachineView } from "../../src/bridge/api";
import { TestGrid } from "./grid";
import { open, useWindows } from "./window";

useWindows();

/** An hour, whenever within its first minutes one looks. */
const AN_HOUR = /(1 h|5\d min)/;

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start(["mill", "forge"]);
});

afterAll(() => grid.stop());

it("shows a pause with its time in every window, keeps it over a restart, and ends it by itself", async () => {
  const [mill, forge] = [grid.first, grid.peers[1]!];
  const there = await open(mill, "#/machines");
  const here = await open(forge);
  const row = there.getByRole("row").filter({ hasText: "forge" });
  const card = here.getByRole("region", { name: "This machine" });

  await card.getByRole("button", { name: "Pause lending" }).click();
  await here.getByRole("menuitem", { name: "Pause for 1 hour" }).click();

  await row.getByText("Paused").waitFor();
  await row.getByText(AN_HOUR).waitFor();
  await card.getByText(AN_HOUR).waitFor();
  const end = await pausedUntil(mill);
  expect(end).toBeGreaterThan(Date.now());

  await forge.kill();
  await row.getByText("Offline").waitFor();
  await forge.boot();

  await row.getByText("Paused").waitFor();
  await row.getByText(AN_HOUR).waitFor();
  await here.getByText("Gridwell is not running").waitFor({ state: "detached" });
  await card.getByText(AN_HOUR).waitFor();
  expect(await pausedUntil(mill)).toBe(end);

  // The same pause, but short: nobody resumes.
  await forge.cli("pause", "2s");
  await row.getByText("Ready").waitFor();
  await card.getByRole("button", { name: "Pause lending" }).waitFor();
  expect(await pausedUntil(mill)).toBeNull();
});

async function pausedUntil(seenFrom: { json<T>(...words: string[]): Promise<T> }): Promise<number | null> {
  const machines = await seenFrom.json<MachineView[]>("machines");
  return machines.find(machine => machine.name === "forge")?.paused_until ?? null;
}
