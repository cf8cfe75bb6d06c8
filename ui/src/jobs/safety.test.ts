import { describe, expect, it } from "vitest";

import { job, peerId } from "~/lab/fixtures";
import { safetyOf } from "./safety";

const TOWER = peerId("atelier-tower");

describe("whether a job outlives its machine", () => {
  it("is said of this machine where it keeps the records", () => {
    expect(safetyOf(job("a", "a", "running"), TOWER)).toMatchObject({ safe: true, word: "Safe to close the lid" });
  });

  it("names the machine that keeps them elsewhere", () => {
    expect(safetyOf(job("a", "a", "running", { safe: false }), peerId("render-01"))?.word).toMatch(
      /^Keep .*tower.* on$/,
    );
  });

  it("says what is missing", () => {
    const unsafe = job("a", "a", "waiting", { safe: false, unsafe_why: "its files are still being copied" });
    expect(safetyOf(unsafe, TOWER)?.sentence).toBe("Keep this machine on: its files are still being copied");
  });

  it("is of no interest once it has ended", () => {
    expect(safetyOf(job("a", "a", "done"), TOWER)).toBeNull();
  });
});
