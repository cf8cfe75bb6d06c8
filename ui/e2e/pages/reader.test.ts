import { describe, expect, it } from "vitest";

import { usePages } from "./lab";
import { spoken, unspoken } from "./spoken";
import { EVERY_SCREEN, openScreen } from "./walk";

usePages();

describe("to a screen reader", () => {
  it.each(EVERY_SCREEN.map(([name]) => name))("%s says what everything is, once", async name => {
    const page = await openScreen(name, { inspector: "1" });
    expect((await spoken(page)).length).toBeGreaterThan(10);
    await expect.poll(() => unspoken(page)).toEqual([]);
    // Where there is less room, words give way to signs.
    await page.setViewportSize({ width: 900, height: 600 });
    await expect.poll(() => unspoken(page)).toEqual([]);
  });
});
