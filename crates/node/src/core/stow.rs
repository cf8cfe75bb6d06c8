//! Files of a job on a machine that is not its origin: inputs a deputy copies, and results that wait until the origin is back.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_ledger::{Input as LedgerInput, Ledger, Stow, TaskEnd};
use gridwell_model::{
    AttemptEnd, DeputyMessage, Fence, JobId, JobSpec, LeaseId, PeerId, TaskResult, TaskSpan, format_bytes,
};
use gridwell_wire::Message;
use tokio_util::sync::CancellationToken;

use super::{
    Core, Fact,
    gather::bring_inputs,
    landing::{Landed, Landing},
};
use crate::{clock, transfer::TransferError};

/// A job as this machine keeps it for its origin: results land in a folder of the data folder.
pub(super) fn local(spec: &JobSpec, data: &Path) -> JobSpec {
    let root = folder(data, spec.id);
    let place = |at: usize| root.join(at.to_string()).to_string_lossy().into_owned();
    JobSpec { output_folders: (0..spec.output_folders.len()).map(place).collect(), ..spec.clone() }
}

fn folder(data: &Path, job: JobId) -> PathBuf {
    data.join("away").join(job.to_string())
}

impl Core {
    pub(super) fn stow_folder(&self, job: JobId) -> PathBuf {
        folder(&self.data, job)
    }

    /// Results are where they belong: at home, or here for their origin. They count, and the ledger knows where they are.
    pub(super) fn count_landed(&mut self, lease: LeaseId, peer: PeerId, result: TaskResult) {
        let TaskResult { tasks, end, run_micros, energy, outputs, .. } = result;
        let step = self.ledger.lease(lease).map(|(step, ..)| step);
        let away = self.homes.get(&lease.job).is_some_and(|home| home.spec.origin != self.me);
        let good = end == AttemptEnd::Succeeded;
        self.count(lease, peer, vec![TaskEnd { tasks, end, run_micros, energy }]);
        if let Some(step) = step.filter(|_| away && good && !outputs.is_empty()) {
            let blobs = outputs.iter().map(|output| output.blob).collect();
            let store = self.store.clone();
            self.beside.spawn(async move {
                if let Err(error) = store.blobs().pin(lease.job, blobs).await {
                    tracing::warn!(%error, job = %lease.job, "results kept for another machine are not pinned");
                }
            });
            let stow = Stow { step, tasks, peer: self.me, outputs };
            self.tell_ledger(LedgerInput::OutputsStowed { job: lease.job, stow });
        }
    }

    /// Fetches what other machines kept for jobs of this origin, as far as they can be reached.
    pub(crate) fn bring_stowed_home(&mut self) {
        let mine = self.homes.iter().filter(|(_, home)| home.spec.origin == self.me);
        let waiting: Vec<(JobId, Stow)> =
            mine.flat_map(|(job, _)| self.ledger.stowed(*job).map(|stow| (*job, stow.clone()))).collect();
        for (job, stow) in waiting {
            let reachable = self.machines.others().get(&stow.peer).is_some_and(|other| other.online);
            let key = (job, stow.step, stow.tasks.start);
            if (reachable || stow.peer == self.me) && self.copying.coming_home.insert(key) {
                self.fetch_stow(job, stow);
            }
        }
    }

    fn fetch_stow(&self, job: JobId, stow: Stow) {
        let Some(home) = self.homes.get(&job) else { return };
        let Stow { step, tasks, peer, outputs } = stow;
        let landing = Landing {
            transfer: self.transfer.clone(),
            store: self.store.clone(),
            facts: self.facts.clone(),
            spec: Arc::clone(&home.spec),
            plan: Arc::clone(&home.plan),
            works: Arc::clone(&home.works),
            lease: LeaseId { job, fence: Fence::default() },
            step,
            peer,
            result: TaskResult {
                tasks,
                end: AttemptEnd::Succeeded,
                run_micros: 0,
                energy: None,
                outputs,
                checkpoint: None,
            },
            in_the_way: home.in_the_way.subscribe(),
            wanted: CancellationToken::new(),
        };
        self.spawn(landing.fetch());
    }

    pub(crate) fn on_stow_landed(
        &mut self,
        job: JobId,
        step: u32,
        tasks: TaskSpan,
        landed: Result<Landed, TransferError>,
    ) {
        self.copying.coming_home.remove(&(job, step, tasks.start));
        let stow = self.ledger.stowed(job).find(|stow| stow.step == step && stow.tasks == tasks).cloned();
        let (landed, stow) = match (landed, stow) {
            (Ok(landed), Some(stow)) => (landed, stow),
            (Err(error), _) => {
                tracing::warn!(%error, %job, "results that were kept for this machine did not come home");
                return;
            }
            (Ok(_), None) => return,
        };
        self.prove(job, landed.files);
        if landed.held.is_empty() {
            self.tell_ledger(LedgerInput::OutputsLanded { job, step, tasks });
            self.job_changed(job);
        } else if landed.held != stow.outputs {
            self.hold_back(job, step, tasks, landed.held);
        }
        let keeper = stow.peer;
        if keeper != self.me && !self.ledger.stowed(job).any(|stow| stow.peer == keeper) {
            let message = Message::Deputy(Box::new(DeputyMessage::Landed { job }));
            if let Err(error) = self.send(keeper, &message) {
                tracing::debug!(%error, "whoever kept results was not told that they are home");
            }
        }
    }

