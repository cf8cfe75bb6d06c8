import { describe, expect, it } from "vitest";

import { amountOf } from "./amounts";

describe("an amount that a person typed", () => {
  it.each([
    ["180", 180],
    [" 0.31 ", 0.31],
    ["0,31", 0.31],
    [".5", 0.5],
    ["7.", 7],
    ["0", 0],
    ["", null],
    ["  ", null],
    ["180 W", undefined],
    ["-3", undefined],
    ["1e3", undefined],
    ["1,000.5", undefined],
  ])("%j is %j", (typed, amount) => expect(amountOf(typed)).toBe(amount));
});
