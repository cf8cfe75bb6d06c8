import fc from "fast-check";
import { describe, expect, it } from "vitest";

import type { TaskPage, TasksChanged, TaskState, TaskView } from "~/bridge";
import { TASK_STATES, TaskColumns } from "./tasks";

function task(step: number, index: number, some: Partial<TaskView> = {}): TaskView {
  return {
    key: { step, index },
    label: `task ${step}.${index}`,
    state: "ready",
    machine: null,
    machine_name: "",
    attempts: 0,
    exit_code: null,
    reason: "",
    run_secs: null,
    progress: null,
    status: "",
    held: false,
    saved: false,
    saved_at: null,
    flaws: [],
    ...some,
  };
}

function page(...tasks: TaskView[]): TaskPage {
  return { job: "j", total: tasks.length, tasks };
}

function change(
  step: number,
  start: number,
  end: number,
  state: TaskState,
  some: Partial<TasksChanged> = {},
): TasksChanged {
  return {
    job: "j",
    step,
    span: { start, end },
    state,
    machine: null,
    exit_code: null,
    reason: "",
    saved_at: null,
    ...some,
  };
}

describe("the columns of a job", () => {
  it("number the tasks of all steps in order", () => {
    const columns = new TaskColumns([3, 0, 2]);
    expect(columns.length).toBe(5);
    expect(columns.row(2, 1)).toBe(4);
    expect(columns.key(3)).toEqual({ step: 2, index: 0 });
    expect(columns.row(1, 0)).toBe(-1);
    expect(columns.row(0, 3)).toBe(-1);
  });

  it("keep what a page says of a task", () => {
    const columns = new TaskColumns([2]);
    columns.put(
      page(task(0, 1, { state: "failed", exit_code: 3, reason: "no texture", machine: "m", machine_name: "mill" })),
    );
    expect(columns.stateOf(1)).toBe("failed");
    expect(columns.exitCodeOf(1)).toBe(3);
    expect(columns.reason(1)).toBe("no texture");
    expect(columns.machineOf(1)).toEqual({ id: "m", name: "mill" });
    expect(columns.label(1)).toBe("task 0.1");
    expect(columns.isKnown(0)).toBe(false);
    expect(columns.exitCodeOf(0)).toBeNull();
  });

  it("believe an event more than a page that was asked for before it", () => {
    const columns = new TaskColumns([2]);
    columns.change(change(0, 0, 1, "done", { machine: "m" }));
    columns.put(page(task(0, 0, { state: "running" }), task(0, 1, { state: "running" })));
    expect(columns.stateOf(0)).toBe("done");
    expect(columns.label(0)).toBe("task 0.0");
    expect(columns.stateOf(1)).toBe("running");
  });

  it("know what a task goes on from until it has ended", () => {
    const columns = new TaskColumns([4]);
    columns.change(change(0, 3, 4, "done"));
    const saved = { saved: true, saved_at: 5 };
    columns.put(page(task(0, 0, saved), task(0, 1, { saved: true }), task(0, 2), task(0, 3, saved)));
    expect([0, 1, 2, 3].map(row => columns.savedAt(row))).toEqual([5, null, undefined, undefined]);
    columns.change(change(0, 0, 1, "running", { saved_at: 9 }));
    columns.change(change(0, 0, 1, "held"));
    expect(columns.savedAt(0)).toBe(9);
    columns.change(change(0, 0, 2, "done"));
    expect([columns.savedAt(0), columns.savedAt(1)]).toEqual([undefined, undefined]);
  });

  it("fill a step that is all in one state without any page", () => {
    const columns = new TaskColumns([1_000, 5]);
    columns.fill(0, "done");
    expect(columns.counts(0).done).toBe(1_000);
    expect(columns.counts(1).waiting).toBe(5);
  });

  it("find the first row about which nothing is known", () => {
    const columns = new TaskColumns([4]);
    columns.put(page(task(0, 0), task(0, 1)));
    expect(columns.firstUnknown(0, 4)).toBe(2);
    expect(columns.firstUnknown(0, 2)).toBe(-1);
  });

  it("ignore what lies outside the job", () => {
    const columns = new TaskColumns([2]);
    expect(columns.put(page(task(0, 9), task(4, 0)))).toBe(0);
    expect(columns.change(change(3, 0, 1, "done"))).toEqual([0, 0]);
    expect(columns.change(change(0, 1, 99, "done"))).toEqual([1, 2]);
  });

  it("count and select like a plain list, whatever events come", () => {
    const events = fc.array(
      fc.record({ start: fc.nat(49), length: fc.integer({ min: 1, max: 20 }), state: fc.constantFrom(...TASK_STATES) }),
    );
    fc.assert(
      fc.property(events, fc.subarray([...TASK_STATES]), (changes, wanted) => {
        const columns = new TaskColumns([50]);
        const model: TaskState[] = Array.from({ length: 50 }, () => "waiting");
        for (const { start, length, state } of changes) {
          const end = Math.min(50, start + length);
          columns.change(change(0, start, end, state));
          model.fill(state, start, end);
        }
        const counts = columns.counts();
        for (const state of TASK_STATES) expect(counts[state]).toBe(model.filter(other => other === state).length);
        const rows = model.flatMap((state, row) => (wanted.length === 0 || wanted.includes(state) ? [row] : []));
        expect([...columns.rowsIn(wanted)]).toEqual(rows);
      }),
    );
  });

  it("hold a million tasks in little memory", () => {
    const columns = new TaskColumns([1_000_000]);
    const arrays = Object.values(columns).filter(value => ArrayBuffer.isView(value));
    const bytes = arrays.reduce((sum, array) => sum + array.byteLength, 0);
    expect(bytes).toBeLessThanOrEqual(40_000_000);
  });
});
