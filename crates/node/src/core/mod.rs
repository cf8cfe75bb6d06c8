//! The loop and everything it owns.

mod activity;
mod addresses;
mod awake;
mod behaviours;
mod between;
mod briefing;
mod bulk;
mod certificates;
mod changes;
mod checkpoints;
mod closing;
mod confinement;
mod consent;
mod courtesy;
mod deputies;
mod doctor;
mod door;
mod editions;
mod ending;
mod ends;
mod energy;
mod facts;
mod gather;
mod governing;
mod guest;
mod handing;
mod health;
mod heeding;
mod held;
mod history;
mod hops;
mod isolation;
mod journal;
mod kept;
mod landing;
mod layouts;
mod leaving;
mod lending;
mod limits;
mod linking;
mod machines;
mod map;
mod membership;
mod mounting;
mod outbox;
mod output;
mod pacing;
mod pairing;
mod passing;
mod peers;
mod planning;
mod presence;
mod proofs;
mod reach;
mod reading;
mod reasons;
mod reports;
mod resting;
mod results;
mod resuming;
mod rousing;
mod rules;
mod sessions;
mod sharing;
mod showing;
mod sleeping;
mod standing;
mod steward;
mod stow;
mod submit;
mod succession;
mod timeline;
mod traffic;
mod twins;
mod updates;
mod views;
mod waking;
mod why;
mod words;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use gridwell_api::ApiError;
use gridwell_exec::{Exec, ExecEvent};
use gridwell_ledger::{Deputies, Ledger};
use gridwell_links::Links;
use gridwell_model::{Incarnation, JobId, LeaseId, PeerId, Time};
use gridwell_net::{NetEvent, NetHandle};
use gridwell_preview::Previews;
use gridwell_sched::Scheduler;
use gridwell_store::Store;
use gridwell_worker::{SessionId, Worker};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use activity::UNKEPT_NOTICES;
pub(crate) use addresses::Addresses;
pub(crate) use awake::Wakefulness;
pub(crate) use changes::Changes;
pub(crate) use closing::Readers;
pub(crate) use consent::{AsksKept, Consent};
pub(crate) use courtesy::{Manners, PROMISES_KEY};
pub(crate) use deputies::{Copying, epoch_of};
pub(crate) use door::storage;
pub(crate) use editions::Editions;
pub(crate) use ends::{Ends, ends};
pub(crate) use energy::Metering;
pub(crate) use facts::{Fact, Imported};
pub(crate) use handing::Following;
pub(crate) use health::OwnHealth;
pub(crate) use held::{keep_wish, kept_wish};
pub(crate) use history::History;
pub(crate) use isolation::Isolation;
pub(crate) use journal::Journal;
pub(crate) use landing::write_down;
pub(crate) use layouts::Layouts;
pub(crate) use leaving::Leaving;
pub(crate) use lending::{Keeper, keeper};
pub(crate) use limits::Limiting;
pub(crate) use linking::Linking;
pub(crate) use machines::{Machines, Settings};
pub(crate) use map::LinkMap;
pub(crate) use membership::Membership;
pub(crate) use mounting::Mounting;
pub(crate) use pairing::Pairing;
pub(crate) use passing::Passing;
pub(crate) use peers::{NetWish, hello, net_wishes};
pub(crate) use presence::Presence;
pub(crate) use reading::Reading;
pub(crate) use results::{landed_of, shown_for};
pub(crate) use rousing::Rousing;
pub(crate) use sharing::Sharing;
pub(crate) use sleeping::Sleeping;
pub(crate) use steward::{Home, sentence};
pub(crate) use submit::Keys;
pub(crate) use succession::home_of;
pub(crate) use timeline::Timeline;
pub(crate) use traffic::{Rates, Traffic};
pub(crate) use waking::Waking;

use crate::{
    clock, disk::Scenes, events::EventHub, handle::Ask, logs::Logs, outgoing::Outgoing, recorder::Recorder,
    transfer::Transfer, tree::Tree,
};
use guest::Guest;
use sessions::Session;

/// Facts from tasks beside the loop that may wait; each task holds at most one, so this only smooths bursts.
pub(crate) const FACTS: usize = 1_024;

/// Questions from doors that may wait.
pub(crate) const ASKS: usize = 256;

/// How long changes gather before listeners and other peers hear of them: ten pictures a second look alive.
const TELL_AFTER: Duration = Duration::from_millis(100);

