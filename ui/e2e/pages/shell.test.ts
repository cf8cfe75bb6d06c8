import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

describe("keys", () => {
  it("go to the screens", async () => {
    const page = await open("#/grid");
    for (const [key, title] of [
      ["2", "Jobs"],
      ["3", "Machines"],
      ["5", "Activity"],
      ["1", "Grid"],
    ] as const) {
      await page.keyboard.press(key);
      await page.getByRole("heading", { level: 1, name: title }).waitFor();
    }
  });

  it("go through the parts of the window", async () => {
    const page = await open("#/jobs");
    const seen: (string | null)[] = [];
    for (let press = 0; press < 3; press += 1) {
      await page.keyboard.press("F6");
      seen.push(await page.evaluate(() => document.activeElement?.tagName ?? null));
    }
    expect(seen).toEqual(["NAV", "HEADER", "MAIN"]);
  });

  it("leave the screen alone, and bring the rest back", async () => {
    const page = await open("#/jobs", { inspector: "1" });
    await page.keyboard.press("Control+Space");
    await page.getByRole("navigation").waitFor({ state: "detached" });
    expect(await page.getByRole("complementary").count()).toBe(0);
    await page.getByRole("button", { name: "Show the whole window" }).click();
    await page.getByRole("navigation").waitFor();
    await page.getByRole("complementary").waitFor();
  });

  it("are all told on one page", async () => {
    const page = await open("#/jobs");
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await help.waitFor();
    expect(await help.getByText("Pause for 1 hour").count()).toBe(1);
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "detached" });
  });
});

describe("the palette", () => {
  it("finds a job and goes there, with the keyboard alone", async () => {
    const page = await open("#/grid");
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox", { name: "Commands" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.keyboard.type("forest");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "forest_v07" }).first().waitFor();
  });

  it("gives the focus back", async () => {
    const page = await open("#/jobs");
    const search = page.getByRole("button", { name: "Search or do anything" });
    await search.focus();
    await page.keyboard.press("Enter");
    await page.getByRole("combobox", { name: "Commands" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await expect.poll(() => search.evaluate(button => button === document.activeElement)).toBe(true);
  });
});

describe("when the node goes away", () => {
  it("the window says so at once, dims what is old, and recovers", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => window.lab.bridge.lose(window.lab.Refusal.noNode("gone")));
    await page.getByText("Gridwell is not running on this machine. Showing data from").waitFor();
    expect(await page.locator("main .stale").count()).toBeGreaterThan(0);
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => {
      window.lab.bridge.comeBack();
      window.lab.grid.retryNow();
    });
    await page.locator("main .stale").waitFor({ state: "detached" });
    expect(await page.getByText("Gridwell is not running").count()).toBe(0);
  });
});

describe("a node that is older than the window", () => {
  it("is told of, with what to do", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => {
      const data = { ...window.lab.grid.thisMachine!, version: "0.0.9" };
      window.lab.bridge.tell({ event: "machine_changed", data });
    });
    await page.getByRole("alert").filter({ hasText: "The running node is older than this window." }).waitFor();
  });
});

describe("pausing", () => {
  it("takes one click and a choice, says so, and can be taken back", async () => {
    const page = await open("#/grid");
    await page.getByRole("button", { name: "Pause lending" }).click();
    await page.getByRole("menuitem", { name: "Pause for 1 hour" }).click();
    await page.getByText("Lending is paused on this machine.").first().waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect
      .poll(() => page.evaluate(() => window.lab.bridge.asked.filter(request => request.ask === "set")))
      .toEqual([
        { ask: "set", pause_secs: 3600 },
        { ask: "set", lend: true, pause_secs: 0 },
      ]);
  });
});

describe("dropping", () => {
  it("says what will happen, and on a machine that it is only there", async () => {
    const page = await open("#/machines");
    await page.evaluate(() => window.lab.bridge.drag?.entered(["kitchen.blend"], { x: 600, y: 500 }));
    await page.getByText("Nothing starts before you have seen what it will do.").waitFor();
    await page.evaluate(() => window.lab.bridge.drag?.left());
    await page.getByText("Nothing starts before").waitFor({ state: "detached" });
  });
});

describe("a toast", () => {
  it("is read out, and stays while it has the focus", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => window.lab.grid.toasts.done("kitchen is paused.", { label: "Undo", run: () => {} }));
    const undo = page.getByRole("button", { name: "Undo" });
    await undo.focus();
    expect(await breaches(page)).toEqual([]);
    expect(await page.locator("[aria-live='polite']").filter({ hasText: "kitchen is paused." }).count()).toBe(1);
  });
});
