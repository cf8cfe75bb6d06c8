import { describe, expect, it } from "vitest";

import { TASK_STATES } from "~/state";
import { inSight, nextPicture } from "./frames";

const states = Uint8Array.from(
  (["done", "running", "done", "failed", "done"] as const).map(state => TASK_STATES.indexOf(state)),
);

describe("the frames of a job", () => {
  it("are played over those that have no picture yet", () => {
    expect(nextPicture(states, 1, 1, 0, 5)).toBe(2);
    expect(nextPicture(states, 3, -1, 0, 5)).toBe(2);
    expect(nextPicture(states, 5, 1, 0, 5)).toBe(-1);
    expect(nextPicture(states, 3, 1, 0, 4)).toBe(-1);
  });

  it("are fetched only where they can be seen", () => {
    expect(inSight(10_000, 100, 50_000, 1_000, 2)).toEqual([498, 512]);
    expect(inSight(3, 100, 0, 1_000, 2)).toEqual([0, 3]);
    expect(inSight(0, 100, 0, 1_000, 2)).toEqual([0, 0]);
  });
});
