/// <reference types="node" />
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { LayoutView, LinkView } from "../../src/bridge/api";
import { type Peer, TestGrid, until } from "./grid";
import { open, useWindows } from "./window";

useWindows();

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start(["mill", "sandstone", "forge"]);
});

afterAll(() => grid.stop());

it("becomes a star in the window of one machine, on every machine, and a mesh again", async () => {
  const [mill, ...others] = grid.peers;
  const kinds = (): Promise<string[]> =>
    Promise.all(others.map(async peer => (await peer.json<LayoutView>("layout")).kind));
  const page = await open(mill!, "#/settings/network");

  await page.getByRole("radio", { name: "Star" }).press("Space");
  await page
    .getByRole("status")
    .filter({ hasText: "Goes:" })
    .locator("p")
    .filter({ hasText: /forge|sandstone/ })
    .waitFor();
  expect(await kinds()).toEqual(["mesh", "mesh"]);
  await page.getByRole("button", { name: "Use this layout" }).click();

  await until("every machine has heard of the star", async () => (await kinds()).every(kind => kind === "star"));
  await page.getByText(/mill.* asked for it/).waitFor();
  await page.getByRole("button", { name: "Back to the layout before" }).click();
  await until("every machine is back", async () => (await kinds()).every(kind => kind === "mesh"));
});

describe("a chain in which nearest only suggests", () => {
  let chain: TestGrid;

  beforeAll(async () => {
    chain = await TestGrid.start(["forge", "attic", "mill", "quarry"]);
    await chain.peers[0]!.cli("layout", "chain", "attic", "forge", "mill", "quarry");
  });
  afterAll(() => chain.stop());

  async function linked(peer: Peer, names: string[]): Promise<boolean> {
    const links = await peer.json<LinkView[]>("links");
    const up = links.filter(link => link.state === "up").map(link => link.name);
    return up.sort().join() === names.join();
  }

  it("says which link would help and why, and makes it when told to", async () => {
    const forge = chain.peers[0]!;
    await until("forge has its two neighbours", () => linked(forge, ["attic", "mill"]));
    const page = await open(forge, "#/settings/network");
    await forge.cli("behaviour", "suggest", "nearest", "--every", "1s");

    const nearest = page.getByRole("listitem").filter({ hasText: "Nearest" });
    await nearest.getByText(/Link with .*quarry.*: there are only 2/).waitFor();
    expect(await nearest.getByRole("radio", { name: "Suggest" }).isChecked()).toBe(true);
    expect(await linked(forge, ["attic", "mill"])).toBe(true);
    await nearest.getByRole("button", { name: "Do it" }).click();

    await until("forge is linked with quarry, too", () => linked(forge, ["attic", "mill", "quarry"]));
  });
});
