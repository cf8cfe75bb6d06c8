//! What is known of the machines of the grid, this one included.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use gridwell_api::{ApiError, ErrorCode};
use gridwell_courtesy::{Policy, Resource, Share, When};
use gridwell_job::Recipes;
use gridwell_model::{
    Capabilities, Hardware, Incarnation, Leaning, Load, PeerId, Reserve, Stamp, Standing, Tariff, Tuning, Watts,
};
use gridwell_sched::{Input as SchedInput, PeerView};
use gridwell_store::{ObjectLimits, RunHistory, RunRecord};
use gridwell_wire::{Announcement, Message};
use gridwell_worker::Lent;
use serde::{Deserialize, Serialize};

use super::{Core, Leaving, lending::Pause};
use crate::{clock, lines::Lines, sampling};

/// Why a machine without the role does not ask others.
const NO_RUN: &str = "this machine's jobs may not run on others: an admin gives it the role run";

/// What a person set for this machine; kept over restarts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Settings {
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    /// False while its owner keeps it paused for good.
    pub(crate) lend: bool,
    /// A pause that ends by itself, beside `lend`.
    #[serde(default)]
    pub(crate) pause: Option<Pause>,
    /// The owner's rules of lending.
    #[serde(default = "usual_policy")]
    pub(crate) policy: Policy,
    /// Parts that its owner keeps back for a while, and until when.
    #[serde(default)]
    pub(crate) kept_back: BTreeMap<Resource, Stamp>,
    pub(crate) lend_cpus: Option<f32>,
    /// Whether programs of jobs get namespaces of their own.
    #[serde(default)]
    pub(crate) namespaces: bool,
    #[serde(default)]
    pub(crate) tuning: Tuning,
    #[serde(default)]
    pub(crate) isolated_after_secs: Option<u64>,
    /// Whether it looks for machines nearby, and is found by them while it shows a code.
    #[serde(default = "yes")]
    pub(crate) nearby: bool,
    /// Whether it passes on what others send to each other.
    #[serde(default = "yes")]
    pub(crate) relay: bool,
    /// Over how many links tasks of its jobs go.
    #[serde(default = "usual_reach")]
    pub(crate) reach: u32,
    /// Most licences in use at once of each limit that it keeps for the grid.
    #[serde(default)]
    pub(crate) limits: BTreeMap<String, u32>,
    /// Most bytes of files that are copied here for one job of another machine, so that it goes on without that one.
    #[serde(default = "usual_copies")]
    pub(crate) copies_bytes: u64,
    /// Most bytes of copies of shared files that are kept here; half of what is free beyond the disk's reserve when absent.
    #[serde(default)]
    pub(crate) share_copies_bytes: Option<u64>,
    /// Most bytes of files of others that are kept here because they were read.
    #[serde(default = "usual_cache")]
    pub(crate) cache_bytes: u64,
    /// Most bytes of files a second that go over all links together, each way; no limit when absent.
    #[serde(default)]
    pub(crate) network: Option<u64>,
    /// The same for the link with one machine.
    #[serde(default)]
    pub(crate) link_limits: BTreeMap<PeerId, u64>,
    /// What is wanted of machines for the jobs that start here.
    #[serde(default)]
    pub(crate) leanings: BTreeMap<PeerId, Leaning>,
    /// Machines of which people want to be told once they are back.
    #[serde(default)]
    pub(crate) awaited: BTreeSet<PeerId>,
    /// What it draws with all its cores at work.
    #[serde(default)]
    pub(crate) watts: Option<Watts>,
    /// What a kilowatt-hour costs here.
    #[serde(default)]
    pub(crate) tariff: Option<Tariff>,
    /// When it sleeps, and whether it is woken.
    #[serde(default)]
    pub(crate) sleep: SleepRules,
    /// Benchmark score, measured once.
    pub(crate) score: f64,
}

/// When a machine sleeps, and whether it is woken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct SleepRules {
    /// Whether others may wake it for work.
    pub(crate) wakes_for_work: bool,
    /// For how many seconds nobody used it before it sleeps; it never does by itself when absent.
    pub(crate) after_secs: Option<u64>,
}

