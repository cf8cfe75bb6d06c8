//! Results on their way home: brought, written down, counted.

use std::{
    collections::BTreeSet,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use gridwell_api::InTheWay;
use gridwell_job::JobPlan;
use gridwell_model::{JobSpec, LeaseId, OutputFile, PeerId, TaskKey, TaskResult};
use gridwell_store::{LandedFile, Store};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{Fact, results, steward::sentence, words};
use crate::{
    clock,
    reuse::Works,
    transfer::{Home, Homecoming, Transfer, TransferError, place_in},
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
    /// What happens to files in the way, as people wish now.
    pub(super) in_the_way: watch::Receiver<InTheWay>,
    /// Cancelled when the lease ends.
    pub(super) wanted: CancellationToken,
}

/// What became of a run's results.
#[derive(Debug)]
pub(crate) struct Landed {
    /// What lies at home now, as it was written down.
    pub(crate) files: Vec<LandedFile>,
    /// What waits at the origin, because other files are in the way.
    pub(crate) held: Vec<OutputFile>,
}

impl Landing {
    /// Brings the results home. What may pass (a full disk, a broken link) is waited for while the lease lives: the worker
    /// holds the results and renews, and nobody renders anything again.
    pub(super) async fn run(mut self) -> Fact {
        // A later step would read what is in the way instead of them: its results must be home before it starts.
        let step = self.step;
        let awaited = self.spec.steps.iter().any(|other| other.after.iter().any(|edge| edge.step == step));
        let landed = match self.land(awaited).await {
            Ok(home) => {
                let landed = self.write_down(&home, true).await;
                self.result.outputs = home.landed;
                Ok(landed)
            }
            Err(error) => Err(error),
        };
        Fact::Landed(self.lease, self.peer, self.result, landed)
    }

    /// The same for results that were counted already: kept elsewhere for this origin, or here because files were in the way.
    pub(super) async fn fetch(mut self) -> Fact {
        let landed = match self.land(false).await {
            // What waited here is only a part of what its task made.
            Ok(home) => Ok(self.write_down(&home, self.peer != self.transfer.me).await),
            Err(error) => Err(error),
        };
        Fact::StowLanded(self.lease.job, self.step, self.result.tasks, landed)
    }

    async fn land(&mut self, awaited: bool) -> Result<Home, TransferError> {
        let mut wait = FIRST_WAIT;
        loop {
            let in_the_way = match *self.in_the_way.borrow_and_update() {
                InTheWay::Beside if awaited => InTheWay::Keep,
                wish => wish,
            };
            let (store, spec, wanted) = (&self.store, &self.spec, &self.wanted);
            let coming = Homecoming { store, spec, from: self.peer, in_the_way, wanted };
            let (why, held) = match self.transfer.bring_home(coming, &self.result.outputs).await {
                Ok(home) if home.held.is_empty() => return Ok(home),
                Ok(_) if self.in_the_way.has_changed().unwrap_or(false) => continue,
                Ok(home) if awaited => (words::in_the_way(&self.spec, &home.held), home.held),
                Err(error) if error.may_pass() => {
                    tracing::warn!(%error, job = %self.lease.job, "results wait to be brought home");
                    (sentence(&error), Vec::new())
                }
                landed => return landed,
            };
            if wait == FIRST_WAIT {
                // The loop has stopped: nobody needs the notice.
                let _ = self.facts.send(Fact::LandingWaits(self.lease, self.result.tasks.start, why, held)).await;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => wait = (wait * 2).min(LONGEST_WAIT),
                Ok(()) = self.in_the_way.changed() => {}
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

    /// Writes down what landed, before its tasks are counted: whoever sees a task done finds its files. `whole` says that these are all
    /// that the run made.
    async fn write_down(&self, home: &Home, whole: bool) -> Landed {
        let makers = results::Makers::of(&self.plan, self.step, self.result.tasks);
        let files: Vec<_> = home.landed.iter().map(|file| (makers.of_file(&file.path), file.clone())).collect();
        // What a chunk made together cannot be used again for a part of it, and neither can half of what a task made.
        let tasks: BTreeSet<_> = files.iter().map(|(task, _)| *task).collect();
        if whole && home.held.is_empty() && !home.renamed && tasks.len() == self.result.tasks.len() as usize {
            self.remember(files.iter().cloned()).await;
        }
        let landed = clock::stamp();
        let files: Vec<_> =
            files.into_iter().map(|(task, file)| (results::landed_of(&file, task, landed), file)).collect();
        write_down(&self.store, &self.spec, &files).await;
        Landed { files: files.into_iter().map(|(landed, _)| landed).collect(), held: home.held.clone() }
    }
}

/// Writes down files at home: as results of their job, and as what a later job may replace.
pub(crate) async fn write_down(store: &Store, spec: &JobSpec, files: &[(LandedFile, OutputFile)]) {
    let place = |(_, file): &(LandedFile, OutputFile)| {
        let folder = spec.output_folders.get(file.folder as usize)?;
        Some((place_in(Path::new(folder), &file.path), file.blob))
    };
    if let Err(error) = store.keep_landed(files.iter().filter_map(place).collect()).await {
        tracing::warn!(%error, job = %spec.id, "it is not remembered what landed where; later jobs leave it there");
    }
    let files = files.iter().map(|(landed, _)| landed.clone()).collect();
    if let Err(error) = store.record_landed(spec.id, files).await {
        tracing::warn!(%error, job = %spec.id, "files that landed are not listed");
    }
}
