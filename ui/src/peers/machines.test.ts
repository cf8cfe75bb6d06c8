import { describe, expect, it } from "vitest";

import { hardware, machine } from "~/lab/fixtures";
import { fits, inOrder, lentCores, plainReasons, reasonLine, stateLine } from "./machines";

const NOW = Date.UTC(2026, 0, 1);
const GPU = { name: "RTX 4080", vendor: "nvidia", memory_bytes: 16e9 };

describe("a filter of machines", () => {
  const mill = machine("mill", {
    state: "in_use",
    why_not: "ana used the keyboard 12 s ago",
    labels: { site: "cellar" },
    hardware: hardware({ gpus: [GPU] }),
  });

  it.each(["", "mill", "MIL", "in use", "keyboard", "cellar", "4080", "blender 4.2", "mill cellar"])(
    "finds one by '%s'",
    query => expect(fits(mill, query)).toBe(true),
  );

  it("wants every word", () => expect(fits(mill, "mill attic")).toBe(false));

  it("finds one by the beginning of its id, not by its middle", () => {
    expect(fits(mill, mill.id.slice(0, 6))).toBe(true);
    expect(fits(machine("zebra", { hardware: hardware({ tools: [] }) }), "ebraaaaaaa")).toBe(false);
  });
});

it("puts this machine first, then the others by name", () => {
  const names = inOrder([machine("b"), machine("a"), machine("c", { this: true })]).map(({ name }) => name);
  expect(names).toEqual(["c", "a", "b"]);
});

it("counts what jobs have of what is lent", () => {
  const lends = { cpus: 12, memory_bytes: 0, gpus: 0 };
  expect(lentCores(machine("a", { lends, free: { ...lends, cpus: 4.5 } }))).toBe(7.5);
  expect(lentCores(machine("a", { lends, free: { ...lends, cpus: 13 } }))).toBe(0);
});

describe("where a machine's owner needs it", () => {
  const wanted = machine("mill", { state: "in_use", standing: "frozen", accepts: false, why_not: "somebody uses it" });

  it("what becomes of work there is said, with the reason", () => {
    expect(stateLine(wanted)).toBe("Work stands still: somebody uses it");
    expect(stateLine({ ...wanted, standing: "packing" })).toBe("Work goes back: somebody uses it");
    expect(stateLine({ ...wanted, standing: "yours" })).toBe("Not lending: somebody uses it");
    expect(stateLine({ ...wanted, state: "offline" })).toBe("Offline");
  });

  it("work with less has its reason, though new work is taken", () => {
    const less = { ...wanted, state: "working", standing: "softened", accepts: true } as const;
    expect(stateLine(less)).toBe("Working, with less: somebody uses it");
    expect(plainReasons(less, NOW)).toEqual(["Somebody uses it"]);
  });
});

describe("what is said beside a state", () => {
  it("is when a pause ends, before why nothing is taken", () => {
    const paused = machine("a", { state: "paused", paused_until: NOW + 600_000, why_not: "lending is paused" });
    expect(reasonLine(paused, NOW)).toBe("10 min left");
    expect(reasonLine({ ...paused, paused_until: null }, NOW)).toBe("Lending is paused");
  });

  it("is when a machine was last heard of, if it is gone", () => {
    const gone = machine("a", { state: "offline", last_seen: NOW - 3 * 3_600_000 });
    expect(reasonLine(gone, NOW)).toBe("Last seen 3 h ago");
    expect(reasonLine({ ...gone, last_seen: null }, NOW)).toBe("Not seen yet");
  });

  it("is nothing where the word says all", () => expect(reasonLine(machine("a"), NOW)).toBe(""));
});
