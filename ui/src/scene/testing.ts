/** Builders for tests: each says only what matters to the case. */

import type { Link, Machine, MachineId } from "./model";

export function aMachine(id: MachineId, part: Partial<Machine> = {}): Machine {
  return {
    id,
    name: id,
    state: "ready",
    hardware: "8 cores",
    word: "Ready",
    status: "Ready",
    score: 100,
    use: 0,
    taskCount: 0,
    pace: "full",
    leaning: null,
    mine: true,
    here: false,
    site: null,
    ...part,
  };
}

export function aLink(a: MachineId, b: MachineId, part: Partial<Link> = {}): Link {
  return {
    id: `${a}-${b}`,
    a,
    b,
    state: "up",
    path: "direct",
    policy: "automatic",
    pending: null,
    rttMs: 1,
    bytesPerSec: 0,
    movingAtoB: 0,
    movingBtoA: 0,
    ...part,
  };
}
