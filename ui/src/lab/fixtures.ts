import type {
  Event,
  Hardware,
  JobState,
  JobView,
  LinkAskView,
  LinkView,
  MachineState,
  MachineView,
  Snapshot,
  TaskCounts,
} from "~/bridge";

/** The clock of the lab: screenshots show the same times on every day. */
export const LAB_NOW = Date.UTC(2026, 10, 25, 13, 2, 10);

const NO_COUNTS: TaskCounts = {
  waiting: 0,
  held: 0,
  ready: 0,
  leased: 0,
  running: 0,
  frozen: 0,
  done: 0,
  failed: 0,
  skipped: 0,
  cancelled: 0,
  lost: 0,
};

export function counts(some: Partial<TaskCounts>): TaskCounts {
  return { ...NO_COUNTS, ...some };
}

/** An id as the node makes them: base 32, so that nothing learns to rely on shorter ones. */
export function peerId(name: string): string {
  return `${name.toLowerCase().replace(/[^a-z2-7]/g, "a")}${"a".repeat(52)}`.slice(0, 52);
}

export function hardware(some: Partial<Hardware> = {}): Hardware {
  return {
    hostname: "",
    os: "linux",
    os_name: "Debian GNU/Linux 12",
    arch: "x86_64",
    cpu_model: "AMD Ryzen 9 7950X",
    cpu_count: 16,
    memory_bytes: 64e9,
    disk_bytes: 2e12,
    gpus: [],
    tools: [{ name: "blender", version: "4.2.1", path: "/usr/bin/blender" }],
    score: 12,
    ...some,
  };
}

export function machine(name: string, some: Partial<MachineView> = {}): MachineView {
  const state: MachineState = some.state ?? "ready";
  return {
    id: peerId(name),
    name,
    this: false,
    online: state !== "offline",
    state,
    hardware: hardware(),
    labels: {},
    load: { foreign_cpu: 0.5, memory_free_bytes: 40e9, disk_free_bytes: 900e9 },
    lends: { cpus: 12, memory_bytes: 48e9, gpus: 0 },
    free: { cpus: 4, memory_bytes: 20e9, gpus: 0 },
    accepts: state === "ready" || state === "working",
    why_not: "",
    running: state === "working" ? 6 : 0,
    made: 120,
    last_seen: null,
    tuning: { weight: 1, strategy: "horizontal", sharpness: 4 },
    power: { watts: null, tariff: null, measured: false },
    isolated_since: null,
    standing: "offering",
    paused_until: null,
    version: "0.1.0",
    ...some,
  };
}

export function link(to: string, some: Partial<LinkView> = {}): LinkView {
  return {
    from: peerId("atelier-tower"),
    peer: peerId(to),
    name: to,
    policy: "automatic",
    revision: 0,
    changed: null,
    state: "up",
    address: "192.168.1.20:4242",
    rtt_ms: 2.1,
    since: LAB_NOW - 3_600_000,
    received_bytes: 4.1e9,
    sent_bytes: 0.3e9,
    last_error: "",
    ...some,
  };
}

/** What atelier-tower asks of another owner, or that one of it. */
export function labAsk(some: Partial<LinkAskView> = {}): LinkAskView {
  return {
    from: peerId("atelier-tower"),
    from_name: "atelier-tower",
    peer: peerId("win-box"),
    name: "win-box",
    state: "waiting",
    asked: LAB_NOW - 60_000,
    until: LAB_NOW + 86_340_000,
    ...some,
  };
}

export function job(id: string, name: string, state: JobState, some: Partial<JobView> = {}): JobView {
  return {
    id: `${id.toLowerCase().replace(/[^a-z2-7]/g, "a")}${"a".repeat(16)}`.slice(0, 16),
    name,
    recipe: "blender",
    state,
    priority: 0,
    counts: counts({ done: 143, running: 12, ready: 85 }),
    reused: 0,
    saved: 0,
    saved_at: null,
    task_word: "frame",
    progress: 0.6,
    time_left_secs: 660,
    submitted: LAB_NOW - 1_800_000,
    started: (some.submitted ?? LAB_NOW - 1_800_000) + 10_000,
    ended: null,
    origin: peerId("atelier-tower"),
    origin_name: "atelier-tower",
    output_folders: ["/home/ana/Gridwell Results/kitchen"],
    made_by: [
      { machine: peerId("atelier-tower"), name: "atelier-tower", done: 92, failed: 0, running: 6 },
      { machine: peerId("render-01"), name: "render-01", done: 51, failed: 0, running: 6 },
    ],
    failures: [],
    waits_for: "",
    steward: peerId("atelier-tower"),
    steward_name: "atelier-tower",
    safe: true,
    unsafe_why: "",
    landing: { in_the_way: "keep", held: 0, held_path: "", away: 0, waits: "", flaws: [] },
    energy: { joules: 1.512e6, runs: 143, unmeasured: 0, price: 0.13, unpriced_joules: 0 },
    ...some,
  };
}

