//! This machine as the origin of jobs: what the ledger and the scheduler wish, and what workers report.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use gridwell_api::{EventBody, NoticeKind, NoticeLevel, TasksChanged};
use gridwell_job::JobPlan;
use gridwell_ledger::{Effect, Input as LedgerInput, LeaseEnd, TaskEnd};
use gridwell_model::{
    AttemptEnd, BlobId, Decline, FailureKind, JobId, JobSpec, JobState, LeaseId, LeaseOffer, PeerId, Renewal, Reserve,
    TaskKey, TaskResult, TaskSpan, TaskSpans, TaskState,
};
use gridwell_sched::{Effect as SchedEffect, Explanation, Input as SchedInput, JobView, Placement, StepView};
use gridwell_store::RunRecord;
use gridwell_wire::Message;
use gridwell_worker::Input as WorkerInput;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Core, Fact, journal::Wish};
use crate::{
    clock,
    transfer::{Transfer, TransferError},
};

/// Waits between tries to bring results home.
const FIRST_LANDING_WAIT: Duration = Duration::from_secs(1);
const LONGEST_LANDING_WAIT: Duration = Duration::from_secs(30);

/// Ended jobs that are kept for people to look at.
const KEPT_JOBS: usize = 1_000;

/// Tasks of ended jobs that are kept, all jobs together: some 50 MB of records.
const KEPT_TASKS: u64 = 2_000_000;

/// A job whose origin is this machine, beside what the ledger knows of it.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) spec: Arc<JobSpec>,
    pub(crate) plan: Arc<JobPlan>,
    pub(crate) spec_blob: BlobId,
    pub(crate) spec_bytes: u64,
    /// Machines that have its inputs.
    held_by: BTreeSet<PeerId>,
    /// What its running tasks say, by the first task of each run.
    pub(crate) said: BTreeMap<TaskKey, Said>,
    /// Why its tasks went where they went, by step, from its end on.
    pub(crate) explained: BTreeMap<u32, Explanation>,
}

/// Steps of an ended job whose placement stays explained: bounds what a long list of jobs keeps in memory.
const EXPLAINED_STEPS: u32 = 16;

/// How far a running task is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) count: u32,
    pub(crate) progress: Option<f32>,
    pub(crate) status: String,
}

/// A lease granted here that has not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Live {
    pub(crate) peer: PeerId,
    pub(crate) left: u32,
}

impl Home {
    pub(crate) fn new(spec: Arc<JobSpec>, plan: Arc<JobPlan>, spec_blob: BlobId, spec_bytes: u64) -> Self {
        Self {
            spec,
            plan,
            spec_blob,
            spec_bytes,
            held_by: BTreeSet::new(),
            said: BTreeMap::new(),
            explained: BTreeMap::new(),
        }
    }

    /// True if peers that work for the job may read the blob.
    pub(crate) fn shows(&self, blob: BlobId) -> bool {
        blob == self.spec_blob || self.spec.inputs.iter().any(|input| input.blob == blob)
    }

    /// The job for the scheduler.
    fn view(&self, priority: i32) -> JobView {
        let steps = self.spec.steps.iter().map(|step| StepView {
            needs: step.needs.clone(),
            prefers: step.prefers.clone(),
            chunking: step.chunking,
            reserve: StepView::reserve_of(&step.needs),
            task_count: step.task_count,
            work_secs: None,
        });
        JobView {
            job: self.spec.id,
            priority,
            submitter: self.spec.origin,
            recipe: self.spec.recipe.clone(),
            input_bytes: self.spec.input_blobs().iter().map(|(_, bytes)| bytes).sum(),
            steps: steps.collect(),
        }
    }
}

