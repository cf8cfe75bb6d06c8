use std::{
    collections::BTreeMap,
    error::Error,
    io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use gridwell_api::{ApiError, ErrorCode, StatusView};
use gridwell_courtesy::Courtesy;
use gridwell_exec::{Exec, ExecConfig};
use gridwell_job::recipe::{RecipeError, RecipeText, Recipes};
use gridwell_ledger::{Deputies, DeputyInput, Input as LedgerInput, Ledger, RestoreError, Restored};
use gridwell_links::Links;
use gridwell_model::{Claim, Hardware, Incarnation, PeerId};
use gridwell_net::{Net, NetConfig};
use gridwell_probe::ToolCache;
use gridwell_sched::{Config as SchedConfig, Input as SchedInput, Scheduler};
use gridwell_store::{OpenError, SecretError, Store, StoreError};
use gridwell_trust::Identity;
use gridwell_worker::Worker;
use tokio::{
    sync::{Semaphore, mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clock,
    config::Config,
    core::{
        ASKS, Addresses, Changed, Changes, Consent, Copying, Core, Editions, FACTS, Fact, Following, History, Inlets,
        Isolation, Journal, Keys, Layouts, Limiting, LinkMap, Linking, Machines, Manners, Membership, Metering,
        Mounting, OwnHealth, PROMISES_KEY, Pairing, Passing, Presence, Rates, Readers, Reading, Rousing, Settings,
        Sharing, Sleeping, Timeline, Traffic, UNKEPT_NOTICES, Wakefulness, Waking, ends, epoch_of, home_of, keeper,
        net_wishes,
    },
    disk::Scenes,
    events::EventHub,
    handle::NodeHandle,
    logs::Logs,
    outgoing::Outgoing,
    pictures,
    recorder::Recorder,
    sampling,
    senses::{Asking, Look},
    transfer::{Doubts, Transfer, Ways},
    tree::{Copies, Fetchings, JobFolders, Jobs, Keeping, Tickets, Tree},
};

/// Parts of pictures that are read at once.
const PARTS_AT_ONCE: usize = 2;

/// How long the processor is measured, once in a machine's life.
const BENCHMARK: Duration = Duration::from_millis(300);

/// Key of the epoch in the store.
pub(crate) const EPOCH_KEY: &str = "epoch";

/// Why a node did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The data folder is in use, damaged or not usable.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The machine's private key cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// What is kept cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A journal contradicts itself.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// It cannot listen.
    #[error(transparent)]
    Net(#[from] gridwell_net::StartError),
    /// What people want of links is not understood: it might forbid something.
    #[error("what was wanted of this machine's links cannot be read")]
    Links {
        /// Why.
        source: postcard::Error,
    },
    /// A recipe of this user is broken.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A folder in the data folder cannot be made.
    #[error("cannot make the folder {}: {source}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl From<StartError> for ApiError {
    fn from(error: StartError) -> Self {
        let code = match error {
            StartError::Net(_) => ErrorCode::ListenFailed,
            StartError::Recipe(_) => ErrorCode::TemplateRefused,
            _ => ErrorCode::DataFolder,
        };
        Self::new(code, with_causes(&error))
    }
}

/// A message with the messages of its causes, each said once.
fn with_causes(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !message.contains(&words) {
            message = format!("{message}: {words}");
        }
        cause = error.source();
    }
    message
}

/// What a person is told when the node is up.
pub type Ready = StatusView;

/// A running node. Dropped, it goes on; [`Node::stop`] ends it.
#[derive(Debug)]
pub struct Node {
    handle: NodeHandle,
    stop: CancellationToken,
    task: JoinHandle<()>,
    evicted: oneshot::Receiver<ApiError>,
}

impl Node {
    /// Starts a node and returns when it can be asked.
    ///
    /// # Errors
    ///
    /// [`StartError`] for the first thing that keeps it from running; nothing is left behind.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        let store = Store::open(&config.data)?;
        match assemble(&config, store.clone()).await {
            Ok((mut core, inlets, handle)) => {
                let (evict, evicted) = oneshot::channel();
                core.evicted = Some(evict);
                let stop = CancellationToken::new();
                let task = tokio::spawn(core.run(inlets, stop.clone()));
                Ok(Self { handle, stop, task, evicted })
            }
            Err(error) => {
                store.close().await;
                Err(error)
            }
        }
    }

    /// Talks to it.
    #[must_use]
    pub fn handle(&self) -> NodeHandle {
        self.handle.clone()
    }

    /// Returns why it has to end by itself, if ever it has to: another node runs with its key. It goes on until stopped.
    pub async fn evicted(&mut self) -> ApiError {
        match (&mut self.evicted).await {
            Ok(why) => why,
            Err(_) => std::future::pending().await,
        }
    }

    /// Stops it and returns when everything it started has ended.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "the node ended badly");
        }
    }
}

