// Measures the window against its budgets (ui-spec §12) and prints rows as JSON:
//   node scripts/measure.mjs --still URL --stirred URL --job ID [--rounds N]
//
// Each address opens the window of a made-up grid for one browser; the machines of the second grid change all the time.
// ID is the large job of the first one.
import { launch, option } from "./chromium.mjs";
import { framesOf, nothing, panScene, panTimeline, respond, scrollRows, zoomScene } from "./measure/page.mjs";
import { cpuSeconds, memoryMb } from "./measure/process.mjs";

const SIZE = { width: 1280, height: 800 };
const ROUNDS = Number(option("rounds", "5"));
const JOB = option("job");
/** How long a window is watched to which nothing happens. */
const REST_MS = 10_000;
/** By then a layout has come to rest (ui-spec §6). */
const SETTLE_MS = 1_500;
/** How often is looked whether something still moves. */
const REST_EVERY_MS = 500;
/** The part of a job that is in front. */
const PANEL = ".job [role=tabpanel]";
/** Where the address of a screen shows: only the link to it is marked. */
const screen = view => `a[href="#/${view}"][aria-current]`;

const rows = [];
function row(what, value, compares) {
  rows.push({ what, value, compares });
  console.error(`${what}: ${value} (${compares})`);
}
const ms = value => `${Math.round(value)} ms`;
function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
const median = values => ms(percentile(values, 0.5));
const p95 = values => ms(percentile(values, 0.95));

async function rounds(measure) {
  const times = [];
  for (let round = 0; round < ROUNDS; round += 1) times.push(await measure());
  return times;
}

const browser = await launch();
try {
  await still(option("still"));
  await stirred(option("stirred"));
} finally {
  await browser.close();
}
console.log(JSON.stringify(rows));

async function still(address) {
  const page = await (await browser.newContext({ viewport: SIZE })).newPage();
  await opened(page, address);
  const starts = await rounds(() => opened(page, new URL(address).origin));
  row("start to live data, p95", p95(starts), "bar: 3,000 ms on two cores without a graphics card");
  await scene(page);
  await answers(page);
  await largeJob(page);
  row(
    "memory of the browser with 500 machines and 100,000 tasks, PSS",
    `${Math.round(memoryMb())} MB`,
    "of Chromium with its helpers; bar of the app: 400 MB",
  );
  await rest(page);
  await page.context().close();
}

/** Opens an address; milliseconds from there to the picture with live data. */
async function opened(page, address) {
  await page.goto(address, { waitUntil: "commit" });
  await page.waitForSelector("[data-machine]");
  return page.evaluate(() => new Promise(done => requestAnimationFrame(() => done(performance.now()))));
}

async function scene(page) {
  const mounts = await rounds(async () => {
    await respond(page, { deed: () => page.keyboard.press("2"), until: screen("jobs") });
    return respond(page, { deed: () => page.keyboard.press("1"), until: "[data-machine]" });
  });
  row("scene of 500 machines and 1,500 links: from the key to the picture", median(mounts), "bar: 300 ms");
  await settled(page);
  row("the same, panned: a frame, p95", p95(await framesOf(page, panScene)), "bar: 40 ms");
  row("the same, zoomed: a frame, p95", p95(await framesOf(page, zoomScene)), "bar: 40 ms");
}

/** Waits until the layout has come to rest. */
async function settled(page) {
  const places = () =>
    [...document.querySelectorAll("[data-machine]")].map(node => {
      const { x, y } = node.getBoundingClientRect();
      return `${x} ${y}`;
    });
  let before;
  let now = String(await page.evaluate(places));
  do {
    await page.waitForTimeout(REST_EVERY_MS);
    [before, now] = [now, String(await page.evaluate(places))];
  } while (before !== now);
}