impl Core {
    /// Carries one wish of the ledger; everything it waits for is written.
    pub(crate) fn carry_ledger(&mut self, effect: Effect) {
        let now = clock::now();
        match effect {
            Effect::Journal { .. } => unreachable!("journal entries are taken out before wishes are carried"),
            Effect::SnapshotDue { job } => self.store_snapshot(job),
            Effect::JobOpened { job, priority } => {
                if let Some(home) = self.homes.get(&job) {
                    self.sched.handle(SchedInput::JobAdded(home.view(priority)), now);
                }
                self.inputs_held(self.me, job);
                self.job_changed(job);
            }
            Effect::LeaseKept { lease, peer, step, spans } => {
                self.live.insert(lease, Live { peer, left: spans.count() });
                self.sched.handle(SchedInput::LeaseKept { lease, peer, step }, now);
            }
            Effect::TasksReady { job, step, spans, avoid } => {
                self.sched.handle(SchedInput::TasksReady { job, step, tasks: spans, avoid }, now);
            }
            Effect::TasksWithdrawn { job, step, spans } => {
                self.sched.handle(SchedInput::TasksWithdrawn { job, step, tasks: spans }, now);
            }
            Effect::Revoke { peer, lease, spans } => {
                let tasks = spans.map_or_else(|| vec![TaskSpan::new(0, u32::MAX)], |spans| spans.spans().to_vec());
                self.tell_worker(peer, Message::Revoke { lease, tasks });
            }
            Effect::Settle { peer, lease, spans } => {
                self.tell_worker(peer, Message::Settled { lease, tasks: spans.spans().to_vec() });
            }
            Effect::LeaseEnded { lease, peer, end, .. } => self.on_lease_ended(lease, peer, end),
            Effect::TasksTimed { lease, peer, step, tasks, run_micros, left } => {
                self.on_tasks_timed(lease, peer, step, tasks, Duration::from_micros(run_micros), left);
            }
            Effect::BlockPeer { job, peer } => self.sched.handle(SchedInput::PeerBlocked { job, peer }, now),
            Effect::UnblockPeer { job, peer } => self.sched.handle(SchedInput::PeerUnblocked { job, peer }, now),
            Effect::PriorityChanged { job, priority } => {
                self.sched.handle(SchedInput::PriorityChanged { job, priority }, now);
                self.job_changed(job);
            }
            Effect::TasksChanged { job, step, span, state, peer } => {
                self.on_tasks_changed(job, step, span, state, peer);
            }
            Effect::JobChanged { job, .. } => self.job_changed(job),
            Effect::JobEnded { job, state } => self.on_job_ended(job, state),
            Effect::Forget { job, peers } => {
                for peer in peers {
                    self.tell_worker(peer, Message::Forget { job });
                }
            }
            Effect::JobRemoved { job } => self.on_job_removed(job),
            Effect::Waste { lease, peer, tasks, kind, .. } => {
                tracing::info!(%lease, peer = %peer.short(), tasks, ?kind, "a report came too late and is not counted");
            }
        }
    }

    /// Grants what the scheduler chose and lets the offer follow the grant's journal entry.
    pub(crate) fn carry_placement(&mut self, effect: SchedEffect) {
        let placement = match effect {
            SchedEffect::Place(placement) => placement,
            SchedEffect::Stranded { job } => {
                self.tell_ledger(LedgerInput::Stranded { job });
                return;
            }
        };
        let Placement { id, job, step, span, peer, .. } = placement;
        let now = clock::now();
        let Some(lease) = self.ledger.grant(job, step, span, peer, now) else {
            self.sched.handle(SchedInput::Refused { placement: id }, now);
            return;
        };
        while let Some(effect) = self.ledger.poll_effect() {
            self.journal.wish(effect);
        }
        self.sched.handle(SchedInput::Granted { placement: id, lease }, now);
        self.live.insert(lease, Live { peer, left: span.len() });
        if let Some(home) = self.homes.get(&job) {
            let offer = LeaseOffer {
                lease,
                step,
                span,
                chunk: placement.chunk,
                spec: home.spec_blob,
                spec_bytes: home.spec_bytes,
                reserve: placement.reserve,
                duration: JobSpec::LEASE_DURATION,
            };
            self.journal.then(Wish::Offer(peer, offer));
        }
    }

