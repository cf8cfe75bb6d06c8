import { describe, expect, it } from "vitest";

import { Refusal } from "~/bridge";
import type { Bridge, Cursor, EventEar, Request } from "~/bridge";
import { counts, job, machine, studio } from "~/lab/fixtures";
import { Grid } from "./grid.svelte";
import { HandClock, settled } from "./testing";

/** A node under the test's hand. */
class FakeNode {
  /** The cursor of each subscription so far. */
  readonly since: (Cursor | null)[] = [];
  readonly asked: Request[] = [];
  ear: EventEar | null = null;
  answers = true;

  readonly bridge = {
    platform: { kind: "browser", os: "linux", canReveal: false, hasPaths: false },
    listen: (since: Cursor | null, ear: EventEar) => {
      this.since.push(since);
      this.ear = ear;
      return { close: () => void (this.ear = null) };
    },
    ask: async (request: Request) => {
      this.asked.push(request);
      if (!this.answers) throw Refusal.noNode("nobody answers");
      return this.reply(request);
    },
  } as unknown as Bridge;

  reply: (request: Request) => unknown = () => ({});

  snapshot(seq = 10): void {
    this.ear?.heard([{ seq, event: "snapshot", data: studio() }]);
  }

  lose(): void {
    this.ear?.lost(Refusal.noNode("gone"));
  }
}

function started(): { node: FakeNode; grid: Grid; clock: HandClock } {
  const node = new FakeNode();
  const clock = new HandClock();
  const grid = new Grid(node.bridge, clock);
  grid.start();
  return { node, grid, clock };
}

describe("the grid", () => {
  it("is live with the first snapshot, this machine first", () => {
    const { node, grid } = started();
    expect(grid.connection.state).toBe("starting");
    node.snapshot();
    expect(grid.connection.state).toBe("live");
    expect(grid.thisMachine?.name).toBe("atelier-tower");
    expect(grid.jobs.map(job => job.submitted)).toEqual([...grid.jobs.map(job => job.submitted)].sort((a, b) => b - a));
  });

  it("listens again from where it was after a loss, and is live although nothing was missed", async () => {
    const { node, grid, clock } = started();
    node.snapshot();
    node.lose();
    expect(grid.connection).toEqual({ state: "reconnecting", since: clock.now() });
    clock.advance(100);
    await settled();
    expect(node.since.at(-1)).toEqual({ stream: studio().stream, seq: 10 });
    node.ear?.opened();
    expect(grid.connection.state).toBe("live");
  });

  it("says within two seconds that nothing runs, keeps the data, and recovers by itself", async () => {
    const { node, grid, clock } = started();
    node.snapshot();
    node.answers = false;
    node.lose();
    clock.advance(2_000);
    await settled();
    expect(grid.connection.state).toBe("not_running");
    expect(grid.machines).toHaveLength(7);
    node.answers = true;
    for (let tries = 0; tries < 3; tries += 1) {
      clock.advance(5_000);
      await settled();
    }
    node.snapshot(3);
    expect(grid.connection.state).toBe("live");
  });

  it("asks for a snapshot when it hears of changes of something that it does not know", () => {
    const { node } = started();
    node.ear?.heard([{ seq: 12, event: "machine_changed", data: machine("late") }]);
    expect(node.since).toEqual([null, null]);
  });

  it("stops listening while nobody sees it, and catches up", () => {
    const { node, grid, clock } = started();
    node.snapshot();
    grid.seen(false);
    clock.advance(60_000);
    expect(node.ear).toBeNull();
    expect(clock.waiting).toBe(0);
    grid.seen(true);
    expect(node.since.at(-1)).toEqual({ stream: studio().stream, seq: 10 });
    expect(grid.connection.state).toBe("live");
  });

  it("does nothing more once it is stopped", async () => {
    const { node, grid, clock } = started();
    node.snapshot();
    node.lose();
    grid.stop();
    clock.advance(60_000);
    await settled();
    expect(node.asked).toEqual([]);
  });

  it("keeps notices, newest first, each once", () => {
    const { node, grid } = started();
    node.snapshot();
    const notice = (id: number) => ({
      id,
      at: id,
      kind: "other" as const,
      level: "info" as const,
      sentence: `${id}`,
      job: null,
      machine: null,
    });
    node.ear?.heard([
      { seq: 11, event: "notice", data: notice(1) },
      { seq: 12, event: "notice", data: notice(2) },
    ]);
    grid.activity.add([notice(1)]);
    expect(grid.activity.told.map(told => told.id)).toEqual([2, 1]);
  });
});