impl Settings {
    /// Key in the store.
    pub(crate) const KEY: &str = "settings";

    /// A machine that lends all it has.
    pub(crate) fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            labels: BTreeMap::new(),
            lend: true,
            pause: None,
            policy: usual_policy(),
            kept_back: BTreeMap::new(),
            lend_cpus: None,
            namespaces: false,
            tuning: Tuning::default(),
            isolated_after_secs: None,
            nearby: true,
            relay: true,
            reach: usual_reach(),
            limits: BTreeMap::new(),
            copies_bytes: usual_copies(),
            share_copies_bytes: None,
            cache_bytes: usual_cache(),
            network: None,
            link_limits: BTreeMap::new(),
            leanings: BTreeMap::new(),
            awaited: BTreeSet::new(),
            watts: None,
            tariff: None,
            sleep: SleepRules::default(),
            score: 0.0,
        }
    }

    /// What of `hardware` there is for the grid, before the rules of lending; how much of the disk changes all the time.
    pub(crate) fn has(&self, hardware: &Hardware) -> Reserve {
        let cpus = self.lend_cpus.unwrap_or(hardware.cpu_count as f32).clamp(0.0, hardware.cpu_count as f32);
        let memory_mib = hardware.memory_bytes / 1_048_576;
        Reserve { cpus, memory_mib, gpus: hardware.gpus.len() as u32, disk_mib: 0 }
    }
}

/// Copied in some seconds at home; films of textures are not, which most jobs read in part only.
const fn usual_copies() -> u64 {
    1 << 30
}

fn usual_cache() -> u64 {
    ObjectLimits::default().own_bytes
}

/// Neighbours of neighbours of neighbours: further away, telling takes longer than it gains.
const fn usual_reach() -> u32 {
    3
}

/// Until somebody says otherwise a machine lends beside whoever uses it, which it never does at their cost.
fn usual_policy() -> Policy {
    Policy { when: When::Always, ..Policy::default() }
}

/// What was not asked for is on.
const fn yes() -> bool {
    true
}

/// Another machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) announced: Option<Announcement>,
    pub(crate) online: bool,
    /// It said that it sleeps or is switched off, and nothing since.
    pub(crate) gone: bool,
    pub(crate) incarnation: Option<Incarnation>,
    pub(crate) last_seen: Option<Stamp>,
    /// Its wall clock minus ours when it last said hello, in milliseconds.
    pub(crate) clock_ahead_ms: i64,
}

impl Machine {
    /// What its owner set for that label, as it last said.
    pub(super) fn label(&self, key: &str) -> Option<String> {
        self.announced.as_ref()?.labels.get(key).cloned()
    }
}

/// Every machine.
pub(crate) struct Machines {
    me: PeerId,
    settings: Settings,
    hardware: Hardware,
    load: Load,
    others: BTreeMap<PeerId, Machine>,
    made: BTreeMap<PeerId, u64>,
    runs: Vec<RunRecord>,
    recipes: Arc<Recipes>,
}

impl Machines {
    pub(crate) fn new(
        me: PeerId,
        settings: Settings,
        hardware: Hardware,
        recipes: Arc<Recipes>,
        history: &[RunHistory],
    ) -> Self {
        let mut made = BTreeMap::new();
        for run in history {
            *made.entry(run.peer).or_default() += run.tasks;
        }
        Self { me, settings, hardware, load: Load::default(), others: BTreeMap::new(), made, runs: Vec::new(), recipes }
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) const fn settings_mut(&mut self) -> &mut Settings {
        &mut self.settings
    }

    pub(crate) const fn hardware(&self) -> &Hardware {
        &self.hardware
    }

    pub(crate) const fn load(&self) -> Load {
        self.load
    }

    pub(crate) const fn others(&self) -> &BTreeMap<PeerId, Machine> {
        &self.others
    }

    pub(crate) fn other_mut(&mut self, peer: PeerId) -> &mut Machine {
        self.others.entry(peer).or_default()
    }

    /// Forgets a machine that is no member any more.
    pub(crate) fn remove(&mut self, peer: PeerId) {
        self.others.remove(&peer);
    }

