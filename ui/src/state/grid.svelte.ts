import { Refusal } from "~/bridge";
import type {
  AnswerTo,
  Bridge,
  Closer,
  Event,
  JobId,
  JobView,
  LayoutView,
  LinkAskView,
  LinkView,
  MachineView,
  MembersView,
  PairingView,
  PeerId,
  Request,
} from "~/bridge";
import { Activity } from "./activity.svelte";
import { realClock, type Clock } from "./clock";
import { isStale, nextConnection, waitMs, type Connection, type ConnectionFact } from "./connection";
import { TaskFeed } from "./feed.svelte";
import { applyAll, EMPTY, linkId, type Model } from "./model";
import { Toasts } from "./toasts.svelte";
import { UndoStack } from "./undo";
import { Wishes } from "./wishes.svelte";

/** A hidden window stops listening after this time, so that nothing is sent to it; it catches up when it is seen again. */
const QUIET_AFTER_MS = 5_000;

/**
 * Everything the window knows of the grid: the node's snapshot and numbered events, and what people do with it.
 *
 * Read its fields in components; change nothing but through `wishes`.
 */
export class Grid {
  connection = $state.raw<Connection>({ state: "starting" });
  #model = $state.raw<Model>(EMPTY);

  // One for each kind, so that what shows one is not worked out again when another changes.
  readonly #machinesById = $derived(this.#model.machines);
  readonly #linksById = $derived(this.#model.links);
  readonly #jobsById = $derived(this.#model.jobs);
  readonly #pairingsById = $derived(this.#model.pairings);
  readonly #asksById = $derived(this.#model.asks);

