import type { LimitView } from "~/bridge";
import type { Replies } from "./bridge";
import { job, peerId } from "./fixtures";

/** Counted licences: one of this machine, one of another. */
export function limitReplies(): Replies {
  let limits: LimitView[] = [
    {
      ...limit("nuke", 3, "atelier-tower"),
      in_use: 2,
      holders: [{ machine: peerId("render-01"), name: "render-01", job: job("kitchen", "", "running").id, count: 2 }],
    },
    limit("houdini", 2, "studio-nas"),
  ];
  return {
    limit: ({ name, cap }) => {
      if (name == null) return limits;
      const known = limits.find(each => each.name === name) ?? limit(name, 0, "atelier-tower");
      const others = limits.filter(each => each.name !== name);
      return (limits = cap == null ? others : [...others, { ...known, cap }]);
    },
  };
}

function limit(name: string, cap: number, keeper: string): LimitView {
  return { name, cap, in_use: 0, settling: false, keeper: peerId(keeper), keeper_name: keeper, holders: [] };
}