    /// The origin has everything: what was kept for it may go.
    pub(super) fn forget_stowed(&mut self, from: PeerId, job: JobId) {
        if self.deputies.steward_of(job) != Some(from) || self.homes.contains_key(&job) {
            return;
        }
        let (folder, store) = (self.stow_folder(job), self.store.clone());
        let unpin = !self.deputies.has_copy(job) && !self.guests.contains_key(&job);
        self.beside.spawn(async move {
            if let Err(error) = tokio::fs::remove_dir_all(&folder).await
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, path = %folder.display(), "results kept for another machine were not removed");
            }
            if unpin && let Err(error) = store.blobs().unpin_job(job).await {
                tracing::warn!(%error, %job, "results kept for another machine stay pinned");
            }
        });
    }

    /// Copies the files of every job of which a copy is kept here, if they are not here yet.
    pub(super) fn copy_all_inputs(&mut self) {
        let jobs: Vec<_> = self.deputies.copies().map(|claim| claim.job).collect();
        jobs.into_iter().for_each(|job| self.copy_inputs(job));
    }

    /// Copies the files that a job reads, so that it can go on without the machine they lie on: one after the other.
    pub(super) fn copy_inputs(&mut self, job: JobId) {
        let Some(claim) = self.deputies.copies().find(|claim| claim.job == job) else { return };
        if self.copying.complete.contains(&job) || !self.copying.fetching.insert(job) {
            return;
        }
        let (store, transfer, from) = (self.store.clone(), self.transfer.clone(), claim.steward);
        let limit_bytes = self.machines.settings().copies_bytes;
        self.spawn(async move {
            let copied = async {
                let stored = store.job(job).await.map_err(gridwell_store::BlobError::from)?;
                let Ok((spec, _)) = Ledger::read_copy(job, stored.snapshot.as_deref(), &stored.entries) else {
                    return Err(TransferError::NotWanted);
                };
                let size_bytes = spec.input_bytes();
                if size_bytes > limit_bytes {
                    return Err(TransferError::TooLarge { from, size_bytes, limit_bytes });
                }
                bring_inputs(&transfer, &spec, vec![from]).await
            };
            Fact::InputsCopied(job, copied.await)
        });
    }

    pub(crate) fn on_inputs_copied(&mut self, job: JobId, copied: Result<(), TransferError>) {
        self.copying.fetching.remove(&job);
        if self.homes.contains_key(&job) {
            return self.on_inputs_gathered(job, copied);
        }
        let Some(claim) = self.deputies.copies().find(|claim| claim.job == job) else { return };
        let message = match copied {
            Ok(()) => {
                self.copying.complete.insert(job);
                DeputyMessage::HasInputs { job }
            }
            Err(TransferError::TooLarge { limit_bytes, .. }) => {
                DeputyMessage::TooLarge { job, most_bytes: limit_bytes }
            }
            Err(error) => {
                tracing::debug!(%error, %job, "files of another machine's job were not copied");
                return;
            }
        };
        let message = Message::Deputy(Box::new(message));
        if let Err(error) = self.send(claim.steward, &message) {
            tracing::debug!(%error, "a steward was not told that its files are here");
        }
    }

    /// Whether a job goes on without this machine; else why not, in one sentence.
    pub(super) fn safety(&self, job: JobId) -> Result<(), String> {
        let Some(home) = self.homes.get(&job) else { return Ok(()) };
        if self.ledger.summary(job, clock::now()).is_none_or(|job| job.state.is_ended()) {
            return Ok(());
        }
        // The first deputy takes the job over: what only another one has would not help it.
        let Some(first) = self.deputies.of(job).first().copied() else {
            return Err("no other machine that lends is linked with this one".to_owned());
        };
        if !self.deputies.kept_by(job, 1).contains(&first) {
            return Err(format!("{} does not have a copy of it yet", self.machines.name(first)));
        }
        if home.spec.inputs.is_empty() || home.input_holders.contains(&first) {
            return Ok(());
        }
        let name = self.machines.name(first);
        Err(match home.too_large.get(&first) {
            None => format!("the files it reads are still being copied to {name}"),
            Some(most) => format!(
                "its files, {}, are more than the {} that {name} copies of one job (there: gridwell set copies=SIZE)",
                format_bytes(home.spec.input_bytes()),
                format_bytes(*most)
            ),
        })
    }
}
