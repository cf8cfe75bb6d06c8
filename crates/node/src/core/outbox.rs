//! Outputs of tasks that ran here, kept until their steward has settled them.

use std::sync::Arc;

use gridwell_model::{BlobId, JobId, LeaseId, PeerId, TaskSpan};
use gridwell_store::BlobHold;
use gridwell_worker::{Input, SessionId};

use super::{Core, Fact, steward::sentence};
use crate::{
    clock,
    transfer::{CollectError, Collected},
};

/// What one run left, its outputs or a checkpoint, held until the steward has settled it.
pub(crate) struct Held {
    pub(super) tasks: TaskSpan,
    pub(super) blobs: Vec<BlobHold>,
}

impl Core {
    pub(super) fn collect(&self, id: SessionId, lease: LeaseId, run: TaskSpan) {
        let Some((session, guest)) =
            self.sessions.get(&id).and_then(|session| Some((session, self.guests.get(&session.job)?)))
        else {
            let gone = CollectError::Gone { reason: "its session is gone".to_owned() };
            self.spawn(async move { Fact::Collected(lease, run, Err(gone)) });
            return;
        };
        let (transfer, spec, place) = (self.transfer.clone(), Arc::clone(&guest.spec), session.place.clone());
        self.spawn(async move { Fact::Collected(lease, run, transfer.collect(&spec, &place).await) });
    }

    pub(crate) fn on_collected(&mut self, lease: LeaseId, run: TaskSpan, result: Result<Collected, CollectError>) {
        let input = match result {
            Ok(Collected { outputs, blobs }) => {
                self.outbox.entry(lease).or_default().push(Held { tasks: run, blobs });
                Input::OutputsReady { lease, run, outputs }
            }
            Err(error) => Input::OutputsFailed { lease, run, reason: sentence(&error) },
        };
        self.worker.handle(input, clock::now());
    }

    /// Lets outputs go that nobody waits for any more.
    pub(super) fn drop_outputs(&mut self, lease: LeaseId, tasks: &[TaskSpan]) {
        let Some(held) = self.outbox.get_mut(&lease) else {
            return;
        };
        let covers = |span: TaskSpan| tasks.iter().any(|all| all.start <= span.start && span.end <= all.end);
        let gone: Vec<Held> = held.extract_if(.., |held| covers(held.tasks)).collect();
        if held.is_empty() {
            self.outbox.remove(&lease);
        }
        let store = self.store.blobs().clone();
        self.beside.spawn(async move {
            for hold in gone.into_iter().flat_map(|held| held.blobs) {
                if let Err(error) = store.discard(hold).await {
                    tracing::warn!(%error, "an output was not dropped");
                }
            }
        });
    }

    /// True if `peer` is the steward of a lease whose outputs have these bytes.
    pub(crate) fn holds_for(&self, peer: PeerId, job: JobId, blob: BlobId) -> bool {
        self.guests.get(&job).is_some_and(|guest| guest.steward() == peer)
            && self.outbox.iter().any(|(lease, held)| {
                lease.job == job && held.iter().flat_map(|held| &held.blobs).any(|hold| hold.blob() == blob)
            })
    }
}
