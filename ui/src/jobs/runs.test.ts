import { describe, expect, it } from "vitest";

import type { Bar } from "~/bridge";
import { runState } from "./runs";

function run(machine: string, some: Partial<Bar> = {}): Bar {
  const tasks = { start: 3, end: 4 };
  return { job: "kitchen", step: 0, tasks, machine, started: 1_000, ended: null, state: "running", ...some };
}

const said = (bar: Bar, other: Bar): string =>
  runState(bar, [bar, other], name => name).replace(/[\u2066-\u2069]/g, "");

describe("a task that runs twice", () => {
  it("says so of both runs while they last", () => {
    expect(said(run("mill"), run("attic", { started: 1_500 }))).toBe("Running, also on attic");
    expect(said(run("attic", { started: 1_500 }), run("mill"))).toBe("Running, also on mill");
  });

  it("says which one counted", () => {
    const [slow, quick] = [run("mill", { state: "lost", ended: 2_000 }), run("attic", { state: "done", ended: 2_000 })];
    expect(said(slow, quick)).toBe("Not counted: attic was faster");
    expect(said(quick, slow)).toBe("Done");
  });

  it("is no task that ran again after its machine was lost, nor another one", () => {
    const lost = run("mill", { state: "lost", ended: 2_000 });
    const again = run("attic", { started: 2_500, ended: 3_000, state: "done" });
    expect(said(lost, again)).toBe("Moving to another machine");
    const other = run("attic", { tasks: { start: 4, end: 5 }, ended: 2_000, state: "done" });
    expect(said(lost, other)).toBe("Moving to another machine");
  });
});
