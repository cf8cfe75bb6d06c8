import { describe, expect, it } from "vitest";
import { groupId, packedAround, shownGrid, siteOf, spotsOf } from "./groups";
import type { Link, Machine } from "./model";
import { aLink, aMachine } from "./testing";

const SITES = ["Home", "Studio", "Lab"];
const describeSite = (_site: string, members: readonly Machine[]): Pick<Machine, "hardware" | "status"> => ({
  hardware: `${members.length}`,
  status: "",
});

function aCrowd(count: number): Machine[] {
  return Array.from({ length: count }, (_, i) =>
    aMachine(`m${i}`, { site: SITES[i % 3] ?? null, taskCount: 1, use: 0.5 }),
  );
}

describe("a large grid", () => {
  it("up to 300 machines is drawn machine by machine", () => {
    const machines = aCrowd(300);
    expect(shownGrid(machines, [], new Set(), describeSite).machines.map(shown => shown.machine)).toEqual(machines);
  });

  it("is drawn as one machine per site, which stands for all of them", () => {
    const { machines, closed } = shownGrid(aCrowd(303), [], new Set(), describeSite);
    expect(closed).toBe(3);
    expect(machines.map(({ id, members }) => [siteOf(id), members?.length])).toEqual([
      ["Home", 101],
      ["Studio", 101],
      ["Lab", 101],
    ]);
    expect(machines[0]?.machine).toMatchObject({ name: "Home", taskCount: 101, use: 0.5, hardware: "101" });
  });

  it("shows the machines of a site that was opened", () => {
    const { machines, opened } = shownGrid(aCrowd(303), [], new Set(["Lab"]), describeSite);
    expect(opened.get("Lab")).toHaveLength(101);
    expect(machines.filter(({ members }) => members === null)).toHaveLength(101);
    expect(machines.filter(({ members }) => members !== null)).toHaveLength(2);
  });

  it("joins links between two sites into one that carries all of their traffic", () => {
    const links: Link[] = [
      aLink("m0", "m1", { bytesPerSec: 5, rttMs: 9, movingAtoB: 2 }),
      aLink("m4", "m3", { bytesPerSec: 7, rttMs: 4, movingAtoB: 3, path: "relayed" }),
      aLink("m0", "m3"),
    ];
    const shown = shownGrid(aCrowd(303), links, new Set(), describeSite).links;
    expect(shown).toHaveLength(1);
    expect(shown[0]).toMatchObject({
      a: groupId("Home"),
      b: groupId("Studio"),
      bytesPerSec: 12,
      rttMs: 4,
      movingAtoB: 2,
      movingBtoA: 3,
      path: "direct",
    });
  });

  it("gives the same value for a machine that did not change", () => {
    const machines = aCrowd(3);
    const once = shownGrid(machines, [], new Set(), describeSite).machines;
    expect(shownGrid(machines, [], new Set(), describeSite).machines[1]).toBe(once[1]);
  });
});

it("an opened site packs its machines without covering each other", () => {
  const spots = [
    ...packedAround(
      { x: 0, y: 0 },
      Array.from({ length: 80 }, (_, i) => `m${i}`),
    ).values(),
  ];
  for (const [i, p] of spots.entries()) {
    for (const q of spots.slice(i + 1)) expect(Math.hypot(p.x - q.x, p.y - q.y)).toBeGreaterThan(88);
  }
});

it("everything else gives way to an opened site, in the direction where it was", () => {
  const at = new Map(SITES.map((site, i) => [groupId(site), { x: i * 300, y: 0 }]));
  const grid = shownGrid(aCrowd(303), [], new Set(["Studio"]), describeSite);
  const spots = spotsOf(grid, at);
  expect(spots.size).toBe(103);
  expect(spots.get(groupId("Home"))?.x).toBeLessThan(-400);
  expect(spots.get(groupId("Lab"))?.x).toBeGreaterThan(1000);
  expect(spots.get(groupId("Lab"))?.y).toBe(0);
});
