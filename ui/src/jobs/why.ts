import type { Terms, WhyMachine, WhyView } from "~/bridge";
import { format, isolate, m } from "~/text";

/** What a task waits for or costs on a machine, in seconds, in the order in which it happens. */
export const PARTS = ["wait", "fetch", "run", "path"] as const;
export type Part = (typeof PARTS)[number];

export const PART_COLOURS: Record<Part, string> = {
  wait: "var(--paused)",
  fetch: "var(--ready)",
  run: "var(--working)",
  path: "var(--offline)",
};

const PART_NAMES: Record<Part, () => string> = {
  wait: m.job_why_wait,
  fetch: m.job_why_fetch,
  run: m.job_why_run,
  path: m.job_why_path,
};

export function partName(part: Part): string {
  return PART_NAMES[part]();
}

export function secsOf(terms: Terms, part: Part): number {
  return Math.max(0, terms[`${part}_secs`]);
}

export function costSecs(terms: Terms): number {
  return PARTS.reduce((sum, part) => sum + secsOf(terms, part), 0);
}

/** The longest bar: what the width of all of them stands for. */
export function longest(machines: readonly WhyMachine[]): number {
  return Math.max(0, ...machines.map(machine => (machine.terms === null ? 0 : costSecs(machine.terms))));
}

/** What pulls and pushes besides the seconds: a factor on the pull. 1.5 means half as much again. */
export function factors({ prefer, strategy }: Terms): { what: "prefer" | "strategy"; factor: number }[] {
  return [
    { what: "prefer" as const, factor: Math.exp(prefer) },
    { what: "strategy" as const, factor: Math.exp(strategy) },
  ].filter(({ factor }) => Math.abs(factor - 1) > 0.005);
}

/** `render-01 gets it with 62 %: 4 s wait, 0 s files, …`; the machine most likely to be chosen. */
export function likeliest(why: WhyView): WhyMachine | undefined {
  return why.machines.filter(machine => machine.fits && machine.chance > 0).sort((a, b) => b.chance - a.chance)[0];
}

/** The machine that would be next if the likeliest one were not there, as a sentence; empty where there is none. */
export function runnerUp(why: WhyView): string {
  const first = likeliest(why);
  const second = why.machines
    .filter(machine => machine !== first && machine.chance > 0)
    .sort((a, b) => b.chance - a.chance)[0];
  if (second === undefined) return "";
  return m.job_why_next({ name: isolate(second.name), chance: format.percent(second.chance) });
}
