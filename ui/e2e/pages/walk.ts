import type { Page } from "playwright-core";

import { open, type Look } from "./lab";

const TOWER = "atelieratower".padEnd(52, "a");

/** Every screen and what opens over it: name, address, and what is done there before it stands. */
export const EVERY_SCREEN: readonly [name: string, route: string, then?: (page: Page) => Promise<void>][] = [
  ["the grid", "#/grid", async page => page.locator("g[data-machine]").first().waitFor()],
  ["the table of links", "#/grid", toTable],
  ["the jobs", "#/jobs"],
  ["a job", "#/jobs/kitchenaaaaaaaaa"],
  ["a job's tasks", "#/jobs/kitchenaaaaaaaaa/tasks"],
  ["a job's logs", "#/jobs/kitchenaaaaaaaaa/logs"],
  ["a job's results", "#/jobs/kitchenaaaaaaaaa/results"],
  ["a job's timeline", "#/jobs/kitchenaaaaaaaaa/timeline"],
  ["a job's placement", "#/jobs/kitchenaaaaaaaaa/why"],
  ["the machines", "#/machines"],
  ["a machine", `#/machines/${TOWER}`],
  ["the shared folders", "#/files"],
  ["a folder of another machine", "#/files/render-01/Textures"],
  ["activity", "#/activity"],
  ["events", "#/activity", page => page.getByRole("tab", { name: "Events" }).click()],
  ["the settings", "#/settings"],
  ["the settings of gravity", "#/settings/advanced"],
  ["the check-up", "#/doctor"],
  ["the welcome", "#/welcome"],
  ["the palette", "#/jobs", palette],
  ["the empty sheet", "#/jobs", sheet],
  ["the filled sheet", "#/jobs", filledSheet],
  ["the sheet for pairing", "#/jobs", pairing],
];

/** Opens a screen of the list, as it looks in the middle of a day. */
export async function openScreen(
  name: string,
  look: Look = {},
  size?: { width: number; height: number },
): Promise<Page> {
  const [, route, then] = EVERY_SCREEN.find(([each]) => each === name)!;
  const page = await open(route, { desktop: "1", ...look }, size);
  await then?.(page);
  return page;
}

async function toTable(page: Page): Promise<void> {
  await page.keyboard.press("t");
  await page.getByRole("table", { name: "Links" }).waitFor();
}

async function palette(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Commands" }).waitFor();
}

async function sheet(page: Page): Promise<void> {
  await page.keyboard.press("Control+n");
  await page.getByRole("dialog", { name: "New job" }).waitFor();
}

async function filledSheet(page: Page): Promise<void> {
  await sheet(page);
  await page.getByRole("dialog").getByRole("textbox").fill("/home/ana/kitchen.blend");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByRole("textbox", { name: "Frames" }).waitFor();
}

async function pairing(page: Page): Promise<void> {
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", { name: "Commands" }).fill("pair machine");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Pair" }).waitFor();
}
