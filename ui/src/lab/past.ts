import type { Bar, HistoryView, JobView, Notice, NoticeKind, NoticeLevel, Snapshot } from "~/bridge";
import type { Replies } from "./bridge";
import { LAB_NOW } from "./fixtures";
import { tasksOf } from "./job";

const MINUTE_MS = 60_000;
const SAMPLES = 1_440;
/** The node did not run then. */
const AWAY = [300, 480] as const;

/** A day of a studio: quiet at night, busy in the afternoon, with a hole in the morning. */
function history({ machines }: Snapshot): HistoryView {
  const minutes = Array.from({ length: SAMPLES }, (_, at) => at);
  const isAway = (at: number): boolean => at >= AWAY[0] && at < AWAY[1];
  const busy = (at: number, phase: number): number => Math.max(0, Math.sin((at / SAMPLES) * 9 + phase));
  const lanes = machines.map((machine, nth) => {
    const isHere = (at: number): boolean => !isAway(at) && (machine.online || at < SAMPLES - 180);
    const lent = (at: number): number => Math.round(busy(at, nth) * machine.lends.cpus);
    return {
      machine: machine.id,
      name: machine.name,
      lent_cpus: minutes.map(at => (isHere(at) ? lent(at) : null)),
      foreign_cpus: minutes.map(at => (isHere(at) ? 0.6 + 2 * busy(at, nth + 3) : null)),
      tasks_done: minutes.map(at => (isHere(at) ? Math.round(lent(at) / 6 + (at % 3 === 0 ? 1 : 0)) : null)),
    };
  });
  const done = minutes.map(at =>
    isAway(at) ? null : lanes.reduce((sum, lane) => sum + (lane.tasks_done[at] ?? 0), 0),
  );
  return { every_secs: 60, from: LAB_NOW - SAMPLES * MINUTE_MS, tasks_done: done, machines: lanes };
}

/** What ran, job after job: each machine of a job runs three at a time from its start on. */
function barsOf(job: JobView): Bar[] {
  const begin = job.started ?? job.submitted;
  const end = job.ended ?? LAB_NOW;
  const placed = tasksOf(job).filter(task => task.machine !== null);
  const slots = job.made_by.flatMap(made => [0, 1, 2].map(() => ({ machine: made.machine, at: begin })));
  const pace = ((end - begin) * slots.length) / Math.max(1, placed.length);
  return placed.flatMap(({ key, state }) => {
    const slot = slots.reduce((least, each) => (each.at < least.at ? each : least));
    const started = slot.at;
    slot.at += pace * (0.7 + ((key.index * 7) % 5) / 10);
    const ended = state === "running" || state === "leased" ? null : Math.min(slot.at, LAB_NOW - 1_000);
    if (started >= (ended ?? LAB_NOW) || state === "leased") return [];
    const tasks = { start: key.index, end: key.index + 1 };
    return [{ job: job.id, step: 0, tasks, machine: slot.machine, started, ended, state }];
  });
}

type Told = readonly [kind: NoticeKind, level: NoticeLevel, sentence: string, of: "job" | "machine" | "none"];

const TOLD: readonly Told[] = [
  ["job_started", "info", "kitchen is started: 240 frames", "job"],
  ["lending", "info", "lending goes on", "none"],
  ["machine", "warning", "old-imac is offline", "machine"],
  ["job_failed", "problem", "lobby failed: 12 frames: missing texture wood_04.png", "job"],
  ["machine", "info", "render-01 is online", "machine"],
  ["link", "warning", "the link to win-box broke: the connection timed out", "machine"],
  ["job_done", "info", "teaser is done: 240 frames in 14 min", "job"],
  ["lending", "info", "lending is paused for 1 h", "none"],
];

function notices({ jobs, machines }: Snapshot): Notice[] {
  return Array.from({ length: 60 }, (_, nth): Notice => {
    const [kind, level, sentence, of] = TOLD[nth % TOLD.length]!;
    return {
      id: 1_000 - nth,
      at: LAB_NOW - nth * 11 * MINUTE_MS - 40_000,
      kind,
      level,
      sentence,
      job: of === "job" ? (jobs[nth % Math.max(1, jobs.length)]?.id ?? null) : null,
      machine: of === "machine" ? (machines[nth % machines.length]?.id ?? null) : null,
    };
  });
}

/** Answers about what was, for the jobs and machines of a snapshot. */
export function pastReplies(snapshot: Snapshot, one: Replies["timeline"]): Replies {
  return {
    history: () => history(snapshot),
    timeline: request => {
      if (request.job != null) return one?.(request);
      const bars = snapshot.jobs.filter(job => job.made_by.length > 0).flatMap(barsOf);
      return { bars: bars.sort((a, b) => a.started - b.started), truncated: false };
    },
    activity: request => {
      const older = notices(snapshot).filter(notice => notice.id < (request.before ?? Infinity));
      return { notices: older.slice(0, request.limit || 200), more: older.length > (request.limit || 200) };
    },
  };
}

/** A grid in which nothing happened yet. */
export const NOTHING_YET: Replies = {
  history: () => ({ every_secs: 60, from: LAB_NOW, tasks_done: [], machines: [] }),
  timeline: () => ({ bars: [], truncated: false }),
  activity: () => ({ notices: [], more: false }),
};
