import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import type { Request } from "~/bridge";
import type { Policy } from "../../src/lending/policy";
import { breaches, open, openLending, usePages } from "./lab";
import { unspoken } from "./spoken";

usePages();

/** The rules that were asked for last. */
function policy(page: Page): Promise<Policy | undefined> {
  return page.evaluate(() =>
    window.lendingLab.heard.flatMap(heard => ("policy" in heard ? [heard.policy] : [])).at(-1),
  );
}

async function hours(page: Page): Promise<readonly number[]> {
  const when = (await policy(page))?.when;
  return when !== undefined && "hours" in when ? when.hours : [];
}

/** What the whole window asked to change, in short. */
function wishes(page: Page): Promise<unknown[]> {
  return page.evaluate(() =>
    window.lab.bridge.asked.flatMap((request: Request): unknown[] => {
      if (request.ask === "set") return [request];
      if (request.ask !== "lending") return [];
      const { rules, isolation } = request;
      if (isolation != null) return [isolation];
      if (rules == null) return [];
      return [[rules.keep_awake, rules.sleep_after_secs, rules.wake_for_work]];
    }),
  );
}

function cell(page: Page, name: RegExp): Locator {
  return page.getByRole("grid", { name: "Hours of the week" }).getByRole("gridcell", { name });
}

/** Bits of the hours from one to the other, that one not included. */
function bits(from: number, until: number): number {
  return 2 ** until - 2 ** from;
}

describe("the line over the rules", () => {
  it("says since when, or every reason why not", async () => {
    for (const [now, words] of [
      ["lending", /Lending since .*: nobody is here\./],
      ["used", /Not lending: somebody is at the keyboard, last 12 s ago\./],
      ["paused", /Not lending: you paused it until/],
      ["blind", /Not lending: this desktop does not say whether somebody is here\./],
    ] as const) {
      const page = await openLending({ now });
      await page.getByRole("status").getByText(words).waitFor();
    }
    const page = await openLending({ now: "used" });
    await page.getByText(/Also: .*resolve.* runs · it runs on its battery, 61 % full/).waitFor();
    await page.getByText(/Idle time from .*GNOME/).waitFor();
  });
});

describe("the hours of the week", () => {
  it("are painted with a drag, as a rectangle, and closed by another one", async () => {
    const page = await openLending();
    await page.getByRole("button", { name: "Clear" }).click();
    const drag = async (from: RegExp, to: RegExp): Promise<void> => {
      await cell(page, from).hover();
      await page.mouse.down();
      await cell(page, to).hover();
      await page.mouse.up();
    };
    await page.getByRole("alert").getByText("These rules mean this machine would never lend.").waitFor();
    await drag(/^Tuesday 9 AM/, /^Thursday 11 AM/);
    await expect.poll(() => hours(page)).toEqual([0, bits(9, 12), bits(9, 12), bits(9, 12), 0, 0, 0]);
    expect(await page.getByRole("alert").count()).toBe(0);
    await page.getByText(/Tue – Thu: 9 AM – 12 PM/).waitFor();
    await drag(/^Wednesday 10 AM/, /^Thursday 10 AM/);
    const split = bits(9, 10) + bits(11, 12);
    await expect.poll(() => hours(page)).toEqual([0, bits(9, 12), split, split, 0, 0, 0]);
  });

  it("stay as they were when a stroke is given up", async () => {
    const page = await openLending();
    await cell(page, /^Monday 9 AM/).hover();
    await page.mouse.down();
    await cell(page, /^Friday 5 PM/).hover();
    await page.keyboard.press("Escape");
    await page.mouse.up();
    expect(await policy(page)).toBeUndefined();
  });

  it("are painted with keys alone", async () => {
    const page = await openLending();
    await page.getByRole("button", { name: "Clear" }).click();
    await page.getByRole("button", { name: "Clear" }).focus();
    for (let back = 0; back < 3; back += 1) await page.keyboard.press("Shift+Tab");
    await page.locator("[role=gridcell]:focus").waitFor();
    await page.keyboard.press("Home");
    await page.keyboard.press("Space");
    await page.keyboard.press("Shift+ArrowRight");
    await page.keyboard.press("Shift+ArrowDown");
    await expect.poll(() => hours(page)).toEqual([bits(0, 2), bits(1, 2), 0, 0, 0, 0, 0]);
    await page.keyboard.press("Space");
    await expect.poll(() => hours(page)).toEqual([bits(0, 2), 0, 0, 0, 0, 0, 0]);
    expect(await page.locator("[role=gridcell]:focus").getAttribute("aria-label")).toBe("Tuesday 1 AM to 2 AM, closed");
  });

  it("are painted with a finger", async () => {
    const page = await openLending({}, { hasTouch: true });
    const touch = await page.context().newCDPSession(page);
    const middle = async (name: RegExp): Promise<{ x: number; y: number }> => {
      const { x, y, width, height } = (await cell(page, name).boundingBox())!;
      return { x: x + width / 2, y: y + height / 2 };
    };
    await cell(page, /^Monday 9 AM/).scrollIntoViewIfNeeded();
    const [from, to] = [await middle(/^Monday 9 AM/), await middle(/^Tuesday 10 AM/)];
    await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: [from] });
    await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints: [to] });
    await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
    await expect.poll(async () => (await hours(page))[1]! & bits(9, 11)).toBe(bits(9, 11));
  });

  it("of a whole day are taken by its name", async () => {
    const page = await openLending();
    await page.getByRole("button", { name: "Mon, all day" }).click();
    await expect.poll(async () => (await hours(page))[0]).toBe(bits(0, 24));
  });
});

