import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { gaps, gathered, roundUp } from "./time";

describe("values put together", () => {
  const minutes = { from: 3_600_000 - 120_000, every: 60_000, values: [1, 3, 10, null, 20] };

  it("begin at round times", () => {
    expect(gathered(minutes, 3_600_000, "sum")).toEqual({ from: 0, every: 3_600_000, values: [4, 30] });
  });

  it("are round where people are, not where UTC is", () => {
    expect(gathered(minutes, 3_600_000, "sum", 1_800_000)).toMatchObject({ from: 1_800_000, values: [34] });
  });

  it("leave out what is not known", () => {
    expect(gathered(minutes, 3_600_000, "mean").values).toEqual([2, 15]);
    expect(gathered({ ...minutes, values: [null, null, 5] }, 3_600_000, "mean").values).toEqual([null, 5]);
  });

  it("lose nothing of a sum", () => {
    fc.assert(
      fc.property(
        fc.array(fc.option(fc.nat(100))),
        fc.nat(10_000),
        fc.integer({ min: 1, max: 50 }),
        (values, from, n) => {
          const sum = (all: readonly (number | null)[]): number =>
            all.reduce<number>((so, value) => so + (value ?? 0), 0);
          expect(sum(gathered({ from, every: 10, values }, n * 10, "sum").values)).toBe(sum(values));
        },
      ),
    );
  });
});

it("finds where nothing is known", () => {
  expect(gaps([null, 1, null, null, 2])).toEqual([
    [0, 1],
    [2, 4],
  ]);
});

it("rounds a scale up to what people can read", () => {
  expect([0.2, 1, 1.2, 7, 12, 450, 1_000].map(roundUp)).toEqual([1, 1, 2, 8, 20, 500, 1_000]);
});
