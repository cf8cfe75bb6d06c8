import {
  Refusal,
  type BehaviourView,
  type LayoutView,
  type MachineView,
  type PairView,
  type Snapshot,
  type SuggestionView,
} from "~/bridge";
import type { Replies } from "./bridge";
import { LAB_NOW, peerId } from "./fixtures";

/** The layout of the lab's grid: as a node answers, without one. */
export function layoutReplies({ machines }: Snapshot): Replies {
  const behaviours: BehaviourView[] = [
    {
      name: "nearest",
      about: "looks for faster links",
      mode: "suggest",
      every_secs: 60,
      looks: 5,
      suggestion: SUGGESTION,
    },
    { name: "walk", about: "moves ends of links", mode: "off", every_secs: 60, looks: 5, suggestion: null },
  ];
  const mesh: LayoutView = { kind: "mesh", revision: 0, changed: null, adds: [], removes: [], behaviours, history: [] };
  let held = mesh;
  return {
    layout: ({ kind, machines: named = [], preview, undo }) => {
      if (kind == null) return undo === true ? (held = { ...mesh, revision: held.revision + 1 }) : held;
      if (kind === "chain") refuse();
      const middle = machines.find(machine => machine.id === named[0]) ?? machines[0]!;
      const removes = kind === "star" ? between(machines.filter(machine => machine !== middle)) : [];
      const made: LayoutView = { ...held, kind, removes };
      if (preview === true) return made;
      return (held = { ...made, revision: held.revision + 1, changed: [machines[0]!.id, LAB_NOW] });
    },
    behaviour: ({ name, mode, accept }) => {
      const change = (one: BehaviourView): BehaviourView =>
        one.name !== name
          ? one
          : { ...one, mode: mode ?? one.mode, suggestion: accept == null ? one.suggestion : null };
      return (held = { ...held, behaviours: held.behaviours.map(change) });
    },
  };
}

const SUGGESTION: SuggestionView = {
  sentence: "link with win-box instead of lab-mini",
  link_with: peerId("win-box"),
  let_go: peerId("lab-mini"),
  why: "may_be_nearer",
  new_micros: 2_100,
  old_micros: 38_400,
  links: null,
};

function between(machines: readonly MachineView[]): PairView[] {
  return machines.flatMap((from, at) =>
    machines.slice(at + 1).map(to => ({ from: from.id, from_name: from.name, to: to.id, to_name: to.name })),
  );
}

function refuse(): never {
  const message = "a chain needs the link between lab-mini and win-box, which is forbidden: win-box would be cut off";
  throw new Refusal({ kind: "input", code: "would_cut_off", message });
}