    /// Sends an offer; an offer to this machine takes the same path without the wire.
    pub(crate) fn offer(&mut self, peer: PeerId, offer: LeaseOffer) {
        let lease = offer.lease;
        if !self.tell_worker(peer, Message::Offer(offer)) {
            self.on_declined(lease, Decline::Busy);
        }
    }

    /// Hands a message of this steward to a worker, here or on a link. False if there is no link.
    fn tell_worker(&mut self, peer: PeerId, message: Message) -> bool {
        if peer == self.me {
            self.on_steward_message(self.me, message);
            return true;
        }
        match self.net.send(peer, &message) {
            Ok(()) => true,
            Err(error) => {
                tracing::debug!(%error, "a message to a worker was not sent");
                false
            }
        }
    }

    pub(crate) fn on_accepted(&mut self, lease: LeaseId) {
        self.tell_ledger(LedgerInput::LeaseAccepted { lease });
    }

    pub(crate) fn on_declined(&mut self, lease: LeaseId, why: Decline) {
        self.sched.handle(SchedInput::Declined { lease, why }, clock::now());
        self.tell_ledger(LedgerInput::LeaseDeclined { lease });
    }

    pub(crate) fn on_renewal(&mut self, peer: PeerId, renewal: Renewal) {
        // What runs is told first, so that a held job does not call back what has started.
        for task in renewal.running {
            if self.live.get(&task.lease).is_none_or(|live| live.peer != peer) || task.count == 0 {
                continue;
            }
            let end = task.task.index.saturating_add(task.count);
            if end == task.task.index {
                continue;
            }
            let span = TaskSpan::new(task.task.index, end);
            self.tell_ledger(LedgerInput::TasksStarted { lease: task.lease, span, stamp: clock::stamp() });
            self.inputs_held(peer, task.lease.job);
            if let Some(home) = self.homes.get_mut(&task.lease.job) {
                let said = Said { count: task.count, progress: task.progress, status: task.status };
                home.said.insert(task.task, said);
            }
            self.job_changed(task.lease.job);
        }
        self.tell_ledger(LedgerInput::Renewed { peer, leases: renewal.leases });
    }

    /// A machine that runs tasks of a job has all its inputs: the next ones cost it no fetching.
    fn inputs_held(&mut self, peer: PeerId, job: JobId) {
        if let Some(home) = self.homes.get_mut(&job)
            && home.held_by.insert(peer)
        {
            let held_bytes = home.spec.input_blobs().iter().map(|(_, bytes)| bytes).sum();
            self.sched.handle(SchedInput::HoldingsChanged { peer, job, held_bytes }, clock::now());
        }
    }

    /// Results came: what left files is brought home first, the rest is counted at once.
    pub(crate) fn on_report(&mut self, peer: PeerId, lease: LeaseId, results: Vec<TaskResult>) {
        let held = self.live.get(&lease).is_some_and(|live| live.peer == peer);
        let mut ended = Vec::with_capacity(results.len());
        for result in results {
            match self.homes.get(&lease.job) {
                Some(home) if held && !result.outputs.is_empty() => {
                    let spec = Arc::clone(&home.spec);
                    self.start_landing(spec, lease, peer, result);
                }
                _ => ended.push(TaskEnd { tasks: result.tasks, end: result.end, run_micros: result.run_micros }),
            }
        }
        if !ended.is_empty() {
            self.count(lease, peer, ended);
        }
    }

    fn start_landing(&mut self, spec: Arc<JobSpec>, lease: LeaseId, peer: PeerId, result: TaskResult) {
        let key = (lease, result.tasks.start);
        if self.landing.contains_key(&key) {
            return;
        }
        let wanted = CancellationToken::new();
        self.landing.insert(key, wanted.clone());
        let (transfer, facts) = (self.transfer.clone(), self.facts.clone());
        self.spawn(land(transfer, facts, spec, lease, peer, result, wanted));
    }

