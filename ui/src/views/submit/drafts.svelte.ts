import {
  Refusal,
  type Bridge,
  type CommandRequest,
  type Dropped,
  type DraftView,
  type FolderContents,
  type JobView,
  type UploadProgress,
} from "~/bridge";
import type { Grid } from "~/state";
import { NO_EDITS, obstacles, quoted, requestOf, words, type Edits, type Obstacle } from "./edits";

/** How long typing rests before the draft is read anew. */
const REST_MS = 250;

/** Where reading what was dropped stands. */
export type Reading =
  | { reading: "empty" }
  | { reading: "uploading"; progress: UploadProgress | null }
  | { reading: "scanning"; names: readonly string[] }
  | { reading: "ready" }
  | { reading: "failed"; refusal: Refusal };

/** Where one draft stands. */
export type Stage =
  | { stage: "edited" }
  | { stage: "submitting" }
  | { stage: "failed"; refusal: Refusal }
  | { stage: "started"; job: JobView };

/** One job to be: what the node makes of it, and what a person changed. */
export class Draft {
  view = $state.raw<DraftView>(undefined as unknown as DraftView);
  edits = $state.raw<Edits>(NO_EDITS);
  stage = $state.raw<Stage>({ stage: "edited" });
  /** Why the last change is not possible; the draft shows the last state that was. */
  refusal = $state.raw<Refusal | null>(null);
  /** True while a change is being read. */
  checking = $state(false);

  readonly obstacles: readonly Obstacle[] = $derived(obstacles(this.view, this.edits));
  readonly key = crypto.randomUUID();
  readonly #original: DraftView;
  #rest: ReturnType<typeof setTimeout> | undefined;
  #round = 0;

  constructor(
    private readonly grid: Grid,
    view: DraftView,
    private readonly source: { paths: string[] } | { command: CommandRequest },
    edits: Edits = NO_EDITS,
  ) {
    this.view = view;
    this.#original = view;
    this.edits = edits;
    if (edits !== NO_EDITS) this.#check();
  }

