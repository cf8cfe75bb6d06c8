/// <reference types="node" />
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { LinkView, MachineView } from "../../src/bridge/api";
import { centreOf, dragTo, gripAt, standing } from "../pages/scene";
import { TestGrid, until, type Peer } from "./grid";
import { open, useWindows } from "./window";

useWindows();

/** What holds of each link of a machine: `attic pinned`, in the order of names. */
async function policies(peer: Peer): Promise<string[]> {
  const links = await peer.json<LinkView[]>("links");
  return links.map(({ name, policy }) => `${name} ${policy}`).sort();
}

async function holds(peer: Peer, ...wanted: string[]): Promise<void> {
  await until(`it is ${wanted.join(", ")}`, async () => (await policies(peer)).join() === wanted.join());
}

/** Waits until the window says what was done. */
async function said(page: Page, what: string): Promise<void> {
  await page.getByText(what, { exact: true }).first().waitFor();
}

async function idOf(peer: Peer, name: string): Promise<string> {
  return (await peer.json<MachineView[]>("machines")).find(machine => machine.name === name)!.id;
}

describe("the links of one owner's machines", () => {
  let grid: TestGrid;

  beforeAll(async () => {
    grid = await TestGrid.start(["mill", "attic", "forge"]);
  });
  afterAll(() => grid.stop());

  const automatic = ["attic automatic", "forge automatic"];
  const moved = ["attic pinned", "forge forbidden"];

  it("are moved by hand, taken back and made again", async () => {
    const { first } = grid;
    const [mill, attic, forge] = await Promise.all(["mill", "attic", "forge"].map(name => idOf(first, name)));
    const page = await open(first, "#/grid");
    await standing(page);
    const grip = await gripAt(page, mill!, forge!);
    await dragTo(page, grip, await centreOf(page, attic!));
    // The other machine is reached over the one that it is moved to.
    await page.getByText(/^about [\d.]+ ms$/).waitFor();
    expect(await policies(first)).toEqual(automatic);
    await page.mouse.up();
    // The window knows the way back once it was answered, which may be after the machine has done it.
    await said(page, "Link moved");
    await holds(first, ...moved);
    await page.keyboard.press("Control+z");
    await said(page, "Undone: Link moved");
    await holds(first, ...automatic);
    await page.keyboard.press("Control+Shift+z");
    await said(page, "Done again: Link moved");
    await holds(first, ...moved);
    await page.keyboard.press("Control+z");
    await holds(first, ...automatic);
  });

  it("are moved by keys alone", async () => {
    const { first } = grid;
    const mill = await idOf(first, "mill");
    const page = await open(first, "#/grid");
    await standing(page);
    await page.locator(`g[data-machine="${mill}"]`).focus();
    await until("the link with forge has the focus", async () => {
      await page.keyboard.press("l");
      const focused = page.locator("[data-link]:focus");
      return (await focused.count()) > 0 && ((await focused.getAttribute("aria-label")) ?? "").includes("forge");
    });
    await page.keyboard.press("Shift+K");
    await page.getByRole("combobox").fill("attic");
    await page.keyboard.press("Enter");
    await holds(first, ...moved);
  });

  it("ask before they cut machines off, and name them", async () => {
    const { first } = grid;
    await holds(first, ...moved);
    const page = await open(first, `#/machines/${await idOf(first, "attic")}`);
    const policy = page.getByRole("combobox", { name: /Policy of the link .*mill/ });
    const question = page.getByRole("alertdialog", { name: "Change this link?" });
    await policy.selectOption({ label: "Forbidden" });
    await question.getByText(/attic/).and(question.getByText(/forge/)).waitFor();
    await page.keyboard.press("Enter");
    await question.waitFor({ state: "detached" });
    expect(await policies(first)).toEqual(moved);
    await policy.selectOption({ label: "Forbidden" });
    await question.getByRole("button", { name: "Change it" }).click();
    await said(page, "Link forbidden");
    await holds(first, "attic forbidden", "forge forbidden");
    await page.keyboard.press("Control+z");
    await holds(first, ...moved);
  });
});

describe("what became of a link", () => {
  let grid: TestGrid;

  beforeAll(async () => {
    grid = await TestGrid.start(["mill", "attic"]);
  });
  afterAll(() => grid.stop());

  it("is told beside it, and undone only knowingly over what was changed at the other end", async () => {
    const [first, attic] = grid.peers as [Peer, Peer];
    const page = await open(first, `#/grid/${await idOf(first, "mill")}/${await idOf(first, "attic")}`);
    const changes = page.getByRole("region", { name: "Changes" });
    const newest = (): Promise<string> => changes.locator("bdi").first().innerText();
    const undo = changes.getByRole("button", { name: "Undo" });
    const policy = page.getByRole("complementary", { name: "Inspector" }).getByRole("combobox");
    await policy.selectOption({ label: "Pinned" });
    await expect.poll(newest).toBe("Automatic → Pinned");
    await undo.click();
    await holds(first, "attic automatic");
    await expect.poll(newest).toBe("Pinned → Automatic");
    await expect.poll(() => policy.inputValue()).toBe("automatic");
    await policy.selectOption({ label: "Pinned" });
    await expect.poll(newest).toBe("Automatic → Pinned");
    await attic.cli("link", "pin", "mill");
    await changes.getByText(/Changed on .*attic/).waitFor();
    await undo.click();
    await page.getByText(/attic.* changed this link/).waitFor();
    await page.getByRole("button", { name: "Undo anyway" }).click();
    await expect.poll(newest).toBe("Pinned → Automatic");
    // The other end keeps what its owner wants.
    await holds(first, "attic pinned");
    await attic.cli("link", "auto", "mill");
    await holds(first, "attic automatic");
  });
});

describe("a link with another owner's machine", () => {
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

  async function pin(page: Page): Promise<void> {
    await page.getByRole("combobox", { name: /Policy of the link/ }).selectOption({ label: "Pinned" });
    await page.getByText(/Waiting for the owner of .*mill.* to allow the pin/).waitFor();
  }

  it("is asked for no more when its owner takes that back", async () => {
    const [here, there] = [await open(mill, "#/jobs"), await open(attic, `#/machines/${await idOf(attic, "mill")}`)];
    await pin(there);
    const asked = here.getByText(/attic.* asks to pin its link with this machine/).first();
    await asked.waitFor();
    await there.getByRole("button", { name: "Ask no more" }).click();
    await asked.waitFor({ state: "detached" });
    expect(await policies(attic)).toEqual(["mill automatic"]);
  });

  it("is pinned only with a yes; a no is told, and may become a yes", async () => {
    const [here, there] = [await open(mill, "#/jobs"), await open(attic, `#/machines/${await idOf(attic, "mill")}`)];
    await pin(there);
    const asked = here.getByRole("status").filter({ hasText: /attic.* asks to pin its link with this machine/ });
    await asked.getByRole("button", { name: "Decline" }).click();
    await asked.waitFor({ state: "detached" });
    await there.getByText(/The owner of .*mill.* does not allow the pin/).waitFor();
    expect(await policies(mill)).toEqual(["attic automatic"]);
    const id = await idOf(mill, "attic");
    await here.evaluate(to => (window.location.hash = to), `#/machines/${id}`);
    await here.getByRole("button", { name: "Allow", exact: true }).click();
    await holds(attic, "mill pinned");
    await holds(mill, "attic pinned");
    await there.getByText(/does not allow the pin/).waitFor({ state: "detached" });
  });
});
