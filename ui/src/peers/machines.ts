import type { MachineState, MachineView } from "~/bridge";
import type { GlyphShape, GlyphTone } from "~/parts/Glyph.svelte";
import { format, m, plain } from "~/text";

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

/** What a machine is in one line: `16 cores · 64 GB · RTX 4080`. */
export function hardwareLine(machine: MachineView): string {
  const { cpu_count, memory_bytes, gpus } = machine.hardware;
  const parts = { cores: format.cores(cpu_count), memory: format.bytes(memory_bytes) };
  const gpu = gpus[0];
  return gpu === undefined ? m.machines_cores(parts) : m.machines_cores_gpu({ ...parts, gpu: plain(gpu.name) });
}

/** What this machine does, one sentence for its owner. */
export function ownSentence(machine: MachineView, now: number): string {
  if (machine.paused_until !== null) {
    return m.shell_paused_left({ time: format.timeLeft(Math.max(0, machine.paused_until - now) / 1_000) });
  }
  if (!machine.accepts && machine.why_not !== "") return plain(machine.why_not);
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