  /** Changes fields; the node says what becomes of it once typing rests. */
  change(edits: Partial<Edits>): void {
    this.edits = { ...this.edits, ...edits };
    this.stage = { stage: "edited" };
    clearTimeout(this.#rest);
    this.checking = true;
    this.#rest = setTimeout(() => this.#check(), REST_MS);
  }

  setParameter(name: string, value: string | null): void {
    const others = Object.fromEntries(Object.entries(this.edits.parameters).filter(([other]) => other !== name));
    this.change({ parameters: value === null ? others : { ...others, [name]: value } });
  }

  /** The value a parameter has without this person's change. */
  original(name: string): string | null {
    return this.#original.parameters.find(parameter => parameter.name === name)?.value ?? null;
  }

  get originalView(): DraftView {
    return this.#original;
  }

  /** Why Start does nothing now; empty when it does. */
  get startable(): boolean {
    return this.obstacles.length === 0 && this.refusal === null && this.stage.stage !== "submitting";
  }

  /** Starts it. A second click joins the first; a node that was away is asked again and starts it once. */
  async start(): Promise<JobView | null> {
    if (this.stage.stage === "started") return this.stage.job;
    this.stage = { stage: "submitting" };
    try {
      const request = requestOf(this.source, this.edits, this.key);
      const { jobs } = await this.grid.wishes.make(`submit.${this.key}`, { ask: "submit", ...request });
      const job = jobs[0];
      if (job === undefined) throw new Refusal({ kind: "bug", code: "internal", message: "nothing was started" });
      this.stage = { stage: "started", job };
      return job;
    } catch (thrown) {
      this.stage = { stage: "failed", refusal: Refusal.from(thrown) };
      return null;
    }
  }

  /** Lets the program itself say what the file reads. That takes seconds: Start does not wait, and typing goes on. */
  async complete(): Promise<void> {
    const round = this.#round;
    try {
      const request = requestOf(this.source, this.edits, this.key);
      const [view] = await this.grid.ask({ ask: "inspect", ...request, ask_tool: true });
      // The node keeps what it learnt, so that what was changed meanwhile is read with it.
      if (round !== this.#round) await this.#check();
      else if (view !== undefined) this.view = view;
    } catch {
      // What was read first stands.
    }
  }

  async #check(): Promise<void> {
    this.#round += 1;
    const round = this.#round;
    this.checking = true;
    try {
      const drafts = await this.grid.ask({ ask: "inspect", ...requestOf(this.source, this.edits, this.key) });
      if (round !== this.#round) return;
      const [view] = drafts;
      if (view !== undefined) this.view = view;
      this.refusal = null;
    } catch (thrown) {
      if (round === this.#round) this.refusal = Refusal.from(thrown);
    } finally {
      if (round === this.#round) this.checking = false;
    }
  }
}

/** Everything in the sheet: what was dropped, and the jobs it becomes. */
export class Drafts {
  reading = $state.raw<Reading>({ reading: "empty" });
  list = $state.raw<readonly Draft[]>([]);
  /** The one that is looked at. */
  at = $state(0);
  /** What no recipe knows: offered as input of a command. */
  command = $state.raw<CommandDraft | null>(null);

  readonly current: Draft | undefined = $derived(this.list[Math.min(this.at, this.list.length - 1)]);
  /** Those that would start now. */
  readonly startable: readonly Draft[] = $derived(this.list.filter(draft => draft.startable));
  #stop = new AbortController();
  readonly #key = crypto.randomUUID();

  constructor(
    private readonly grid: Grid,
    private readonly onlyOn: string | null,
  ) {}

  /** Reads what was dropped; names that no recipe knows become the start of a command. */
  async take(dropped: Dropped): Promise<void> {
    this.#stop.abort();
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    try {
      const paths = "paths" in dropped ? dropped.paths : await this.#upload(this.grid.bridge, dropped.files, signal);
      if (paths.length === 0 || signal.aborted) return;
      this.reading = { reading: "scanning", names: paths.map(baseName) };
      await this.#read(paths);
    } catch (thrown) {
      if (!signal.aborted) this.reading = { reading: "failed", refusal: Refusal.from(thrown) };
    }
  }

  async #read(paths: string[]): Promise<void> {
    const edits = this.onlyOn === null ? NO_EDITS : { ...NO_EDITS, on: [this.onlyOn] };
    try {
      // A node that is still starting is asked again once it is there.
      const views = await this.grid.wishes.make(`inspect.${this.#key}`, { ask: "inspect", paths, on: [...edits.on] });
      this.list = views.map(view => new Draft(this.grid, view, { paths: view.paths }, edits));
      this.at = 0;
      this.command = null;
      this.reading = { reading: "ready" };
      void this.#complete(this.list, this.#stop.signal);
    } catch (thrown) {
      const refusal = Refusal.from(thrown);
      if (refusal.code !== "unknown_file") throw refusal;
      this.command = new CommandDraft(paths, refusal.holds);
      this.list = [];
      this.reading = { reading: "ready" };
    }
  }

  /** One after the other, since each takes much of the machine. */
  async #complete(drafts: readonly Draft[], signal: AbortSignal): Promise<void> {
    for (const draft of drafts.filter(each => each.view.scenes.length > 0)) {
      if (!signal.aborted) await draft.complete();
    }
  }

  /** Turns the command line into a draft that can be started. */
  async readCommand(): Promise<void> {
    const command = this.command?.request();
    if (command === undefined) return;
    try {
      const [view] = await this.grid.ask({ ask: "inspect", command });
      if (view === undefined) return;
      const edits = this.onlyOn === null ? NO_EDITS : { ...NO_EDITS, on: [this.onlyOn] };
      this.list = [new Draft(this.grid, view, { command }, edits)];
      this.at = 0;
    } catch (thrown) {
      this.reading = { reading: "failed", refusal: Refusal.from(thrown) };
    }
  }

  /** Starts all that can be; returns the jobs. The others stay, with their reasons. */
  async start(): Promise<JobView[]> {
    const started = await Promise.all(this.startable.map(draft => draft.start()));
    return started.filter(job => job !== null);
  }

  close(): void {
    this.#stop.abort();
  }

  async #upload(bridge: Bridge, files: File[], signal: AbortSignal): Promise<string[]> {
    this.reading = { reading: "uploading", progress: null };
    return bridge.upload(files, progress => (this.reading = { reading: "uploading", progress }), signal);
  }
}

/** A command on files that no recipe knows. */
export class CommandDraft {
  line = $state("");
  outputs = $state("");

  constructor(
    readonly paths: readonly string[],
    /** What lies in it, where it is a folder. */
    readonly holds: FolderContents | null,
  ) {
    // The program goes in front.
    this.line = ` ${paths.map(quoted).join(" ")}`;
  }

  request(): CommandRequest {
    const outputs = words(this.outputs);
    return { argv: words(this.line), outputs, cwd: folderOf(this.paths[0] ?? "/") };
  }
}

export function baseName(path: string): string {
  return path.split("/").findLast(part => part !== "") ?? path;
}

export function folderOf(path: string): string {
  return path.slice(0, Math.max(1, path.lastIndexOf("/")));
}
