//! What ended elsewhere is noted for the next run: a deputy that was away when a job ended is told so after a restart, too.

use gridwell_ledger::DeputyInput;
use gridwell_model::JobId;
use gridwell_store::{EndNote, Store};
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;

use super::Core;
use crate::clock;

/// Notes that may wait for the disk: as many ends as are remembered at all.
const QUEUE: usize = 4_096;
/// Notes in one write.
const AT_ONCE: usize = 1_024;

/// Hands notes to the task that writes them, in their order.
pub(crate) type Ends = mpsc::Sender<EndNote>;

/// Starts that task.
pub(crate) fn ends(store: Store, beside: &TaskTracker) -> Ends {
    let (notes, mut inlet) = mpsc::channel(QUEUE);
    beside.spawn(async move {
        let mut batch = Vec::new();
        while inlet.recv_many(&mut batch, AT_ONCE).await > 0 {
            if let Err(error) = store.note_ends(std::mem::take(&mut batch)).await {
                tracing::warn!(%error, "that jobs have ended is not noted for the next start");
            }
        }
    });
    notes
}

impl Core {
    pub(super) fn note_end(&self, note: EndNote) {
        if self.ends.try_send(note).is_err() {
            tracing::warn!("the disk is too slow to note which jobs have ended");
        }
    }

    /// What the last run noted.
    pub(crate) fn find_ends(&mut self, ends: Vec<(JobId, u64)>) {
        for (job, number) in ends {
            self.deputies.handle(DeputyInput::EndFound { job, number }, clock::now());
        }
    }
}
