//! Results on their way home: brought, written down, counted.

use std::{
    collections::BTreeSet,
    sync::{Arc, OnceLock},
    time::Duration,
};

use gridwell_job::JobPlan;
use gridwell_model::{JobSpec, LeaseId, OutputFile, PeerId, TaskKey, TaskResult};
use gridwell_store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Fact, results, steward::sentence};
use crate::{
    clock,
    reuse::Works,
    transfer::{Transfer, TransferError},
};

/// Waits between tries to bring results home.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// One run's results on their way home.
pub(super) struct Landing {
    pub(super) transfer: Transfer,
    pub(super) store: Store,
    pub(super) facts: mpsc::Sender<Fact>,
    pub(super) spec: Arc<JobSpec>,
    pub(super) plan: Arc<JobPlan>,
    /// What its tasks are, once that was asked.
    pub(super) works: Arc<OnceLock<Option<Works>>>,
    pub(super) lease: LeaseId,
    pub(super) step: u32,
    pub(super) peer: PeerId,
    pub(super) result: TaskResult,
    /// Cancelled when the lease ends.
    pub(super) wanted: CancellationToken,
}

impl Landing {
    /// Brings the results home. What may pass (a full disk, a broken link) is waited for while the lease lives: the worker
    /// holds the results and renews, and nobody renders anything again.
    pub(super) async fn run(mut self) -> Fact {
        let landed = match self.land().await {
            Ok(files) => {
                self.write_down(files.clone()).await;
                self.result.outputs = files;
                Ok(())
            }
            Err(error) => Err(error),
        };
        Fact::Landed(self.lease, self.peer, self.result, landed)
    }

    /// The same for results that were counted elsewhere and kept for this origin.
    pub(super) async fn fetch(self) -> Fact {
        let landed = match self.land().await {
            Ok(files) => {
                self.write_down(files).await;
                Ok(())
            }
            Err(error) => Err(error),
        };
        Fact::StowLanded(self.lease.job, self.step, self.result.tasks, landed)
    }

    async fn land(&self) -> Result<Vec<OutputFile>, TransferError> {
        let mut wait = FIRST_WAIT;
        loop {
            match self.transfer.bring_home(&self.spec, &self.result.outputs, self.peer, &self.wanted).await {
                Err(error) if error.may_pass() => {
                    tracing::warn!(%error, job = %self.lease.job, "results wait to be brought home");
                    if wait == FIRST_WAIT {
                        // The loop has stopped: nobody needs the notice.
                        let _ = self.facts.send(Fact::LandingWaits(self.lease.job, sentence(&error))).await;
                    }
                }
                landed => return landed,
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                () = self.wanted.cancelled() => return Err(TransferError::NotWanted),
                () = self.facts.closed() => return Err(TransferError::NotWanted),
            }
        }
    }

    /// Remembers at home what was made of what, for later jobs.
    async fn remember(&self, files: impl Iterator<Item = (TaskKey, OutputFile)> + Send) {
        if self.spec.origin != self.transfer.me {
            return;
        }
        let (works, spec, plan) = (Arc::clone(&self.works), Arc::clone(&self.spec), Arc::clone(&self.plan));
        // What tasks are is found out once for a job: it takes up to some seconds.
        let known = tokio::task::spawn_blocking(move || {
            works.get_or_init(|| Works::of(&spec, &plan));
            works
        });
        let Ok(works) = known.await else { return };
        let made = works
            .get()
            .and_then(Option::as_ref)
            .map(|works| works.made(&self.spec.output_folders, files))
            .unwrap_or_default();
        if let Err(error) = self.store.keep_made(made).await {
            tracing::warn!(%error, job = %self.lease.job, "what was made of what is not remembered");
        }
    }

    /// Writes down what landed, before its tasks are counted: whoever sees a task done finds its files.
    async fn write_down(&self, files: Vec<OutputFile>) {
        let makers = results::Makers::of(&self.plan, self.step, self.result.tasks);
        let files: Vec<_> = files.into_iter().map(|file| (makers.of_file(&file.path), file)).collect();
        // What a chunk made together cannot be used again for a part of it.
        let tasks: BTreeSet<_> = files.iter().map(|(task, _)| *task).collect();
        if tasks.len() == self.result.tasks.len() as usize {
            self.remember(files.iter().cloned()).await;
        }
        let landed = clock::stamp();
        let files = files.into_iter().map(|(task, file)| results::landed_of(file, task, landed)).collect();
        if let Err(error) = self.store.record_landed(self.lease.job, files).await {
            tracing::warn!(%error, job = %self.lease.job, "files that landed are not listed");
        }
    }
}