describe("the rules", () => {
  it("of idleness and of hours count both, either, or one alone", async () => {
    const page = await openLending();
    const when = async (): Promise<string | undefined> => (await policy(page))?.when.when;
    await page.getByText("One is enough").click();
    await expect.poll(when).toBe("idle_or_within");
    await page.getByRole("checkbox", { name: "nobody has used mouse or keyboard for a while" }).uncheck();
    await expect.poll(when).toBe("within");
    await page.getByRole("checkbox", { name: "the schedule is open" }).uncheck();
    await expect.poll(when).toBe("always");
    await page.getByText("It lends at any time, with less while somebody is here.").waitFor();
    await page.getByRole("checkbox", { name: "It is there for the grid" }).check();
    await expect.poll(when).toBe("dedicated");
  });

  it("name programs, and no paths", async () => {
    const page = await openLending();
    const name = page.getByRole("textbox", { name: "A program that keeps it from lending" });
    await name.fill("/usr/bin/maya");
    await page.getByText("A program’s name has no slash").waitFor();
    await name.fill("maya");
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: /Remove .*resolve/ }).click();
    await expect.poll(async () => (await policy(page))?.neverWhile.programs).toEqual(["Adobe Premiere Pro", "maya"]);
  });

  it("say what happens when somebody comes back, and for how long", async () => {
    const page = await openLending();
    await page.getByRole("slider", { name: "How long tasks may go on" }).focus();
    await page.keyboard.press("ArrowRight");
    await expect.poll(async () => (await policy(page))?.onReturn).toEqual({ onReturn: "finish", withinSecs: 180 });
    await page.getByRole("radio", { name: /Stand still at once/ }).check();
    await expect.poll(async () => (await policy(page))?.onReturn).toEqual({ onReturn: "freeze" });
  });

  it("keep one thing back for a while", async () => {
    const page = await openLending();
    await page.getByRole("button", { name: "Keep back for 1 hour: Graphics" }).click();
    const heard = await page.evaluate(() => window.lendingLab.heard);
    expect(heard).toEqual([{ keepBack: "graphics", secs: 3_600 }]);
  });
});

