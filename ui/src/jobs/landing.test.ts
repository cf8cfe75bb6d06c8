import { describe, expect, it } from "vitest";

import { job } from "~/lab/fixtures";
import { flawsByTask, hasLandingNews } from "./landing";

const flaw = (kind: "black" | "truncated", ...indices: number[]) => ({
  flaw: kind,
  count: indices.length,
  example: { step: 0, index: indices[0] ?? 0 },
  example_label: "frame",
  path: "/out/a.png",
  tasks: indices.map(index => ({ step: 0, index })),
});

const landing = { in_the_way: "keep" as const, held: 0, held_path: "", away: 0, waits: "", flaws: [] };

describe("what is told of results", () => {
  it("is nothing when all of them are home and sound", () => {
    expect(hasLandingNews(job("a", "a", "done"))).toBe(false);
    for (const news of [{ held: 1 }, { away: 2 }, { waits: "the disk is full" }, { flaws: [flaw("black", 1)] }]) {
      expect(hasLandingNews(job("a", "a", "done", { landing: { ...landing, ...news } }))).toBe(true);
    }
  });

  it("names every flaw of a task", () => {
    const flaws = [flaw("black", 3, 5), flaw("truncated", 5)];
    const found = flawsByTask(job("a", "a", "done", { landing: { ...landing, flaws } }));
    expect([...found]).toEqual([
      ["0.3", "all black"],
      ["0.5", "all black, cut off"],
    ]);
  });
});