/** From a key to the picture that answers it. */
async function answers(page) {
  const key = (press, until) => respond(page, { deed: () => page.keyboard.press(press), until });
  const slowest = await rounds(async () => {
    const times = [];
    for (const [press, view] of [
      ["2", "jobs"],
      ["3", "machines"],
      ["1", "grid"],
    ]) {
      times.push(await key(press, screen(view)));
    }
    return Math.max(...times);
  });
  row("from a key to another screen, the slowest of three", median(slowest), "bar: 100 ms");
  const palettes = await rounds(async () => {
    const time = await key("Control+k", "[role=listbox]");
    await page.keyboard.press("Escape");
    await page.waitForSelector("[role=listbox]", { state: "detached" });
    return time;
  });
  row("palette", median(palettes), "bar: 60 ms");
}

async function largeJob(page) {
  const show = hash => page.evaluate(hash => window.location.assign(hash), hash);
  const opens = await rounds(async () => {
    await show("#/machines");
    await page.waitForSelector(screen("machines"));
    await page.waitForSelector(PANEL, { state: "detached" });
    const deed = () => show(`#/jobs/${JOB}/tasks`);
    return respond(page, { deed, begins: "hashchange", until: `${PANEL} [role=gridcell]` });
  });
  row("open a job of 100,000 tasks", median(opens), "bar: 300 ms");
  await page.waitForLoadState("networkidle");
  row("the same: scroll its tasks, a frame, p95", p95(await framesOf(page, scrollRows)), "bar: 20 ms");
  const filters = await rounds(() => filtered(page));
  row("the same: filter its tasks by state", median(filters), "bar: 100 ms");
  await show(`#/jobs/${JOB}/timeline`);
  await page.waitForSelector(`${PANEL} canvas`);
  await page.waitForLoadState("networkidle");
  row("the same: pan its timeline, a frame, p95", p95(await framesOf(page, panTimeline)), "bar: 33 ms");
}

/** Chooses another state than the one that is shown. */
async function filtered(page) {
  const select = page.locator(`${PANEL} select`).first();
  const other = await select.locator("option:not(:checked)").last().getAttribute("value");
  const deed = () => select.selectOption(other);
  return respond(page, { deed, begins: "change", until: `${PANEL} header > .muted` });
}

/** What the window costs while nothing happens: with dots on the links of machines that work, and without. */
async function rest(page) {
  await page.keyboard.press("1");
  await page.waitForSelector("[data-machine]");
  await settled(page);
  row("processor of the browser while only dots move on links", await share(page), "");
  await page.emulateMedia({ reducedMotion: "reduce" });
  row("processor of the browser while nothing moves", await share(page), "bar: 1 %");
}

/** Share of a core that the browser uses. */
async function share(page) {
  await page.waitForTimeout(REST_EVERY_MS);
  const before = cpuSeconds();
  await page.waitForTimeout(REST_MS);
  return `${(((cpuSeconds() - before) / REST_MS) * 100_000).toFixed(1)} % of a core`;
}

async function stirred(address) {
  const page = await (await browser.newContext({ viewport: SIZE })).newPage();
  let [messages, bytes] = [0, 0];
  page.on("websocket", socket =>
    socket.on("framereceived", ({ payload }) => {
      messages += 1;
      bytes += payload.length;
    }),
  );
  await opened(page, address);
  await page.waitForTimeout(SETTLE_MS);
  const [fromMessages, fromBytes, began] = [messages, bytes, performance.now()];
  const frames = [];
  await rounds(async () => frames.push(...(await framesOf(page, nothing))));
  const secs = (performance.now() - began) / 1_000;
  row("scene whose machines change, a tenth 4 times a second: a frame, p95", p95(frames), "bar: 25 ms");
  row(
    "the same: messages to the page",
    `${((messages - fromMessages) / secs).toFixed(1)} a second`,
    "bar: 10 a second",
  );
  row(
    "the same: bytes to the page",
    `${Math.round((bytes - fromBytes) / secs / 1_000)} kB a second`,
    "bar: 64 kB a second",
  );
}
