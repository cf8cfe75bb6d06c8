import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

async function command(page: Page, words: string): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Commands" }).fill(words);
  await page.keyboard.press("Enter");
}

async function openSheet(page: Page): Promise<void> {
  await command(page, "pair machine");
  await page.getByRole("dialog", { name: "Pair machine" }).waitFor();
}

async function showCode(page: Page): Promise<void> {
  await openSheet(page);
  await page.getByRole("button", { name: "Show code" }).click();
  await page.getByRole("img", { name: "The pairing link as a QR code" }).waitFor();
}

async function enter(page: Page, typed: string, address = "192.168.1.30:7766"): Promise<void> {
  await page.getByRole("radio", { name: "Another one, by its address" }).check();
  await page.getByRole("textbox", { name: "Address of the other machine" }).fill(address);
  await page.getByRole("textbox", { name: "Code or link" }).fill(typed);
  await page.keyboard.press("Enter");
}

/** What was answered about pairings so far. */
function answers(page: Page): Promise<boolean[]> {
  return page.evaluate(() =>
    window.lab.bridge.asked.flatMap(request => (request.ask === "pair_answer" ? [request.approve] : [])),
  );
}

/** How far content reaches beyond its box. */
function widerThanItsBox(page: Page, selector: string): Promise<number> {
  return page.locator(selector).evaluate(box => Math.max(0, box.scrollWidth - box.clientWidth));
}

describe("showing a code", () => {
  it.each(["dark", "light"] as const)(
    "is large, with its link to scan, in %s; who comes with it is told",
    async theme => {
      const page = await open("#/jobs", { theme });
      await showCode(page);
      await page.getByText("7K2M-9QXR").waitFor();
      await page.getByText("10 min left").waitFor();
      expect(await breaches(page)).toEqual([]);

      await page.evaluate(() => window.lab.pairing.come());
      const asked = page.getByRole("dialog", { name: /sandstone.* wants to join/ });
      await asked.getByText("Do both machines show these words?").waitFor();
      expect(await asked.getByRole("listitem").allTextContents()).toEqual(["velvet", "harbor", "copper", "orange"]);
      await asked.getByText("k3fa q7xo 2mzd hw4n 5rtc").waitFor();
      expect(await breaches(page)).toEqual([]);
      await asked.getByRole("button", { name: "Yes, pair" }).click();
      await asked.waitFor({ state: "detached" });
      await page
        .getByRole("dialog", { name: "Pair machine" })
        .getByText(/sandstone.* is paired\./)
        .waitFor();
      await page.getByRole("button", { name: "Show another code" }).waitFor();
    },
  );

  it("is over after a wrong guess, and says so", async () => {
    const page = await open("#/jobs");
    await showCode(page);
    await page.evaluate(() => window.lab.pairing.burn());
    await page.getByText("Somebody typed a wrong code, so this one is not good any more.").waitFor();
    await page.getByText("7K2M-9QXR").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Show another code" }).click();
    await page.getByText("7K2M-9QXR").waitFor();
  });

  it("is over when another window shows one, and says so", async () => {
    const page = await open("#/jobs");
    await showCode(page);
    await page.evaluate(() => window.lab.pairing.showElsewhere());
    await page.getByText("Another window, or the command line, shows another code now.").waitFor();
    await page.getByText("7K2M-9QXR").waitFor({ state: "detached" });
    expect(await breaches(page)).toEqual([]);
  });

  it("is over with its time, and still there when the sheet opens again before", async () => {
    const page = await open("#/jobs");
    await showCode(page);
    await page.keyboard.press("Escape");
    await openSheet(page);
    await page.getByText("7K2M-9QXR").waitFor();
    await page.keyboard.press("Escape");
    await page.clock.setFixedTime(new Date("2026-11-25T13:12:11Z"));
    await openSheet(page);
    await page.getByText("The time of this code is over.").waitFor();
    await page.getByRole("button", { name: "Show another code" }).waitFor();
  });
});

