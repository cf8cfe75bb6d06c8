import type { NoticeKind } from "~/bridge";

/** What people choose from; everything has a place in "any". */
export const KIND_GROUPS = ["any", "jobs", "machines", "links", "lending", "results"] as const;
export type KindGroup = (typeof KIND_GROUPS)[number];

const KINDS: Record<Exclude<KindGroup, "any">, readonly NoticeKind[]> = {
  jobs: ["job_started", "job_done", "job_failed", "job_cancelled"],
  machines: ["machine", "back"],
  links: ["link"],
  lending: ["lending"],
  results: ["results"],
};

/** The kinds of a group; `null` for all. */
export function kindsOf(group: KindGroup): readonly NoticeKind[] | null {
  return group === "any" ? null : KINDS[group];
}
