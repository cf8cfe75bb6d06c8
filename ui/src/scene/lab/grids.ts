/** Made-up grids for looking at the scene and for measuring it. The same seed gives the same grid. */

import type { Link, LinkPolicy, Machine, MachineState } from "../model";
import { seededRandom } from "../random";

const NAMES = [
  "atelier-tower",
  "studio-nas",
  "lab-mini",
  "render-01",
  "render-02",
  "ana-laptop",
  "old-imac",
  "garage-pc",
  "wohnzimmer",
  "mac-studio",
  "ben-desktop",
  "edit-suite",
  "render-03",
  "nuc-shelf",
  "thinkpad-x1",
  "colour-room",
];
const HARDWARE: readonly (readonly [string, number])[] = [
  ["16 cores · 64 GB · RTX 4090", 100],
  ["8 cores · 32 GB", 26],
  ["4 cores · 16 GB", 12],
  ["32 cores · 128 GB · RTX 4080", 92],
  ["24 cores · 64 GB · RX 7900", 70],
  ["10 cores · 16 GB · M2", 30],
  ["4 cores · 8 GB", 8],
  ["12 cores · 32 GB · RTX 3060", 45],
];
const SITES = ["Studio", "Home", "Lab", "Garage", "North office", "Basement", "School", "Archive", "Annex", "Truck"];
const STATES: readonly MachineState[] = [
  "working",
  "ready",
  "working",
  "in_use",
  "ready",
  "working",
  "offline",
  "paused",
  "working",
  "problem",
];
/** Names as an unfriendly or merely foreign machine may send them. */
const HOSTILE = [
  "مُحطّة-الرسم",
  "<script>alert(1)</script>",
  "\u202egnp.exe\u202d tower",
  "Z̸̢̛̗̳̦̫̞̲̣̀́̈́̓̊̋̽̾̚̕͝͠à̷̛̛̗̖̳̦̞̲̣́̈́̓̊̋̽̾̚̕͝͠l̵̛̗̖̳̦̞̲̣̀́̈́̓̊̋̽̾̚̕͝͠g̶̛̗̖̳̦̞̲̣̀́̈́̓̊̋̽̾̚̕͝͠o̷",
  "a machine with a name that goes on and on and on until nobody reads it any more",
  "描画サーバー・東京第二スタジオ",
  "מחשב של נועה",
  "",
  "x\n\ty\u0000z",
  "👩🏽‍🚀🏳️‍🌈 render",
];

export interface Grid {
  readonly machines: readonly Machine[];
  readonly links: readonly Link[];
}

export interface GridOptions {
  readonly machineCount: number;
  readonly seed?: number;
  readonly hostile?: boolean;
  /** Without sites, large grids are drawn machine by machine. */
  readonly sites?: boolean;
}

export function aGrid({ machineCount, seed = 7, hostile = false, sites = true }: GridOptions): Grid {
  const random = seededRandom(seed);
  const siteCount = Math.min(SITES.length, Math.max(1, Math.ceil(machineCount / 4)));
  const machines = Array.from({ length: machineCount }, (_, i) =>
    aMachine(i, random, hostile, sites ? (SITES[Math.floor(random() * siteCount)] ?? null) : null),
  );
  return { machines, links: linksFor(machines, random) };
}

function aMachine(i: number, random: () => number, hostile: boolean, site: string | null): Machine {
  const [hardware, score] = HARDWARE[i < 8 ? i : Math.floor(random() * HARDWARE.length)] ?? ["", 1];
  const state = STATES[i % STATES.length] ?? "ready";
  const taskCount = state === "working" ? 1 + Math.floor(random() * 12) : 0;
  const ordinary = NAMES[i] ?? `${NAMES[i % NAMES.length]}-${Math.floor(i / NAMES.length) + 1}`;
  return {
    id: `machine-${i}`,
    name: hostile ? (HOSTILE[i % HOSTILE.length] ?? "") : ordinary,
    state,
    hardware,
    word: statusOf(state, 0),
    status: statusOf(state, taskCount),
    score,
    use: state === "working" ? 0.25 + random() * 0.75 : state === "in_use" ? random() * 0.3 : 0,
    taskCount,
    pace: "full",
    leaning: null,
    mine: i % 3 !== 2,
    here: i === 0,
    site,
  };
}

function statusOf(state: MachineState, taskCount: number): string {
  switch (state) {
    case "ready":
      return "Ready";
    case "working":
      return `Working · ${taskCount} ${taskCount === 1 ? "frame" : "frames"}`;
    case "in_use":
      return "In use";
    case "paused":
      return "Paused · 42 min left";
    case "offline":
      return "Offline · 3 h";
    case "problem":
      return "Problem · disk full";
  }
}