/// Random bytes from the system.
///
/// # Panics
///
/// If the system has no randomness, which leaves nothing that could be secure.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    bytes
}

async fn assemble(config: &Config, store: Store) -> Result<(Core, Inlets, NodeHandle), StartError> {
    let data = store.data_dir().to_owned();
    let sessions = data.join("sessions");
    let staged = data.join("jobs");
    // Inputs staged for other machines' jobs: the leases they were for ended with the last run.
    match std::fs::remove_dir_all(&staged) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            return Err(StartError::Folder { path: staged, source });
        }
        _ => {}
    }
    for folder in [&sessions, &staged] {
        std::fs::create_dir_all(folder).map_err(|source| StartError::Folder { path: folder.clone(), source })?;
    }
    Exec::clean(&sessions);
    let mut seed = store.load_or_create_secret("identity", random())?;
    let net_seed = seed;
    let identity = Identity::from_seed(&mut seed);
    let me = identity.peer();
    let recipes = Arc::new(Recipes::new(&user_recipes(&data))?);
    let (settings, hardware) = look(config, &store, &data).await?;
    let membership = Membership::load(&store, identity, &settings.name).await?;
    let addresses = Addresses::load(&store).await?;
    let waking = Waking::load(&store).await?;
    let rousing = Rousing::load(&store).await?;
    let linking = Linking::load(&store).await?;
    let consent = Consent::load(&store).await?;
    let changes = Changes::load(&store).await?;
    let sharing = Sharing::load(&store).await?;
    let editions = Editions::load(&store, membership.grid().id()).await?;
    let mounting = Mounting::load(&store, config.mount.clone()).await?;
    let layouts = Layouts::load(&store, membership.grid().id()).await?;
    let incarnation = Incarnation(random());
    let hello = crate::core::hello(membership.grid().id(), incarnation, settings.name.clone(), &[]);
    let (net, net_events) = Net::start(NetConfig::new(net_seed, config.listen.clone(), hello)).await?;
    let exec = ExecConfig {
        runner: config.runner.clone(),
        self_program: config.self_program.clone(),
        cgroup: gridwell_exec::delegated_cgroup(),
    };
    let (exec, exec_events) = Exec::start(exec);
    let (epochs, Restored { ledger, copies }) = restore(&store, me).await?;
    let deputies = Deputies::new(me, ledger.epoch());
    let epoch = epochs;
    let history = store.history().await?;
    let submitted = Keys::from(store.submit_keys().await?);
    let last_notice = store.last_notice().await? + UNKEPT_NOTICES;
    let (facts, fact_inlet) = mpsc::channel(FACTS);
    let (asks, ask_inlet) = mpsc::channel(ASKS);
    let folder = data.join("previews");
    let previews =
        pictures::open(folder.clone(), &hardware).map_err(|source| StartError::Folder { path: folder, source })?;
    let ways = Ways::new(facts.clone());
    let transfer = Transfer { me, net: net.clone(), blobs: store.blobs().clone(), ways, doubts: Doubts::default() };
    let objects = store.objects().clone();
    let tree = Tree {
        roots: sharing.roots(),
        transfer: transfer.clone(),
        objects,
        fetchings: Fetchings::default(),
        jobs: Jobs::default(),
        known: store.known_files(),
        keeping: Keeping::load(&store).await?,
        drawing: Arc::new(Semaphore::new(PARTS_AT_ONCE)),
        tickets: Tickets::default(),
        copies: Copies::load(&store, me, config.copies_grace, editions.all().cloned().collect()).await,
        data: data.as_path().into(),
    };
    tree.copies.limit(settings.share_copies_bytes);
    // They end with the loop, which shows them what is at the top of the tree.
    tokio::spawn(tree.clone().follow_kept());
    tokio::spawn(tree.clone().list_own_shares());
    tokio::spawn(tree.clone().follow_copies());
    let handle = NodeHandle { asks, previews: previews.clone(), store: store.clone(), tree: tree.clone() };
    let limiting = Limiting::new(&settings.limits);
    let machines = Machines::new(me, settings, hardware, recipes, &history);
    let manners = manners(&store, &data, &machines, facts.downgrade()).await?;
    let beside = TaskTracker::new();
    let recorder = Recorder::start(store.clone(), &beside);
    let keeper = keeper(store.clone(), &beside);
    let (logs_to_hand, ended) = (Following::load(&store).await?, store.ends().await?);
    let ends = ends(store.clone(), &beside);
    let mut core = Core {
        me,
        incarnation,
        data,
        started: Instant::now(),
        ledger,
        deputies,
        copying: Copying::started(epochs, logs_to_hand),
        sched: Scheduler::new(SchedConfig::new(me), u64::from_le_bytes(random())),
        worker: Worker::new(),
        sampling: watch::Sender::new(sampling::OFTEN),
        links: Links::new(me, u64::from_le_bytes(random())),
        linking,
        consent,
        changes,
        map: LinkMap::new(epoch),
        layouts,
        passing: Passing::new(me, incarnation),
        traffic: Traffic::default(),
        rates: Rates::default(),
        limiting,
        sharing,
        editions,
        mounting,
        reading: Reading::new(JobFolders::new(tree.clone())),
        tree,
        membership,
        pairing: Pairing::default(),
        isolation: Isolation::default(),
        leaving: None,
        waking,
        rousing,
        sleeping: Sleeping::new(config.sleep.clone()),
        addresses,
        store,
        net_wishes: net_wishes(net.clone(), &beside),
        net,
        exec,
        transfer,
        readers: Readers::default(),
        previews,
        scenes: Scenes::default(),
        asking: Arc::new(Semaphore::new(1)),
        machines,
        manners,
        metering: Metering::open(&config.powercap),
        own: OwnHealth::default(),
        wakefulness: Wakefulness::default(),
        homes: BTreeMap::new(),
        guests: BTreeMap::new(),
        sessions: BTreeMap::new(),
        open: config.open.clone(),
        outbox: BTreeMap::new(),
        preludes: BTreeMap::new(),
        live: BTreeMap::new(),
        landing: BTreeMap::new(),
        coming: BTreeMap::new(),
        timeline: Timeline::default(),
        presence: Presence::default(),
        history: History::default(),
        recorder,
        ends,
        keeper,
        evicted: None,
        journal: Journal::default(),
        events: EventHub::new(incarnation),
        logs: Logs::new(),
        outgoing: Outgoing::default(),
        submitted,
        changed: Changed::default(),
        last_notice,
        worked_for_others: None,
        facts,
        beside,
    };
    core.load_history(&history);
    core.open_homes().await;
    core.find_copies(copies);
    core.find_ends(ended);
    core.forget_strangers().await;
    core.begin();
    core.follow_roots();
    core.follow_room();
    core.begin_mounting();
    sampling::start(core.data.clone(), core.facts.downgrade(), core.sampling.subscribe());
    watch_power(&core);
    let inlets = Inlets { facts: fact_inlet, asks: ask_inlet, net: net_events, exec: exec_events };
    Ok((core, inlets, handle))
}