describe("a machine that asks to be let in", () => {
  it("is asked about wherever the window is, one after the other, and no key says yes by accident", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => ["sandstone", "forge"].forEach(machine => window.lab.pairing.come({ machine })));
    await page
      .getByRole("dialog", { name: /sandstone/ })
      .getByText("1 more waiting")
      .waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "No", exact: true }).click();
    await page.getByText(/sandstone.* was refused and is not paired\./).waitFor();
    const second = page.getByRole("dialog", { name: /forge/ });
    await second.waitFor();
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByText(/forge.* is paired\./).waitFor();
    await second.waitFor({ state: "detached" });
    expect(await answers(page)).toEqual([false, true]);
  });

  it("can wait: it stays above the screen, or in Activity, until it is answered", async () => {
    const page = await open("#/activity");
    await page.evaluate(() => window.lab.pairing.come());
    const asked = page.getByRole("dialog", { name: /sandstone/ });
    await asked.waitFor();
    await page.keyboard.press("Escape");
    await asked.waitFor({ state: "detached" });
    await page
      .getByRole("region", { name: "Needs you" })
      .getByText(/sandstone.* wants to join/)
      .waitFor();
    expect(await breaches(page)).toEqual([]);
    const answer = page.getByRole("button", { name: "Answer…" });
    expect(await answer.count()).toBe(1);
    await page.keyboard.press("2");
    await page.getByRole("region", { name: "Needs you" }).waitFor({ state: "detached" });
    expect(await answer.count()).toBe(1);
    await answer.click();
    await asked.waitFor();
    expect(await answers(page)).toEqual([]);
  });

  it.each([
    ["timed_out", /sandstone.* is not paired: nobody here answered in time\./],
    ["cancelled", /sandstone.* is not paired: it gave up or went away\./],
    ["joined", /sandstone.* is paired\./],
  ] as const)("goes away when it is %s elsewhere, and that is said", async (state, sentence) => {
    const page = await open("#/machines");
    await page.evaluate(() => window.lab.pairing.come());
    await page.getByRole("dialog", { name: /sandstone/ }).waitFor();
    await page.evaluate(state => window.lab.pairing.become("sandstone", { state }), state);
    await page.getByText(sentence).waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });
});

describe("entering a code", () => {
  it.each(["dark", "light"] as const)("shows the words in %s until the other machine says yes", async theme => {
    const page = await open("#/jobs", { theme });
    await openSheet(page);
    await enter(page, " 7k2m 9qxr ");
    const sheet = page.getByRole("dialog", { name: "Pair machine" });
    await sheet.getByText("Do both machines show these words?").waitFor();
    expect(await sheet.getByRole("list", { name: "The four words" }).getByRole("listitem").allTextContents()).toEqual([
      "velvet",
      "harbor",
      "copper",
      "orange",
    ]);
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => window.lab.pairing.become("mill", { state: "joined" }));
    await page.getByText(/This machine is paired with .*mill/).waitFor();
    await sheet.waitFor({ state: "detached" });
  });

  it("can be given up, and goes on when the sheet is closed", async () => {
    const page = await open("#/jobs");
    await openSheet(page);
    await enter(page, "7K2M9QXR");
    await page.getByRole("list", { name: "The four words" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByText(/Waiting for a yes from .*mill/).waitFor();
    await page.getByRole("button", { name: "Show", exact: true }).click();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("textbox", { name: "Code or link" }).waitFor();
    expect(await answers(page)).toEqual([false]);
  });

  it.each([
    ["a wrong code", "2222-2222", "The pairing code is wrong, or not good any more after a wrong guess."],
    ["no code", "nonsense!", "This is not a pairing code."],
    ["a used link", "gridwell://pair/used", "This pairing link was used already."],
    ["no link", "https://example.com", "This is not a pairing link."],
  ])("says of %s what is wrong and what to do, and pairs nothing", async (_what, typed, sentence) => {
    const page = await open("#/jobs");
    await openSheet(page);
    await enter(page, typed);
    const alert = page.getByRole("alert").filter({ hasText: sentence });
    await alert.waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("textbox", { name: "Code or link" }).fill("7");
    await alert.waitFor({ state: "detached" });
  });

  it("leads to the check-up when the other machine is not found", async () => {
    const page = await open("#/jobs");
    await openSheet(page);
    await enter(page, "7K2M-9QXR", "10.9.9.9:7766");
    await page.getByRole("button", { name: "Open the check-up" }).click();
    await page.getByRole("heading", { name: "1 thing needs attention." }).waitFor();
    await page.getByRole("dialog").waitFor({ state: "detached" });
  });

  it("says when it was refused there", async () => {
    const page = await open("#/jobs");
    await openSheet(page);
    await enter(page, "7K2M-9QXR");
    await page.getByRole("list", { name: "The four words" }).waitFor();
    await page.evaluate(() =>
      window.lab.pairing.become("mill", {
        state: "rejected",
        error: "pairing_rejected",
        sentence: "mill did not let this machine in",
      }),
    );
    await page.getByText("The other machine did not let this one in.").waitFor();
    await page.getByText("Show another code on the other machine and type that one.").waitFor();
  });

  it("opens filled in from a link, and asks with Enter", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => window.lab.bridge.command({ command: "pair", link: "gridwell://pair/good" }));
    const field = page.getByRole("textbox", { name: "Code or link" });
    expect(await field.inputValue()).toBe("gridwell://pair/good");
    await field.press("Enter");
    await page.getByRole("list", { name: "The four words" }).waitFor();
  });
});

