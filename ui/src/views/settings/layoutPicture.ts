import type { LinkView, MachineView, PairView, PeerId } from "~/bridge";
import { pairId } from "~/peers/links";

/** A spot in the picture, whose middle is 0, 0 and whose edges are 1 away. */
export interface Spot {
  id: PeerId;
  name: string;
  x: number;
  y: number;
}

export interface Line {
  id: string;
  from: Spot;
  to: Spot;
}

/** Which links there would be, which of them are new, and which would go. */
export interface LayoutPicture {
  spots: Spot[];
  stays: Line[];
  comes: Line[];
  goes: Line[];
}

/** The machines on a circle, this one first, with the links between them; `middle` stands inside. */
export function layoutPicture(
  machines: readonly MachineView[],
  links: readonly LinkView[],
  { adds, removes }: { adds: readonly PairView[]; removes: readonly PairView[] },
  middle: PeerId | null,
): LayoutPicture {
  const round = machines.filter(({ id }) => id !== middle);
  const spots = machines.map(({ id, name }): Spot => {
    if (id === middle) return { id, name, x: 0, y: 0 };
    const angle = (2 * Math.PI * round.findIndex(each => each.id === id)) / Math.max(1, round.length);
    return { id, name, x: Math.sin(angle), y: -Math.cos(angle) };
  });
  const byId = new Map(spots.map(spot => [spot.id, spot]));
  const lines = (pairs: readonly (readonly [PeerId, PeerId])[]): Line[] => {
    const made = new Map<string, Line>();
    for (const [one, other] of pairs) {
      const [from, to] = [byId.get(one), byId.get(other)];
      const id = pairId(one, other);
      if (from !== undefined && to !== undefined) made.set(id, { id, from, to });
    }
    return [...made.values()];
  };
  const [comes, goes] = [adds, removes].map(pairs => lines(pairs.map(({ from, to }) => [from, to] as const)));
  const changed = new Set([...(comes ?? []), ...(goes ?? [])].map(({ id }) => id));
  const up = links.filter(link => link.state === "up").map(({ from, peer }) => [from, peer] as const);
  return {
    spots,
    stays: lines(up).filter(({ id }) => !changed.has(id)),
    comes: comes ?? [],
    goes: goes ?? [],
  };
}
