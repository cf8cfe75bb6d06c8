import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import type { Policy } from "../../src/lending/policy";
import { breaches, openLending, usePages } from "./lab";

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

it("everything is open to everyone, dark and light, large and mirrored", async () => {
  for (const look of [{ theme: "dark" }, { theme: "light" }, { text: "200" }, { dir: "rtl" }, { locale: "de" }]) {
    const page = await openLending(look);
    expect(await breaches(page), JSON.stringify(look)).toEqual([]);
  }
});
