import { describe, expect, it } from "vitest";

import type { JobState } from "~/bridge";
import { counts, job } from "~/lab/fixtures";
import { allowed, byTimeLeft, firstTab, fits, tabCounts, tabOf, waitingJobs } from "./lists";

describe("the lists of jobs", () => {
  it("hold every state, and a paused job waits", () => {
    const states = ["running", "waiting", "held", "done", "cancelled", "failed"] as const;
    expect(states.map(state => tabOf(job("a", "a", state)))).toEqual([
      "running",
      "waiting",
      "waiting",
      "finished",
      "finished",
      "failed",
    ]);
  });

  it("open where something is", () => {
    const jobs = [job("a", "a", "done"), job("b", "b", "failed"), job("c", "c", "failed")];
    expect(tabCounts(jobs)).toEqual({ running: 0, waiting: 0, finished: 1, failed: 2 });
    expect(firstTab(tabCounts(jobs))).toBe("finished");
    expect(firstTab(tabCounts([]))).toBe("running");
  });
});

describe("why nothing runs", () => {
  it("is asked of jobs of which nothing runs, and of paused ones last", () => {
    const idle = counts({ ready: 1 });
    const jobs = [
      job("a", "runs", "running"),
      job("b", "paused", "held", { counts: idle }),
      job("c", "waits", "waiting", { counts: idle }),
      job("d", "stuck", "running", { counts: idle }),
      job("e", "over", "done", { counts: idle }),
    ];
    expect(waitingJobs(jobs).map(({ name }) => name)).toEqual(["waits", "stuck", "paused"]);
  });
});

describe("the filter", () => {
  const kitchen = job("kitchen", "Kitchen v2", "running", { origin_name: "atelier-tower" });

  it("wants every word somewhere", () => {
    expect(fits(kitchen, "  ")).toBe(true);
    expect(fits(kitchen, "kitch tower")).toBe(true);
    expect(fits(kitchen, "kitch laptop")).toBe(false);
  });

  it("knows the beginning of an id and the machines that work", () => {
    expect(fits(kitchen, kitchen.id.slice(0, 4))).toBe(true);
    expect(fits(kitchen, "render-01")).toBe(true);
  });
});

describe("what can be done", () => {
  it("depends on where the job stands", () => {
    const those = (state: JobState, running: number): string[] => {
      const all = Object.entries(allowed(job("a", "a", state, { counts: counts({ running }) })));
      return all.filter(([, may]) => may).map(([deed]) => deed);
    };
    expect(those("running", 1)).toEqual(["hold", "hold_now", "cancel"]);
    expect(those("waiting", 0)).toEqual(["hold", "cancel"]);
    expect(those("held", 0)).toEqual(["release", "cancel"]);
    expect(those("held", 1)).toEqual(["hold_now", "release", "cancel"]);
    expect(those("done", 0)).toEqual([]);
  });

  it("offers to retry as soon as one task failed", () => {
    expect(allowed(job("a", "a", "running", { counts: counts({ running: 1, failed: 1 }) })).retry).toBe(true);
  });

  it("sorts what nobody can tell behind what ends soon", () => {
    const jobs = [job("a", "a", "running", { time_left_secs: null }), job("b", "b", "running", { time_left_secs: 5 })];
    expect(jobs.sort(byTimeLeft).map(({ name }) => name)).toEqual(["b", "a"]);
  });
});
