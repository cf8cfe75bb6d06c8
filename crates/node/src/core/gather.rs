//! Files of jobs that this machine took over before it had them: whoever can be reached may have them.

use std::{sync::Arc, time::Duration};

use gridwell_model::{JobId, JobSpec, PeerId};

use super::{Core, Fact};
use crate::{
    clock,
    transfer::{Transfer, TransferError},
};

/// Machines that are asked for a job's files in one round: those that run it or keep copies come first, and few others have them.
const MOST_ASKED: usize = 64;

/// Wait before all are asked again: one that did not know yet whose the job is, or was busy, has got over it by then.
const ASK_AGAIN: Duration = Duration::from_secs(10);

impl Core {
    /// Looks for the files of every job that waits for them here.
    pub(super) fn gather_inputs(&mut self) {
        self.copying.gather_at = None;
        let waiting: Vec<_> = self
            .homes
            .iter()
            .filter(|(_, home)| !home.has_inputs)
            .map(|(job, home)| (*job, Arc::clone(&home.spec)))
            .collect();
        for (job, spec) in waiting {
            let ended = self.ledger.summary(job, clock::now()).is_none_or(|job| job.state.is_ended());
            if !ended && self.copying.fetching.insert(job) {
                let (transfer, from) = (self.transfer.clone(), self.likely_holders(job));
                self.spawn(async move { Fact::InputsCopied(job, bring_inputs(&transfer, &spec, from).await) });
            }
        }
    }

    /// Machines that can be reached: first those that run the job, then those that keep copies of it, then all others.
    fn likely_holders(&self, job: JobId) -> Vec<PeerId> {
        let online = |peer: &PeerId| self.machines.others().get(peer).is_some_and(|other| other.online);
        let run = self.live.iter().filter(|(lease, _)| lease.job == job).map(|(_, live)| live.peer);
        let likely = run.chain(self.deputies.of(job)).chain(self.machines.others().keys().copied());
        let mut holders: Vec<PeerId> = Vec::new();
        for peer in likely.filter(online) {
            if holders.len() < MOST_ASKED && !holders.contains(&peer) {
                holders.push(peer);
            }
        }
        holders
    }

    /// What came of looking for the files of a job of which this machine is steward.
    pub(super) fn on_inputs_gathered(&mut self, job: JobId, gathered: Result<(), TransferError>) {
        let Some(home) = self.homes.get_mut(&job).filter(|home| !home.has_inputs) else { return };
        if let Err(error) = gathered {
            tracing::debug!(%error, %job, "nobody that can be reached has all files of a job that was taken over");
            self.copying.gather_at.get_or_insert_with(|| clock::now() + ASK_AGAIN);
            return;
        }
        tracing::info!(%job, "the files of a job that was taken over are here: it goes on");
        home.has_inputs = true;
        self.ledger.tell_again(job);
        self.job_changed(job);
    }
}

/// Brings all files that a job reads, each from the first machine that has it.
pub(super) async fn bring_inputs(
    transfer: &Transfer,
    spec: &JobSpec,
    mut from: Vec<PeerId>,
) -> Result<(), TransferError> {
    transfer.blobs.pin(spec.id, spec.inputs.iter().map(|input| input.blob).collect()).await?;
    for input in &spec.inputs {
        transfer.bring_from_any(input.blob, input.size_bytes, spec.id, &mut from).await?;
    }
    Ok(())
}
