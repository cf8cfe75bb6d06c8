import type { Bar } from "~/bridge";
import { format, isolate, m, words } from "~/text";

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

/** The other run of the same tasks at the same time, on another machine; most run once. */
export function rivalOf(bar: Bar, bars: readonly Bar[]): Bar | undefined {
  return bars.find(
    other =>
      other.machine !== bar.machine &&
      other.job === bar.job &&
      other.step === bar.step &&
      other.tasks.start < bar.tasks.end &&
      bar.tasks.start < other.tasks.end &&
      other.started < (bar.ended ?? Infinity) &&
      bar.started < (other.ended ?? Infinity),
  );
}

/** What became of a run, and which one counted where tasks ran twice. */
export function runState(bar: Bar, bars: readonly Bar[], nameOf: (machine: string) => string): string {
  const state = words.taskState(bar.state);
  const rival = bar.state === "lost" || bar.ended === null ? rivalOf(bar, bars) : undefined;
  if (rival === undefined) return state;
  const name = isolate(nameOf(rival.machine));
  if (bar.ended === null) return rival.ended === null ? m.job_run_twice({ state, name }) : state;
  return rival.state === "done" ? m.job_run_overtaken({ name }) : state;
}
