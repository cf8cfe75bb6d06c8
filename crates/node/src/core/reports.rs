//! What workers tell this steward: leases taken, how far tasks are, how they ended; and results on their way home.

use std::sync::Arc;

use gridwell_ledger::{Input as LedgerInput, TaskEnd};
use gridwell_model::{AttemptEnd, FailureKind, LeaseId, PeerId, Renewal, RunningTask, TaskKey, TaskResult, TaskSpan};
use gridwell_sched::Input as SchedInput;
use gridwell_wire::Message;
use tokio_util::sync::CancellationToken;

use super::{
    Core,
    landing::{Landed, Landing},
    steward::{Said, sentence},
};
use crate::{clock, transfer::TransferError};

impl Core {
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

    fn on_renewal(&mut self, peer: PeerId, renewal: Renewal) {
        // What runs is told first, so that a held job does not call back what has started.
        for task in renewal.running {
            if !self.holds_open(peer, &task) {
                continue;
            }
            let (lease, stamp) = (task.lease, clock::stamp());
            let span = TaskSpan::new(task.task.index, task.task.index + task.count);
            self.timeline.running(lease, peer, task.task.step, span, stamp);
            let progress = task.progress;
            self.sched.handle(SchedInput::RunSeen { lease, span, progress }, clock::now());
            self.tell_ledger(LedgerInput::TasksStarted { lease, span, stamp });
            self.inputs_held(peer, task.lease.job);
            if let Some(home) = self.homes.get_mut(&task.lease.job) {
                let said =
                    Said { count: task.count, progress: task.progress, status: task.status, frozen: task.frozen };
                let before = home.said.insert(task.task, said).is_some_and(|before| before.frozen);
                if before != task.frozen {
                    self.tell_frozen(task.lease.job, task.task.step, span, peer, task.frozen);
                }
            }
            if let Some(checkpoint) = task.checkpoint.filter(|checkpoint| checkpoint.tasks == span) {
                self.bring_checkpoint_home(peer, lease, checkpoint);
            }
            self.job_changed(task.lease.job);
        }
        self.tell_ledger(LedgerInput::Renewed { peer, leases: renewal.leases });
    }

    /// True if `peer` holds these tasks under a lease of ours and they have not ended.
    fn holds_open(&self, peer: PeerId, run: &RunningTask) -> bool {
        let first = run.task.index;
        self.ledger.lease(run.lease).is_some_and(|(step, holder, open)| {
            let covers = |span: &TaskSpan| {
                span.start <= first && first.checked_add(run.count).is_some_and(|end| first < end && end <= span.end)
            };
            holder == peer && step == run.task.step && open.spans().iter().any(covers)
        })
    }

    /// Results came: what left files is brought home first, the rest is counted at once.
    pub(super) fn on_report(&mut self, peer: PeerId, lease: LeaseId, results: Vec<TaskResult>) {
        let held = self.live.get(&lease).is_some_and(|live| live.peer == peer);
        if held {
            self.sched.handle(SchedInput::RunOver { lease }, clock::now());
        }
        if held && let Some((step, _, open)) = self.ledger.lease(lease) {
            self.timeline.reported(lease, peer, step, &open, &results, clock::stamp());
        }
        let mut ended = Vec::with_capacity(results.len());
        for result in results {
            if held && self.waits_for_checkpoint(peer, lease, &result) {
                continue;
            }
            match self.homes.get(&lease.job) {
                Some(_) if held && !result.outputs.is_empty() => self.start_landing(lease, result),
                _ => ended.push(result.into()),
            }
        }
        if !ended.is_empty() {
            self.count(lease, peer, ended);
        }
    }

    fn start_landing(&mut self, lease: LeaseId, result: TaskResult) {
        let key = (lease, result.tasks.start);
        let (Some(home), Some(live)) = (self.homes.get(&lease.job), self.live.get(&lease)) else {
            return;
        };
        if self.landing.contains_key(&key) {
            return;
        }
        let landing = Landing {
            transfer: self.transfer.clone(),
            store: self.store.clone(),
            facts: self.facts.clone(),
            spec: Arc::clone(&home.spec),
            plan: Arc::clone(&home.plan),
            works: Arc::clone(&home.works),
            lease,
            step: live.step,
            peer: live.peer,
            result,
            in_the_way: home.in_the_way.subscribe(),
            wanted: CancellationToken::new(),
        };
        self.landing.insert(key, landing.wanted.clone());
        self.spawn(landing.run());
    }

    pub(crate) fn on_landed(
        &mut self,
        lease: LeaseId,
        peer: PeerId,
        result: TaskResult,
        landed: Result<Landed, TransferError>,
    ) {
        let first = result.tasks.start;
        self.landing.remove(&(lease, first));
        self.tell_landing_goes_on(lease, first);
        let end = match landed {
            Ok(landed) => {
                let (step, tasks) = (self.ledger.lease(lease).map(|(step, ..)| step), result.tasks);
                self.count_landed(lease, peer, result);
                if let Some(step) = step {
                    self.hold_back(lease.job, step, tasks, landed.held);
                }
                self.prove(lease.job, landed.files);
                return;
            }
            // Its tasks went elsewhere; the ledger notes the waste.
            Err(TransferError::NotWanted) => result.end,
            Err(error) => {
                tracing::warn!(%error, job = %lease.job, "results could not be brought home");
                AttemptEnd::Failed { kind: FailureKind::Outputs, exit_code: None, reason: sentence(&error) }
            }
        };
        self.count(
            lease,
            peer,
            vec![TaskEnd { tasks: result.tasks, end, run_micros: result.run_micros, energy: result.energy }],
        );
    }

    pub(super) fn count(&mut self, lease: LeaseId, peer: PeerId, results: Vec<TaskEnd>) {
        if let (Some(home), Some(live)) = (self.homes.get_mut(&lease.job), self.live.get(&lease)) {
            for end in &results {
                home.said.remove(&TaskKey { step: live.step, index: end.tasks.start });
            }
        }
        let runs = self.timeline.counted(lease, &results);
        self.note_runs(runs);
        self.tell_ledger(LedgerInput::TasksEnded { lease, peer, results, stamp: clock::stamp() });
    }
}
