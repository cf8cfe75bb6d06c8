// Takes a picture of every screen, dark and light, large and small, of a running grid:
//   node scripts/screenshots.mjs --address URL --out DIR --done JOB --failed JOB --running JOB
//
// URL opens the window for one browser, as `gridwell ui` prints it. Fails when a page reported an error.
import { mkdirSync } from "node:fs";

import { launch, option } from "./chromium.mjs";

const SIZES = [
  { width: 1280, height: 800 },
  { width: 900, height: 600 },
];
/** Longer than any motion of the window (ui-spec §11), and the debounce of what is typed. */
const STILL_MS = 600;

const out = option("out");
const [done, failed, running] = ["done", "failed", "running"].map(name => option(name));

const key = name => page => page.keyboard.press(name);
async function command(page, words) {
  await page.keyboard.press("Control+k");
  await page.waitForSelector("[role=listbox]");
  await page.keyboard.type(words);
  await page.keyboard.press("Enter");
}

const press = name => page => page.getByRole("button", { name }).first().click();
/** The first link of this machine, beside the picture. */
async function inspectLink(page) {
  await page.locator("g[data-machine]").first().focus();
  for (const one of ["l", "Space", "n"]) await page.keyboard.press(one);
}

/** Name, address, what is pressed before the picture, and what takes that back. */
const SCREENS = [
  { name: "grid", hash: "#/grid" },
  { name: "grid-table", hash: "#/grid", deed: key("t") },
  { name: "jobs", hash: "#/jobs" },
  { name: "job-done", hash: `#/jobs/${done}` },
  { name: "job-running", hash: `#/jobs/${running}` },
  { name: "job-failed", hash: `#/jobs/${failed}` },
  { name: "job-tasks", hash: `#/jobs/${failed}/tasks` },
  { name: "job-logs", hash: `#/jobs/${failed}/logs` },
  { name: "job-results", hash: `#/jobs/${done}/results` },
  { name: "job-timeline", hash: `#/jobs/${done}/timeline` },
  { name: "job-why", hash: `#/jobs/${done}/why` },
  { name: "machines", hash: "#/machines" },
  { name: "files", hash: "#/files" },
  { name: "files-folder", hash: "#/files/render-01/Textures/wood" },
  { name: "files-share", hash: "#/files", deed: press("Share a folder") },
  { name: "activity", hash: "#/activity" },
  { name: "settings", hash: "#/settings" },
  { name: "people", hash: "#/settings/machines" },
  { name: "guest-pass", hash: "#/settings/machines", deed: press("Make a guest pass") },
  { name: "recovery-words", hash: "#/settings/machines", deed: press(/Make (new )?words…/) },
  { name: "network", hash: "#/settings/network" },
  {
    name: "layout-preview",
    hash: "#/settings/network",
    deed: page => page.getByRole("radio", { name: "Star" }).press("Space"),
  },
  { name: "link", hash: "#/grid", deed: inspectLink, after: key("n") },
  { name: "limits", hash: "#/settings/advanced/limits" },
  { name: "check-up", hash: "#/doctor" },
  { name: "check-up-way", hash: "#/doctor", deed: page => page.locator("main select").selectOption({ index: 1 }) },
  { name: "welcome", hash: "#/welcome" },
  { name: "new-job", hash: "#/jobs", deed: key("Control+n") },
  { name: "pair", hash: "#/grid", deed: page => command(page, "pair") },
  { name: "why-nothing", hash: "#/grid", deed: page => command(page, "why is nothing") },
  { name: "palette", hash: "#/jobs", deed: key("Control+k") },
  { name: "keys", hash: "#/jobs", deed: key("?") },
];

mkdirSync(out, { recursive: true });
const faults = [];
const browser = await launch();
const page = await (await browser.newContext({ viewport: SIZES[0], reducedMotion: "reduce" })).newPage();
page.on("pageerror", error => faults.push(error.message));
page.on("console", message => {
  const { url } = message.location();
  // That a job has no picture is an answer.
  const noPicture = url.includes("/v1/picture") && message.text().includes("422");
  if (message.type() === "error" && !noPicture) faults.push(`${message.text()} ${url}`);
});
await page.goto(option("address"));
await page.waitForSelector("[data-machine]");
const home = new URL(page.url()).origin;
for (const colorScheme of ["dark", "light"]) {
  await page.emulateMedia({ colorScheme });
  for (const screen of SCREENS) {
    // Anew each time: nothing of the screen before stays open.
    await page.goto(`${home}/?${screen.name}-${colorScheme}${screen.hash}`);
    await page.locator("main > *").first().waitFor();
    await page.evaluate(() => document.fonts.ready);
    await page.waitForTimeout(STILL_MS);
    await screen.deed?.(page);
    for (const size of SIZES) {
      await page.setViewportSize(size);
      await page.waitForTimeout(STILL_MS);
      await page.screenshot({ path: `${out}/${screen.name}-${colorScheme}-${size.width}x${size.height}.png` });
    }
    await page.setViewportSize(SIZES[0]);
    await screen.after?.(page);
  }
}
await browser.close();
for (const fault of new Set(faults)) console.error(`screenshots: ${fault}`);
process.exitCode = faults.length === 0 ? 0 : 1;
