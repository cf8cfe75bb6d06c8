//! Checkpoints of this steward's jobs: brought here as workers name them, and kept until nobody goes on from them.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_api::{EventBody, TasksChanged};
use gridwell_ledger::{Input as LedgerInput, TaskEnd};
use gridwell_model::{
    AttemptEnd, BlobId, Checkpoint, DeputyMessage, JobId, LeaseId, PeerId, Stamp, TaskKey, TaskResult, TaskSpan,
    TaskState,
};

use super::{Core, Fact, steward::Home};
use crate::{clock, transfer::TransferError};

/// Checkpoints of one run that are on their way here.
#[derive(Debug, Default)]
pub(crate) struct Coming {
    blobs: BTreeSet<BlobId>,
    /// How the run ended, not counted before they are here: else its task would begin anew elsewhere.
    ends: Vec<TaskEnd>,
}

/// When checkpoints of a job were kept, in this run of the node.
#[derive(Debug, Default)]
pub(crate) struct Saved {
    /// By the first task of the run.
    at: BTreeMap<TaskKey, Stamp>,
    pub(super) last: Option<Stamp>,
}

impl Core {
    /// A worker names what a run left: it is brought here if it is newer than what is known of that run.
    pub(super) fn bring_checkpoint_home(&mut self, peer: PeerId, lease: LeaseId, checkpoint: Checkpoint) {
        let (job, Checkpoint { blob, size_bytes, tasks, .. }) = (lease.job, checkpoint);
        let Some((step, holder, _)) = self.ledger.lease(lease).filter(|_| self.homes.contains_key(&job)) else {
            return;
        };
        // Who took the job over knows it by name only.
        let known = self.ledger.checkpoints(job, step, tasks).contains(&checkpoint);
        let wanted =
            if known { !self.store.blobs().contains(blob) } else { self.ledger.wants_checkpoint(lease, checkpoint) };
        if holder != peer || !wanted || size_bytes > Checkpoint::MAX_BYTES {
            return;
        }
        if !self.coming.entry((lease, tasks.start)).or_default().blobs.insert(blob) {
            return;
        }
        let transfer = self.transfer.clone();
        self.spawn(async move {
            let brought = async {
                transfer.blobs.pin(job, vec![blob]).await?;
                transfer.bring(blob, size_bytes, job, peer).await
            };
            Fact::CheckpointHome(lease, peer, checkpoint, brought.await)
        });
    }

    /// True if the end of a run is counted once what it left is here.
    pub(super) fn waits_for_checkpoint(&mut self, peer: PeerId, lease: LeaseId, result: &TaskResult) -> bool {
        if let Some(checkpoint) = result.checkpoint.filter(|_| result.end != AttemptEnd::Succeeded) {
            self.bring_checkpoint_home(peer, lease, checkpoint);
        }
        let Some(coming) = self.coming.get_mut(&(lease, result.tasks.start)) else { return false };
        if result.end == AttemptEnd::Succeeded {
            return false;
        }
        let TaskResult { tasks, run_micros, energy, .. } = *result;
        let end = TaskEnd { tasks, end: result.end.clone(), run_micros, energy };
        if !coming.ends.contains(&end) {
            coming.ends.push(end);
        }
        true
    }

    pub(crate) fn on_checkpoint_home(
        &mut self,
        lease: LeaseId,
        peer: PeerId,
        checkpoint: Checkpoint,
        brought: Result<(), TransferError>,
    ) {
        match brought {
            // Its job was removed meanwhile.
            _ if !self.keeps(lease.job) => self.unpin_checkpoint(lease.job, checkpoint.blob),
            Ok(()) => {
                let step = self.ledger.lease(lease).map(|(step, _, _)| step);
                self.tell_ledger(LedgerInput::CheckpointKept { lease, peer, checkpoint });
                if let Some(step) = step {
                    self.note_saved(lease.job, step, peer, checkpoint);
                }
                self.tell_deputies_of(lease.job, |job| copy_of(job, checkpoint));
            }
            Err(error) => {
                tracing::warn!(%error, %lease, "a checkpoint did not come home");
                if !self.ledger.is_checkpoint(lease.job, checkpoint.blob) {
                    self.drop_checkpoint(lease.job, checkpoint.blob);
                }
            }
        }
        let key = (lease, checkpoint.tasks.start);
        let Some(coming) = self.coming.get_mut(&key) else { return };
        coming.blobs.remove(&checkpoint.blob);
        if coming.blobs.is_empty() {
            let ends = self.coming.remove(&key).map(|coming| coming.ends).unwrap_or_default();
            if !ends.is_empty() {
                self.count(lease, peer, ends);
            }
        }
    }

