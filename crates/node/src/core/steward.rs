//! This machine as the origin of jobs: what the ledger and the scheduler wish.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, OnceLock},
    time::Duration,
};

use gridwell_api::{EventBody, InTheWay, NoticeKind, NoticeLevel, TasksChanged};
use gridwell_job::JobPlan;
use gridwell_ledger::{Effect, Input as LedgerInput, LeaseEnd};
use gridwell_model::{
    AttemptEnd, BlobId, Decline, JobId, JobSpec, LeaseId, LeaseOffer, PeerId, TaskKey, TaskSpan, TaskSpans, TaskState,
};
use gridwell_sched::{Effect as SchedEffect, Explanation, Input as SchedInput, JobView, LookWish, Placement, StepView};
use gridwell_store::{RunRecord, Store};
use gridwell_wire::Message;
use gridwell_worker::Input as WorkerInput;
use tokio::sync::watch;

use super::{
    Core,
    health::{program_of, tool_of},
    held::ResultsWait,
    journal::Wish,
    proofs::Flaws,
    resuming::Saved,
    views::task_word,
};
use crate::{clock, reuse::Works, tree::JobOutputs};

/// A job whose origin is this machine, beside what the ledger knows of it.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) spec: Arc<JobSpec>,
    pub(crate) plan: Arc<JobPlan>,
    /// What it made, as others see it.
    pub(crate) outputs: JobOutputs,
    /// What its tasks are, once that was asked.
    pub(crate) works: Arc<OnceLock<Option<Works>>>,
    pub(crate) spec_blob: BlobId,
    pub(crate) spec_bytes: u64,
    /// Machines that have its inputs.
    held_by: BTreeSet<PeerId>,
    /// What its running tasks say, by the first task of each run.
    pub(crate) said: BTreeMap<TaskKey, Said>,
    /// What happens to files in the way of its results.
    pub(crate) in_the_way: watch::Sender<InTheWay>,
    /// Runs whose results wait to be brought home, by lease and first task; people were told.
    pub(crate) results_wait: BTreeMap<(LeaseId, u32), ResultsWait>,
    /// What is wrong with files that landed, by task and place.
    pub(crate) flaws: Flaws,
    /// When checkpoints of its runs were kept.
    pub(super) saved: Saved,
    /// False on a deputy that took over before it had all files that the job reads: it counts, but places nothing.
    pub(crate) has_inputs: bool,
    /// Deputies that have all files that the job reads.
    pub(crate) input_holders: BTreeSet<PeerId>,
    /// Deputies that copy no more bytes of one job than this, which is less than its files have.
    pub(crate) too_large: BTreeMap<PeerId, u64>,
    /// Why its tasks went where they went, by step, from its end on.
    pub(crate) explained: BTreeMap<u32, Explanation>,
}

/// How far a running task is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) count: u32,
    pub(crate) progress: Option<f32>,
    pub(crate) status: String,
    /// True while it stands still because its machine's owner wants the machine.
    pub(crate) frozen: bool,
}

/// A lease granted here that has not ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Live {
    pub(crate) peer: PeerId,
    pub(crate) step: u32,
    pub(crate) left: u32,
}

impl Home {
    pub(crate) fn new(
        store: &Store,
        spec: Arc<JobSpec>,
        plan: Arc<JobPlan>,
        (spec_blob, spec_bytes): (BlobId, u64),
    ) -> Self {
        Self {
            outputs: JobOutputs::new(store, &spec),
            spec,
            plan,
            spec_blob,
            spec_bytes,
            held_by: BTreeSet::new(),
            said: BTreeMap::new(),
            in_the_way: watch::Sender::default(),
            results_wait: BTreeMap::new(),
            flaws: Flaws::default(),
            has_inputs: true,
            saved: Saved::default(),
            input_holders: BTreeSet::new(),
            works: Arc::default(),
            too_large: BTreeMap::new(),
            explained: BTreeMap::new(),
        }
    }

    /// True if peers that work for the job may read the blob.
    pub(crate) fn shows(&self, blob: BlobId) -> bool {
        blob == self.spec_blob || self.spec.inputs.iter().any(|input| input.blob == blob)
    }

    /// Which look of its tool a step of several tasks must have: that of the machine that began, if one did.
    fn look(&self, step: u32, began: &BTreeMap<String, String>) -> Option<LookWish> {
        let several = self.spec.steps.get(step as usize).is_some_and(|step| step.task_count > 1);
        let tool = tool_of(&self.spec, step).filter(|_| self.spec.same_look && several)?;
        Some(LookWish { tool: tool.to_owned(), look: began.get(tool).cloned() })
    }

    /// What people call the program of a step.
    pub(super) fn program(&self, step: u32) -> String {
        program_of(&self.spec, &self.plan, step)
    }

