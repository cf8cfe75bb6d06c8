import type { JobView, LinkView, MachineView } from "~/bridge";
import { oneForEach, pairId } from "~/peers/links";
import { hardwareLine, leaningLine, stateLine, stateWord } from "~/peers/machines";
import { format, plain } from "~/text";
import type { Link, Machine } from "~/scene";

/** The label by which machines are put together in places. */
const SITE = "site";

/** How fast work goes where a machine's owner needs it. */
const PACES: Partial<Record<MachineView["standing"], Machine["pace"]>> = {
  softened: "less",
  frozen: "none",
  packing: "none",
};

/** The scene skips what is the same as before, so a view that did not change gives what it gave last time. */
const machinesMade = new WeakMap<MachineView, Machine>();
const linksMade = new WeakMap<LinkView, Link>();

/** What the scene shows of a machine. */
export function machineOf(view: MachineView): Machine {
  const made = machinesMade.get(view) ?? makeMachine(view);
  machinesMade.set(view, made);
  return made;
}

function makeMachine(machine: MachineView): Machine {
  const { lends, free } = machine;
  const line = stateLine(machine);
  // There is room for the reason, or for what else there is to say.
  const more = line === stateWord(machine) && machine.running > 0 ? format.tasks(machine.running, "task") : "";
  return {
    id: machine.id,
    name: plain(machine.name),
    state: machine.state,
    hardware: machine.hardware.cpu_count === 0 ? "" : hardwareLine(machine),
    word: stateWord(machine),
    status: [line, more, leaningLine(machine)].filter(Boolean).join(" · "),
    leaning: machine.leaning ?? null,
    score: machine.hardware.score,
    // What it lent when it was last heard of says nothing about now.
    use: machine.online && lends.cpus > 0 ? Math.min(1, Math.max(0, (lends.cpus - free.cpus) / lends.cpus)) : 0,
    taskCount: machine.running,
    pace: PACES[machine.standing] ?? "full",
    mine: true,
    here: machine.this,
    site: machine.labels[SITE] ?? null,
  };
}

/** What the scene shows of the links, each once. */
export function linksOf(
  links: readonly LinkView[],
  machines: ReadonlyMap<string, MachineView>,
  jobs: readonly JobView[],
  here: string | undefined,
  pending: (one: string, other: string) => boolean,
  asked: ReadonlySet<string>,
): Link[] {
  const running = tasksAt(jobs);
  return oneForEach(links, here)
    .filter(link => machines.has(link.from) && machines.has(link.peer))
    .map(link => {
      const moving = link.from === here && link.state === "up" ? (running.get(link.peer) ?? 0) : 0;
      const waits = asked.has(pairId(link.from, link.peer)) ? "consent" : null;
      return linkOf(link, pending(link.from, link.peer) ? "applying" : waits, moving);
    });
}

function linkOf(view: LinkView, pending: Link["pending"], moving: number): Link {
  const made = linksMade.get(view);
  if (made?.pending === pending && made.movingAtoB === moving) return made;
  const link: Link = {
    id: pairId(view.from, view.peer),
    a: view.from,
    b: view.peer,
    state: view.state,
    path: "direct",
    policy: view.policy,
    pending,
    rttMs: view.rtt_ms,
    bytesPerSec: rateOf(view),
    movingAtoB: moving,
    movingBtoA: 0,
  };
  linksMade.set(view, link);
  return link;
}

/** Tasks that machines run for jobs of this one. */
function tasksAt(jobs: readonly JobView[]): Map<string, number> {
  const running = new Map<string, number>();
  for (const job of jobs) {
    for (const made of job.made_by) {
      if (made.running > 0) running.set(made.machine, (running.get(made.machine) ?? 0) + made.running);
    }
  }
  return running;
}

/** Bytes each second since the link has been up: what the node counts are totals. */
function rateOf(link: LinkView): number {
  const secs = Math.max(1, (Date.now() - link.since) / 1_000);
  return link.state === "up" ? (link.sent_bytes + link.received_bytes) / secs : 0;
}