    /// People see since when a run would go on from what it left.
    fn note_saved(&mut self, job: JobId, step: u32, peer: PeerId, checkpoint: Checkpoint) {
        if !self.ledger.checkpoints(job, step, checkpoint.tasks).contains(&checkpoint) {
            return;
        }
        let Some(home) = self.homes.get_mut(&job) else { return };
        let (first, now) = (TaskKey { step, index: checkpoint.tasks.start }, clock::stamp());
        home.saved.last = Some(now);
        home.saved.at.insert(first, now);
        let task = self.ledger.tasks(job, first, 1, |_| true).into_iter().next();
        if task.is_some_and(|task| task.key == first && task.state == TaskState::Running) {
            self.events.tell(EventBody::TasksChanged(TasksChanged {
                job,
                step,
                span: checkpoint.tasks,
                state: TaskState::Running,
                machine: Some(peer),
                exit_code: None,
                reason: String::new(),
                saved_at: Some(now),
            }));
        }
        self.job_changed(job);
    }

    /// When what a task goes on from was kept.
    pub(super) fn saved_at(&self, job: JobId, home: &Home, task: TaskKey) -> Option<Stamp> {
        let run = self.ledger.checkpoints(job, task.step, TaskSpan::new(task.index, task.index + 1));
        home.saved.at.get(&TaskKey { step: task.step, index: run.first()?.tasks.start }).copied()
    }

    /// Who would take a job over gets what its runs go on from.
    pub(super) fn copy_checkpoints(&mut self, to: PeerId, job: JobId) {
        let kept: Vec<_> = self.ledger.all_checkpoints(job).collect();
        kept.into_iter().for_each(|checkpoint| self.tell_deputy(to, copy_of(job, checkpoint)));
    }

    fn tell_deputies_of(&mut self, job: JobId, word: impl Fn(JobId) -> DeputyMessage) {
        let Some(home) = self.homes.get(&job) else { return };
        let able: Vec<_> = self.deputies.of(job).into_iter().filter(|to| home.input_holders.contains(to)).collect();
        able.into_iter().for_each(|to| self.tell_deputy(to, word(job)));
    }

    /// A steward wants bytes kept of a job of which a copy is kept here.
    pub(super) fn keep_copy(&self, from: PeerId, job: JobId, blob: BlobId, size_bytes: u64) {
        let most = self.machines.settings().copies_bytes.min(Checkpoint::MAX_BYTES);
        if self.deputies.steward_of(job) != Some(from) || self.homes.contains_key(&job) || size_bytes > most {
            return;
        }
        let transfer = self.transfer.clone();
        self.beside.spawn(async move {
            let brought = async {
                transfer.blobs.pin(job, vec![blob]).await?;
                transfer.bring(blob, size_bytes, job, from).await
            };
            if let Err(error) = brought.await {
                tracing::debug!(%error, %job, "a checkpoint of another machine's job was not copied");
            }
        });
    }

    pub(super) fn drop_copy(&self, from: PeerId, job: JobId, blob: BlobId) {
        if self.deputies.steward_of(job) == Some(from) && !self.homes.contains_key(&job) {
            self.unpin_checkpoint(job, blob);
        }
    }

    /// Nobody goes on from it any more.
    pub(super) fn drop_checkpoint(&mut self, job: JobId, blob: BlobId) {
        self.tell_deputies_of(job, |job| DeputyMessage::CheckpointGone { job, blob });
        self.unpin_checkpoint(job, blob);
    }

    fn unpin_checkpoint(&self, job: JobId, blob: BlobId) {
        let blobs = self.store.blobs().clone();
        self.beside.spawn(async move {
            if let Err(error) = blobs.unpin(job, blob).await {
                tracing::warn!(%error, %job, "a checkpoint stays that nobody goes on from");
            }
        });
    }
}

fn copy_of(job: JobId, checkpoint: Checkpoint) -> DeputyMessage {
    DeputyMessage::Checkpoint { job, blob: checkpoint.blob, size_bytes: checkpoint.size_bytes }
}
