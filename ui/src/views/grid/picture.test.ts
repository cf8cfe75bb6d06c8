import { describe, expect, it } from "vitest";

import type { LinkView, MachineView } from "~/bridge";
import { oneForEach, pairId } from "~/peers/links";
import { linksOf } from "./picture";

function link(from: string, peer: string, revision = 0): LinkView {
  return {
    from,
    peer,
    name: peer,
    policy: "automatic",
    revision,
    changed: null,
    state: "up",
    address: "",
    rtt_ms: 1,
    since: 0,
    received_bytes: 0,
    sent_bytes: 0,
    last_error: "",
  };
}

describe("links", () => {
  it("are the same from both ends", () => {
    expect(pairId("a", "b")).toBe(pairId("b", "a"));
  });

  it("are shown once, as this machine sees them", () => {
    const own = link("me", "b", 3);
    expect(oneForEach([link("b", "me"), own, link("b", "c"), link("c", "b")], "me")).toEqual([own, link("b", "c")]);
  });

  it("stay the same for the scene until something about them changes", () => {
    const machines = new Map(["me", "b"].map(id => [id, { id } as MachineView]));
    const views = [link("me", "b")];
    const picture = (pending: boolean): unknown => linksOf(views, machines, [], "me", () => pending, new Set())[0];
    const before = picture(false);
    expect(picture(false)).toBe(before);
    expect(picture(true)).not.toBe(before);
  });
});