describe("sleep", () => {
  it("is kept away by work, comes when nobody needs the machine, and is taken back", async () => {
    const page = await open("#/settings/lending");
    await page.getByRole("checkbox", { name: "Keep awake while it works" }).check();
    await page.getByRole("checkbox", { name: "Sleep when nobody uses or needs it" }).check();
    await page.getByText("after 30 min").waitFor();
    await page.getByRole("slider", { name: "How long nobody must have used or needed it" }).press("ArrowRight");
    await page.getByText("after 35 min").waitFor();
    await page.getByRole("checkbox", { name: "Let other machines wake it for work" }).check();
    await page.getByRole("button", { name: "Undo" }).last().click();
    await expect
      .poll(() => wishes(page))
      .toEqual([
        [true, null, false],
        [true, 1_800, false],
        [true, 2_100, false],
        [true, 2_100, true],
        [true, 2_100, false],
      ]);
  });

  it("says in words what a system cannot do, and asks nothing of it", async () => {
    const blind = await open("#/settings/lending", { poor: "1" });
    const sleeps = blind.getByRole("checkbox", { name: "Sleep when nobody uses or needs it" });
    await blind.getByText("Nothing here tells when somebody last used it, so it stays awake.").waitFor();
    await sleeps.press("Space");
    expect(await sleeps.isChecked()).toBe(false);
    await blind.evaluate(() => {
      const machine = window.lab.grid.thisMachine!;
      const data = { ...machine, hardware: { ...machine.hardware, os: "windows" } };
      window.lab.bridge.tell({ event: "machine_changed", data });
    });
    await blind.getByText("Gridwell does not know how this system is sent to sleep.").waitFor();
    await blind.getByText("Gridwell cannot ask this system for that yet.").waitFor();
    await blind.getByText("Only Linux can do that.").waitFor();
    expect(await blind.getByRole("radio", { name: /namespaces/ }).isDisabled()).toBe(true);
    expect(await wishes(blind)).toEqual([]);
  });
});

describe("power and tariff", () => {
  it("are numbers, with a comma or a point; empty is unknown, and never 0", async () => {
    const page = await open("#/settings/lending");
    const watts = page.getByRole("textbox", { name: "With all cores at work" });
    const tariff = page.getByRole("textbox", { name: "Price, in your currency" });
    expect(await watts.inputValue()).toBe("");
    await watts.fill("180");
    await tariff.fill("0,31");
    await tariff.press("Enter");
    await expect.poll(() => tariff.inputValue()).toBe("0.31");
    await watts.fill("");
    await watts.press("Enter");
    await expect
      .poll(() => wishes(page))
      .toEqual([
        { ask: "set", watts: 180 },
        { ask: "set", tariff: 0.31 },
        { ask: "set", watts: null },
      ]);
  });

  it("stay as they were until what makes no sense is mended", async () => {
    const page = await open("#/settings/lending");
    const watts = page.getByRole("textbox", { name: "With all cores at work" });
    await watts.fill("0");
    await watts.press("Enter");
    await page.getByText("A number above 0, at most 100,000.").waitFor();
    expect(await watts.getAttribute("aria-invalid")).toBe("true");
    await watts.fill("12.5");
    await page.getByText("A number above 0, at most 100,000.").waitFor({ state: "detached" });
    expect(await wishes(page)).toEqual([]);
    await watts.press("Enter");
    await expect.poll(() => wishes(page)).toEqual([{ ask: "set", watts: 12.5 }]);
  });
});

describe("isolation", () => {
  it("is changed, and taken back", async () => {
    const page = await open("#/settings/lending/isolation");
    await page.getByRole("radio", { name: /namespaces/ }).check();
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(() => page.getByRole("radio", { name: /Standard/ }).isChecked()).toBe(true);
    expect(await wishes(page)).toEqual(["namespaces", "landlock"]);
  });

  it("stays where it was, with the reason beside it, where the system makes no namespaces", async () => {
    const page = await open("#/settings/lending/isolation", { poor: "1" });
    await page.getByRole("radio", { name: /namespaces/ }).click();
    await page
      .getByRole("alert")
      .getByText(/bubblewrap is not installed/)
      .waitFor();
    expect(await page.getByRole("radio", { name: /Standard/ }).isChecked()).toBe(true);
    expect(await page.getByRole("button", { name: "Undo" }).count()).toBe(0);
  });
});

it("the page of lending is open to everyone, dark and light, also where little can be done", async () => {
  for (const look of [{ theme: "dark" }, { theme: "light", poor: "1", locale: "de" }] as const) {
    const page = await open("#/settings/lending", look);
    await page.getByRole("radio", { name: /Standard|Üblich/ }).waitFor();
    expect(await breaches(page), JSON.stringify(look)).toEqual([]);
    expect(await unspoken(page)).toEqual([]);
  }
});

it("everything is open to everyone, dark and light, large and mirrored", async () => {
  for (const look of [{ theme: "dark" }, { theme: "light" }, { text: "200" }, { dir: "rtl" }, { locale: "de" }]) {
    const page = await openLending(look);
    expect(await breaches(page), JSON.stringify(look)).toEqual([]);
  }
});
