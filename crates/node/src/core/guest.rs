//! This machine as a worker: what the worker engine wishes, and what it tells stewards.

use std::sync::Arc;

use gridwell_exec::{Stop, Which};
use gridwell_job::{JobPlan, PathRule};
use gridwell_model::{AttemptEnd, FailureKind, JobId, JobSpec, LeaseId, PeerId, TaskKey, TaskResult};
use gridwell_wire::{Message, Renewal};
use gridwell_worker::Effect;
use tokio::sync::watch;

use super::{
    Core,
    sessions::{log_exec, tag},
};

/// A job whose tasks run here.
pub(crate) struct Guest {
    pub(super) spec: Arc<JobSpec>,
    pub(super) plan: Arc<JobPlan>,
    steward: watch::Sender<PeerId>,
    /// Where its inputs lie here; known once they are staged.
    pub(super) rules: Vec<PathRule>,
}

impl Guest {
    pub(super) fn new(spec: Arc<JobSpec>, plan: Arc<JobPlan>, steward: PeerId) -> Self {
        Self { spec, plan, steward: watch::Sender::new(steward), rules: Vec::new() }
    }

    /// Another peer has the job's journal now.
    pub(crate) fn follow(&mut self, steward: PeerId) {
        self.steward.send_replace(steward);
    }

    /// Whose job it is.
    pub(crate) fn steward(&self) -> PeerId {
        *self.steward.borrow()
    }

    /// Whose it is at any time.
    pub(super) fn follow_steward(&self) -> watch::Receiver<PeerId> {
        self.steward.subscribe()
    }
}

/// Leases and running tasks in one heartbeat: some 20 and at most 250 bytes each, well within a frame.
const LEASES_PER_RENEWAL: usize = 1_000;
const RUNNING_PER_RENEWAL: usize = 100;

impl Core {
    pub(crate) fn carry_worker(&mut self, effect: Effect) {
        match effect {
            Effect::Accept { steward, lease } => self.tell_steward(steward, Message::Accept { lease }),
            Effect::Decline { steward, lease, why } => self.tell_steward(steward, Message::Decline { lease, why }),
            Effect::Renew { steward, renewal } => self.renew(steward, renewal),
            Effect::Report { steward, lease, results } => self.report(steward, lease, results),
            Effect::FetchSpec { job, spec, spec_bytes, from } => self.fetch_spec(job, spec, spec_bytes, from),
            Effect::FetchInputs { job, from } => self.fetch_inputs(job, from),
            Effect::OpenSession { session, job, step, reserve } => self.open_session(session, job, step, &reserve),
            Effect::RunTasks { session, lease, step, runs, from } => {
                self.run_tasks(session, lease, step, &runs, from);
            }
            Effect::CancelTasks { session, runs, within } => {
                if self.stop_waiting(session, &runs) {
                    return;
                }
                let which = Which::Tags(runs.into_iter().map(tag).collect());
                let stopped = self.exec.cancel(session.0, Stop { which, notice_limit: within });
                log_exec(stopped);
            }
            Effect::CloseSession { session, within } => {
                log_exec(self.exec.cancel(session.0, Stop { which: Which::All, notice_limit: within }));
                if self.exec.close(session.0).is_err() {
                    self.on_session_gone(session);
                }
            }
            Effect::AskLicence(ask) => self.ask_licence(ask),
            Effect::ReturnLicence { lease, name } => self.return_licence(lease, name),
            Effect::CollectOutputs { session, lease, run } => self.collect(session, lease, run),
            Effect::DropOutputs { lease, tasks } => self.drop_outputs(lease, &tasks),
            Effect::ForgetJob { job } => self.forget_guest(job),
            Effect::FreeChanged { .. } => {
                self.changed.announce = true;
                self.changed.machines.insert(self.me);
                self.tell_soon();
            }
        }
    }

    /// Hands a message of this worker to a steward, here or on a link. What is lost on a broken link is said again by
    /// the engine when the steward is back.
    fn tell_steward(&mut self, steward: PeerId, message: Message) {
        if steward == self.me {
            self.on_worker_message(self.me, message);
        } else if let Err(error) = self.send(steward, &message) {
            tracing::debug!(%error, "a message to a steward was not sent");
        }
    }

    /// Sends a heartbeat in as many messages as frames ask for.
    fn renew(&mut self, steward: PeerId, renewal: Renewal) {
        let Renewal { leases, running } = renewal;
        let count = leases.len().div_ceil(LEASES_PER_RENEWAL).max(running.len().div_ceil(RUNNING_PER_RENEWAL)).max(1);
        let (mut leases, mut running) = (leases.into_iter(), running.into_iter());
        for _ in 0..count {
            let renewal = Renewal {
                leases: leases.by_ref().take(LEASES_PER_RENEWAL).collect(),
                running: running.by_ref().take(RUNNING_PER_RENEWAL).collect(),
            };
            self.tell_steward(steward, Message::Renew(renewal));
        }
    }

    /// Shows what environments wrote in the log of a task.
    pub(super) fn send_prelude(&mut self, steward: PeerId, lease: LeaseId, task: TaskKey, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.send_log(steward, lease, task, bytes);
        }
    }

    /// Sends results in as many messages as frames ask for.
    fn report(&mut self, steward: PeerId, lease: LeaseId, mut results: Vec<TaskResult>) {
        let by_environment =
            |result: &&TaskResult| matches!(&result.end, AttemptEnd::Failed { kind: FailureKind::Environment, .. });
        if let Some(failed) = results.iter().find(by_environment)
            && let Some((step, prelude)) = self.preludes.remove(&lease.job)
        {
            self.send_prelude(steward, lease, TaskKey { step, index: failed.tasks.start }, prelude);
        }
        if steward == self.me {
            self.on_report(self.me, lease, results);
            return;
        }
        let files: usize = results.iter().map(|result| result.outputs.len()).sum();
        if files > FILES_PER_REPORT && results.len() > 1 {
            let rest = results.split_off(results.len() / 2);
            self.report(steward, lease, results);
            self.report(steward, lease, rest);
        } else {
            self.tell_steward(steward, Message::Report { lease, results });
        }
    }

    fn forget_guest(&mut self, job: JobId) {
        let Some(guest) = self.guests.remove(&job) else {
            return;
        };
        self.outbox.retain(|lease, _| lease.job != job);
        self.preludes.remove(&job);
        self.own.forget(job);
        self.reading.folders.hide(job);
        self.outgoing.forget(job);
        let mine = guest.steward() == self.me || self.keeps(job);
        let (root, store) = (self.staged(job), self.store.clone());
        // Out of the way at once, so that a retry of the job stages into a folder of its own.
        let gone = root.with_extension("gone");
        let gone = if std::fs::rename(&root, &gone).is_ok() { gone } else { root };
        self.beside.spawn(async move {
            let _ = tokio::fs::remove_dir_all(gone).await;
            // On a steward or deputy, pins belong to the job itself.
            if !mine && let Err(error) = store.blobs().unpin_job(job).await {
                tracing::warn!(%error, %job, "inputs of a forgotten job stay pinned");
            }
        });
    }
}

/// Output files in one report: some 150 bytes each keep it well within a frame.
const FILES_PER_REPORT: usize = 300;
