import { describe, expect, it } from "vitest";

import { job, link, machine, peerId } from "~/lab/fixtures";
import { consequencesOf, type Rewiring } from "./rerouting";

const [here, forge, mill, attic] = ["here", "forge", "mill", "attic"].map(peerId) as [string, string, string, string];

/** `here` is linked with `forge` and `mill`; `attic` is reached over `mill`. */
const LINKS = [
  link("forge", { from: here, peer: forge }),
  link("mill", { from: here, peer: mill }),
  link("attic", { from: mill, peer: attic }),
  link("attic", { from: forge, peer: attic, state: "down" }),
];
const MACHINES = [
  machine("here", { this: true }),
  machine("forge"),
  machine("mill"),
  machine("attic", { via: [mill] }),
];

function running(...on: string[]): ReturnType<typeof job> {
  return job(`on-${on.join("-")}`, "a", "running", {
    made_by: on.map(id => ({ machine: id, name: id, done: 0, failed: 0, running: 1 })),
  });
}

function of(rewiring: Rewiring, ...jobs: ReturnType<typeof job>[]): ReturnType<typeof consequencesOf> {
  return consequencesOf(rewiring, LINKS, MACHINES, jobs, here);
}

describe("a change of links", () => {
  it("cuts off whom no link leads to any more", () => {
    expect(of({ comes: [], goes: [[here, mill]] }).cutOff.sort()).toEqual([attic, mill].sort());
  });

  it("cuts off nobody to whom another way leads", () => {
    expect(of({ comes: [[here, attic]], goes: [[here, mill]] }).cutOff).toEqual([]);
    expect(of({ comes: [[here, attic]], goes: [] })).toEqual({ cutOff: [], jobs: 0 });
  });

  it("counts the jobs whose way it takes, also over others", () => {
    const jobs = [running(attic), running(forge), running(mill, forge)];
    expect(of({ comes: [[here, attic]], goes: [[here, mill]] }, ...jobs).jobs).toBe(2);
    expect(of({ comes: [], goes: [[mill, attic]] }, ...jobs)).toEqual({ cutOff: [attic], jobs: 1 });
  });

  it("counts no links that carry nothing", () => {
    expect(of({ comes: [], goes: [[forge, attic]] }).cutOff).toEqual([]);
  });
});
