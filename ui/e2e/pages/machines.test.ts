import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

const TOWER = `#/machines/${"atelieratower".padEnd(52, "a")}`;

/** What the window asked for, of one kind. */
function asked(page: Page, ask: string): Promise<unknown[]> {
  return page.evaluate(
    word =>
      (window as unknown as { lab: { bridge: { asked: { ask: string }[] } } }).lab.bridge.asked.filter(
        request => request.ask === word,
      ),
    ask,
  );
}

describe("the list of machines", () => {
  it("is filtered by any word, and opened with the keyboard alone", async () => {
    const page = await open("#/machines");
    const grid = page.getByRole("grid", { name: "Machines" });
    await page.keyboard.press("/");
    await page.keyboard.type("keyboard");
    await expect.poll(() => grid.getByRole("row").count()).toBe(2);
    await grid.focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: "ana-laptop" }).waitFor();
  });

  it("renames this machine from its menu", async () => {
    const page = await open("#/machines");
    await page.getByRole("grid").getByText("atelier-tower").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Rename…" }).click();
    const field = page.getByRole("textbox", { name: "Name" });
    await field.fill("mill");
    await page.keyboard.press("Enter");
    await field.waitFor({ state: "detached" });
    expect(await asked(page, "set")).toEqual([{ ask: "set", name: "mill" }]);
  });

  it("offers only what the owner of a machine may do there", async () => {
    const page = await open("#/machines");
    await page.getByRole("grid").getByText("render-01").click({ button: "right" });
    await page.getByRole("menu").waitFor();
    expect(await page.getByRole("menuitem").allInnerTexts()).toEqual([
      expect.stringContaining("Open"),
      "New job only here",
      "Check the way to it",
      "Prefer this machine",
      "Keep my jobs off",
      "Copy details",
    ]);
  });

  it("prefers a machine for jobs from here, says so, and takes it back", async () => {
    const page = await open("#/machines");
    await page.getByRole("grid").getByText("render-01").click({ button: "right" });
    await page.getByRole("menuitem", { name: "Prefer this machine" }).click();
    await page.getByText(/render-01.* is preferred for jobs from here/).waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    const machine = expect.stringMatching(/^render/) as string;
    await expect
      .poll(async () => (await asked(page, "set")).map(set => Object.entries((set as { leanings: object }).leanings)))
      .toEqual([[[machine, "prefer"]], [[machine, null]]]);
  });
});

describe("a machine", () => {
  it("is paused for as long as one chooses", async () => {
    const page = await open(TOWER);
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByRole("menuitem", { name: "Pause for 1 hour" }).click();
    await page.getByText("Lending is paused on this machine.").first().waitFor();
    expect(await asked(page, "set")).toEqual([{ ask: "set", pause_secs: 3_600 }]);
  });

  it("shows its charts as tables", async () => {
    const page = await open(TOWER);
    await page.getByRole("slider", { name: "Cores in use" }).waitFor();
    await page.keyboard.press("t");
    await page.getByRole("slider").first().waitFor({ state: "detached" });
    const table = page.getByRole("table", { name: "Cores in use" });
    expect(await table.getByText("no data").count()).toBeGreaterThan(0);
    expect(await breaches(page)).toEqual([]);
  });

  it("gets a label, and loses it again", async () => {
    const page = await open(TOWER);
    await page.getByRole("button", { name: "Add label" }).click();
    await page.keyboard.type("room = attic");
    await page.keyboard.press("Enter");
    await page.getByText("Labels changed").first().waitFor();
    await page.getByRole("button", { name: /Remove .*tier/ }).click();
    await expect
      .poll(() => asked(page, "set"))
      .toEqual([
        { ask: "set", labels: { room: "attic" } },
        { ask: "set", labels: { tier: null } },
      ]);
  });
});

describe("activity", () => {
  it("leads from a run to its log", async () => {
    const page = await open("#/activity");
    await page.getByRole("application").waitFor();
    await page.keyboard.press("t");
    await page.getByRole("grid", { name: "Logs" }).focus();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await page.getByRole("tab", { name: "Logs", selected: true }).waitFor();
    expect(new URL(page.url()).hash).toMatch(/^#\/jobs\/\w+\/logs\/0\.\d+$/);
  });

  it("finds events by their kind and their words", async () => {
    const page = await open("#/activity");
    await page.getByRole("tab", { name: "Events" }).click();
    const rows = page.getByRole("grid", { name: "Events" }).getByRole("row");
    await page.keyboard.press("/");
    await page.keyboard.type("offline");
    await expect
      .poll(async () => (await rows.allInnerTexts()).slice(1).every(text => text.includes("offline")))
      .toBe(true);
    expect(await breaches(page)).toEqual([]);
  });

  it("says when nothing happened yet", async () => {
    const page = await open("#/activity", { scene: "alone" });
    await page.getByRole("heading", { name: "Nothing happened yet" }).waitFor();
  });
});

describe("a machine without a link", () => {
  it("is said to be reached over others wherever it stands", async () => {
    const page = await open("#/machines", { inspector: "1" });
    await page.evaluate(() => {
      const { bridge, grid } = window.lab;
      const mini = grid.machines.find(machine => machine.name === "lab-mini")!;
      const via = ["render-01", "studio-nas"].map(name => grid.machines.find(each => each.name === name)!.id);
      bridge.tell({ event: "link_removed", data: { from: grid.thisMachine!.id, peer: mini.id } } as never);
      bridge.tell({ event: "machine_changed", data: { ...mini, via } } as never);
    });
    const over = /Over .*render-01.* and .*studio-nas/;
    const row = page.getByRole("row", { name: /lab-mini/ });
    await row.click();
    await page.getByRole("complementary").getByText(over).waitFor();
    await page.setViewportSize({ width: 1600, height: 800 });
    await row.getByText(over).waitFor();
    await row.getByRole("link", { name: "lab-mini" }).click();
    await page.getByRole("status").filter({ hasText: over }).waitFor();
    await page.getByText(/this machine has no link with it/).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => (window.location.hash = "#/jobs/kitchenaaaaaaaaa/why"));
    await page
      .getByRole("rowheader", { name: /lab-mini/ })
      .getByText(over)
      .waitFor();
    expect(await breaches(page)).toEqual([]);
  });
});