/** Small grids are nearly a full mesh; in large ones each machine has about three links. */
function linksFor(machines: readonly Machine[], random: () => number): Link[] {
  const pairs = new Map<string, readonly [Machine, Machine]>();
  const add = (p: Machine | undefined, q: Machine | undefined): void => {
    if (p !== undefined && q !== undefined && p !== q) pairs.set([p.id, q.id].sort().join(" "), [p, q]);
  };
  if (machines.length <= 4) {
    for (const p of machines) for (const q of machines) add(p, q);
  }
  const wanted = machines.length < 10 ? machines.length * 1.6 : machines.length * (machines.length < 100 ? 1.7 : 3);
  for (let i = 1; i < machines.length; i++) add(machines[i], machines[Math.floor(random() * Math.min(i, 12))]);
  for (let tries = 0; pairs.size < wanted && tries < wanted * 20 && machines.length > 4; tries++) {
    const p = machines[Math.floor(random() * machines.length)];
    const near = machines.filter(q => q.site === p?.site);
    const pool = random() < 0.7 && near.length > 1 ? near : machines;
    add(p, pool[Math.floor(random() * pool.length)]);
  }
  return [...pairs.values()].map(([p, q], i) => aLink(p, q, i, random));
}

function aLink(p: Machine, q: Machine, i: number, random: () => number): Link {
  const down = p.state === "offline" || q.state === "offline";
  const far = p.site !== q.site;
  const relayed = far && random() < 0.3;
  const busy = !down && random() < 0.45;
  const moving = (of: Machine): number => (busy && of.state === "working" ? 1 + Math.floor(random() * 3) : 0);
  return {
    id: `link-${i}`,
    a: p.id,
    b: q.id,
    state: down ? "down" : "up",
    path: relayed ? "relayed" : "direct",
    policy: policyOf(i),
    pending: i % 11 === 5 ? "consent" : i % 13 === 7 ? "applying" : null,
    rttMs: down ? null : relayed ? 30 + random() * 60 : far ? 6 + random() * 20 : 0.3 + random() * 3,
    bytesPerSec: busy ? 10 ** (5 + random() * 4) : random() * 2_000,
    movingAtoB: moving(q),
    movingBtoA: moving(p),
  };
}

function policyOf(i: number): LinkPolicy {
  if (i % 9 === 3) return "pinned";
  return i % 17 === 8 ? "forbidden" : "automatic";
}

/** One link for each look, for comparing them: policies by states, paths and pending changes. */
export function everyLink(): Grid {
  const looks: Partial<Link>[] = [
    { rttMs: 0.4 },
    { rttMs: 38, path: "relayed" },
    { state: "down", rttMs: null },
    { state: "connecting", rttMs: null },
    { policy: "pinned", rttMs: 2.1 },
    { policy: "pinned", path: "relayed", rttMs: 51 },
    { policy: "forbidden", state: "down", rttMs: null },
    { policy: "pinned", pending: "consent" },
    { policy: "pinned", pending: "applying", rttMs: 3 },
    { policy: "forbidden", pending: "applying" },
    { bytesPerSec: 3e6, movingAtoB: 2, movingBtoA: 1, rttMs: 1.2 },
    { bytesPerSec: 9e8, movingAtoB: 9, rttMs: 0.9 },
  ];
  const { machines } = aGrid({ machineCount: looks.length + 1, sites: false });
  const plain = aLink(machines[0]!, machines[1]!, 1, () => 0.9);
  const rest: Link = {
    ...plain,
    state: "up",
    path: "direct",
    pending: null,
    bytesPerSec: 0,
    movingAtoB: 0,
    movingBtoA: 0,
  };
  const links = looks.map((look, i) => ({
    ...rest,
    id: `look-${i}`,
    a: machines[0]!.id,
    b: machines[i + 1]!.id,
    ...look,
  }));
  return { machines, links };
}

/** Returns the grid with a tenth of its machines and links changed, as four times a second in a busy grid. */
export function changed({ machines, links }: Grid, random: () => number): Grid {
  return {
    machines: machines.map(machine =>
      random() < 0.1 && machine.state === "working" ? worked(machine, random) : machine,
    ),
    links: links.map(link =>
      random() < 0.1 && link.state === "up" ? { ...link, rttMs: (link.rttMs ?? 1) * (0.9 + random() * 0.2) } : link,
    ),
  };
}

function worked(machine: Machine, random: () => number): Machine {
  const taskCount = 1 + Math.floor(random() * 12);
  return { ...machine, use: 0.2 + random() * 0.8, taskCount, status: statusOf("working", taskCount) };
}