impl Core {
    /// Puts the engines' recipes, history and jobs of the last run in place.
    fn load_history(&mut self, history: &[gridwell_store::RunHistory]) {
        let mut by_recipe = BTreeMap::<String, BTreeMap<PeerId, f64>>::new();
        for run in history {
            by_recipe.entry(run.recipe.clone()).or_default().insert(run.peer, run.secs_per_task);
        }
        for (recipe, secs_per_task) in by_recipe {
            self.sched.handle(SchedInput::HistoryLoaded { recipe, secs_per_task }, clock::now());
        }
    }

    /// Makes homes for the jobs that the ledger remembers, and their specs readable for workers again.
    async fn open_homes(&mut self) {
        let specs: Vec<_> = self.ledger.jobs().filter_map(|job| self.ledger.spec(job).cloned()).collect();
        for spec in specs {
            match home_of(&self.store, &self.data, self.me, &spec).await {
                Ok(home) => _ = self.homes.insert(spec.id, home),
                Err(why) => {
                    tracing::error!(why, job = %spec.id, "a kept job is not understood any more; it stays untouched");
                }
            }
        }
    }

    /// Tells the engine of deputies what lies here: jobs of this machine, and copies of others'.
    fn find_copies(&mut self, copies: Vec<(Claim, u64)>) {
        for job in self.ledger.jobs().collect::<Vec<_>>() {
            self.copies_follow(job);
        }
        for (claim, number) in copies {
            self.deputies.handle(DeputyInput::CopyFound { claim, number }, clock::now());
        }
    }

    /// Lets go what the last run kept for other machines' jobs, and of jobs that are gone.
    async fn forget_strangers(&mut self) {
        for job in self.store.blobs().pinned_jobs() {
            if !self.keeps(job)
                && let Err(error) = self.store.blobs().unpin_job(job).await
            {
                tracing::warn!(%error, %job, "inputs of a job of the last run stay pinned");
            }
        }
        let kept = self.ledger.jobs().chain(self.deputies.copies().map(|copy| copy.job)).collect();
        if let Err(error) = self.store.keep_past_of(kept).await {
            tracing::warn!(%error, "what happened to jobs that are gone is still kept");
        }
    }

