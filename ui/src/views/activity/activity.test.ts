import { expect, it } from "vitest";

import type { Bar } from "~/bridge";
import { jobInks } from "./inks";
import { kindsOf } from "./kinds";
import { lentTogether } from "./lending";

function bar(job: string): Bar {
  return { job, step: 0, tasks: { start: 0, end: 1 }, machine: "m", started: 0, ended: 1, state: "done" };
}

it("gives each job a colour of its own, and hatches them when they come again", () => {
  const inks = [...jobInks(["a", "b", "a", ..."cdefghijklmnopq"].map(bar)).values()];
  expect(new Set(inks.slice(0, 16).map(({ token, hatched }) => `${token} ${hatched}`)).size).toBe(16);
  expect(inks[8]).toEqual({ token: "job-1", hatched: true });
  expect(inks[16]).toEqual(inks[0]);
});

it("adds up what machines lend, and knows nothing where nobody was seen", () => {
  const lane = (name: string, lent_cpus: (number | null)[]) => ({
    machine: name,
    name,
    lent_cpus,
    foreign_cpus: [],
    tasks_done: [],
  });
  const machines = [lane("a", [1, null, null]), lane("b", [2, 4, null])];
  expect(lentTogether({ every_secs: 60, from: 0, tasks_done: [0, 0, 0], machines })).toEqual([3, 4, null]);
});

it("puts every kind of job notice among jobs", () => {
  expect(kindsOf("jobs")).toEqual(["job_started", "job_done", "job_failed", "job_cancelled"]);
  expect(kindsOf("any")).toBeNull();
});
