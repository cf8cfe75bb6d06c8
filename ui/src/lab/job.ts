import type { JobDetail, JobView, LogPiece, Snapshot, TaskPage, TaskState, TaskView, WhyView } from "~/bridge";
import { TASK_STATES } from "~/state";
import { LAB_NOW, peerId } from "./fixtures";
import type { Replies } from "./bridge";

/** A job in full: one step with all its tasks. */
export function detail(job: JobView): JobDetail {
  return {
    ...job,
    steps: [
      {
        name: "render",
        counts: job.counts,
        after: [],
        needs: { amounts: [], attributes: [], only_on: [], all_cores: false },
        prefers: [],
      },
    ],
    parameters: [],
    input_count: 14,
    input_bytes: 2.1e9,
  };
}

/** The tasks of a job, spread so that its counts come out: what is done first, then what runs, then the rest. */
export function tasksOf(job: JobView): TaskView[] {
  const order: TaskState[] = ["done", "failed", "running", "leased", ...TASK_STATES];
  const states = [...new Set(order)].flatMap(state => Array.from({ length: job.counts[state] }, () => state));
  return states.map((state, index) => taskOf(job, state, index));
}

function taskOf(job: JobView, state: TaskState, index: number): TaskView {
  const maker = job.made_by[index % Math.max(1, job.made_by.length)];
  const isPlaced = ["done", "failed", "running", "leased"].includes(state) && maker !== undefined;
  const isSaved = job.saved > 0 && (state === "running" || state === "held");
  return {
    key: { step: 0, index },
    label: job.task_word === "frame" ? `frame ${index + 1}` : `part-${String(index + 1).padStart(2, "0")}`,
    state,
    machine: isPlaced ? maker.machine : null,
    machine_name: isPlaced ? maker.name : "",
    attempts: isPlaced ? 1 : 0,
    exit_code: state === "failed" ? 1 : state === "done" ? 0 : null,
    reason: state === "failed" ? (job.failures[0]?.reason ?? "it ended with code 1") : "",
    run_secs: isPlaced ? 38 + ((index * 7) % 23) : null,
    progress: state === "running" ? ((index * 13) % 100) / 100 : null,
    status: state === "running" ? "Sample 64/128" : "",
    held: false,
    saved: isSaved,
    saved_at: isSaved ? job.saved_at : null,
    flaws: [],
  };
}

function whyOf(job: JobView): WhyView {
  const waits = job.waits_for !== "";
  const fit = (name: string, wait: number, fetch: number, run: number, chance: number, prefer = 0) => ({
    machine: peerId(name),
    name,
    fits: true,
    reasons: [],
    terms: { wait_secs: wait, fetch_secs: fetch, run_secs: run, path_secs: 0.2, prefer, strategy: 0 },
    gravity: chance / 20,
    chance,
  });
  const unfit = (name: string, ...reasons: string[]) => ({
    machine: peerId(name),
    name,
    fits: false,
    reasons,
    terms: null,
    gravity: 0,
    chance: 0,
  });
  return {
    job: job.id,
    task: { step: 0, index: 143 },
    label: "frame 144",
    state: waits ? "ready" : "running",
    sentence: waits
      ? "Both machines with 12 GB of graphics memory are in use."
      : "atelier-tower gets 62 % of the frames: it already has all files and is the fastest.",
    placed_on: waits ? null : peerId("atelier-tower"),
    machines: [
      ...(waits
        ? []
        : [
            fit("atelier-tower", 0, 0, 18, 0.62, 0.4),
            fit("render-01", 4, 1.8, 22, 0.29),
            fit("studio-nas", 0, 9, 96, 0.09),
          ]),
      unfit("ana-laptop", "ana used the keyboard 12 s ago.", "It has no graphics card that Blender can use."),
      unfit("lab-mini", "A person paused it."),
      unfit("old-imac", "It is offline since 09:12.", "It has 8 GB of memory; the job needs 12 GB."),
      unfit("win-box", "Its graphics driver is too old for GPU jobs."),
    ],
    decisive: waits ? "" : "fetch",
    smallest_change: waits ? "It would start on render-01 as soon as its graphics card is free." : "",
  };
}

