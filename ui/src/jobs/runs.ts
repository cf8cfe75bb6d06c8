import type { Bar } from "~/bridge";
import { format, m } from "~/text";

/** What people call what ran: `frame 12`, `tasks 1 to 40`. */
export function runTitle({ tasks }: Bar, word: string): string {
  const [first, last] = [format.number(tasks.start + 1), format.number(tasks.end)];
  const isOne = tasks.end - tasks.start === 1;
  if (isOne) return word === "frame" ? m.job_frame_n({ n: first }) : m.job_task_n({ n: first });
  return word === "frame" ? m.job_frames_n({ first, last }) : m.job_tasks_n({ first, last });
}

/** How long it ran, so far if it still does. */
export function runTime(bar: Bar, now: number): string {
  return format.duration(Math.max(0, (bar.ended ?? now) - bar.started) / 1_000);
}

/** The task whose log is the run's, as addresses name it: a chunk writes into that of its first task. */
export function runTask(bar: Bar): string {
  return `${bar.step}.${bar.tasks.start}`;
}
