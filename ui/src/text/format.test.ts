import { describe, expect, it } from "vitest";

import * as format from "./format";
import { setLocale } from "./locale.svelte";

describe("sizes", () => {
  it.each([
    [0, "0 B"],
    [999, "999 B"],
    [1_000, "1 kB"],
    [999_600, "1 MB"],
    [1_500_000, "1.5 MB"],
    [4.1e9, "4.1 GB"],
    [64e9, "64 GB"],
    [7e15, "7,000 TB"],
  ])("%d bytes are %s", (size, text) => expect(format.bytes(size)).toBe(text));
});

describe("energy", () => {
  it.each([
    [0, "0 J"],
    [340, "340 J"],
    [3_600, "1 Wh"],
    [43_200, "12 Wh"],
    [1.512e6, "0.42 kWh"],
    [6.12e7, "17 kWh"],
  ])("%d joules are %s", (joules, text) => expect(format.energy(joules)).toBe(text));
});

it("a number in a field has no marks between thousands", () => {
  expect(format.typed(1_234.5)).toBe("1234.5");
  setLocale("de");
  expect(format.typed(0.31)).toBe("0,31");
});

describe("times", () => {
  it.each([
    [0.42, "0.4 s"],
    [12, "12 s"],
    [59.97, "59 s"],
    [120, "2 min"],
    [200, "3 min 20 s"],
    [7_500, "2 h 5 min"],
    [7_200, "2 h"],
    [277_200, "3 d 5 h"],
    [259_200, "3 d"],
  ])("%d seconds last %s", (secs, text) => expect(format.duration(secs)).toBe(text));

  it.each([
    [20, "under 1 min left"],
    [89, "1 min left"],
    [660, "11 min left"],
    [3_599, "1 h left"],
    [5_400, "1 h 30 min left"],
  ])("%d seconds are %s", (secs, text) => expect(format.timeLeft(secs)).toBe(text));

  it("says when something happened, and does not trust clocks that are ahead", () => {
    expect(format.ago(1_000_000, 1_000_000 + 180_000)).toBe("3 min ago");
    expect(format.ago(1_000_000, 1_000_000 - 60_000)).toBe("just now");
  });
});

describe("shares", () => {
  it("never says done before the end or nothing after the start", () => {
    expect(format.percent(0)).toBe("0 %");
    expect(format.percent(0.001)).toBe("1 %");
    expect(format.percent(0.999)).toBe("99 %");
    expect(format.percent(1)).toBe("100 %");
  });
});

describe("counts", () => {
  it("calls tasks what the job calls them", () => {
    expect(format.tasks(1, "frame")).toBe("1 frame");
    expect(format.tasks(100_000, "frame")).toBe("100,000 frames");
    expect(format.tasks(2, "task")).toBe("2 tasks");
  });

  it("follows the language", () => {
    setLocale("de");
    expect(format.bytes(1_500_000)).toBe("1,5 MB");
    expect(format.tasks(2_400, "frame")).toBe("2.400 Bilder");
    expect(format.timeLeft(660)).toBe("noch 11 min");
  });
});

describe("a way over other machines", () => {
  const bare = (text: string): string => text.replace(/[\u2068\u2069]/g, "");

  it("names them in order", () => {
    expect(bare(format.over(["mill"]))).toBe("Over mill");
    expect(bare(format.over(["mill", "forge"]))).toBe("Over mill and forge");
    setLocale("de");
    expect(bare(format.over(["mill", "forge"]))).toBe("Über mill und forge");
  });

  it("is nothing where there is a link", () => expect(format.over([])).toBe(""));
});
