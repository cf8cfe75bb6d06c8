import type { TaskCounts, TaskPage, TasksChanged, TaskState, TaskView } from "~/bridge";

/** Every task state; a task's column holds the position in this list. */
export const TASK_STATES = [
  "waiting",
  "held",
  "ready",
  "leased",
  "running",
  "frozen",
  "done",
  "failed",
  "skipped",
  "cancelled",
  "lost",
] as const satisfies readonly TaskState[];

const CODE = new Map<TaskState, number>(TASK_STATES.map((state, code) => [state, code]));

/** Nothing goes on from there. */
const ENDED: ReadonlySet<TaskState> = new Set(["done", "failed", "skipped", "cancelled"]);

/** A machine's column holds the position in the table of names; this means none. */
const NO_MACHINE = 0xffff;
const NO_EXIT = -0x8000_0000;

/**
 * The tasks of one job in columns: about 30 bytes a task, so that a job of a million tasks costs 30 MB and a change of
 * all of them is a few loops over typed arrays.
 *
 * Rows are numbered through all steps in order. It is filled by {@link fill} and {@link put}, and follows events by
 * {@link change}. A row that an event touched while pages were on their way keeps what the event said: pages carry no
 * number, and every later change comes as an event again.
 */
export class TaskColumns {
  readonly length: number;
  readonly state: Uint8Array;
  readonly machine: Uint16Array;
  readonly attempts: Uint16Array;
  readonly exitCode: Int32Array;
  /** Seconds; NaN while unknown. */
  readonly runSecs: Float32Array;
  /** 0 … 1; NaN when the program does not say. */
  readonly progress: Float32Array;
  /** When what a task goes on from was kept, `null` while that is unknown; for those of which something is kept. */
  private readonly saved = new Map<number, number | null>();
  private readonly reasonOf: Uint32Array;
  private readonly touched: Uint8Array;
  private readonly known: Uint8Array;
  private readonly starts: number[];
  private readonly labels: (string | undefined)[];
  private readonly machines: string[] = [];
  private readonly machineCodes = new Map<string, number>();
  private readonly names = new Map<string, string>();
  private readonly reasons: string[] = [""];
  private readonly reasonCodes = new Map<string, number>([["", 0]]);

  /** `steps` holds the number of tasks of each step. */
  constructor(steps: readonly number[]) {
    this.starts = [0];
    for (const count of steps) this.starts.push((this.starts.at(-1) ?? 0) + count);
    this.length = this.starts.at(-1) ?? 0;
    this.state = new Uint8Array(this.length);
    this.machine = new Uint16Array(this.length).fill(NO_MACHINE);
    this.attempts = new Uint16Array(this.length);
    this.exitCode = new Int32Array(this.length).fill(NO_EXIT);
    this.runSecs = new Float32Array(this.length).fill(NaN);
    this.progress = new Float32Array(this.length).fill(NaN);
    this.reasonOf = new Uint32Array(this.length);
    this.touched = new Uint8Array(this.length);
    this.known = new Uint8Array(this.length);
    this.labels = new Array<string | undefined>(this.length);
  }

  /** The row of a task; −1 when the job has no such task. */
  row(step: number, index: number): number {
    const start = this.starts[step];
    const end = this.starts[step + 1];
    if (start === undefined || end === undefined || index < 0 || start + index >= end) return -1;
    return start + index;
  }

  /** The task of a row. */
  key(row: number): { step: number; index: number } {
    let step = 0;
    while ((this.starts[step + 1] ?? this.length) <= row && step < this.starts.length - 2) step += 1;
    return { step, index: row - (this.starts[step] ?? 0) };
  }

  /** The rows of a step: `[start, end)`. */
  rowsOf(step: number): [number, number] {
    return [this.starts[step] ?? this.length, this.starts[step + 1] ?? this.length];
  }

  stateOf(row: number): TaskState {
    return TASK_STATES[this.state[row] ?? 0] ?? "waiting";
  }

  /** The machine that holds the task or did it last, with its name if known. */
  machineOf(row: number): { id: string; name: string } | null {
    const id = this.machines[this.machine[row] ?? NO_MACHINE];
    return id === undefined ? null : { id, name: this.names.get(id) ?? "" };
  }

  exitCodeOf(row: number): number | null {
    const code = this.exitCode[row];
    return code === undefined || code === NO_EXIT ? null : code;
  }

  /** When what the task goes on from was kept; `null` if nobody knows, absent if nothing is kept. */
  savedAt(row: number): number | null | undefined {
    return this.saved.get(row);
  }

  reason(row: number): string {
    return this.reasons[this.reasonOf[row] ?? 0] ?? "";
  }

  /** The label the node gave; absent until its page has come. */
  label(row: number): string | undefined {
    return this.labels[row];
  }

  /** True once a page brought everything about this row. */
  isKnown(row: number): boolean {
    return this.known[row] === 1;
  }

