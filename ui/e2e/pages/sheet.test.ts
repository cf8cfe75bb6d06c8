import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { open, usePages } from "./lab";

usePages();

describe("a dropped folder", () => {
  it.each([
    ["en", "It holds 50,000 files, 2.1 GB."],
    ["de", "Darin: 50.000 Dateien, 2,1 GB."],
  ])("that nobody knows says what it holds, in the window's language: %s", async (locale, holds) => {
    const page = await dropped("/home/ana/Textures", locale);
    await page.getByRole("dialog").getByText(holds).waitFor();
    expect(await page.getByText("no recipe").count()).toBe(0);
  });

  it.each([
    ["en", "Left out: 2 files of other kinds, 1 subfolder"],
    ["de", "Nicht dabei: 2 Dateien anderer Art, 1 Unterordner"],
  ])("of pictures says what is left out: %s", async (locale, left) => {
    const page = await dropped("/home/ana/shoot", locale);
    await page.getByRole("dialog").getByText(left, { exact: true }).waitFor();
  });
});

async function dropped(folder: string, locale: string): Promise<Page> {
  const page = await open("#/jobs", { locale });
  await page.keyboard.press("Control+n");
  await page.getByRole("dialog").getByRole("textbox").fill(folder);
  await page.keyboard.press("Enter");
  return page;
}
