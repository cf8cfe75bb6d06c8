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