/** Answers about the jobs of a snapshot. */
export function jobReplies({ jobs }: Snapshot): Replies {
  const job = (target: string): JobView => jobs.find(each => target.startsWith(each.id)) ?? jobs[0]!;
  return {
    job: request => detail(job(request.job)),
    land: request => ({ job: job(request.job), tasks: 3 }),
    tasks: (request): TaskPage => {
      const all = tasksOf(job(request.target)).filter(
        task => (request.states ?? []).length === 0 || request.states?.includes(task.state),
      );
      const from = request.offset ?? 0;
      return {
        job: job(request.target).id,
        total: all.length,
        tasks: all.slice(from, from + (request.limit || 1_000)),
      };
    },
    results: request => {
      const of = job(request.target);
      const all = Array.from({ length: of.counts.done }, (_, index) => ({
        path: `${of.output_folders[0] ?? ""}/frame_${String(index + 1).padStart(4, "0")}.png`,
        size_bytes: 3_400_000 + index * 1_300,
        task: { step: 0, index },
        landed: LAB_NOW - (of.counts.done - index) * 4_000,
        kind: "picture" as const,
        flaw: of.landing.flaws.find(view => view.tasks.some(task => task.index === index))?.flaw ?? null,
      }));
      const from = request.offset ?? 0;
      const total_bytes = all.reduce((sum, file) => sum + file.size_bytes, 0);
      return {
        job: of.id,
        total: all.length,
        total_bytes,
        full: false,
        files: all.slice(from, from + (request.limit || 1_000)),
      };
    },
    timeline: request => {
      const of = job(request.job ?? "");
      const makers = of.made_by.map(made => made.machine);
      const free = makers.flatMap(machine => Array.from({ length: 3 }, () => ({ machine, at: of.started ?? LAB_NOW })));
      const placed = tasksOf(of).filter(task => task.machine !== null);
      const bars = placed.map(({ key, state, run_secs }) => {
        const lane = free.reduce((least, each) => (each.at < least.at ? each : least));
        const started = lane.at;
        lane.at += (run_secs ?? 0) * 600;
        const ended = state === "running" ? null : lane.at;
        const tasks = { start: key.index, end: key.index + 1 };
        return { job: of.id, step: 0, tasks, machine: lane.machine, started, ended, state };
      });
      return { bars, truncated: false };
    },
    why: request => whyOf(job(request.target)),
    log: request => {
      const text = LOG.join("");
      return {
        task: { step: 0, index: Number(request.target.split(".").at(-1)) },
        attempt: 1,
        attempts: [1],
        from: 0,
        total_bytes: text.length,
        text,
        next: text.length,
      };
    },
    cancel: request => ({ job: job(request.target), tasks: 1 }),
    retry: request => ({ job: job(request.target), tasks: 1 }),
    hold: request => ({ job: job(request.target), tasks: 1 }),
    release: request => ({ job: job(request.target), tasks: 1 }),
    priority: request => ({ job: job(request.job), tasks: 0 }),
  };
}

const LOG = [
  "Blender 4.2.1 (hash 396f546c9d82 built 2024-08-19)\n",
  'Read blend: "/session/kitchen.blend"\n',
  "\u001b[33mWarning: texture wood_04.png is 16,384 pixels wide\u001b[0m\n",
  ...Array.from(
    { length: 120 },
    (_, at) => `Fra:144 Mem:1841.20M | Time:00:${String(at % 60).padStart(2, "0")}.41 | Sample ${at + 1}/128\n`,
  ),
  "\u001b[1;31mError: cannot read file \u201cwood_09.png\u201d\u001b[0m <img src=x onerror=alert(1)>\n",
  "\u001b[32mSaved:\u001b[0m 'frame_0144.png'\u001b]0;owned\u0007\u001b[2J\n",
];

/** What the programs of a job write, in pieces of several tasks. */
export function logPieces(): LogPiece[] {
  let offset = 0;
  return LOG.map((text, at) => {
    const piece: LogPiece = {
      task: { step: 0, index: 143 },
      label: "frame 144",
      machine: at % 2 === 0 ? "atelier-tower" : "render-01",
      attempt: 1,
      offset,
      text,
    };
    offset += new TextEncoder().encode(text).length;
    return piece;
  });
}
