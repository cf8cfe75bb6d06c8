//! Machines, links and jobs as they are made up, from a number and a seed.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_api::{
    EnergyView, JobView, LandingView, LinkState, LinkView, MachineState, MachineView, MadeBy, Share, TaskCounts,
};
use gridwell_model::{
    Gpu, Hardware, JobId, JobState, LinkPolicy, Load, OsFamily, PeerId, Power, Stamp, TaskState, Tool, Tuning,
};

const PLACES: [&str; 10] = ["atelier", "studio", "lab", "attic", "render", "edit", "sound", "office", "garage", "loft"];
const KINDS: [&str; 8] = ["tower", "mini", "imac", "laptop", "node", "nas", "mule", "workstation"];

/// Done up to two thirds with a failure here and there, then what runs, then what waits.
pub(crate) fn state_of(index: u32, tasks: u32) -> TaskState {
    let done = tasks / 3 * 2;
    match index {
        _ if index < done && index % 211 == 7 => TaskState::Failed,
        _ if index < done => TaskState::Done,
        _ if index < done + tasks.min(1_000) / 2 => TaskState::Running,
        _ => TaskState::Ready,
    }
}

pub(crate) fn machine(at: usize, now: Stamp, random: &mut Random) -> MachineView {
    let cpu_count = [4, 8, 12, 16, 24, 32][random.below(6)];
    let running = if random.below(3) > 0 { random.below(cpu_count as usize + 1) as u32 } else { 0 };
    let state = match random.below(20) {
        _ if at == 0 => MachineState::Working,
        0 => MachineState::Offline,
        1 => MachineState::Paused,
        2 => MachineState::InUse,
        3 => MachineState::Problem,
        _ if running > 0 => MachineState::Working,
        _ => MachineState::Ready,
    };
    let online = state != MachineState::Offline;
    let accepts = matches!(state, MachineState::Working | MachineState::Ready);
    let memory_bytes = u64::from(cpu_count) * 4_000_000_000;
    let gpus = if random.below(2) == 0 {
        vec![Gpu { name: "RTX 4070".into(), vendor: "nvidia".into(), memory_bytes: 12_000_000_000 }]
    } else {
        Vec::new()
    };
    MachineView {
        id: peer(at),
        name: format!("{}-{}-{at:03}", PLACES[random.below(PLACES.len())], KINDS[random.below(KINDS.len())]),
        this: at == 0,
        online,
        state,
        hardware: Hardware {
            hostname: String::new(),
            os: OsFamily::Linux,
            os_name: "Debian GNU/Linux 12".into(),
            arch: "x86_64".into(),
            cpu_model: "Ryzen 9".into(),
            cpu_count,
            memory_bytes,
            disk_bytes: 1_000_000_000_000,
            gpus,
            tools: vec![Tool {
                name: "blender".into(),
                version: "4.2.1".into(),
                path: "/usr/bin/blender".into(),
                build: String::new(),
            }],
            score: f64::from(cpu_count) * (0.7 + random.below(60) as f64 / 100.0),
        },
        // Without sites every machine is drawn.
        labels: BTreeMap::new(),
        load: Load {
            foreign_cpu: random.below(3) as f32,
            memory_free_bytes: memory_bytes / 2,
            disk_free_bytes: 400_000_000_000,
        },
        lends: Share { cpus: cpu_count as f32, memory_bytes, gpus: 0 },
        free: Share { cpus: (cpu_count - running.min(cpu_count)) as f32, memory_bytes: memory_bytes / 2, gpus: 0 },
        accepts,
        why_not: if accepts { String::new() } else { "its owner paused lending".into() },
        running: if state == MachineState::Working { running.max(1) } else { 0 },
        made: random.below(5_000) as u64,
        standing: gridwell_model::Standing::default(),
        paused_until: None,
        version: env!("CARGO_PKG_VERSION").into(),
        last_seen: (!online).then_some(Stamp(now.0 - 3_600_000)),
        tuning: Tuning::default(),
        power: Power::default(),
        leaning: None,
        awaited: false,
        wakes_for_work: false,
        isolated_since: None,
        confinement: None,
        via: Vec::new(),
        sick: Vec::new(),
    }
}