    /// What people call a machine: its name, else the start of its id.
    pub(crate) fn name(&self, peer: PeerId) -> String {
        if peer == self.me {
            return self.settings.name.clone();
        }
        let known = self.others.get(&peer).map(|machine| machine.name.clone()).filter(|name| !name.is_empty());
        known.unwrap_or_else(|| peer.short())
    }

    /// Notes run times, to be kept when their job ends.
    pub(crate) fn ran(&mut self, run: RunRecord) {
        match self.runs.iter_mut().find(|known| known.recipe == run.recipe && known.peer == run.peer) {
            Some(known) => {
                let tasks = known.tasks.saturating_add(run.tasks);
                let total = known.secs_per_task * f64::from(known.tasks) + run.secs_per_task * f64::from(run.tasks);
                *known = RunRecord { secs_per_task: total / f64::from(tasks), tasks, ..run };
            }
            None => self.runs.push(run),
        }
    }

    pub(crate) fn take_runs(&mut self) -> Vec<RunRecord> {
        std::mem::take(&mut self.runs)
    }

    pub(crate) fn count_made(&mut self, peer: PeerId, tasks: u32) {
        *self.made.entry(peer).or_default() += u64::from(tasks);
    }

    pub(crate) fn made(&self, peer: PeerId) -> u64 {
        self.made.get(&peer).copied().unwrap_or(0)
    }

    /// A reader of what a run of a recipe's program prints.
    pub(crate) fn lines(&self, recipe: &str, tasks: u32) -> Option<Lines> {
        self.recipes.get(recipe).map(|recipe| Lines::new(recipe, tasks))
    }

    pub(crate) fn recipes(&self) -> Arc<Recipes> {
        Arc::clone(&self.recipes)
    }
}

