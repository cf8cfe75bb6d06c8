//! What another attempt at a run goes on from.

use gridwell_model::{BlobId, Checkpoint, Fence, TaskKey, TaskSpan};
use serde::{Deserialize, Serialize};

use crate::{job::Job, notes::Notes};

/// A checkpoint that the steward keeps, and the lease under which it was left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    fence: Fence,
    pub(crate) checkpoint: Checkpoint,
}

impl Kept {
    const fn age(&self) -> (Fence, u32) {
        (self.fence, self.checkpoint.number)
    }
}

impl Job {
    /// True if a checkpoint counts: its run is with that lease, and what is kept of it is older.
    pub(crate) fn wants_checkpoint(&self, fence: Fence, checkpoint: Checkpoint) -> bool {
        let Some(lease) = self.leases.get(&fence) else { return false };
        let run = checkpoint.tasks;
        let covers = |left: &TaskSpan| left.start <= run.start && run.end <= left.end;
        let new = Kept { fence, checkpoint };
        !run.is_empty()
            && lease.left.spans().iter().any(covers)
            && self.checkpoints_in(lease.step, run).all(|(_, kept)| kept.age() < new.age())
    }

    /// Keeps a checkpoint in place of what was kept of its tasks.
    pub(super) fn keep_checkpoint(&mut self, fence: Fence, checkpoint: Checkpoint, notes: &mut Notes) {
        let Some(step) = self.leases.get(&fence).map(|lease| lease.step) else { return };
        self.drop_checkpoints(step, checkpoint.tasks, notes);
        let key = TaskKey { step, index: checkpoint.tasks.start };
        self.checkpoints.insert(key, Kept { fence, checkpoint });
        notes.dropped.retain(|blob| *blob != checkpoint.blob);
    }

    /// Nobody goes on from what is kept of these tasks.
    pub(super) fn drop_checkpoints(&mut self, step: u32, tasks: TaskSpan, notes: &mut Notes) {
        let gone: Vec<TaskKey> = self.checkpoints_in(step, tasks).map(|(key, _)| key).collect();
        for key in gone {
            let Some(Kept { checkpoint, .. }) = self.checkpoints.remove(&key) else { continue };
            if !self.keeps_blob(checkpoint.blob) {
                notes.dropped.push(checkpoint.blob);
            }
        }
    }

    /// The program failed by its own doing: if it left nothing newer than what it had begun with, that may be why.
    pub(super) fn doubt_checkpoint(&mut self, step: u32, index: u32, notes: &mut Notes) {
        let task = TaskSpan::new(index, index + 1);
        let fence = self.record(step, index).fence;
        if self.checkpoints_in(step, task).any(|(_, kept)| kept.fence != fence) {
            self.drop_checkpoints(step, task, notes);
        }
    }

    /// What is kept of some tasks. No two of them have a task in common.
    pub(crate) fn checkpoints_in(&self, step: u32, tasks: TaskSpan) -> impl Iterator<Item = (TaskKey, &Kept)> {
        let key = |index| TaskKey { step, index };
        let first = self.checkpoints.range(key(0)..key(tasks.start)).next_back();
        let first = first.filter(move |(_, kept)| kept.checkpoint.tasks.end > tasks.start);
        let rest = self.checkpoints.range(key(tasks.start)..key(tasks.end.max(tasks.start)));
        first.into_iter().chain(rest).map(|(key, kept)| (*key, kept))
    }

    pub(crate) fn all_checkpoints(&self) -> impl Iterator<Item = Checkpoint> {
        self.checkpoints.values().map(|kept| kept.checkpoint)
    }

    /// True if some checkpoint is kept in this blob: two may be the same, byte for byte.
    pub(crate) fn keeps_blob(&self, blob: BlobId) -> bool {
        self.checkpoints.values().any(|kept| kept.checkpoint.blob == blob)
    }

    /// False if what is kept contradicts itself or the job.
    pub(super) fn has_sound_checkpoints(&self) -> bool {
        let mut end = TaskKey { step: 0, index: 0 };
        self.checkpoints.iter().all(|(key, kept)| {
            let run = kept.checkpoint.tasks;
            let apart = *key >= end;
            end = TaskKey { step: key.step, index: run.end };
            apart && key.index == run.start && self.has_tasks(key.step, run)
        })
    }
}