    /// The job for the scheduler.
    ///
    /// `began` are the looks of the machine that ran tasks of it first, if one did.
    fn view(&self, priority: i32, began: &BTreeMap<String, String>) -> JobView {
        let steps = (0..).zip(&self.spec.steps).map(|(at, step)| StepView {
            program: self.program(at),
            look: self.look(at, began),
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
            may_repeat: self.spec.retry.max_attempts > 1,
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
                if let Some(home) = self.homes.get(&job).filter(|home| home.has_inputs) {
                    let view = home.view(priority, &self.began_with(job));
                    self.sched.handle(SchedInput::JobAdded(view), now);
                }
                self.inputs_held(self.me, job);
                self.copies_follow(job);
                self.job_changed(job);
            }
            Effect::LeaseKept { lease, peer, step, spans } => {
                self.live.insert(lease, Live { peer, step, left: spans.count() });
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
            Effect::DropCheckpoint { job, blob } => self.drop_checkpoint(job, blob),
            Effect::LeaseEnded { lease, peer, end, .. } => self.on_lease_ended(lease, peer, end),
            Effect::TasksTimed { lease, peer, step, tasks, run_micros, left } => {
                self.on_tasks_timed(lease, peer, step, tasks, Duration::from_micros(run_micros), left);
            }
            Effect::Outdone { job, step, peer, by, tasks } => self.on_outdone((job, step), peer, by, tasks),
            Effect::FailsElsewhere { job, step, peer } => {
                self.tell_worker(peer, Message::FailsElsewhere { job, step });
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
            Effect::JobEnded { job, state } => {
                self.on_job_ended(job, state);
                self.copies_follow(job);
            }
            Effect::JobRetired { job } => self.on_job_retired(job),
            Effect::Forget { job, peers } => {
                for peer in peers {
                    self.tell_worker(peer, Message::Forget { job });
                    self.tell_over(peer, job);
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
        let lease = match placement.second_of {
            Some(first) => self.ledger.grant_second(first, span, peer, now),
            None => self.ledger.grant(job, step, span, peer, now),
        };
        let Some(lease) = lease else {
            self.sched.handle(SchedInput::Refused { placement: id }, now);
            return;
        };
        while let Some(effect) = self.ledger.poll_effect() {
            self.journal.wish(effect);
        }
        self.sched.handle(SchedInput::Granted { placement: id, lease }, now);
        self.live.insert(lease, Live { peer, step, left: span.len() });
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
                heirs: self.is_copied(job),
                checkpoints: self.ledger.checkpoints(job, step, span),
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

    /// Hands a message of this steward to a worker, here or over links. False if no way leads there.
    fn tell_worker(&mut self, peer: PeerId, message: Message) -> bool {
        if peer == self.me {
            self.on_steward_message(self.me, message);
            return true;
        }
        match self.send(peer, &message) {
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

    /// A machine that runs tasks of a job has all its inputs: the next ones cost it no fetching.
    pub(super) fn inputs_held(&mut self, peer: PeerId, job: JobId) {
        if let Some(home) = self.homes.get_mut(&job)
            && home.held_by.insert(peer)
        {
            let held_bytes = home.spec.input_blobs().iter().map(|(_, bytes)| bytes).sum();
            self.sched.handle(SchedInput::HoldingsChanged { peer, job, held_bytes }, clock::now());
        }
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
        let lost = matches!(end, LeaseEnd::Expired | LeaseEnd::Vanished);
        let runs = self.timeline.lease_ended(lease, end, clock::stamp());
        self.note_runs(runs);
        if lost {
            let name = self.machines.name(peer);
            tracing::warn!(%lease, machine = name, ?end, "a lease ended without a result; its tasks go elsewhere");
        }
        if end == LeaseEnd::Expired {
            self.changed.silent.insert((lease.job, peer));
        }
        self.job_changed(lease.job);
    }

    /// A machine gave no sign of life until its leases of a job had ended.
    pub(crate) fn note_silence(&mut self, job: JobId, peer: PeerId) {
        let Some(home) = self.homes.get(&job) else { return };
        let (word, name) = (task_word(&home.spec.parameters), &home.spec.name);
        let sentence =
            format!("{} was silent too long: its {word}s of {name} are queued again", self.machines.name(peer));
        self.notice(NoticeKind::Machine, NoticeLevel::Warning, sentence, Some(job), Some(peer));
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
        self.history.done(peer, tasks);
    }

    fn on_tasks_changed(&mut self, job: JobId, step: u32, span: TaskSpan, state: TaskState, peer: Option<PeerId>) {
        let first = TaskKey { step, index: span.start };
        let view = state.is_ended().then(|| self.ledger.tasks(job, first, 1, |_| true).into_iter().next()).flatten();
        let (exit_code, reason) = view.map_or((None, String::new()), |task| (task.exit_code, task.reason));
        let change = TasksChanged { job, step, span, state, machine: peer, exit_code, reason, saved_at: None };
        self.events.tell(EventBody::TasksChanged(change));
        self.job_changed(job);
        if state.is_ended() {
            self.logs.task_ended(job, step, span);
        }
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

    /// Everything a steward may tell this worker.
    pub(crate) fn on_steward_message(&mut self, steward: PeerId, message: Message) {
        if !self.may_say(steward, &message) {
            tracing::warn!(machine = steward.short(), "a word about a lease or a job of another steward is ignored");
            return;
        }
        let input = match message {
            Message::Offer(offer) if !offer.span.is_empty() && offer.chunk > 0 => {
                WorkerInput::Offered { steward, own: self.is_own(steward, offer.lease.job), offer }
            }
            Message::Settled { lease, tasks } => {
                let tasks = plain(tasks);
                self.outgoing.settled(steward, lease, &tasks);
                WorkerInput::Settled { lease, tasks }
            }
            Message::Revoke { lease, tasks } => WorkerInput::Revoked { lease, tasks: plain(tasks) },
            Message::Forget { job } => WorkerInput::JobForgotten { job },
            Message::FailsElsewhere { job, step } => return self.excuse_own(job, step),
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
            Message::Forget { job } | Message::FailsElsewhere { job, .. } => {
                self.guests.get(job).map(|guest| guest.steward())
            }
            _ => None,
        };
        owner.is_none_or(|owner| owner == steward)
    }
}

/// Spans from a link may be empty; empty ones mean nothing.
fn plain(mut tasks: Vec<TaskSpan>) -> Vec<TaskSpan> {
    tasks.retain(|span| !span.is_empty());
    tasks
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
