import type { Locator, Page } from "playwright-core";
import { describe, expect, it } from "vitest";

import { breaches, open, usePages } from "./lab";

usePages();

describe("a job that has not ended", () => {
  it.each(["dark", "light"] as const)("says in %s whether the lid may be closed, and why not", async theme => {
    const page = await open("#/jobs", { theme });
    const jobs = page.getByRole("grid", { name: "Jobs" });
    await jobs
      .getByRole("row", { name: /kitchen/ })
      .getByText("Safe to close the lid")
      .waitFor();
    const film = jobs.getByRole("row", { name: /holiday film/ });
    expect(await film.getByText("Keep this machine on").count()).toBe(1);
    expect(await breaches(page)).toEqual([]);
    await film.getByText("holiday film.mov").click();
    await page.getByText("Keep this machine on: the files it reads are still being copied to render-01").waitFor();
    expect(await breaches(page)).toEqual([]);
  });

  it("names the machine that keeps its records elsewhere", async () => {
    const page = await open("#/jobs/trainaaaaaaaaaaa");
    await page.getByText(/It goes on if .*render-01.* is switched off/).waitFor();
  });
});

/** Everything that can be done with the job in front. */
async function menu(page: Page): Promise<Locator> {
  await page.getByRole("main").getByRole("button", { name: "More actions" }).first().click();
  return page.getByRole("menu");
}

describe("a job of which something runs", () => {
  const FILM = "#/jobs/filmcutaaaaaaaaa";

  it("is paused at once, says what becomes of what ran, and goes on when that is taken back", async () => {
    const page = await open(FILM);
    const asked = (): Promise<unknown[]> =>
      page.evaluate(() =>
        window.lab.bridge.asked.flatMap(request =>
          request.ask === "hold" || request.ask === "release" ? [{ ...request }] : [],
        ),
      );
    await (await menu(page)).getByRole("menuitem", { name: "Pause now" }).click();
    await page.getByText(/holiday film.* is paused now: what ran goes on from what it saved, or begins anew/).waitFor();
    expect(await asked()).toEqual([{ ask: "hold", target: "filmcutaaaaaaaaa", now: true }]);
    await page.getByRole("button", { name: "Undo" }).click();
    await expect.poll(asked).toContainEqual({ ask: "release", target: "filmcutaaaaaaaaa" });
    expect(await breaches(page)).toEqual([]);
  });

  it("is paused at once from the palette, too", async () => {
    const page = await open(FILM);
    await page.getByRole("main").getByRole("button", { name: "Pause", exact: true }).waitFor();
    await page.keyboard.press("Control+k");
    await page.keyboard.type("pause now");
    await page.getByRole("option", { name: /Pause now/ }).click();
    await page.getByText(/is paused now/).waitFor();
  });

  it.each(["dark", "light"] as const)("says in %s what of it is saved, and since when", async theme => {
    const page = await open(`${FILM}/tasks`, { theme });
    await page.getByText(/Progress of 2 tasks saved (just now|.+ ago)/).waitFor();
    const tasks = page.getByRole("grid", { name: "Tasks" });
    expect(await tasks.getByText(/^Saved (just now|.+ ago)/).count()).toBe(2);
    await page.evaluate(() => {
      const { bridge, grid } = window.lab;
      const { id } = grid.jobs.find(job => job.name === "holiday film.mov")!;
      const of = { job: id, step: 0, machine: null, exit_code: null, reason: "" };
      const tell = (data: object): void => bridge.tell({ event: "tasks_changed", data: { ...of, ...data } } as never);
      tell({ span: { start: 5, end: 6 }, state: "held", saved_at: null });
      tell({ span: { start: 6, end: 7 }, state: "done", saved_at: null });
    });
    await tasks.getByText(/^Goes on from what it saved (just now|.+ ago)/).waitFor();
    expect(await tasks.getByText(/^Saved (just now|.+ ago)/).count()).toBe(0);
    expect(await breaches(page)).toEqual([]);
  });

  it("has a button for that once it takes nothing new and something still runs", async () => {
    const page = await open(FILM);
    await page.getByRole("main").getByRole("button", { name: "Pause", exact: true }).waitFor();
    expect(await page.getByRole("main").getByRole("button", { name: "Pause now" }).count()).toBe(0);
    await page.evaluate(() => {
      const { bridge, grid } = window.lab;
      const job = grid.jobs.find(each => each.name === "holiday film.mov")!;
      bridge.tell({ event: "job_changed", data: { ...job, state: "held" } });
    });
    await page.getByRole("main").getByRole("button", { name: "Pause now" }).waitFor();
  });

  it("offers no pause at once where nothing runs", async () => {
    const page = await open("#/jobs/trainaaaaaaaaaaa");
    const offered = await menu(page);
    await offered.getByRole("menuitem", { name: "Pause", exact: true }).waitFor();
    expect(await offered.getByRole("menuitem", { name: "Pause now" }).count()).toBe(0);
  });
});

