import type {
  Cursor,
  Event,
  JobId,
  JobView,
  LinkKey,
  LinkView,
  MachineView,
  PairingView,
  PeerId,
  Snapshot,
} from "~/bridge";

/** Everything the node has told, by id. Never changed in place: whoever holds one may compare it with the next. */
export interface Model {
  readonly machines: ReadonlyMap<PeerId, MachineView>;
  /** Links as each of their two machines sees them, by `linkId`. */
  readonly links: ReadonlyMap<string, LinkView>;
  readonly jobs: ReadonlyMap<JobId, JobView>;
  /** Machines that are being let in, and the last few that were, or were not. */
  readonly pairings: ReadonlyMap<number, PairingView>;
  /** Where the next event must follow; `null` before the first snapshot. */
  readonly cursor: Cursor | null;
}

export const EMPTY: Model = {
  machines: new Map(),
  links: new Map(),
  jobs: new Map(),
  pairings: new Map(),
  cursor: null,
};

/** Pairings that are kept: those under way are bounded by the node, and of those that ended it tells as many anew. */
const KEPT_PAIRINGS = 64;

export function linkId({ from, peer }: LinkKey): string {
  return `${from} ${peer}`;
}

/** What a batch of events made of the model. */
export interface Applied {
  model: Model;
  /** Events that are not kept in the model but pass through it, in order. */
  passing: Passing[];
  /** True when nothing is known yet and the events do not begin with a snapshot: listen again. */
  lacksSnapshot: boolean;
}

export type Passing = Extract<Event, { event: "tasks_changed" }> | Extract<Event, { event: "notice" }>;

/**
 * Applies numbered events. Events that were heard before change nothing. Numbers are skipped where the node left out
 * what newer events replace, so the model always is exactly what the node was at `cursor`.
 */
export function applyAll(model: Model, events: readonly Event[]): Applied {
  const draft = new Draft(model);
  const passing: Passing[] = [];
  for (const event of events) {
    if (event.event === "snapshot") {
      draft.replace(event.data, event.seq);
      continue;
    }
    const last = draft.cursor;
    if (last === null) return { model: draft.done(), passing, lacksSnapshot: true };
    if (event.seq <= last.seq) continue;
    draft.apply(event, passing);
    draft.cursor = { stream: last.stream, seq: event.seq };
  }
  return { model: draft.done(), passing, lacksSnapshot: false };
}

/** Copies each map at most once for a batch, and only if something in it changed. */
class Draft {
  cursor: Cursor | null;
  private machines: Map<PeerId, MachineView> | null = null;
  private links: Map<string, LinkView> | null = null;
  private jobs: Map<JobId, JobView> | null = null;
  private pairings: Map<number, PairingView> | null = null;

  constructor(private from: Model) {
    this.cursor = from.cursor;
  }

  replace(snapshot: Snapshot, seq: number): void {
    this.machines = new Map(snapshot.machines.map(machine => [machine.id, machine]));
    this.links = new Map(snapshot.links.map(link => [linkId(link), link]));
    this.jobs = new Map(snapshot.jobs.map(job => [job.id, job]));
    this.pairings = new Map(snapshot.pairings.map(pairing => [pairing.id, pairing]));
    this.cursor = { stream: snapshot.stream, seq };
  }

  apply(event: Exclude<Event, { event: "snapshot" }>, passing: Passing[]): void {
    switch (event.event) {
      case "job_changed":
        this.changeJobs().set(event.data.id, event.data);
        break;
      case "job_removed":
        this.changeJobs().delete(event.data);
        break;
      case "machine_changed":
        this.changeMachines().set(event.data.id, event.data);
        break;
      case "machine_activity": {
        const machine = (this.machines ?? this.from.machines).get(event.data.id);
        if (machine !== undefined) this.changeMachines().set(machine.id, { ...machine, ...event.data });
        break;
      }
      case "machine_removed":
        this.changeMachines().delete(event.data);
        break;
      case "link_changed":
        this.changeLinks().set(linkId(event.data), event.data);
        break;
      case "link_removed":
        this.changeLinks().delete(linkId(event.data));
        break;
      case "pairing_changed":
        this.changePairing(event.data);
        break;
      case "tasks_changed":
      case "notice":
        passing.push(event);
        break;
      default:
        // A newer node tells more than this window knows; the number still counts.
        event satisfies never;
    }
  }

  done(): Model {
    return {
      machines: this.machines ?? this.from.machines,
      links: this.links ?? this.from.links,
      jobs: this.jobs ?? this.from.jobs,
      pairings: this.pairings ?? this.from.pairings,
      cursor: this.cursor,
    };
  }

  private changePairing(pairing: PairingView): void {
    const pairings = (this.pairings ??= new Map(this.from.pairings));
    pairings.set(pairing.id, pairing);
    for (const oldest of pairings.keys()) {
      if (pairings.size <= KEPT_PAIRINGS) break;
      pairings.delete(oldest);
    }
  }

  private changeMachines(): Map<PeerId, MachineView> {
    return (this.machines ??= new Map(this.from.machines));
  }

  private changeLinks(): Map<string, LinkView> {
    return (this.links ??= new Map(this.from.links));
  }

  private changeJobs(): Map<JobId, JobView> {
    return (this.jobs ??= new Map(this.from.jobs));
  }
}
