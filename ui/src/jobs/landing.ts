import { type Flaw, type InTheWay, type JobView, type TaskKey } from "~/bridge";
import type { Grid } from "~/state";
import { isolate, m } from "~/text";
import { tell } from "./deeds";

/** The key under which landing again is pending. */
export function landKey(job: JobView): string {
  return `land.${job.id}`;
}

/** Says what happens to files in the way, and lands what waits for them. */
export async function landAgain(grid: Grid, job: JobView, in_the_way: InTheWay): Promise<void> {
  try {
    await grid.wishes.make(landKey(job), { ask: "land", job: job.id, in_the_way });
    grid.toasts.done(m.job_landing_again({ name: isolate(job.name) }));
  } catch (thrown) {
    tell(grid, thrown);
  }
}

/** True if something of the job is not home, or is not what it should be. */
export function hasLandingNews({ landing }: JobView): boolean {
  return landing.held > 0 || landing.away > 0 || landing.waits !== "" || landing.flaws.length > 0;
}

const FLAW_WORDS: Record<Flaw, () => string> = {
  black: m.job_flaw_black,
  nan: m.job_flaw_nan,
  truncated: m.job_flaw_truncated,
  undecodable: m.job_flaw_undecodable,
};

/** What is wrong, in a few words: `all black`. */
export function flawWord(flaw: Flaw): string {
  return FLAW_WORDS[flaw]();
}

/** What is wrong with the pictures of each task, by its key; of a job with very many the first hundred of each kind. */
export function flawsByTask(job: JobView): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { flaw, tasks } of job.landing.flaws) {
    for (const task of tasks) {
      const before = found.get(taskName(task));
      found.set(taskName(task), before === undefined ? flawWord(flaw) : `${before}, ${flawWord(flaw)}`);
    }
  }
  return found;
}

/** How a task is named within its job: `0.11`. */
export function taskName({ step, index }: TaskKey): string {
  return `${step}.${index}`;
}