describe("a job that has ended", () => {
  it("says nothing of lids", async () => {
    const page = await open("#/jobs/teaseraaaaaaaaaa");
    await page.getByRole("heading", { name: "teaser", level: 2 }).waitFor();
    expect(
      await page
        .getByRole("main")
        .getByText(/close the lid|switched off|Keep/)
        .count(),
    ).toBe(0);
  });
});

describe("results that are not home, or not what they should be", () => {
  it.each(["dark", "light"] as const)("are told in %s with what can be done", async theme => {
    const page = await open("#/jobs/lobbyaaaaaaaaaaa", { theme });
    const news = page.getByRole("list", { name: "Results that need a look" });
    await news.getByText("3 files wait.").waitFor();
    await news.getByText(/frame_0007.png is in the way/).waitFor();
    await news.getByText("Results of 2 frames are kept by another machine").waitFor();
    await news.getByText("2 files all black:").waitFor();
    const labels = await news.getByRole("button").allInnerTexts();
    expect(labels.map(label => label.trim())).toEqual(["Replace", "Keep both", "Try again", "Show", "Show"]);
    expect(await breaches(page)).toEqual([]);
    await news.getByRole("button", { name: "Show" }).last().click();
    await page.getByRole("option", { name: "frame 12, done, cut off", selected: true }).waitFor();
    await page.getByRole("option", { name: "frame 4, done, all black" }).waitFor();
  });

  it("land as it is wished", async () => {
    const page = await open("#/jobs/lobbyaaaaaaaaaaa/results");
    await page
      .getByRole("row", { name: /frame_0004/ })
      .getByText("all black")
      .waitFor();
    const news = page.getByRole("list", { name: "Results that need a look" });
    await news.getByRole("button", { name: "Keep both" }).click();
    await page.getByText(/Results of .*lobby.* are landing/).waitFor();
    const asked = await page.evaluate(() => window.lab.bridge.asked.filter(({ ask }) => ask === "land"));
    expect(asked).toEqual([{ ask: "land", job: "lobbyaaaaaaaaaaa", in_the_way: "beside" }]);
    expect(await breaches(page)).toEqual([]);
  });
});

describe("this machine", () => {
  it("says whether it may be closed, and on its page why not", async () => {
    const page = await open("#/jobs");
    const card = page.getByRole("region", { name: "This machine" });
    await card.getByText("Keep this machine on").waitFor();
    await card.getByRole("link").click();
    const main = page.getByRole("main");
    await main.getByText("Holiday film.mov: the files it reads are still being copied to render-01.").waitFor();
    expect(await breaches(page)).toEqual([]);
  });

  it("asks again when a job is safe", async () => {
    const page = await open("#/jobs");
    const asked = (): Promise<number> =>
      page.evaluate(() => window.lab.bridge.asked.filter(({ ask }) => ask === "status").length);
    await page.getByRole("region", { name: "This machine" }).getByText("Keep this machine on").waitFor();
    const before = await asked();
    await page.evaluate(() => {
      const { bridge, grid } = window.lab;
      const film = grid.jobs.find(job => job.name === "holiday film.mov")!;
      bridge.tell({ event: "job_changed", data: { ...film, safe: true, unsafe_why: "" } } as never);
    });
    await expect.poll(asked).toBe(before + 1);
  });
});
