import { Refusal, type FailureView, type JobView, type Request } from "~/bridge";
import type { Grid, TaskFeed } from "~/state";
import { format, isolate, m, problem } from "~/text";

/** What can be done to a job or one of its tasks, and how each is taken back. */
const DEEDS = {
  hold: { back: "release", said: m.jobs_held },
  hold_now: { back: "release", said: m.jobs_held_now },
  release: { back: "hold", said: m.jobs_released },
  cancel: { back: "retry", said: m.jobs_cancelled },
  retry: { back: null, said: m.jobs_retried },
} as const;

export type Deed = keyof typeof DEEDS;

/** The key under which a deed is pending. `target` is `JOB` or `JOB.STEP.INDEX`. */
export function deedKey(deed: Deed, target: string): string {
  return `${deed}.${target}`;
}

function request(deed: Deed, target: string): Request {
  return deed === "hold_now" ? { ask: "hold", target, now: true } : { ask: deed, target };
}

/** What takes it back. Whoever lets go of what was paused before would start more than was stopped. */
function backOf(deed: Deed, jobs: readonly JobView[]): Deed | null {
  return deed === "hold_now" && jobs.some(job => job.state === "held") ? null : DEEDS[deed].back;
}

/** Does it, says so, and offers to take it back. Problems are told, not thrown. */
export async function perform(grid: Grid, deed: Deed, job: JobView, target: string = job.id): Promise<void> {
  const wish = (what: Deed): Promise<unknown> => grid.wishes.make(deedKey(what, target), request(what, target));
  const back = backOf(deed, [job]);
  const label = DEEDS[deed].said({ name: isolate(job.name) });
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

/** Does it to several jobs: one message, one step back. */
export async function performAll(grid: Grid, deed: Deed, jobs: readonly JobView[]): Promise<void> {
  const [only, ...others] = jobs;
  if (only === undefined) return;
  if (others.length === 0) return perform(grid, deed, only);
  const each = async (what: Deed): Promise<void> => {
    await Promise.all(jobs.map(job => grid.wishes.make(deedKey(what, job.id), request(what, job.id))));
  };
  const back = backOf(deed, jobs);
  const label = m.jobs_changed({ count: jobs.length, n: format.number(jobs.length) });
  try {
    await each(deed);
    if (back === null) {
      grid.toasts.done(label);
      return;
    }
    grid.undo.push({ label, undo: () => each(back), redo: () => each(deed) });
    grid.toasts.done(label, { label: m.common_undo(), run: () => void takeBack(grid) });
  } catch (thrown) {
    tell(grid, thrown);
  }
}

/** Opens the folder into which a job's results land. */
export async function openResults(grid: Grid, job: JobView): Promise<void> {
  const folder = job.output_folders[0];
  if (folder === undefined) return;
  try {
    await grid.bridge.openPath(folder);
  } catch (thrown) {
    tell(grid, thrown);
  }
}

/** Why the results cannot be opened here; `null` when they can. */
export function resultsBlocked(grid: Grid, job: JobView): string | null {
  if (!grid.bridge.platform.canReveal) return m.jobs_results_no_desktop();
  if (job.origin !== grid.thisMachine?.id) return m.jobs_results_elsewhere({ name: isolate(job.origin_name) });
  if (job.output_folders.length === 0) return m.jobs_results_none();
  return null;
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

/** Tells a problem where every screen tells it. */
export function tell(grid: Grid, thrown: unknown): void {
  const { sentence, details } = problem(Refusal.from(thrown));
  grid.toasts.problem(sentence, details);
}

/** Wishes under way at once when many tasks are retried. */
const AT_ONCE = 8;

/** Puts the tasks that failed for one reason back in the queue. */
export async function retryThese(grid: Grid, job: JobView, feed: TaskFeed, failure: FailureView): Promise<void> {
  const { columns } = feed;
  if (columns === null) return;
  const rows = [...columns.rowsIn(["failed"])].filter(row => columns.reason(row) === failure.reason);
  const next = async (): Promise<void> => {
    for (let row = rows.pop(); row !== undefined; row = rows.pop()) {
      const { step, index } = columns.key(row);
      const target = `${job.id}.${step}.${index}`;
      await grid.wishes.make(deedKey("retry", target), { ask: "retry", target });
    }
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, next));
    grid.toasts.done(m.jobs_retried({ name: isolate(job.name) }));
  } catch (thrown) {
    tell(grid, thrown);
  }
}
