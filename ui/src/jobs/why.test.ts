import { describe, expect, it } from "vitest";

import type { Terms, WhyMachine, WhyView } from "~/bridge";
import { costSecs, factors, likeliest, longest } from "./why";

const TERMS: Terms = { wait_secs: 4, fetch_secs: 1, run_secs: 20, path_secs: 0.5, prefer: 0, strategy: 0 };

function machine(name: string, some: Partial<WhyMachine> = {}): WhyMachine {
  return { machine: name, name, fits: true, reasons: [], terms: TERMS, gravity: 0.04, chance: 0.5, ...some };
}

function why(...machines: WhyMachine[]): WhyView {
  return {
    job: "j",
    task: { step: 0, index: 0 },
    label: "frame 1",
    state: "ready",
    sentence: "",
    placed_on: null,
    machines,
    decisive: "",
    smallest_change: "",
  };
}

describe("why a task lands on a machine", () => {
  it("is a sum of seconds", () => expect(costSecs(TERMS)).toBe(25.5));

  it("shows every bar on the scale of the longest", () => {
    expect(
      longest([machine("a"), machine("b", { terms: { ...TERMS, wait_secs: 104 } }), machine("c", { terms: null })]),
    ).toBe(125.5);
    expect(longest([])).toBe(0);
  });

  it("names preferences only where they change something", () => {
    expect(factors(TERMS)).toEqual([]);
    expect(factors({ ...TERMS, prefer: Math.log(2) })).toEqual([{ what: "prefer", factor: 2 }]);
  });

  it("knows the likeliest machine among those that fit", () => {
    const view = why(
      machine("a", { chance: 0.3 }),
      machine("b", { chance: 0.7 }),
      machine("c", { fits: false, chance: 0 }),
    );
    expect(likeliest(view)?.name).toBe("b");
    expect(likeliest(why(machine("c", { fits: false, chance: 0 })))).toBeUndefined();
  });
});