    pub(crate) fn on_landing_waits(&mut self, job: JobId, why: &str) {
        let sentence = format!("results wait to be brought home: {why}");
        self.notice(NoticeKind::Results, NoticeLevel::Problem, sentence, Some(job), None);
    }

    pub(crate) fn on_landed(
        &mut self,
        lease: LeaseId,
        peer: PeerId,
        result: TaskResult,
        landed: Result<(), TransferError>,
    ) {
        self.landing.remove(&(lease, result.tasks.start));
        let end = match landed {
            Ok(()) => result.end,
            // Its tasks went elsewhere; the ledger notes the waste.
            Err(TransferError::NotWanted) => result.end,
            Err(error) => {
                tracing::warn!(%error, job = %lease.job, "results could not be brought home");
                AttemptEnd::Failed { kind: FailureKind::Outputs, exit_code: None, reason: sentence(&error) }
            }
        };
        self.count(lease, peer, vec![TaskEnd { tasks: result.tasks, end, run_micros: result.run_micros }]);
    }

    fn count(&mut self, lease: LeaseId, peer: PeerId, results: Vec<TaskEnd>) {
        if let Some(home) = self.homes.get_mut(&lease.job) {
            for end in &results {
                if let Some((step, ..)) = self.ledger.lease(lease) {
                    home.said.remove(&TaskKey { step, index: end.tasks.start });
                }
            }
        }
        self.tell_ledger(LedgerInput::TasksEnded { lease, peer, results, stamp: clock::stamp() });
    }

    /// Tells the ledger a fact; facts are never refused.
    pub(crate) fn tell_ledger(&mut self, fact: LedgerInput) {
        if let Err(refusal) = self.ledger.handle(fact, clock::now()) {
            tracing::debug!(%refusal, "a fact about an unknown job");
        }
    }

    fn on_lease_ended(&mut self, lease: LeaseId, peer: PeerId, end: LeaseEnd) {
        self.live.remove(&lease);
        let landings = self.landing.range((lease, 0)..=(lease, u32::MAX));
        landings.for_each(|(_, wanted)| wanted.cancel());
        self.sched.handle(SchedInput::LeaseEnded { lease }, clock::now());
        if matches!(end, LeaseEnd::Expired | LeaseEnd::Vanished) {
            let name = self.machines.name(peer);
            tracing::warn!(%lease, machine = name, ?end, "a lease ended without a result; its tasks go elsewhere");
        }
        self.job_changed(lease.job);
    }

    fn on_tasks_timed(&mut self, lease: LeaseId, peer: PeerId, step: u32, tasks: u32, run: Duration, left: u32) {
        let job = lease.job;
        if let Some(live) = self.live.get_mut(&lease) {
            live.left = left;
        }
        self.sched.handle(SchedInput::TaskTimed { job, step, peer, tasks, run }, clock::now());
        if let Some(home) = self.homes.get(&job).filter(|_| tasks > 0) {
            let secs_per_task = run.as_secs_f64() / f64::from(tasks.max(1));
            self.machines.ran(RunRecord { recipe: home.spec.recipe.clone(), peer, secs_per_task, tasks });
        }
        self.machines.count_made(peer, tasks);
    }

    fn on_tasks_changed(&mut self, job: JobId, step: u32, span: TaskSpan, state: TaskState, peer: Option<PeerId>) {
        let first = TaskKey { step, index: span.start };
        let view = state.is_ended().then(|| self.ledger.tasks(job, first, 1, |_| true).into_iter().next()).flatten();
        let (exit_code, reason) = view.map_or((None, String::new()), |task| (task.exit_code, task.reason));
        let change = TasksChanged { job, step, span, state, machine: peer, exit_code, reason };
        self.events.tell(EventBody::TasksChanged(change));
        self.job_changed(job);
        if state.is_ended() {
            self.logs.task_ended(job, step, span);
        }
    }

