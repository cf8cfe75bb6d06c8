import type { JobState, JobView, TaskState } from "~/bridge";
import type { GlyphShape, GlyphTone } from "~/parts/Glyph.svelte";
import { total, type TaskColumns } from "~/state";
import { format, m, plain, words } from "~/text";

interface Look {
  shape: GlyphShape;
  tone: GlyphTone;
}

const JOB_LOOKS: Record<JobState, Look> = {
  waiting: { shape: "waiting", tone: "paused" },
  held: { shape: "paused", tone: "paused" },
  running: { shape: "working", tone: "working" },
  done: { shape: "done", tone: "ready" },
  failed: { shape: "failed", tone: "problem" },
  cancelled: { shape: "stopped", tone: "offline" },
};

const TASK_LOOKS: Record<TaskState, Look> = {
  waiting: { shape: "waiting", tone: "offline" },
  held: { shape: "paused", tone: "paused" },
  ready: { shape: "waiting", tone: "paused" },
  leased: { shape: "given", tone: "working" },
  running: { shape: "working", tone: "working" },
  frozen: { shape: "person", tone: "in-use" },
  done: { shape: "done", tone: "ready" },
  failed: { shape: "failed", tone: "problem" },
  skipped: { shape: "skipped", tone: "offline" },
  cancelled: { shape: "stopped", tone: "offline" },
  lost: { shape: "moving", tone: "paused" },
};

export function jobLook(state: JobState): Look {
  return JOB_LOOKS[state];
}

export function taskLook(state: TaskState): Look {
  return TASK_LOOKS[state];
}

export function isEnded(job: JobView): boolean {
  return job.state === "done" || job.state === "failed" || job.state === "cancelled";
}

/** Where a job stands, one line: `Running`, or with the reason: `Waiting: no machine has 12 GB of graphics memory`. */
export function statusLine(job: JobView): string {
  const state = words.jobState(job.state);
  const reason = job.waits_for !== "" ? job.waits_for : job.state === "failed" ? (job.failures[0]?.reason ?? "") : "";
  return reason === "" ? state : m.jobs_because({ state, reason: plain(reason) });
}

/** `143 of 240 frames · 2 failed`. */
export function progressLine(job: JobView): string {
  const numbers = { done: format.number(job.counts.done), all: format.tasks(total(job.counts), job.task_word) };
  return job.counts.failed === 0
    ? m.jobs_progress(numbers)
    : m.jobs_progress_failed({ ...numbers, failed: format.number(job.counts.failed) });
}

/** What its runs took, as far as anybody knows: `0.42 kWh, about 0.13 at its machines’ tariffs`; empty where nobody does. */
export function energyLine({ energy: { joules, runs, unmeasured, price } }: JobView): string {
  if (runs === unmeasured) return "";
  const energy = format.energy(joules);
  const priced = price === null ? energy : m.job_energy_price({ energy, price: format.number(price, 2) });
  return unmeasured === 0
    ? priced
    : m.job_energy_unmeasured({ energy: priced, n: format.number(unmeasured), runs: format.number(runs) });
}

/** Shares of 1 for the progress bar: what failed is part of what ended. */
export function shares(job: JobView): { done: number; failed: number } {
  const all = Math.max(1, total(job.counts));
  const failed = job.counts.failed / all;
  return { done: Math.max(0, job.progress - failed), failed };
}

/** When something was saved: `2 min ago`; the node forgets it when it is started anew. */
export function savedTime(at: number | null, now: number): string {
  return at === null ? m.job_saved_earlier() : format.ago(at, now);
}

/** What a task would go on from; empty where nothing is kept. */
export function savedLine(columns: TaskColumns, row: number, now: number): string {
  const at = columns.savedAt(row);
  if (at === undefined) return "";
  const time = savedTime(at, now);
  const goes = ["running", "frozen"].includes(columns.stateOf(row));
  return goes ? m.job_task_saved({ time }) : m.job_task_goes_on({ time });
}

/** What people call a task: as the node says, else by its number. */
export function taskTitle(columns: TaskColumns, row: number, word: string): string {
  const label = columns.label(row);
  if (label !== undefined && label !== "") return plain(label);
  const n = format.number(columns.key(row).index + 1);
  return word === "frame" ? m.job_frame_n({ n }) : m.job_task_n({ n });
}
