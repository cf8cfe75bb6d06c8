import { describe, expect, it } from "vitest";

import { job } from "~/lab/fixtures";
import { energyLine } from "./jobs";

describe("what a job took of energy", () => {
  const energy = { joules: 1.512e6, runs: 40, unmeasured: 0, price: 0.13, unpriced_joules: 0 };

  it("comes with its price where a machine's owner said one", () => {
    expect(energyLine(job("a", "a", "done", { energy }))).toBe("0.42 kWh, about 0.13 at its machines’ tariffs");
    expect(energyLine(job("a", "a", "done", { energy: { ...energy, price: null } }))).toBe("0.42 kWh");
  });

  it("says of how many runs nobody knows", () => {
    const some = { ...energy, price: null, unmeasured: 3 };
    expect(energyLine(job("a", "a", "done", { energy: some }))).toBe("0.42 kWh (3 of 40 runs unmeasured)");
  });

  it("is not said where nobody knows anything", () => {
    expect(energyLine(job("a", "a", "done", { energy: { ...energy, unmeasured: 40 } }))).toBe("");
  });
});