    /// The first facts: this machine, its members, its gate.
    fn begin(&mut self) {
        // The last run's sessions died with it.
        self.tell_ledger(LedgerInput::HolderVanished { peer: self.me });
        self.members_changed();
        self.presence.started(self.machines.others().keys().copied(), clock::now());
        self.history.plan(clock::now(), clock::stamp());
        self.follow_isolation();
        self.follow_pause();
        self.tune();
        self.follow_owner();
        self.lending_changed();
        // What the command line set is kept too.
        drop(self.keep_settings());
        self.follow_invites();
        self.begin_consent();
    }
}

/// Replays what was kept, under a new epoch that is itself kept before anything is granted.
async fn restore(store: &Store, me: PeerId) -> Result<(u32, Restored), StartError> {
    let kept = store.meta(EPOCH_KEY).await?.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    let epochs = kept.map_or(1, |bytes| u32::from_le_bytes(bytes).saturating_add(1));
    store.put_meta(EPOCH_KEY, epochs.to_le_bytes().to_vec()).await?;
    let jobs = store.jobs().await?.into_iter().map(|job| (job.job, job.snapshot, job.entries));
    Ok((epochs, Ledger::restore(me, epoch_of(epochs, me), jobs, clock::now())?))
}

/// What a person set, and what the machine is.
async fn look(config: &Config, store: &Store, data: &std::path::Path) -> Result<(Settings, Hardware), StartError> {
    let kept = store.meta(Settings::KEY).await?;
    let kept: Option<Settings> = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let measured = kept.as_ref().map_or(0.0, |settings| settings.score);
    let folder = data.to_owned();
    let looked = tokio::task::spawn_blocking(move || {
        let mut hardware = gridwell_probe::probe(&folder, &mut ToolCache::default());
        hardware.score = if measured > 0.0 { measured } else { gridwell_probe::benchmark(BENCHMARK) };
        hardware
    });
    let hardware = looked.await.unwrap_or_default();
    let found = if hardware.hostname.is_empty() { "machine".to_owned() } else { hardware.hostname.clone() };
    let mut settings = kept.unwrap_or_else(|| Settings::named(found));
    settings.score = hardware.score;
    if let Some(name) = &config.name {
        settings.name.clone_from(name);
    }
    settings.labels.extend(config.labels.clone());
    settings.lend_cpus = config.lend_cpus.or(settings.lend_cpus);
    settings.nearby = config.nearby.unwrap_or(settings.nearby);
    settings.policy.when = config.when.unwrap_or(settings.policy.when);
    let reserve = &mut settings.policy.limits.disk_reserve_bytes;
    *reserve = config.disk_reserve_bytes.unwrap_or(*reserve);
    Ok((settings, hardware))
}

/// The engine of courtesy with what was learnt in earlier runs, and the thread that asks the senses.
async fn manners(
    store: &Store,
    data: &std::path::Path,
    machines: &Machines,
    facts: mpsc::WeakSender<Fact>,
) -> Result<Manners, StartError> {
    let kept = store.meta(PROMISES_KEY).await?;
    let promises = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    let programs = machines.settings().policy.never_while.programs.clone();
    let look = Look { every: Courtesy::default().pace(), programs, uses_graphics: false };
    Ok(Manners::new(promises, Asking::start(data.to_owned(), look.clone(), facts), look))
}

/// Hears when the machine is about to sleep or to be switched off, where anything tells.
fn watch_power(core: &Core) {
    let facts = core.facts.downgrade();
    // As above: it ends when the loop's channel is gone.
    tokio::spawn(async move {
        let Some(mut power) = gridwell_probe::power().await else { return };
        while let Some(news) = power.next().await {
            let Some(facts) = facts.upgrade() else { return };
            if facts.send(Fact::Power(news)).await.is_err() {
                return;
            }
        }
    });
}

/// Recipes that this user added: TOML files in the data folder's `recipes`, with their templates beside them.
fn user_recipes(data: &std::path::Path) -> Vec<RecipeText> {
    let Ok(entries) = std::fs::read_dir(data.join("recipes")) else {
        return Vec::new();
    };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let text = |path: &PathBuf| std::fs::read_to_string(path).ok();
    let name = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let is_recipe = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let templates: BTreeMap<_, _> =
        files.iter().filter(|path| !is_recipe(path)).filter_map(|path| Some((name(path), text(path)?))).collect();
    let recipes = files.iter().filter(is_recipe);
    recipes
        .filter_map(|path| Some(RecipeText { file: name(path), text: text(path)?, templates: templates.clone() }))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_said_once() {
        #[derive(Debug)]
        struct Outer(std::io::Error);
        impl std::fmt::Display for Outer {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("cannot listen")
            }
        }
        impl Error for Outer {
            fn source(&self) -> Option<&(dyn Error + 'static)> {
                Some(&self.0)
            }
        }
        let error = Outer(std::io::Error::other("port taken"));
        assert_eq!(with_causes(&error), "cannot listen: port taken");
    }
}
