import { describe, expect, it } from "vitest";

import type { PairView } from "~/bridge";
import { link, machine, peerId } from "~/lab/fixtures";
import { layoutPicture } from "./layoutPicture";

const NAMES = ["mill", "forge", "attic"] as const;
const [mill, forge, attic] = NAMES.map(peerId) as [string, string, string];
const MACHINES = NAMES.map(name => machine(name));
const LINKS = [
  link("forge", { from: mill, peer: forge }),
  link("mill", { from: forge, peer: mill }),
  link("attic", { from: mill, peer: attic }),
  link("attic", { from: forge, peer: attic, state: "down" }),
];

function pair(from: string, to: string): PairView {
  return { from, from_name: "", to, to_name: "" };
}

describe("the picture of a layout", () => {
  it("tells links that come and go from those that stay, each once", () => {
    const { stays, comes, goes } = layoutPicture(
      MACHINES,
      LINKS,
      { adds: [pair(forge, attic)], removes: [pair(attic, mill)] },
      null,
    );
    const ends = (lines: typeof stays): string[][] => lines.map(({ from, to }) => [from.id, to.id].sort());
    expect(ends(stays)).toEqual([[forge, mill].sort()]);
    expect(ends(comes)).toEqual([[attic, forge].sort()]);
    expect(ends(goes)).toEqual([[attic, mill].sort()]);
  });

  it("puts the middle of a star inside, and nobody upon another one", () => {
    const { spots } = layoutPicture(MACHINES, LINKS, { adds: [], removes: [] }, forge);
    expect(spots.find(({ id }) => id === forge)).toMatchObject({ x: 0, y: 0 });
    expect(new Set(spots.map(({ x, y }) => `${x.toFixed(3)} ${y.toFixed(3)}`)).size).toBe(3);
  });

  it("leaves out links of machines that it does not know", () => {
    expect(layoutPicture(MACHINES.slice(0, 1), LINKS, { adds: [], removes: [] }, null).stays).toEqual([]);
  });
});