/// Facts taken in one turn of the loop before engines are drained: bounds the delay of everything else.
const FACTS_PER_TURN: usize = 64;

/// The one owner of all engines. Its methods never wait: slow work is spawned and comes back as a [`Fact`].
pub(crate) struct Core {
    pub(crate) me: PeerId,
    pub(crate) incarnation: Incarnation,
    pub(crate) data: PathBuf,
    pub(crate) started: Instant,
    pub(crate) ledger: Ledger,
    pub(crate) deputies: Deputies,
    pub(crate) copying: Copying,
    pub(crate) sched: Scheduler,
    pub(crate) worker: Worker,
    pub(crate) links: Links,
    pub(crate) linking: Linking,
    pub(crate) consent: Consent,
    pub(crate) changes: Changes,
    pub(crate) map: LinkMap,
    pub(crate) layouts: Layouts,
    pub(crate) passing: Passing,
    pub(crate) traffic: Traffic,
    pub(crate) rates: Rates,
    pub(crate) limiting: Limiting,
    pub(crate) sharing: Sharing,
    pub(crate) editions: Editions,
    pub(crate) mounting: Mounting,
    pub(crate) tree: Tree,
    pub(crate) reading: Reading,
    pub(crate) membership: Membership,
    pub(crate) pairing: Pairing,
    pub(crate) isolation: Isolation,
    /// While this machine is about to leave, or has just woken and does not know it yet.
    pub(crate) leaving: Option<Leaving>,
    pub(crate) waking: Waking,
    pub(crate) rousing: Rousing,
    pub(crate) sleeping: Sleeping,
    pub(crate) addresses: Addresses,
    pub(crate) store: Store,
    pub(crate) net: NetHandle,
    pub(crate) net_wishes: mpsc::Sender<NetWish>,
    pub(crate) exec: Exec,
    pub(crate) transfer: Transfer,
    pub(crate) readers: Readers,
    /// Looks into pictures that landed.
    pub(crate) previews: Previews,
    /// What Blender told of scenes, and the right to ask it.
    pub(crate) scenes: Scenes,
    pub(crate) asking: Arc<Semaphore>,
    pub(crate) machines: Machines,
    pub(crate) manners: Manners,
    pub(crate) metering: Metering,
    pub(crate) own: OwnHealth,
    pub(crate) wakefulness: Wakefulness,
    pub(crate) homes: BTreeMap<JobId, Home>,
    pub(crate) guests: BTreeMap<JobId, Guest>,
    pub(crate) sessions: BTreeMap<SessionId, Session>,
    /// Folders that their programs may read and change, by the owner's word.
    pub(crate) open: Vec<PathBuf>,
    /// Blobs of outputs held for their stewards, by lease.
    pub(crate) outbox: BTreeMap<LeaseId, Vec<outbox::Held>>,
    /// What environments wrote that failed to open, by job, with their step: shown with the failure.
    pub(crate) preludes: BTreeMap<JobId, (u32, Vec<u8>)>,
    /// Leases granted here, with what is left of them.
    pub(crate) live: BTreeMap<LeaseId, steward::Live>,
    /// Runs whose outputs are on their way home.
    pub(crate) landing: BTreeMap<(LeaseId, u32), CancellationToken>,
    /// Runs whose checkpoints are on their way here.
    pub(crate) coming: BTreeMap<(LeaseId, u32), resuming::Coming>,
    pub(crate) timeline: Timeline,
    pub(crate) presence: Presence,
    pub(crate) history: History,
    pub(crate) recorder: Recorder,
    pub(crate) ends: Ends,
    pub(crate) keeper: Keeper,
    /// Hears why this node has to end by itself.
    pub(crate) evicted: Option<oneshot::Sender<ApiError>>,
    pub(crate) journal: Journal,
    pub(crate) events: EventHub,
    pub(crate) logs: Logs,
    pub(crate) outgoing: Outgoing,
    pub(crate) submitted: Keys,
    pub(crate) changed: Changed,
    /// Id of the newest notice.
    pub(crate) last_notice: u64,
    /// When the last task of another machine started here.
    pub(crate) worked_for_others: Option<Time>,
    pub(crate) facts: mpsc::Sender<Fact>,
    /// How often the load is looked at.
    pub(crate) sampling: watch::Sender<Duration>,
    pub(crate) beside: TaskTracker,
}

