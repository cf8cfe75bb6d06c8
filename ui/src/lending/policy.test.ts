import { describe, expect, it } from "vitest";

import { NIGHTS, NONE } from "./hours";
import { labPolicy } from "./lab/fixtures";
import { isProgram, neverLends, whenOf } from "./policy";

describe("rules of lending", () => {
  it("are made of idleness and hours, both or either", () => {
    expect(whenOf(null, null, false)).toEqual({ when: "always" });
    expect(whenOf(300, null, true)).toEqual({ when: "idle", afterSecs: 300 });
    expect(whenOf(null, NIGHTS, true)).toEqual({ when: "within", hours: NIGHTS });
    expect(whenOf(300, NIGHTS, false).when).toBe("idle_within");
    expect(whenOf(300, NIGHTS, true).when).toBe("idle_or_within");
  });

  it("that would never lend are seen", () => {
    const policy = labPolicy();
    expect(neverLends(policy)).toBe(false);
    expect(neverLends({ ...policy, when: whenOf(300, NONE, false) })).toBe(true);
    expect(neverLends({ ...policy, when: whenOf(300, NONE, true) })).toBe(false);
    expect(neverLends({ ...policy, limits: { ...policy.limits, memory: 0 } })).toBe(true);
  });

  it("name programs as lists of running ones show them", () => {
    for (const [name, fits] of [
      ["blender", true],
      ["Adobe Premiere Pro", true],
      ["", false],
      ["/usr/bin/blender", false],
      ["ü".repeat(51), false],
    ] as const)
      expect(isProgram(name), name).toBe(fits);
  });
});