  /** The first row in `[start, end)` about which no page has come; −1 when there is none. */
  firstUnknown(start: number, end: number): number {
    const row = this.known.subarray(0, end).indexOf(0, start);
    return row >= start && row < end ? row : -1;
  }

  /** Says that all untouched rows of a step are in `state`: what the counts of a step say when only one is not 0. */
  fill(step: number, state: TaskState): void {
    const code = CODE.get(state) ?? 0;
    const [start, end] = this.rowsOf(step);
    for (let row = start; row < end; row += 1) if (this.touched[row] === 0) this.state[row] = code;
  }

  /** Takes in a page. Returns the number of rows about which no page had come before. */
  put(page: TaskPage): number {
    let fresh = 0;
    for (const task of page.tasks) if (this.putTask(task)) fresh += 1;
    return fresh;
  }

  private putTask(task: TaskView): boolean {
    const row = this.row(task.key.step, task.key.index);
    if (row < 0) return false;
    const fresh = this.known[row] === 0;
    this.labels[row] = task.label;
    this.known[row] = 1;
    const state = this.touched[row] === 1 ? this.stateOf(row) : task.state;
    if (task.saved && !this.saved.has(row) && !ENDED.has(state)) this.saved.set(row, task.saved_at);
    if (task.machine !== null && task.machine_name !== "") this.names.set(task.machine, task.machine_name);
    if (this.touched[row] === 1) return fresh;
    this.state[row] = CODE.get(task.state) ?? 0;
    this.machine[row] = this.machineCode(task.machine);
    this.attempts[row] = Math.min(task.attempts, 0xffff);
    this.exitCode[row] = task.exit_code ?? NO_EXIT;
    this.runSecs[row] = task.run_secs ?? NaN;
    this.progress[row] = task.progress ?? NaN;
    this.reasonOf[row] = this.reasonCode(task.reason);
    return fresh;
  }

  /** Follows an event. Returns the rows it changed: `[start, end)`. */
  change(change: TasksChanged): [number, number] {
    const start = this.row(change.step, change.span.start);
    if (start < 0) return [0, 0];
    const end = Math.min(start + (change.span.end - change.span.start), this.rowsOf(change.step)[1]);
    this.state.fill(CODE.get(change.state) ?? 0, start, end);
    this.machine.fill(this.machineCode(change.machine), start, end);
    this.exitCode.fill(change.exit_code ?? NO_EXIT, start, end);
    this.reasonOf.fill(this.reasonCode(change.reason), start, end);
    this.touched.fill(1, start, end);
    this.save(change, start, end);
    if (change.state === "leased") for (let row = start; row < end; row += 1) this.attempts[row]! += 1;
    return [start, end];
  }

  private save({ saved_at, state }: TasksChanged, start: number, end: number): void {
    if (saved_at !== null) for (let row = start; row < end; row += 1) this.saved.set(row, saved_at);
    else if (ENDED.has(state) && this.saved.size > 0) for (let row = start; row < end; row += 1) this.saved.delete(row);
  }

  /** Numbers of rows in each state, of all steps or of one. */
  counts(step?: number): TaskCounts {
    const [start, end] = step === undefined ? [0, this.length] : this.rowsOf(step);
    const numbers = new Uint32Array(TASK_STATES.length);
    for (let row = start; row < end; row += 1) numbers[this.state[row]!]! += 1;
    return Object.fromEntries(TASK_STATES.map((state, code) => [state, numbers[code] ?? 0])) as unknown as TaskCounts;
  }

  /** Rows in one of `states`, rising; of all rows when empty. */
  rowsIn(states: readonly TaskState[]): Uint32Array {
    const wanted = new Uint8Array(TASK_STATES.length);
    for (const state of states) wanted[CODE.get(state) ?? 0] = 1;
    const rows = new Uint32Array(this.length);
    let found = 0;
    for (let row = 0; row < this.length; row += 1) {
      if (states.length === 0 || wanted[this.state[row]!] === 1) rows[found++] = row;
    }
    return rows.slice(0, found);
  }

  private machineCode(machine: string | null): number {
    if (machine === null) return NO_MACHINE;
    const known = this.machineCodes.get(machine);
    if (known !== undefined) return known;
    if (this.machines.length >= NO_MACHINE) return NO_MACHINE;
    this.machineCodes.set(machine, this.machines.length);
    this.machines.push(machine);
    return this.machines.length - 1;
  }

  private reasonCode(reason: string): number {
    const known = this.reasonCodes.get(reason);
    if (known !== undefined) return known;
    this.reasonCodes.set(reason, this.reasons.length);
    this.reasons.push(reason);
    return this.reasons.length - 1;
  }
}

/** The states of a step that are not empty, with their number, the most frequent first. */
export function filledStates(counts: TaskCounts): [TaskState, number][] {
  return TASK_STATES.map((state): [TaskState, number] => [state, counts[state]])
    .filter(([, number]) => number > 0)
    .sort(([, a], [, b]) => b - a);
}