/** A small studio in the middle of a day. */
export function studio(): Snapshot {
  return {
    stream: "aaaaaaaaaaaaa",
    pairings: [],
    asks: [],
    code: { until: null },
    machines: [
      machine("atelier-tower", {
        this: true,
        state: "working",
        labels: { site: "studio", tier: "fast" },
        hardware: hardware({ gpus: [{ name: "NVIDIA GeForce RTX 4080", vendor: "nvidia", memory_bytes: 16e9 }] }),
      }),
      machine("render-01", {
        state: "working",
        labels: { site: "cellar" },
        lends: { cpus: 32, memory_bytes: 120e9, gpus: 0 },
        free: { cpus: 2, memory_bytes: 60e9, gpus: 0 },
        hardware: hardware({ cpu_count: 32, memory_bytes: 128e9, score: 25 }),
      }),
      machine("studio-nas", {
        state: "ready",
        labels: { site: "studio" },
        lends: { cpus: 2, memory_bytes: 8e9, gpus: 0 },
        free: { cpus: 2, memory_bytes: 8e9, gpus: 0 },
        hardware: hardware({ cpu_count: 4, memory_bytes: 16e9, score: 3, tools: [] }),
      }),
      machine("ana-laptop", {
        state: "in_use",
        standing: "yours",
        why_not: "ana used the keyboard 12 s ago",
        free: { cpus: 12, memory_bytes: 48e9, gpus: 0 },
        hardware: hardware({
          os: "macos",
          os_name: "macOS 15.4",
          arch: "arm64",
          cpu_model: "Apple M3 Pro",
          cpu_count: 12,
        }),
      }),
      machine("lab-mini", {
        state: "paused",
        standing: "paused",
        why_not: "a person paused it",
        lends: { cpus: 4, memory_bytes: 16e9, gpus: 0 },
        free: { cpus: 4, memory_bytes: 16e9, gpus: 0 },
        hardware: hardware({ cpu_count: 8 }),
        version: "0.0.9",
      }),
      machine("old-imac", {
        state: "offline",
        last_seen: LAB_NOW - 3 * 3_600_000,
        hardware: hardware({ cpu_count: 4 }),
      }),
      machine("win-box", {
        state: "problem",
        why_not: "its graphics driver is too old for GPU jobs",
        free: { cpus: 12, memory_bytes: 48e9, gpus: 0 },
        hardware: hardware({ os: "windows", os_name: "Windows 11" }),
      }),
    ],
    links: [
      link("render-01", { rtt_ms: 0.4 }),
      link("studio-nas", { rtt_ms: 0.6, policy: "pinned", revision: 1 }),
      link("ana-laptop", { rtt_ms: 4.8 }),
      link("lab-mini", { rtt_ms: 2.1 }),
      link("win-box", { rtt_ms: 38.4 }),
      link("old-imac", { state: "down", rtt_ms: null, last_error: "the connection timed out" }),
    ],
    jobs: [
      job("kitchen", "kitchen", "running"),
      job("filmcut", "holiday film.mov", "running", {
        recipe: "ffmpeg",
        task_word: "task",
        counts: counts({ done: 4, running: 2, ready: 2, failed: 1 }),
        progress: 0.58,
        saved: 2,
        saved_at: LAB_NOW - 120_000,
        safe: false,
        unsafe_why: "the files it reads are still being copied to render-01",
        time_left_secs: 95,
        submitted: LAB_NOW - 300_000,
      }),
      job("train", "train.py", "waiting", {
        task_word: "task",
        counts: counts({ ready: 1 }),
        progress: 0,
        time_left_secs: null,
        submitted: LAB_NOW - 240_000,
        started: null,
        made_by: [],
        waits_for: "Both machines with 12 GB of graphics memory are in use",
        steward: peerId("render-01"),
        steward_name: "render-01",
      }),
      job("forest", "forest_v07", "held", {
        counts: counts({ done: 20, held: 80 }),
        progress: 0.2,
        time_left_secs: null,
        submitted: LAB_NOW - 7_200_000,
      }),
      job("lobby", "lobby", "failed", {
        counts: counts({ done: 228, failed: 12 }),
        progress: 1,
        time_left_secs: null,
        ended: LAB_NOW - 5_400_000,
        submitted: LAB_NOW - 9_000_000,
        failures: [
          {
            reason: "missing texture wood_04.png",
            count: 12,
            example: { step: 0, index: 17 },
            example_label: "frame 18",
          },
        ],
        landing: {
          in_the_way: "keep",
          held: 3,
          held_path: "/home/ana/Gridwell Results/kitchen/frame_0007.png",
          away: 2,
          waits: "",
          flaws: [
            {
              flaw: "black",
              count: 2,
              example: { step: 0, index: 3 },
              example_label: "frame 4",
              path: "/home/ana/Gridwell Results/kitchen/frame_0004.png",
              tasks: [3, 4].map(index => ({ step: 0, index })),
            },
            {
              flaw: "truncated",
              count: 1,
              example: { step: 0, index: 11 },
              example_label: "frame 12",
              path: "/home/ana/Gridwell Results/kitchen/frame_0012.png",
              tasks: [{ step: 0, index: 11 }],
            },
          ],
        },
      }),
      job("teaser", "teaser", "done", {
        counts: counts({ done: 240 }),
        progress: 1,
        time_left_secs: null,
        ended: LAB_NOW - 86_400_000,
        submitted: LAB_NOW - 90_000_000,
        origin: peerId("ana-laptop"),
        origin_name: "ana-laptop",
      }),
    ],
  };
}

