import type { MachineState, MachineView, Standing } from "~/bridge";
import type { GlyphShape, GlyphTone } from "~/parts/Glyph.svelte";
import { asSentence, format, m, plain, words } from "~/text";

interface Look {
  shape: GlyphShape;
  tone: GlyphTone;
}

const LOOKS: Record<MachineState, Look> = {
  ready: { shape: "ready", tone: "ready" },
  working: { shape: "working", tone: "working" },
  in_use: { shape: "person", tone: "in-use" },
  paused: { shape: "paused", tone: "paused" },
  offline: { shape: "offline", tone: "offline" },
  problem: { shape: "problem", tone: "problem" },
};

export function lookOf(state: MachineState): Look {
  return LOOKS[state];
}

/** What becomes of work where a machine's owner needs it. */
const STANDINGS: Partial<Record<Standing, () => string>> = {
  softened: m.machine_works_less,
  frozen: m.machine_work_still,
  packing: m.machine_work_back,
  draining: m.machine_finishing,
  yours: m.machine_not_lending,
};

/** What a machine does, in a word or two. */
export function stateWord({ state, standing }: MachineView): string {
  const word = state === "working" || state === "in_use" ? STANDINGS[standing] : undefined;
  return word?.() ?? words.machineState(state);
}

/** The same with its reason, as far as its owner is that: `Work stands still: somebody uses it`. */
export function stateLine(machine: MachineView): string {
  const { state, paused_until, why_not } = machine;
  const because = (state === "working" || state === "in_use") && paused_until === null && why_not !== "";
  return because ? m.jobs_because({ state: stateWord(machine), reason: plain(why_not) }) : stateWord(machine);
}

/** What a machine is in one line: `16 cores · 64 GB · RTX 4080`. */
export function hardwareLine(machine: MachineView): string {
  const { cpu_count, memory_bytes, gpus } = machine.hardware;
  const parts = { cores: format.cores(cpu_count), memory: format.bytes(memory_bytes) };
  const gpu = gpus[0];
  return gpu === undefined ? m.machines_cores(parts) : m.machines_cores_gpu({ ...parts, gpu: cardOf(gpu.name) });
}

/** The makers' names in front of a graphics card's: every line is short of room. */
const MAKERS = /^(?:nvidia(?: geforce)?|amd(?: radeon)?|intel(?:\(r\))?) /i;

/** What people call a graphics card: `RTX 4080`. */
function cardOf(name: string): string {
  return plain(name).replace(MAKERS, "");
}

/** What this machine does, one sentence for its owner. */
export function ownSentence(machine: MachineView, now: number): string {
  if (machine.paused_until !== null) {
    return m.shell_paused_left({ time: format.timeLeft(Math.max(0, machine.paused_until - now) / 1_000) });
  }
  if (machine.why_not !== "" && machine.running > 0) return asSentence(stateLine(machine));
  if (machine.why_not !== "") return asSentence(machine.why_not);
  switch (machine.state) {
    case "ready":
      return m.shell_machine_ready();
    case "working":
      return m.shell_machine_working({ count: machine.running, n: format.number(machine.running) });
    case "in_use":
      return m.shell_machine_in_use();
    case "paused":
      return m.shell_machine_paused();
    case "offline":
      return m.shell_machine_offline();
    case "problem":
      return m.shell_machine_problem();
  }
}

/** By name, this machine first. */
export function inOrder(machines: readonly MachineView[]): MachineView[] {
  return [...machines].sort((a, b) => Number(b.this) - Number(a.this) || a.name.localeCompare(b.name));
}

/** What there is to say beside the state's word: a pause's end, a reason, when it was last heard of; may be empty. */
export function reasonLine(machine: MachineView, now: number): string {
  if (machine.paused_until !== null) return format.timeLeft(Math.max(0, machine.paused_until - now) / 1_000);
  if (machine.why_not !== "") return sayOf(machine.why_not);
  if (machine.online) return "";
  if (machine.last_seen === null) return m.machines_never_seen();
  return m.machines_last_seen({ time: format.ago(machine.last_seen, now) });
}

/** What is wanted of it for the jobs that start here; empty if nothing. */
export function leaningLine({ leaning }: MachineView): string {
  if (leaning === "prefer") return m.machines_is_preferred();
  return leaning === "keep_off" ? m.machines_is_kept_off() : "";
}

/** What a machine said, as a line of its own. */
function sayOf(reason: string): string {
  const line = plain(reason);
  return line.charAt(0).toUpperCase() + line.slice(1);
}

/** Everything that keeps work away from a machine now, or why that has less, one sentence each; empty while it takes some. */
export function plainReasons(machine: MachineView, now: number): string[] {
  if (machine.accepts && machine.online && machine.why_not === "") return [];
  const { paused_until } = machine;
  const left = paused_until === null ? "" : format.timeLeft(Math.max(0, paused_until - now) / 1_000);
  const nothing = machine.online && machine.lends.cpus === 0 ? m.machine_lends_nothing() : "";
  const away = machine.online ? "" : reasonLine({ ...machine, paused_until: null, why_not: "" }, now);
  const said = [...new Set([sayOf(machine.why_not), away, left, nothing])].filter(reason => reason !== "");
  return said.length > 0 ? said : [stateWord(machine)];
}

/** Cores that jobs have now. */
export function lentCores({ lends, free }: MachineView): number {
  return Math.max(0, lends.cpus - free.cpus);
}

/** The label by which machines are put together in places. */
const SITE = "site";

export function siteOf(machine: MachineView): string {
  return plain(machine.labels[SITE] ?? "");
}

/** True if every word of `query` is in what a list shows of the machine, or begins its id. */
export function fits(machine: MachineView, query: string): boolean {
  const asked = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (asked.length === 0) return true;
  const { hardware } = machine;
  const text = [
    machine.name,
    stateWord(machine),
    machine.why_not,
    hardware.os_name,
    hardware.cpu_model,
    ...hardware.gpus.map(gpu => gpu.name),
    ...hardware.tools.map(tool => `${tool.name} ${tool.version}`),
    ...Object.entries(machine.labels).flat(),
  ]
    .join("\n")
    .toLowerCase();
  return asked.every(word => text.includes(word) || machine.id.startsWith(word));
}

/** For the clipboard: everything someone who helps needs. */
export function details(machine: MachineView, now: number): string {
  const { hardware } = machine;
  return [
    machine.name,
    machine.id,
    [stateWord(machine), reasonLine(machine, now)].filter(Boolean).join(": "),
    hardwareLine(machine),
    `${hardware.cpu_model}, ${hardware.arch}, ${hardware.os_name}`,
    `Gridwell ${machine.version}`,
    ...hardware.tools.map(tool => `${tool.name} ${tool.version}`),
  ].join("\n");
}
