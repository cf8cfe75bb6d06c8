import type {
  Cursor,
  Event,
  JobId,
  JobView,
  LayoutView,
  LinkAskView,
  LinkKey,
  LinkView,
  MachineView,
  MembersView,
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
  /** What owners of machines ask each other, by `linkId` from who asks to who is asked. */
  readonly asks: ReadonlyMap<string, LinkAskView>;
  /** Which links the grid is to have, as it last changed; `null` until it does, then ask. */
  readonly layout: LayoutView | null;
  /** Who belongs to the grid, as it last changed; `null` until it does, then ask. */
  readonly members: MembersView | null;
  /** Until when this machine shows a pairing code; another code has another time. */
  readonly codeUntil: number | null;
  /** Where the next event must follow; `null` before the first snapshot. */
  readonly cursor: Cursor | null;
}

export const EMPTY: Model = {
  machines: new Map(),
  links: new Map(),
  jobs: new Map(),
  pairings: new Map(),
  asks: new Map(),
  layout: null,
  members: null,
  codeUntil: null,
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
  private asks: Map<string, LinkAskView> | null = null;
  private layout: LayoutView | null | undefined;
  private members: MembersView | null | undefined;
  private codeUntil: number | null;

  constructor(private from: Model) {
    this.cursor = from.cursor;
    this.codeUntil = from.codeUntil;
  }

  replace(snapshot: Snapshot, seq: number): void {
    this.machines = new Map(snapshot.machines.map(machine => [machine.id, machine]));
    this.links = new Map(snapshot.links.map(link => [linkId(link), link]));
    this.jobs = new Map(snapshot.jobs.map(job => [job.id, job]));
    this.pairings = new Map(snapshot.pairings.map(pairing => [pairing.id, pairing]));
    this.asks = new Map(snapshot.asks.map(ask => [linkId(ask), ask]));
    this.layout = null;
    this.members = null;
    this.codeUntil = snapshot.code.until;
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
      case "link_ask_changed":
        this.changeAsks().set(linkId(event.data), event.data);
        break;
      case "link_ask_removed":
        this.changeAsks().delete(linkId(event.data));
        break;
      case "layout_changed":
        this.layout = event.data;
        break;
      case "members_changed":
        this.members = event.data;
        break;
      case "pairing_changed":
        this.changePairing(event.data);
        break;
      case "code_changed":
        this.codeUntil = event.data.until;
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
      asks: this.asks ?? this.from.asks,
      layout: this.layout === undefined ? this.from.layout : this.layout,
      members: this.members === undefined ? this.from.members : this.members,
      codeUntil: this.codeUntil,
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

  private changeAsks(): Map<string, LinkAskView> {
    return (this.asks ??= new Map(this.from.asks));
  }

  private changeJobs(): Map<JobId, JobView> {
    return (this.jobs ??= new Map(this.from.jobs));
  }
}