  readonly machines: readonly MachineView[] = $derived([...this.#machinesById.values()]);
  /** Links as each of their two machines sees them: those of this machine, and what others tell of theirs. */
  readonly links: readonly LinkView[] = $derived([...this.#linksById.values()]);
  /** Newest first. */
  readonly jobs: readonly JobView[] = $derived([...this.#jobsById.values()].sort((a, b) => b.submitted - a.submitted));
  /** Machines that are being let in, and the last few that were, or were not; oldest first. */
  readonly pairings: readonly PairingView[] = $derived([...this.#pairingsById.values()]);
  /** What owners of machines ask each other, as far as it concerns this machine. */
  readonly asks: readonly LinkAskView[] = $derived([...this.#asksById.values()]);
  /** Until when this machine shows a pairing code; another code has another time. */
  readonly codeUntil: number | null = $derived(this.#model.codeUntil);
  /** Which links the grid is to have, as it last changed; `null` until it does, then ask. */
  readonly layout: LayoutView | null = $derived(this.#model.layout);
  /** Who belongs to the grid; `null` until it was asked for with `learnMembers`, and again after each snapshot. */
  readonly members: MembersView | null = $derived(this.#model.members);
  readonly thisMachine: MachineView | undefined = $derived(this.machines.find(machine => machine.this));
  /** True while what is shown may be old. */
  readonly stale: boolean = $derived(isStale(this.connection));

  readonly wishes: Wishes;
  readonly toasts: Toasts;
  readonly activity = new Activity();
  readonly undo = new UndoStack();

  #feeds = new Map<JobId, { feed: TaskFeed; users: number }>();
  #listener: Closer | null = null;
  #callOff: (() => void) | null = null;
  #failures = 0;
  #running = false;

  constructor(
    readonly bridge: Bridge,
    private readonly clock: Clock = realClock,
  ) {
    this.wishes = new Wishes(bridge, { isLive: () => !this.stale, after: (ms, run) => clock.after(ms, run) });
    this.toasts = new Toasts(clock);
  }

  machine(id: PeerId): MachineView | undefined {
    return this.#machinesById.get(id);
  }

  /** What people call the machines over which another one is reached, in order; empty where there is a link with it. */
  namesOnTheWayTo(id: PeerId): string[] {
    return (this.machine(id)?.via ?? []).map(over => this.machine(over)?.name ?? over.slice(0, 8));
  }

  /** The link from this machine, or from another one, as that one sees it. */
  link(peer: PeerId, from: PeerId | undefined = this.thisMachine?.id): LinkView | undefined {
    return from === undefined ? undefined : this.#linksById.get(linkId({ from, peer }));
  }

  /** What the owner of one machine asks of the other one's about the link between them. */
  asked(from: PeerId, peer: PeerId): LinkAskView | undefined {
    return this.#asksById.get(linkId({ from, peer }));
  }

  job(id: JobId): JobView | undefined {
    return this.#jobsById.get(id);
  }

  /** The node has answered with a code that it shows from now on; the event that tells so comes a moment later. */
  codeShown(until: number): void {
    this.#model = { ...this.#model, codeUntil: until };
  }

  /** Asks who belongs to the grid: of that the node tells only what changes. */
  async learnMembers(): Promise<void> {
    const before = this.#model.members;
    try {
      const members = await this.ask({ ask: "members" });
      // What was told meanwhile is newer.
      if (this.#model.members === before) this.#model = { ...this.#model, members };
    } catch {
      // It stays unknown until it changes, or until the node is there again.
    }
  }

  /** A question that changes nothing; for wishes see `wishes`. Rejects with a `Refusal`. */
  ask<R extends Request>(request: R): Promise<AnswerTo<R>> {
    return this.bridge.ask(request);
  }

  /** Begins to listen, and keeps on until `stop`. */
  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#listen();
  }

  stop(): void {
    this.#running = false;
    this.#hush();
  }

  /** Says whether people can see the window. */
  seen(visible: boolean): void {
    if (!this.#running) return;
    this.#callOff?.();
    this.#callOff = null;
    if (visible) {
      if (this.#listener === null) this.#listen();
    } else {
      this.#callOff = this.clock.after(QUIET_AFTER_MS, () => this.#hush());
    }
  }

  /** Tries to reach the node now instead of at the next turn. */
  retryNow(): void {
    if (!this.#running || this.connection.state === "live") return;
    this.#failures = 0;
    this.#hush();
    this.#tryAgain();
  }

  /** Opens the tasks of a job; close it when they leave the screen. */
  openTasks(job: JobId): { feed: TaskFeed; close: () => void } {
    const open = this.#feeds.get(job) ?? { feed: new TaskFeed(this.bridge, job), users: 0 };
    open.users += 1;
    if (open.users === 1) {
      this.#feeds.set(job, open);
      void open.feed.load();
    }
    let closed = false;
    const close = (): void => {
      if (closed) return;
      closed = true;
      open.users -= 1;
      if (open.users > 0) return;
      open.feed.close();
      this.#feeds.delete(job);
    };
    return { feed: open.feed, close };
  }

  #listen(): void {
    const listener = this.bridge.listen(this.#model.cursor, {
      // With a cursor and nothing missed the node stays silent: being let in is all there is to hear.
      opened: () => {
        if (this.#model.cursor !== null) this.#live();
      },
      heard: events => this.#heard(events),
      lost: refusal => {
        if (this.#listener !== listener && this.#listener !== null) return;
        this.#listener = null;
        this.#fact({ fact: "lost", refusal, at: this.clock.now() });
        this.#later();
      },
    });
    this.#listener = listener;
  }

  #heard(events: Event[]): void {
    const { model, passing, lacksSnapshot } = applyAll(this.#model, events);
    const fresh = events.some(event => event.event === "snapshot");
    this.#model = model;
    this.#live();
    if (fresh) for (const { feed } of this.#feeds.values()) void feed.load();
    const notices = [];
    for (const event of passing) {
      // Somebody waits for exactly this.
      if (event.event === "notice" && event.data.kind === "back") this.toasts.done(event.data.sentence);
      if (event.event === "notice") notices.push(event.data);
      else this.#feeds.get(event.data.job)?.feed.change(event.data);
    }
    this.activity.add(notices);
    if (lacksSnapshot) {
      this.#hush();
      this.#listen();
    }
  }

  #live(): void {
    const away = this.connection.state !== "live";
    this.#failures = 0;
    this.#fact({ fact: "heard" });
    if (away) this.wishes.retryWaiting();
  }

  #fact(fact: ConnectionFact): void {
    this.connection = nextConnection(this.connection, fact);
  }

  #later(): void {
    if (!this.#running) return;
    this.#callOff?.();
    this.#callOff = this.clock.after(waitMs(this.#failures++), () => this.#tryAgain());
  }

  /** Asks before it listens, because a refused subscription does not say why in a browser. */
  #tryAgain(): void {
    this.#callOff = null;
    this.bridge.ask({ ask: "status" }).then(
      () => {
        if (this.#running && this.#listener === null) this.#listen();
      },
      (thrown: unknown) => {
        this.#fact({ fact: "unanswered", refusal: Refusal.from(thrown) });
        this.#later();
      },
    );
  }

  #hush(): void {
    this.#callOff?.();
    this.#callOff = null;
    this.#listener?.close();
    this.#listener = null;
  }
}
