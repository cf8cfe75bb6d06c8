import { Refusal, type JobView } from "~/bridge";
import type { Grid } from "~/state";
import { isolate, m, problem } from "~/text";

/** What can be done to a job or one of its tasks, and how each is taken back. */
const DEEDS = {
  hold: { back: "release", said: m.jobs_held },
  release: { back: "hold", said: m.jobs_released },
  cancel: { back: "retry", said: m.jobs_cancelled },
  retry: { back: null, said: m.jobs_retried },
} as const;

export type Deed = keyof typeof DEEDS;

/** The key under which a deed is pending. `target` is `JOB` or `JOB.STEP.INDEX`. */
export function deedKey(deed: Deed, target: string): string {
  return `${deed}.${target}`;
}

/** Does it, says so, and offers to take it back. Problems are told, not thrown. */
export async function perform(grid: Grid, deed: Deed, job: JobView, target: string = job.id): Promise<void> {
  const wish = (what: Deed): Promise<unknown> => grid.wishes.make(deedKey(what, target), { ask: what, target });
  const { back, said } = DEEDS[deed];
  const label = said({ name: isolate(job.name) });
  try {
    await wish(deed);
    if (back === null) {
      grid.toasts.done(label);
      return;
    }
    grid.undo.push({ label, undo: async () => void (await wish(back)), redo: async () => void (await wish(deed)) });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void takeBack(grid) });
  } catch (thrown) {
    tell(grid, thrown);
  }
}

export async function setPriority(grid: Grid, job: JobView, priority: number): Promise<void> {
  const before = job.priority;
  const wish = (value: number): Promise<unknown> =>
    grid.wishes.make(`priority.${job.id}`, { ask: "priority", job: job.id, priority: value });
  try {
    await wish(priority);
    const label = m.jobs_priority_changed({ name: isolate(job.name), priority });
    grid.undo.push({
      label,
      undo: async () => void (await wish(before)),
      redo: async () => void (await wish(priority)),
    });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void takeBack(grid) });
  } catch (thrown) {
    tell(grid, thrown);
  }
}

/** The last step back; a refusal is told. */
async function takeBack(grid: Grid): Promise<void> {
  try {
    await grid.undo.undo();
  } catch (thrown) {
    tell(grid, thrown);
  }
}

function tell(grid: Grid, thrown: unknown): void {
  const { sentence, details } = problem(Refusal.from(thrown));
  grid.toasts.problem(sentence, details);
}
