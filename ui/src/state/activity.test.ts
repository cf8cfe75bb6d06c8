import { expect, it } from "vitest";

import type { Notice } from "~/bridge";
import { Activity, KEPT_NOTICES } from "./activity.svelte";

function notices(...ids: number[]): Notice[] {
  return ids.map(id => ({ id, at: id, kind: "other", level: "info", sentence: "", job: null, machine: null }));
}

function idsOf({ told }: Activity): number[] {
  return told.map(({ id }) => id);
}

it("keeps what was told newest first, each once", () => {
  const activity = new Activity();
  activity.add(notices(2, 1));
  activity.add(notices(3, 2));
  expect(idsOf(activity)).toEqual([3, 2, 1]);
});

it("keeps pages that were asked for, however much is told live", () => {
  const activity = new Activity();
  activity.add(notices(10));
  activity.addOlder(notices(9, 8));
  activity.add(notices(...Array.from({ length: KEPT_NOTICES }, (_, at) => 11 + at)));
  expect(idsOf(activity).slice(-2)).toEqual([10, 9]);
  expect(idsOf(activity)).toHaveLength(KEPT_NOTICES + 2);
});

it("begins anew without a hole, and loses nothing that was told since", () => {
  const activity = new Activity();
  activity.add(notices(1, 2));
  activity.add(notices(12));
  activity.renew(notices(11, 10));
  expect(idsOf(activity)).toEqual([12, 11, 10]);
});
