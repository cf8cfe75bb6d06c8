import {
  Refusal,
  type Bridge,
  type JobDetail,
  type JobId,
  type TaskCounts,
  type TasksChanged,
  type TaskState,
} from "~/bridge";
import { filledStates, TaskColumns } from "./tasks";

/** Tasks in one page: the most the door sends. */
const PAGE = 1_000;
/** Pages of tasks in rare states that come before all others: what people filter for in a large job. */
const RARE_PAGES = 20;

/** The tasks of one job on screen. Read `version` to hear of changes inside the columns. */
export class TaskFeed {
  /** `null` until the job's steps are known. */
  columns = $state.raw<TaskColumns | null>(null);
  detail = $state.raw<JobDetail | null>(null);
  /** Grows with every change inside the columns. */
  version = $state(0);
  /** Rows whose details have come. */
  loaded = $state(0);
  refusal = $state.raw<Refusal | null>(null);
  private run = 0;
  private early: TasksChanged[] = [];

  constructor(
    private readonly bridge: Pick<Bridge, "ask">,
    readonly job: JobId,
  ) {}

  /** Loads, or loads anew after a snapshot. What is there stays on screen until it is replaced. */
  async load(): Promise<void> {
    const run = ++this.run;
    this.early = [];
    try {
      const detail = await this.bridge.ask({ ask: "job", job: this.job });
      if (run !== this.run) return;
      const columns = new TaskColumns(detail.steps.map(step => total(step.counts)));
      const mixed = this.fill(columns, detail);
      for (const change of this.early) columns.change(change);
      this.early = [];
      this.detail = detail;
      this.columns = columns;
      this.refusal = null;
      this.version += 1;
      await this.loadRows(columns, [[0, Math.min(PAGE, columns.length)]], run);
      await this.loadRare(columns, detail, run);
      await this.loadRows(columns, mixed, run);
    } catch (thrown) {
      if (run === this.run) this.refusal = Refusal.from(thrown);
    }
  }

  /** Stops loading. */
  close(): void {
    this.run += 1;
  }

  change(change: TasksChanged): void {
    if (this.columns === null) {
      this.early.push(change);
      return;
    }
    this.columns.change(change);
    this.version += 1;
  }

  /** Asks for details of rows that are on screen and not known yet. */
  async need(start: number, end: number): Promise<void> {
    const { columns, run } = this;
    if (columns === null) return;
    try {
      for (let page = Math.floor(start / PAGE) * PAGE; page < Math.min(end, columns.length); page += PAGE) {
        const firstUnknown = columns.firstUnknown(Math.max(page, start), Math.min(page + PAGE, end));
        if (firstUnknown >= 0) await this.loadPage(columns, page, run);
      }
    } catch (thrown) {
      const refusal = Refusal.from(thrown);
      // Where nobody answered, all is loaded anew once the node is back.
      if (run === this.run && !refusal.unanswered) this.refusal = refusal;
    }
  }

  /**
   * Until pages have come every task is in the most frequent state of its step. Steps of one state need no pages; returns
   * the ranges of rows of the others.
   */
  private fill(columns: TaskColumns, detail: JobDetail): [number, number][] {
    const mixed: [number, number][] = [];
    detail.steps.forEach((step, index) => {
      const [first, ...others] = filledStates(step.counts);
      if (first !== undefined) columns.fill(index, first[0]);
      if (others.length > 0) mixed.push(columns.rowsOf(index));
    });
    return mixed;
  }

  /** Tasks in other states than most of their step, if they are few among many. All pages follow, so nothing is missed. */
  private async loadRare(columns: TaskColumns, detail: JobDetail, run: number): Promise<void> {
    const rare = new Set(detail.steps.flatMap(step => filledStates(step.counts).slice(1)).map(([state]) => state));
    const count = detail.steps.reduce(
      (sum, { counts }) => [...rare].reduce((all, state) => all + counts[state], sum),
      0,
    );
    if (columns.length <= PAGE || count > RARE_PAGES * PAGE) return;
    for (let offset = 0; offset < count && run === this.run; offset += PAGE) {
      await this.loadPage(columns, offset, run, [...rare]);
    }
  }

  private async loadRows(columns: TaskColumns, ranges: [number, number][], run: number): Promise<void> {
    for (const [start, end] of ranges) {
      for (let offset = start; offset < end; offset += PAGE) {
        if (run !== this.run) return;
        if (columns.firstUnknown(offset, Math.min(offset + PAGE, end)) >= 0) await this.loadPage(columns, offset, run);
      }
    }
  }

  private async loadPage(columns: TaskColumns, offset: number, run: number, states: TaskState[] = []): Promise<void> {
    const page = await this.bridge.ask({ ask: "tasks", target: this.job, states, offset, limit: PAGE });
    if (run !== this.run) return;
    this.loaded += columns.put(page);
    this.version += 1;
  }
}

/** All tasks of a step. */
export function total(counts: TaskCounts): number {
  return Object.values(counts).reduce((sum, number) => sum + number, 0);
}
