import type { JobView } from "~/bridge";
import { isEnded } from "./jobs";

/** The four lists a job can stand in; it stands in exactly one. */
export const JOB_TABS = ["running", "waiting", "finished", "failed"] as const;
export type JobTab = (typeof JOB_TABS)[number];

export function tabOf(job: JobView): JobTab {
  switch (job.state) {
    case "running":
      return "running";
    case "waiting":
    case "held":
      return "waiting";
    case "done":
    case "cancelled":
      return "finished";
    case "failed":
      return "failed";
  }
}

/** Numbers of jobs in each list. */
export function tabCounts(jobs: readonly JobView[]): Record<JobTab, number> {
  const counts: Record<JobTab, number> = { running: 0, waiting: 0, finished: 0, failed: 0 };
  for (const job of jobs) counts[tabOf(job)] += 1;
  return counts;
}

/** The first list with something in it; where there is nothing at all, the first. */
export function firstTab(counts: Record<JobTab, number>): JobTab {
  return JOB_TABS.find(tab => counts[tab] > 0) ?? "running";
}

/** True if every word of `query` is in the job's name, its machines, what it waits for, or begins its id. */
export function fits(job: JobView, query: string): boolean {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const text = [job.name, job.recipe, job.origin_name, job.waits_for, ...job.made_by.map(made => made.name)]
    .join("\n")
    .toLowerCase();
  return words.every(word => text.includes(word) || job.id.startsWith(word));
}

/** Jobs of which nothing runs although it should: those that wait by themselves first, then those a person paused. */
export function waitingJobs(jobs: readonly JobView[]): JobView[] {
  const idle = jobs.filter(job => !isEnded(job) && job.counts.running + job.counts.leased === 0);
  return idle.sort((a, b) => Number(a.state === "held") - Number(b.state === "held"));
}

/** Soonest end first; what nobody can tell comes last. */
export function byTimeLeft(a: JobView, b: JobView): number {
  return (a.time_left_secs ?? Infinity) - (b.time_left_secs ?? Infinity) || b.submitted - a.submitted;
}

/** What can be wished of a job as it is now. What runs of a paused job may still be stopped. */
export function allowed(job: JobView): Record<"hold" | "hold_now" | "release" | "cancel" | "retry", boolean> {
  const active = !isEnded(job);
  const { running, frozen, leased } = job.counts;
  return {
    hold: active && job.state !== "held",
    hold_now: active && running + frozen + leased > 0,
    release: job.state === "held",
    cancel: active,
    retry: job.counts.failed > 0 || job.state === "failed",
  };
}