impl Core {
    /// This machine, as others hear of it.
    pub(crate) fn announcement(&self) -> Announcement {
        let settings = self.machines.settings();
        let Lent { room, accepts, why_not } = self.lent(false);
        Announcement {
            hardware: self.machines.hardware().clone(),
            labels: settings.labels.clone(),
            load: self.machines.load(),
            lends: room,
            free: self.worker.free(false),
            accepts,
            why_not: if accepts { self.why_less() } else { why_not },
            running: self.worker.running(),
            paused_until: settings.paused_until(),
            tuning: settings.tuning,
            name: settings.name.clone(),
            wake: self.waking.mine().to_vec(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            standing: self.manners.engine.standing(),
            power: self.power(),
            wakes_for_work: settings.sleep.wakes_for_work && settings.lend && settings.pause.is_none(),
        }
    }

    /// The machine that a person's text names: by its name, else by the first letters of its id.
    pub(crate) fn find_machine(&self, text: &str) -> Result<PeerId, ApiError> {
        let named: Vec<_> =
            self.members().filter(|peer| self.machines.name(*peer).eq_ignore_ascii_case(text)).collect();
        let found = if named.is_empty() && !text.is_empty() {
            self.members().filter(|peer| peer.to_string().starts_with(text)).collect()
        } else {
            named
        };
        match found[..] {
            [peer] => Ok(peer),
            [] => Err(self.unknown_machine(text)),
            _ => {
                let message = format!("several machines are called '{text}', or have ids that begin so");
                Err(ApiError::new(ErrorCode::AmbiguousMachine, message))
            }
        }
    }

    /// Nobody in the grid is called so.
    pub(crate) fn unknown_machine(&self, text: &str) -> ApiError {
        let known: Vec<_> = self.members().map(|peer| self.machines.name(peer)).collect();
        ApiError::new(ErrorCode::UnknownMachine, format!("the grid has no machine '{text}'"))
            .help(format!("its machines: {}", known.join(", ")))
    }

    /// This machine, then every other one.
    pub(crate) fn members(&self) -> impl Iterator<Item = PeerId> {
        std::iter::once(self.me).chain(self.machines.others.keys().copied())
    }

    /// Tells the scheduler and every linked peer what this machine has now.
    pub(crate) fn announce(&mut self) {
        let announcement = self.announcement();
        let mut view = self.peer_view(self.me, &announcement);
        let mine = self.lent(true);
        (view.lends, view.free) = (mine.room, self.worker.free(true));
        (view.accepts, view.why_not) = (mine.accepts, mine.why_not);
        self.sched.handle(SchedInput::PeerChanged { peer: self.me, view }, clock::now());
        if self.leaving.as_ref().is_some_and(Leaving::is_told) {
            return;
        }
        let online: Vec<_> =
            self.machines.others.iter().filter(|(_, machine)| machine.online).map(|(peer, _)| *peer).collect();
        let message = Message::Announce(Box::new(announcement));
        for peer in online {
            if let Err(error) = self.send(peer, &message) {
                tracing::debug!(%error, "an announcement was not sent");
            }
        }
    }

    pub(crate) fn peer_view(&self, peer: PeerId, announced: &Announcement) -> PeerView {
        let allowed = peer == self.me || self.may_run_elsewhere();
        let hops = self.passing.routes.route(peer).map_or(u32::from(peer != self.me), |route| route.hops() as u32);
        let reach = self.machines.settings().reach;
        let (accepts, why_not) = if !allowed {
            (false, NO_RUN.to_owned())
        } else if hops > reach {
            (false, format!("it is {hops} links away, and jobs of this machine go over at most {reach}"))
        } else {
            (announced.accepts, announced.why_not.clone())
        };
        PeerView {
            name: self.machines.name(peer),
            capabilities: capabilities(announced),
            looks: announced.hardware.looks(),
            score: announced.hardware.score,
            cpu_count: announced.hardware.cpu_count,
            foreign_cpu: announced.load.foreign_cpu,
            lends: announced.lends,
            free: announced.free,
            accepts,
            why_not,
            round_trip: self.round_trip(peer),
            hops,
            weight: announced.tuning.weight,
        }
    }

    pub(crate) fn on_announced(&mut self, peer: PeerId, announcement: Announcement) {
        self.on_named(peer, &announcement.name);
        self.came_back(peer);
        let (view, wake) = (self.peer_view(peer, &announcement), announcement.wake.clone());
        self.learn_rousing(peer, announcement.wakes_for_work);
        self.rate_deputy(peer, &announcement);
        let before = self.machines.other_mut(peer).announced.replace(announcement);
        self.tell_of_standing(peer, before.map_or(Standing::Offering, |before| before.standing));
        self.sched.handle(SchedInput::PeerChanged { peer, view }, clock::now());
        self.changed.machines.insert(peer);
        self.tell_soon();
        self.learn_wake_points(peer, &wake);
    }

    pub(crate) fn on_sampled(&mut self, load: Load) {
        self.look_for_wake_points();
        self.look_at_own_health();
        self.follow_wakefulness();
        self.look_at_energy();
        self.rouse_for_work();
        self.look_at_sleep();
        let before = self.machines.load;
        self.machines.load = load;
        // Small wobbles are not news.
        let moved = (before.foreign_cpu - load.foreign_cpu).abs() > 0.25
            || before.memory_free_bytes.abs_diff(load.memory_free_bytes) > before.memory_free_bytes / 10
            || before.disk_free_bytes.abs_diff(load.disk_free_bytes) > before.disk_free_bytes / 20;
        if moved {
            // How much of the disk is lent.
            self.worker_hears_of_lending();
            self.changed.announce = true;
            self.changed.machines.insert(self.me);
            self.tell_soon();
        }
        self.sample_as_wanted();
    }

    /// Looks at the load often while work runs here or may come, while something is done at each look, and while people look on.
    pub(super) fn sample_as_wanted(&mut self) {
        let works = !self.sessions.is_empty() || self.manners.offer().others.share > Share::Nothing;
        let sleeps_or_wakes = self.machines.settings().sleep.after_secs.is_some() || self.rousing.may_wake();
        let often = works || sleeps_or_wakes || self.events.is_heard();
        let pace = if often { sampling::OFTEN } else { sampling::SELDOM };
        self.sampling.send_if_modified(|kept| std::mem::replace(kept, pace) != pace);
    }
}

/// Everything of a machine that requirements and wishes are checked against.
pub(super) fn capabilities(announced: &Announcement) -> Capabilities {
    let mut all = announced.hardware.capabilities(&announced.labels);
    announced.power.add_to(&mut all);
    all
}