describe("a small window with large text", () => {
  it.each(["en", "de"])("holds the sheet for pairing and the question (%s)", async locale => {
    const page = await open("#/jobs", { text: "200", locale }, { width: 900, height: 600 });
    await page.evaluate(() => window.lab.bridge.command({ command: "pair", link: "gridwell://pair/good" }));
    await page.locator(".side-sheet input").first().press("Enter");
    await page.getByRole("list").filter({ hasText: "velvet" }).waitFor();
    expect(await widerThanItsBox(page, ".side-sheet-body")).toEqual(0);
    await page.evaluate(() => window.lab.pairing.come());
    await page.getByRole("dialog").filter({ hasText: "k3fa q7xo" }).waitFor();
    expect(await widerThanItsBox(page, ".dialog-body")).toEqual(0);
    const yes = page.locator(".dialog footer button").last();
    const box = (await yes.boundingBox())!;
    expect(box.x >= 0 && box.y >= 0 && box.x + box.width <= 900 && box.y + box.height <= 600).toBe(true);
  });
});

describe("the first start", () => {
  it("is gone through once, and lends what was chosen", async () => {
    const page = await open("", { scene: "alone", first: "1", desktop: "1" });
    await page.getByRole("heading", { name: "Name this machine and say what it lends" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("textbox", { name: "Name" }).fill("mill");
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("heading", { name: "Pair another machine" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Just this one" }).click();
    await page.getByRole("checkbox", { name: "Keep lending when I close the window" }).click();
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Choose file…" }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.getByRole("button", { name: "Done" }).click();
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
    expect(await page.evaluate(() => window.lab.bridge.asked.filter(request => request.ask === "set"))).toEqual([
      { ask: "set", name: "mill", lend_cpus: 8 },
    ]);
  });

  it("ends with a sample job that is ready to start", async () => {
    const page = await open("#/welcome", { scene: "alone", first: "1" });
    await page.getByRole("checkbox", { name: "Only when nobody has used it for 5 min", checked: true }).waitFor();
    for (const name of ["Continue", "Just this one"]) await page.getByRole("button", { name }).click();
    const rules = await page.evaluate(() =>
      window.lab.bridge.asked.flatMap(asked => (asked.ask === "lending" && asked.rules ? [asked.rules] : [])),
    );
    expect(rules).toMatchObject([{ when: { kind: "idle", after_secs: 300 }, never_while: { on_battery: true } }]);
    await page.getByRole("button", { name: "Try a sample job" }).click();
    await page.getByRole("dialog", { name: /welcome/ }).waitFor();
    await page.keyboard.press("Enter");
    await expect
      .poll(() => page.evaluate(() => window.lab.bridge.asked.filter(({ ask }) => ask === "submit").length))
      .toBe(1);
  });

  it("is over for whoever goes elsewhere", async () => {
    const page = await open("", { scene: "alone", first: "1" });
    await page.getByRole("heading", { name: "Welcome to Gridwell" }).waitFor();
    await page.keyboard.press("2");
    await page.getByRole("heading", { level: 1, name: "Jobs" }).waitFor();
    await page.keyboard.press("1");
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
  });

  it("is not shown where there are machines and jobs", async () => {
    const page = await open("", { first: "1" });
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
  });
});

describe("the check-up", () => {
  it("puts what is wrong first, with what to do", async () => {
    const page = await open("#/doctor");
    await page.getByRole("heading", { name: "1 thing needs attention." }).waitFor();
    const first = page.locator("main li").first();
    expect(await first.innerText()).toContain("Turn on automatic time on win-box.");
  });

  it("says that nobody answers, and checks again", async () => {
    const page = await open("#/jobs");
    await page.evaluate(() => window.lab.bridge.lose(window.lab.Refusal.noNode("gone")));
    await page.evaluate(() => (window.location.hash = "#/doctor"));
    await page.getByRole("heading", { name: "Gridwell is not running on this machine." }).waitFor();
    expect(await breaches(page)).toEqual([]);
    await page.evaluate(() => window.lab.bridge.comeBack());
    await page.getByRole("button", { name: "Check again" }).click();
    await page.getByRole("heading", { name: "1 thing needs attention." }).waitFor();
  });
});

describe("the palette", () => {
  it("arranges the grid from another screen", async () => {
    const page = await open("#/jobs");
    await command(page, "layout: star");
    await page.getByRole("heading", { level: 1, name: "Grid" }).waitFor();
    await expect.poll(() => page.evaluate(() => window.lab.grid.undo.next?.label)).toBe("Layout changed");
  });

  it("goes to the name of this machine, ready to type", async () => {
    const page = await open("#/jobs");
    await command(page, "rename this");
    await page.getByRole("textbox", { name: "Name" }).waitFor();
    await expect
      .poll(() => page.evaluate(() => (document.activeElement as HTMLInputElement).value))
      .toBe("atelier-tower");
  });
});