/// A ring, so that the grid hangs together, and chords.
pub(crate) fn links_of(machines: usize, wanted: usize, now: Stamp, random: &mut Random) -> Vec<LinkView> {
    let mut pairs = BTreeSet::new();
    for at in 1..machines {
        pairs.insert((at - 1, at));
    }
    let most = machines * machines.saturating_sub(1) / 2;
    while pairs.len() < wanted.min(most) {
        let (left, right) = (random.below(machines), random.below(machines));
        if left != right {
            pairs.insert((left.min(right), left.max(right)));
        }
    }
    let link = |(from, to): (usize, usize)| LinkView {
        from: peer(from),
        peer: peer(to),
        name: String::new(),
        state: if random.below(25) == 0 { LinkState::Down } else { LinkState::Up },
        policy: match random.below(40) {
            0 => LinkPolicy::Forbidden,
            1 => LinkPolicy::Pinned,
            _ => LinkPolicy::Automatic,
        },
        revision: 1,
        changed: None,
        address: String::new(),
        rtt_ms: Some(0.2 + random.below(400) as f64 / 10.0),
        since: Stamp(now.0 - 86_400_000),
        received_bytes: random.below(1_000_000_000) as u64,
        sent_bytes: random.below(1_000_000_000) as u64,
        last_error: String::new(),
        ask: None,
        bytes_per_sec: None,
        rests: false,
        limit_bytes_per_sec: None,
    };
    pairs.into_iter().map(link).collect()
}

pub(crate) fn job(at: usize, tasks: u32, now: Stamp, machines: &[MachineView]) -> JobView {
    let running = at == 0 || at % 10 == 1;
    let count = |wanted: TaskState| (0..tasks).filter(|index| state_of(*index, tasks) == wanted).count() as u64;
    let counts = if running {
        TaskCounts {
            done: count(TaskState::Done),
            failed: count(TaskState::Failed),
            running: count(TaskState::Running),
            ready: count(TaskState::Ready),
            ..TaskCounts::default()
        }
    } else {
        TaskCounts { done: u64::from(tasks), ..TaskCounts::default() }
    };
    let submitted = Stamp(now.0 - 60_000 * (at as u64 + 1));
    let made_by = machines.iter().take(5).map(|machine| MadeBy {
        machine: machine.id,
        name: machine.name.clone(),
        done: u64::from(tasks) / 6,
        failed: 0,
        running: u64::from(running) * 4,
    });
    JobView {
        id: job_id(at),
        name: format!("{} {at}", ["kitchen", "forest", "credits", "train", "trailer"][at % 5]),
        recipe: "blender".into(),
        state: if running { JobState::Running } else { JobState::Done },
        priority: 0,
        counts,
        reused: 0,
        saved: 0,
        saved_at: None,
        task_word: "frame".into(),
        progress: if running { counts.done as f64 / f64::from(tasks) } else { 1.0 },
        time_left_secs: running.then_some(720.0),
        submitted,
        started: Some(submitted),
        ended: (!running).then_some(Stamp(submitted.0 + 30_000)),
        origin: peer(0),
        origin_name: machines[0].name.clone(),
        output_folders: vec![format!("/home/ana/renders/{at}")],
        made_by: made_by.collect(),
        failures: Vec::new(),
        waits_for: String::new(),
        steward: peer(0),
        steward_name: machines[0].name.clone(),
        safe: true,
        unsafe_why: String::new(),
        landing: LandingView::default(),
        energy: EnergyView::default(),
    }
}

pub(crate) fn peer(at: usize) -> PeerId {
    let mut id = [7; 32];
    id[..8].copy_from_slice(&(at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    PeerId(id)
}

pub(crate) fn job_id(at: usize) -> JobId {
    let mut id = [3; 10];
    id[..8].copy_from_slice(&(at as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95).to_le_bytes());
    JobId(id)
}

/// Numbers that look random. Source: Vigna, "Further scramblings of Marsaglia's xorshift generators", 2016 (splitmix64).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}
