/// <reference types="node" />
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

import { TestGrid, until } from "./grid";
import { open, useWindows } from "./window";

useWindows();

const MARKUP = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>`;
/** Turns the text behind it around, as in a name that hides its ending. */
const TURNED = "invoice\u202egpj.exe";
/** As long as a name may be. */
const HUGE = `very-${"long-".repeat(23)}name`;

/** What a program may write: markup, colours, a moved cursor, a title, a turned line, and one far wider than a screen. */
const SCRIPT = `
import sys
out = sys.stdout.buffer
out.write(b'<b onmouseover="window.hacked=1">bold?</b><script>window.hacked=1</script>\\n')
out.write(b'\\x1b[31mred words\\x1b[0m \\x1b[2J\\x1b[H\\x1b]0;title\\x07moved\\n')
out.write('turned \\u202egpj.exe\\n'.encode())
out.write(b'\\xff\\xfe no text \\x00\\n')
out.write(b'A' * 100_000 + b'\\nthe end\\n')
`;

let grid: TestGrid;

beforeAll(async () => {
  grid = await TestGrid.start([MARKUP.slice(0, 40), "forge"]);
  const script = grid.path("hostile.py");
  await grid.write(script, SCRIPT);
  for (const name of [MARKUP, TURNED, HUGE]) {
    await grid.first.cli("exec", "--detach", "--name", name, "--", "python3", script);
  }
  await until("all jobs end", async () => (await grid.first.jobs()).every(job => job.state === "done"));
});

afterAll(() => grid.stop());

describe("names and logs of others", () => {
  it("are text on every screen, and run nothing", async () => {
    const page = await open(grid.first);
    for (const route of ["#/grid", "#/jobs", "#/machines", "#/activity", "#/files"]) {
      await page.evaluate(to => (window.location.hash = to), route);
      await page.locator("main > *").first().waitFor();
      await harmless(page);
    }
    await page.evaluate(() => (window.location.hash = "#/jobs"));
    await page.getByRole("tab", { name: "Finished" }).click();
    await page.getByText(MARKUP).first().waitFor();
    await page.getByText("invoice\ufffdgpj.exe").first().waitFor();
    await harmless(page);
  });

  it("are text where a job's log is read", async () => {
    const page = await open(grid.first);
    for (const job of await grid.first.jobs()) {
      await page.evaluate(id => (window.location.hash = `#/jobs/${id}/logs`), job.id);
      await page.getByText("the end").waitFor();
      await page.getByText(`<b onmouseover="window.hacked=1">bold?</b>`).waitFor();
      await page.getByText("red words").waitFor();
      await harmless(page);
    }
  });
});

/** Nothing of it became an element or ran, nothing turns or hides text, and nothing makes the page wider than it is. */
async function harmless(page: Page): Promise<void> {
  const seen = await page.evaluate(() => {
    // Isolates (2066 to 2069) keep a name in its place: the window sets them itself.
    // eslint-disable-next-line no-control-regex
    const unseen = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e]/;
    return {
      hacked: "hacked" in window,
      elements: document.querySelectorAll("[onerror], [onmouseover], main script, img[src='x']").length,
      turned: unseen.exec(document.body.innerText)?.[0] ?? null,
      title: unseen.exec(document.title)?.[0] ?? null,
      wide: document.documentElement.scrollWidth > window.innerWidth,
    };
  });
  expect(seen).toEqual({ hacked: false, elements: 0, turned: null, title: null, wide: false });
}
