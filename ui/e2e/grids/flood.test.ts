/// <reference types="node" />
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { JobDetail, TaskCounts } from "../../src/bridge/api";
import { until } from "./grid";
import { MadeUp } from "./made";
import { focused, open, useWindows } from "./window";

useWindows();

const TASKS = 20_000;
/** Task states that change each second. */
const FLOOD = 10_000;
/** Changes that a round lasts at least: each task changes three times. */
const CHANGES_EACH = 3 * TASKS;
/** What the heap may differ by after two equal rounds: a small part of the 15 MB that are told in one. */
const HEAP_BYTES = 1024 * 1024;

let grid: MadeUp;

beforeAll(async () => {
  grid = await MadeUp.start("--machines", "50", "--links", "100", "--jobs", "50", "--tasks", `${TASKS}`);
});

afterAll(() => grid.stop());

describe("ten thousand changes a second", () => {
  it("are followed on every screen, at the window's own pace and in the same memory", async () => {
    const page = await open(grid, "", async page => void (await page.addInitScript(watchMessages)));
    const heaps: number[] = [];
    const growth = (): number => heaps.at(-1)! - heaps.at(-2)!;

    // The first round fills what is kept. A leak grows with every round; what is tidied up late does not.
    for (let round = 1; round <= 3 || (round <= 5 && growth() >= HEAP_BYTES); round += 1) {
      grid.storm(FLOOD);
      await walk(page);
      await until("the round is over", async () => (await heard(page)).last >= round * CHANGES_EACH);
      expect(await grid.calm()).toBeGreaterThan((round - 1) * CHANGES_EACH);
      await showsTheNodesCounts(page);
      await visit(page, "#/grid", page.locator("[data-machine]"));
      heaps.push(await heapBytes(page));
    }

    const { messages, paces } = await heard(page);
    expect(messages).toBeLessThanOrEqual(paces);
    expect(growth()).toBeLessThan(HEAP_BYTES);
  });
});

/** Every screen, and what opens over it, while all changes. */
async function walk(page: Page): Promise<void> {
  const job = `#/jobs/${grid.job}`;
  await visit(page, "#/grid", page.locator("[data-machine]"));
  await page.keyboard.press("t");
  await page.getByRole("table", { name: "Links" }).waitFor();
  await page.keyboard.press("t");
  await visit(page, "#/jobs", page.getByRole("grid", { name: "Jobs" }));
  await page.keyboard.press("Control+k");
  await focused(page.getByRole("combobox", { name: "Commands" }));
  await page.keyboard.type("kitchen 0");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 2, name: "kitchen 0" }).waitFor();
  for (const part of ["Tasks", "Logs", "Results", "Timeline", "Why here"])
    await visit(page, `${job}/${part.split(" ")[0]!.toLowerCase()}`, page.getByRole("tabpanel", { name: part }));
  const machines = page.getByRole("grid", { name: "Machines" });
  await visit(page, "#/machines", machines);
  await machines.press("ArrowDown");
  await machines.press("Enter");
  await page.getByRole("link", { name: "All machines", exact: true }).waitFor();
  await visit(page, "#/activity", page.getByRole("tab", { name: "Events" }));
  await page.getByRole("tab", { name: "Events" }).click();
  await visit(page, "#/settings", page.getByRole("link", { name: "Lending" }));
  await visit(page, "#/doctor", page.getByRole("heading", { level: 1 }));
}

async function visit(page: Page, route: string, stands: Locator): Promise<void> {
  await page.evaluate(to => (window.location.hash = to), route);
  await stands.first().waitFor();
}

/** What the job says of itself, and the tasks that are told one by one, come to what the node knows. */
async function showsTheNodesCounts(page: Page): Promise<void> {
  const counts = await page.evaluate(countsOf, grid.job);
  const number = (count: number): string => count.toLocaleString("en-GB");
  await visit(page, `#/jobs/${grid.job}/tasks`, page.getByRole("grid", { name: "Tasks" }));
  await page
    .getByRole("status")
    .filter({ hasText: `${number(counts.done)} of ${number(TASKS)} frames` })
    .waitFor();
  const tasks = page.getByRole("tabpanel");
  for (const [state, count] of [
    ["Running", counts.running],
    ["Done", counts.done],
  ] as const) {
    await tasks.getByRole("combobox").first().selectOption({ label: state });
    await tasks.getByText(`${number(count)} frames`, { exact: true }).waitFor();
  }
}

/** Asks the node as the window does, past all that the window keeps. Runs in the page. */
async function countsOf(job: string): Promise<TaskCounts> {
  const headers = { "content-type": "application/json", "x-gridwell-key": localStorage.getItem("gridwell-key") ?? "" };
  const asked = { method: "POST", headers, body: JSON.stringify({ ask: "job", job }) };
  const { steps } = (await (await fetch("/v1/ask", asked)).json()) as JobDetail;
  return steps[0]!.counts;
}

interface Heard {
  messages: number;
  /** Number of the last event. */
  last: number;
  /** Paces that the window asked for while it listened: no more messages may have come. Who is too slow listens anew. */
  paces: number;
}

declare global {
  interface Window {
    heard: () => Heard;
  }
}

function heard(page: Page): Promise<Heard> {
  return page.evaluate(() => window.heard());
}

/** Counts what comes through the window's sockets. Runs in the page, before all else. */
function watchMessages(): void {
  let [messages, last] = [0, 0];
  const pacesOf: (() => number)[] = [];
  window.heard = () => ({ messages, last, paces: pacesOf.reduce((sum, paces) => sum + paces(), 0) });
  window.WebSocket = class extends WebSocket {
    constructor(address: string | URL) {
      super(address);
      const every = Number(new URL(address).searchParams.get("every"));
      const opened = performance.now();
      let closed = Infinity;
      pacesOf.push(() => 1 + Math.floor((Math.min(closed, performance.now()) - opened) / every));
      this.addEventListener("close", () => (closed = performance.now()));
      this.addEventListener("message", ({ data }: MessageEvent<string>) => {
        messages += 1;
        last = Number(/^\d+/.exec(data.slice(data.lastIndexOf('"seq":') + 6))?.[0]);
      });
    }
  };
}

/** What is in use once nothing is kept that nobody needs. */
async function heapBytes(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page);
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  await session.detach();
  return usedSize;
}