/** Only this machine, nothing done yet. */
export function alone(): Snapshot {
  return {
    stream: "baaaaaaaaaaaa",
    machines: [machine("atelier-tower", { this: true })],
    links: [],
    jobs: [],
    pairings: [],
    asks: [],
    code: { until: null },
  };
}

/** A grid of any size, in one site for every ten machines, with as many jobs as it has machines. */
export function many(count: number): Snapshot {
  const { machines, links, jobs } = studio();
  const more = Array.from({ length: Math.max(0, count - machines.length) }, (_, at) => {
    const [one, letters] = [
      machines[1 + (at % (machines.length - 1))]!,
      [...String(at).padStart(3, "0")].map(digit => "abcdefghij"[Number(digit)]),
    ];
    return {
      ...one,
      id: peerId(`more-${letters.join("")}-`),
      name: `render-${at + 2}`,
      labels: { site: `site-${at % Math.ceil(count / 10)}` },
    };
  });
  const all = [...machines, ...more].slice(0, count);
  return {
    stream: "daaaaaaaaaaaa",
    pairings: [],
    asks: [],
    code: { until: null },
    machines: all,
    links: [
      ...links.filter(each => all.some(machine => machine.id === each.peer)),
      ...more.map(({ id, name, online }, at) =>
        link(name, { peer: id, state: online ? "up" : "down", rtt_ms: online ? 1 + (at % 40) : null }),
      ),
    ],
    jobs: Array.from({ length: count }, (_, at) => {
      const like = jobs[at % jobs.length]!;
      const letters = [...String(at).padStart(3, "0")].map(digit => "abcdefghij"[Number(digit)]).join("");
      return {
        ...like,
        id: job(`many${letters}`, "", "done").id,
        name: `${like.name}_${at}`,
        submitted: like.submitted - at * 60_000,
      };
    }),
  };
}

/** Names that try to break the page: markup, control and direction characters, length. */
export function hostile(): Snapshot {
  const names = [
    "<img src=x onerror=alert(1)>",
    "\u202egnp.exe\u0007\u001b[2J",
    `very-${"long-".repeat(60)}name`,
    "مختبر-الرسوم",
    "レンダー機",
  ];
  return {
    stream: "caaaaaaaaaaaa",
    machines: names.map((name, at) => machine(name, { this: at === 0, id: peerId(`hostile${"bcdef"[at] ?? ""}`) })),
    links: [],
    pairings: [],
    asks: [],
    code: { until: null },
    jobs: names.map((name, at) =>
      job(`hostile${"bcdef"[at] ?? ""}`, name, "running", { origin_name: name, waits_for: at === 1 ? name : "" }),
    ),
  };
}

export function snapshotEvent(snapshot: Snapshot, seq = 1): Event {
  return { seq, event: "snapshot", data: snapshot };
}