/// What listeners and peers have not been told yet.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    pub(crate) jobs: BTreeSet<JobId>,
    pub(crate) machines: BTreeSet<PeerId>,
    pub(crate) links: BTreeSet<PeerId>,
    /// Machines that were silent until their leases of a job ended.
    pub(crate) silent: BTreeSet<(JobId, PeerId)>,
    pub(crate) announce: bool,
    /// Limits that this machine keeps, or who has licences of them.
    pub(crate) limits: bool,
    due: Option<Time>,
}

/// Where facts come from.
pub(crate) struct Inlets {
    pub(crate) facts: mpsc::Receiver<Fact>,
    pub(crate) asks: mpsc::Receiver<Ask>,
    pub(crate) net: mpsc::Receiver<NetEvent>,
    pub(crate) exec: mpsc::Receiver<ExecEvent>,
}

impl Core {
    /// Runs until `stop`; afterwards everything it started has ended and the store is closed.
    pub(crate) async fn run(mut self, mut inlets: Inlets, stop: CancellationToken) {
        loop {
            self.settle();
            let wake = self.wake_in();
            // Finish local work before taking remote work.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(fact) = inlets.facts.recv() => self.on_fact(fact),
                Some(event) = inlets.exec.recv() => self.on_exec(event),
                Some(ask) = inlets.asks.recv() => self.on_ask(ask),
                Some(event) = inlets.net.recv() => self.on_net(event),
                () = tokio::time::sleep(wake) => {}
            }
            self.take_waiting(&mut inlets);
            self.on_time();
        }
        self.close(inlets).await;
    }

    /// Takes what has arrived meanwhile, so that one turn of the engines serves many facts.
    fn take_waiting(&mut self, inlets: &mut Inlets) {
        // Programs that write without end must not keep people and heartbeats waiting: one of each has its turn.
        if let Ok(ask) = inlets.asks.try_recv() {
            self.on_ask(ask);
        }
        if let Ok(event) = inlets.net.try_recv() {
            self.on_net(event);
        }
        for _ in 0..FACTS_PER_TURN {
            if let Ok(event) = inlets.exec.try_recv() {
                self.on_exec(event);
            } else if let Ok(fact) = inlets.facts.try_recv() {
                self.on_fact(fact);
            } else if let Ok(event) = inlets.net.try_recv() {
                self.on_net(event);
            } else {
                return;
            }
        }
    }

    /// Drains all engines until none of them wishes anything.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(effect) = self.worker.poll_effect() {
                quiet = false;
                self.carry_worker(effect);
            }
            while let Some(effect) = self.sched.poll_effect() {
                quiet = false;
                self.carry_placement(effect);
            }
            while let Some(effect) = self.ledger.poll_effect() {
                quiet = false;
                self.journal.wish(effect);
            }
            while let Some(effect) = self.deputies.poll_effect() {
                quiet = false;
                self.carry_deputy(effect);
            }
            while let Some(effect) = self.links.poll_effect() {
                quiet = false;
                self.carry_link(effect);
            }
            quiet &= !self.carry_wishes();
            while let Some(effect) = self.pairing.poll_effect() {
                quiet = false;
                self.carry_hosting(effect);
            }
            quiet &= !self.pump_journal();
            if quiet {
                self.tell_standing();
                self.tell_code();
                return;
            }
        }
    }

    fn wake_in(&self) -> Duration {
        let deadlines = [
            self.ledger.poll_deadline(),
            self.sched.poll_deadline(),
            self.worker.poll_deadline(),
            self.links.poll_deadline(),
            self.deputies.poll_deadline(),
            self.copying.due(),
            self.copying.gather_at,
            self.waking.due(),
            self.leaving.as_ref().and_then(Leaving::due),
            self.changed.due,
            self.logs.due(),
            self.journal.due(),
            self.membership.due(),
            Some(self.membership.certificates_due()),
            self.pairing.due(),
            self.presence.due(),
            self.history.due(),
            self.isolation.due(self.machines.settings().isolated_after()),
            self.pause_due(),
            self.map.due(),
            self.map.heard().poll_deadline(),
            self.layouts.due(),
            self.passing.due(),
            self.traffic.due(),
            self.limiting.due(),
            self.consent.due(),
            self.manners.due(),
        ];
        deadlines.into_iter().flatten().min().map_or(Duration::from_secs(3_600), clock::until)
    }

    fn on_time(&mut self) {
        let now = clock::now();
        let due = |deadline: Option<Time>| deadline.is_some_and(|at| at <= now);
        if due(self.ledger.poll_deadline()) {
            self.ledger.handle_deadline(now);
        }
        if due(self.sched.poll_deadline()) {
            self.sched.handle_deadline(now);
        }
        if due(self.worker.poll_deadline()) {
            self.worker.handle_deadline(now);
        }
        if due(self.links.poll_deadline()) {
            self.judge_links(now);
        }
        if due(self.deputies.poll_deadline()) {
            self.deputies.handle_deadline(now);
        }
        if due(self.copying.due()) {
            self.answer_waiting();
        }
        if due(self.leaving.as_ref().and_then(Leaving::due)) {
            self.follow_leaving();
        }
        if due(self.waking.due()) {
            self.answer_wakers();
        }
        if due(self.copying.gather_at) {
            self.gather_inputs();
        }
        if due(self.logs.due()) {
            self.flush_logs();
        }
        self.follow_pause();
        if due(self.isolation.due(self.machines.settings().isolated_after())) {
            self.follow_isolation();
        }
        if due(self.history.due()) {
            self.sample_machines();
        }
        if due(self.presence.due()) {
            self.tell_absences();
        }
        if self.membership.due().is_none() {
            self.follow_invites();
        }
        if due(Some(self.membership.certificates_due())) {
            self.look_at_certificates();
        }
        self.on_pairing_time(now);
        if due(self.map.due()) {
            self.follow_map();
        }
        if due(self.layouts.due()) {
            self.look_at_layout();
        }
        if self.passing.is_stale() || due(self.map.heard().poll_deadline()) {
            self.follow_routes();
        }
        if due(self.passing.due()) {
            self.follow_broken_ways();
        }
        if self.consent.is_over() {
            self.end_old_asks();
        }
        if due(self.traffic.due()) {
            self.look_at_traffic();
        }
        if due(self.limiting.due()) {
            self.follow_licences();
        }
        if due(self.manners.due()) {
            self.on_courtesy_due();
        }
        if due(self.changed.due) {
            self.tell_changes();
        }
    }

    /// Makes sure that what is marked in [`Changed`] is told soon.
    pub(crate) fn tell_soon(&mut self) {
        self.changed.due.get_or_insert_with(|| clock::now() + TELL_AFTER);
    }

    /// Somebody waits for this: the end of a job is told at once.
    pub(crate) fn tell_now(&mut self) {
        self.changed.due = Some(clock::now());
    }

    fn tell_changes(&mut self) {
        self.changed.due = None;
        if std::mem::take(&mut self.changed.announce) {
            self.announce();
        }
        if std::mem::take(&mut self.changed.limits) {
            self.tell_limits();
        }
        for (job, peer) in std::mem::take(&mut self.changed.silent) {
            self.note_silence(job, peer);
        }
        for job in std::mem::take(&mut self.changed.jobs) {
            if let Some(view) = self.job_view(job) {
                self.events.tell(gridwell_api::EventBody::JobChanged(Box::new(view)));
            }
        }
        let machines = std::mem::take(&mut self.changed.machines);
        if !machines.is_empty() {
            self.follow_roots();
        }
        for peer in machines {
            if let Some(view) = self.machine_view(peer) {
                self.events.tell_machine(view);
            }
        }
        self.tell_link_changes();
        self.tell_layout();
    }

    /// Runs `work` beside the loop; what it returns comes back as a fact.
    pub(crate) fn spawn(&self, work: impl Future<Output = Fact> + Send + 'static) {
        let facts = self.facts.clone();
        self.beside.spawn(async move {
            let fact = work.await;
            // The loop has stopped: nobody needs the fact any more.
            let _ = facts.send(fact).await;
        });
    }

    async fn close(self, mut inlets: Inlets) {
        inlets.asks.close();
        // Programs that read get an error while everything still answers.
        self.mounting.close().await;
        self.sharing.close();
        self.asking.close();
        // Runners die first, so that nothing writes into folders that go.
        self.exec.shutdown().await;
        self.reading.close().await;
        self.net.shutdown().await;
        drop((inlets, self.net_wishes, self.recorder, self.keeper, self.ends));
        self.beside.close();
        // Work beside the loop ends by itself once links and sessions are gone; a landing in progress is completed.
        if tokio::time::timeout(Duration::from_secs(5), self.beside.wait()).await.is_err() {
            tracing::warn!(tasks = self.beside.len(), "stopped before all transfers had ended");
        }
        self.store.close().await;
    }
}
