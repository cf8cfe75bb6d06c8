import { expect, it } from "vitest";

import type { ActivityPage, ActivityRequest, Notice } from "~/bridge";
import { Activity, type Grid } from "~/state";
import { Notices } from "./notices.svelte";

/** Everything that ever happened, newest first. */
const ALL = Array.from({ length: 450 }, (_, nth): Notice => {
  const id = 450 - nth;
  return { id, at: id, kind: "other", level: "info", sentence: `${id}`, job: null, machine: null };
});

function nodeWith(notices: readonly Notice[]): Pick<Grid, "ask"> {
  const answer = ({ before, limit }: ActivityRequest): ActivityPage => {
    const left = notices.filter(({ id }) => id < (before ?? Infinity));
    return { notices: left.slice(0, limit), more: left.length > (limit ?? 0) };
  };
  return { ask: (async (request: ActivityRequest) => answer(request)) as unknown as Grid["ask"] };
}

it("brings page after page until there is nothing older, each notice once", async () => {
  const activity = new Activity();
  const notices = new Notices({ ...nodeWith(ALL), activity });
  await notices.newest();
  while (notices.more) await notices.older(activity.told.at(-1)?.id ?? 0);
  expect(activity.told.map(({ id }) => id)).toEqual(ALL.map(({ id }) => id));
});

it("tells why nothing came, and that it knows nothing", async () => {
  const activity = new Activity();
  const notices = new Notices({ ask: () => Promise.reject(new Error("the disk is gone")), activity });
  await notices.newest();
  expect(notices.isKnown).toBe(false);
  expect(notices.refusal?.message).toBe("the disk is gone");
});