    fn on_job_ended(&mut self, job: JobId, state: JobState) {
        self.keep_explanations(job);
        self.sched.handle(SchedInput::JobRemoved { job }, clock::now());
        self.flush_logs();
        self.logs.job_ended(job);
        let store = self.store.clone();
        let runs = self.machines.take_runs();
        self.beside.spawn(async move {
            let noted = async {
                store.mark_job_ended(job).await?;
                store.record_runs(runs).await
            };
            if let Err(error) = noted.await {
                tracing::warn!(%error, %job, "the end of a job was not noted");
            }
        });
        if let Some(home) = self.homes.get_mut(&job) {
            home.said.clear();
            let level = if state == JobState::Failed { NoticeLevel::Problem } else { NoticeLevel::Info };
            let word = match state {
                JobState::Done => "is done",
                JobState::Failed => "has failed tasks",
                _ => "was cancelled",
            };
            let sentence = format!("{} {word}", home.spec.name);
            let kind = match state {
                JobState::Done => NoticeKind::JobDone,
                JobState::Failed => NoticeKind::JobFailed,
                _ => NoticeKind::JobCancelled,
            };
            self.notice(kind, level, sentence, Some(job), None);
        }
        tracing::info!(%job, ?state, "job ended");
        self.job_changed(job);
        self.tell_now();
        self.forget_oldest();
    }

    /// The scheduler forgets an ended job; people may still ask why it ran where it ran.
    fn keep_explanations(&mut self, job: JobId) {
        if let Some(home) = self.homes.get_mut(&job) {
            let steps = 0..EXPLAINED_STEPS.min(home.spec.steps.len() as u32);
            home.explained = steps.filter_map(|step| Some((step, self.sched.explain(job, step)?))).collect();
        }
    }

    /// Keeps the history of jobs within bounds: the ones that ended first are forgotten, never the newest.
    fn forget_oldest(&mut self) {
        let now = clock::now();
        let ended = self.homes.keys().filter_map(|job| Some((self.ledger.summary(*job, now)?.ended?, *job)));
        let mut ended: Vec<_> = ended.map(|(at, job)| (at, job, self.homes[&job].spec.task_count())).collect();
        ended.sort_unstable();
        let mut tasks: u64 = ended.iter().map(|(.., tasks)| tasks).sum();
        let mut jobs = ended.len();
        for (_, job, count) in ended {
            if jobs <= 1 || (jobs <= KEPT_JOBS && tasks <= KEPT_TASKS) {
                break;
            }
            (jobs, tasks) = (jobs - 1, tasks - count);
            self.tell_ledger(LedgerInput::RemoveJob { job });
        }
    }

    fn on_job_removed(&mut self, job: JobId) {
        self.homes.remove(&job);
        self.events.tell(EventBody::JobRemoved(job));
        let store = self.store.clone();
        self.beside.spawn(async move {
            let (removed, unpinned) = (store.remove_job(job).await, store.blobs().unpin_job(job).await);
            if let (Err(error), _) = (removed, unpinned) {
                tracing::warn!(%error, %job, "a removed job left something behind");
            }
        });
    }

    fn store_snapshot(&self, job: JobId) {
        let Some(bytes) = self.ledger.snapshot(job) else {
            return;
        };
        // Entries that come after this moment may reach the store before the snapshot does; it must not replace them.
        let (store, upto) = (self.store.clone(), self.journal.written());
        self.beside.spawn(async move {
            if let Err(error) = store.snapshot(job, upto, bytes, gridwell_store::Durability::Written).await {
                tracing::warn!(%error, %job, "a journal was not shortened");
            }
        });
    }

    pub(crate) fn job_changed(&mut self, job: JobId) {
        self.changed.jobs.insert(job);
        self.tell_soon();
    }