describe("the tasks of a job", () => {
  const detail = (done: number, ready: number) => ({
    ...job("kitchen", "kitchen", "running"),
    steps: [
      {
        name: "render",
        counts: counts({ done, ready }),
        after: [],
        needs: { amounts: [], attributes: [], only_on: [] },
        prefers: [],
      },
    ],
    parameters: [],
    input_count: 0,
    input_bytes: 0,
  });

  const tasks = (request: Request) => {
    if (request.ask !== "tasks") return detail(1_500, 1_000);
    const offset = request.offset ?? 0;
    const many = Math.min(1_000, 2_500 - offset);
    return {
      job: "j",
      total: 2_500,
      tasks: Array.from({ length: many }, (_, at) => ({
        key: { step: 0, index: offset + at },
        label: `frame ${offset + at + 1}`,
        state: offset + at < 1_500 ? "done" : "ready",
        machine: null,
        machine_name: "",
        attempts: 1,
        exit_code: null,
        reason: "",
        run_secs: null,
        progress: null,
        status: "",
      })),
    };
  };

  it("come page by page, and follow events meanwhile", async () => {
    const { node, grid } = started();
    node.snapshot();
    node.reply = tasks;
    const { feed } = grid.openTasks("kitchenaaaaaaaaa");
    node.ear?.heard([
      {
        seq: 11,
        event: "tasks_changed",
        data: {
          job: "kitchenaaaaaaaaa",
          step: 0,
          span: { start: 2_400, end: 2_500 },
          state: "running",
          machine: "m",
          exit_code: null,
          reason: "",
          saved_at: null,
        },
      },
    ]);
    await settled();
    await settled();
    expect(feed.loaded).toBe(2_500);
    expect(feed.columns?.counts()).toEqual(counts({ done: 1_500, ready: 900, running: 100 }));
    expect(feed.columns?.label(2_499)).toBe("frame 2500");
  });

  it("in rare states come before the many others", async () => {
    const { node, grid } = started();
    node.snapshot();
    node.reply = request => (request.ask === "tasks" ? tasks(request) : detail(2_499, 1));
    grid.openTasks("kitchenaaaaaaaaa");
    await settled();
    await settled();
    const asked = node.asked.flatMap(request => (request.ask === "tasks" ? [[request.states, request.offset]] : []));
    expect(asked.slice(0, 3)).toEqual([
      [[], 0],
      [["ready"], 0],
      [[], 1_000],
    ]);
  });

  it("need one page when all are in the same state", async () => {
    const { node, grid } = started();
    node.snapshot();
    node.reply = request => (request.ask === "tasks" ? tasks(request) : detail(2_500, 0));
    const { feed } = grid.openTasks("kitchenaaaaaaaaa");
    await settled();
    expect(feed.columns?.counts().done).toBe(2_500);
    expect(node.asked.filter(request => request.ask === "tasks")).toHaveLength(1);
    await feed.need(1_990, 2_010);
    expect(node.asked.filter(request => request.ask === "tasks")).toHaveLength(3);
  });

  it("are shared by all who look, and loaded anew after a snapshot", async () => {
    const { node, grid } = started();
    node.snapshot();
    node.reply = tasks;
    const one = grid.openTasks("kitchenaaaaaaaaa");
    const two = grid.openTasks("kitchenaaaaaaaaa");
    expect(one.feed).toBe(two.feed);
    await settled();
    const before = node.asked.length;
    node.snapshot(20);
    await settled();
    expect(node.asked.length).toBeGreaterThan(before);
    one.close();
    one.close();
    expect(grid.openTasks("kitchenaaaaaaaaa").feed).toBe(two.feed);
  });

  it("say when they could not be had", async () => {
    const { node, grid } = started();
    node.snapshot();
    node.answers = false;
    const { feed } = grid.openTasks("kitchenaaaaaaaaa");
    await settled();
    expect(feed.refusal?.code).toBe("no_node");
  });
});