    /// Everything a worker may tell this steward.
    pub(crate) fn on_worker_message(&mut self, peer: PeerId, message: Message) {
        match message {
            Message::Accept { lease } | Message::Decline { lease, .. }
                if self.live.get(&lease).is_none_or(|live| live.peer != peer) =>
            {
                tracing::debug!(%lease, machine = peer.short(), "an answer to an offer that it does not hold");
            }
            Message::Accept { lease } => self.on_accepted(lease),
            Message::Decline { lease, why } => self.on_declined(lease, why),
            Message::Renew(renewal) => self.on_renewal(peer, renewal),
            Message::Report { lease, results } => self.on_report(peer, lease, results),
            Message::Log(chunk) => self.on_log(chunk),
            other => tracing::debug!(?other, "not a worker's message"),
        }
    }

    /// Everything a steward may tell this worker.
    pub(crate) fn on_steward_message(&mut self, steward: PeerId, message: Message) {
        if !self.may_say(steward, &message) {
            tracing::warn!(machine = steward.short(), "a word about a lease or a job of another steward is ignored");
            return;
        }
        let input = match message {
            Message::Offer(offer) if !offer.span.is_empty() && offer.chunk > 0 => {
                WorkerInput::Offered { steward, offer }
            }
            Message::Settled { lease, tasks } => WorkerInput::Settled { lease, tasks: plain(tasks) },
            Message::Revoke { lease, tasks } => WorkerInput::Revoked { lease, tasks: plain(tasks) },
            Message::Forget { job } => WorkerInput::JobForgotten { job },
            other => {
                tracing::debug!(?other, "not a steward's message");
                return;
            }
        };
        self.worker.handle(input, clock::now());
    }

    /// False if a message is about what another machine gave to this worker.
    fn may_say(&self, steward: PeerId, message: &Message) -> bool {
        let owner = match message {
            Message::Settled { lease, .. } | Message::Revoke { lease, .. } => self.worker.steward_of(*lease),
            Message::Forget { job } => self.guests.get(job).map(|guest| guest.steward()),
            _ => None,
        };
        owner.is_none_or(|owner| owner == steward)
    }

    /// What this machine's sessions may use for jobs.
    pub(crate) fn lends(&self) -> Reserve {
        self.machines.settings().lends(self.machines.hardware())
    }
}

/// Spans from a link may be empty; empty ones mean nothing.
fn plain(mut tasks: Vec<TaskSpan>) -> Vec<TaskSpan> {
    tasks.retain(|span| !span.is_empty());
    tasks
}

/// Brings results home. What may pass (a full disk, a broken link) is waited for while the lease lives: the worker holds
/// the results and renews, and nobody renders anything again.
async fn land(
    transfer: Transfer,
    facts: mpsc::Sender<Fact>,
    spec: Arc<JobSpec>,
    lease: LeaseId,
    peer: PeerId,
    result: TaskResult,
    wanted: CancellationToken,
) -> Fact {
    let mut wait = FIRST_LANDING_WAIT;
    let landed = loop {
        match transfer.bring_home(&spec, &result.outputs, peer, &wanted).await {
            Err(error) if error.may_pass() => {
                tracing::warn!(%error, job = %lease.job, "results wait to be brought home");
                if wait == FIRST_LANDING_WAIT {
                    // The loop has stopped: nobody needs the notice.
                    let _ = facts.send(Fact::LandingWaits(lease.job, sentence(&error))).await;
                }
            }
            landed => break landed,
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_LANDING_WAIT),
            () = wanted.cancelled() => break Err(TransferError::NotWanted),
            () = facts.closed() => break Err(TransferError::NotWanted),
        }
    };
    Fact::Landed(lease, peer, result, landed)
}

/// An error with its causes as one sentence, within what a report carries.
pub(crate) fn sentence(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        let more = source.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = source.source();
    }
    let mut end = text.len().min(AttemptEnd::REASON_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

/// Tasks named by one span.
pub(crate) fn spans_of(span: TaskSpan) -> TaskSpans {
    let mut spans = TaskSpans::default();
    spans.insert(span);
    spans
}
