//! Copies of jobs: what the engine of deputies wishes, and what is said between stewards and deputies.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{Response, SubmittedView};
use gridwell_ledger::{DeputyEffect, DeputyInput, Ledger};
use gridwell_model::{BlobId, Body, Claim, DeputyMessage, JobId, PeerId, Role, Stamp, Time};
use gridwell_store::{BlobHold, EndNote};
use gridwell_wire::{Announcement, Message};

use super::{Core, Fact, facts::Reply, handing::Following, journal::Wish, steward::sentence};
use crate::{
    clock,
    transfer::{Transfer, TransferError},
};

/// How long a submission waits until a deputy has it too; then it is acknowledged without.
const COPY_PATIENCE: Duration = Duration::from_secs(2);
/// How long somebody who hands jobs over waits for others to have them.
pub(super) const HAND_OVER_PATIENCE: Duration = Duration::from_secs(20);

/// Largest job that is taken as a copy, in bytes: a million tasks that ended each in its own way.
const MAX_COPY_BYTES: u64 = 64 * 1024 * 1024;

/// Bits of an epoch that tell peers apart.
const TAG_BITS: u32 = 12;

/// The epoch of a node's start number `counter`: no other machine that may be deputy beside it grants under the same one.
pub(crate) fn epoch_of(counter: u32, peer: PeerId) -> u32 {
    counter << TAG_BITS | tag(peer)
}

fn tag(peer: PeerId) -> u32 {
    u32::from(u16::from_le_bytes([peer.0[0], peer.0[1]])) & ((1 << TAG_BITS) - 1)
}

/// What lies between the engine of deputies and the hands.
#[derive(Default)]
pub(crate) struct Copying {
    /// Number of this node's starts and successions.
    pub(crate) epochs: u32,
    /// What was known of jobs when they were given up, until their steward knows it too.
    pub(super) ceded: BTreeMap<JobId, Vec<u8>>,
    /// Whole jobs that others fetch as blobs.
    bodies: BTreeMap<JobId, BlobHold>,
    /// Jobs whose inputs are being copied here.
    pub(super) fetching: BTreeSet<JobId>,
    /// Logs that follow their jobs.
    pub(super) logs: Following,
    /// When the last of what is kept of each job came.
    pub(super) heard: BTreeMap<JobId, Stamp>,
    /// When others are asked again for inputs that nobody had.
    pub(super) gather_at: Option<Time>,
    /// Jobs whose inputs are all here.
    pub(super) complete: BTreeSet<JobId>,
    /// Results that others kept, on their way home: job, step, first task.
    pub(super) coming_home: BTreeSet<(JobId, u32, u32)>,
    waiting: Vec<Waiting>,
}

/// Somebody who is answered once jobs lie elsewhere too, or at a time.
struct Waiting {
    jobs: Vec<JobId>,
    until: Time,
    what: Awaited,
}

enum Awaited {
    /// A copy of each.
    Copies { warnings: Vec<String>, reply: Reply },
    /// Another steward for each.
    Stewards { reply: Reply },
}

impl Copying {
    /// Nothing is under way yet in this start, which is the node's `epochs`th.
    pub(crate) fn started(epochs: u32, logs: Following) -> Self {
        Self { epochs, logs, ..Self::default() }
    }

    pub(crate) fn due(&self) -> Option<Time> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }
}

impl Core {
    pub(crate) fn carry_deputy(&mut self, effect: DeputyEffect) {
        match effect {
            DeputyEffect::Tell { to, message } => self.tell_deputy(to, message),
            DeputyEffect::SendWhole { to, claim, stream, rank } => self.send_whole(to, claim, stream, rank),
            DeputyEffect::KeepWhole { from, claim, stream, number, body } => {
                self.keep_whole(from, claim, stream, number, body);
            }
            DeputyEffect::KeepEntries { job, stream, number, entries } => {
                let store = self.store.clone();
                self.spawn(async move {
                    let entries = entries.into_iter().map(|entry| (job, entry)).collect();
                    let kept = store.append(entries, gridwell_store::Durability::Synced).await;
                    Fact::CopyKept(job, stream, kept.map(|_| number).map_err(|error| sentence(&error)))
                });
            }
            DeputyEffect::Forget { job } => self.forget_copy(job),
            DeputyEffect::NoteEnd { job, number } => self.note_end(EndNote::Ended { job, entry: number }),
            DeputyEffect::ForgetEnd { job } => self.note_end(EndNote::Forgotten { job }),
            DeputyEffect::TakeOver { claim } => self.take_over(claim),
            DeputyEffect::StepDown { claim } => self.step_down(claim),
            // Behind everything that is still to be written of it: what the steward sends then replaces that.
            DeputyEffect::SendMerge { to, job } => {
                while let Some(effect) = self.ledger.poll_effect() {
                    self.journal.wish(effect);
                }
                self.journal.then(Wish::Merge(to, job));
            }
            DeputyEffect::TakeIn { from, job, body } => self.take_in(from, job, body),
            DeputyEffect::Follow { claim } => self.follow(claim),
            DeputyEffect::SafetyChanged { job } => {
                self.job_changed(job);
                self.answer_waiting();
            }
        }
    }

    pub(super) fn tell_deputy(&mut self, to: PeerId, message: DeputyMessage) {
        let entries_of = match &message {
            DeputyMessage::Entries { job, .. } => Some(*job),
            _ => None,
        };
        if let Err(error) = self.send(to, &Message::Deputy(Box::new(message))) {
            tracing::debug!(%error, machine = to.short(), "a word about copies was not sent");
            if let Some(job) = entries_of {
                self.deputies.handle(DeputyInput::NotSent { to, job }, clock::now());
            }
        }
    }

    pub(crate) fn on_deputy_message(&mut self, from: PeerId, message: DeputyMessage) {
        if !self.may(from, Role::Run) {
            tracing::debug!(
                machine = from.short(),
                "a word about copies from a machine whose jobs may not run elsewhere"
            );
            return;
        }
        match message {
            DeputyMessage::HasInputs { job } => {
                if self.deputies.of(job).contains(&from)
                    && let Some(home) = self.homes.get_mut(&job)
                {
                    home.too_large.remove(&from);
                    home.input_holders.insert(from);
                    self.job_changed(job);
                    self.copy_checkpoints(from, job);
                }
            }
            DeputyMessage::TooLarge { job, most_bytes } => {
                if self.deputies.of(job).contains(&from)
                    && let Some(home) = self.homes.get_mut(&job)
                {
                    home.too_large.insert(from, most_bytes);
                    self.job_changed(job);
                }
            }
            DeputyMessage::Checkpoint { job, blob, size_bytes } => self.keep_copy(from, job, blob, size_bytes),
            DeputyMessage::CheckpointGone { job, blob } => self.drop_copy(from, job, blob),
            DeputyMessage::Landed { job } => self.forget_stowed(from, job),
            message => self.deputies.handle(DeputyInput::Heard { from, message }, clock::now()),
        }
    }

    /// Whoever ran a job knows from now on that it has ended: a deputy that missed it may ask there.
    pub(super) fn tell_over(&mut self, peer: PeerId, job: JobId) {
        if let Some((_, number)) = self.ledger.claim(job).filter(|_| peer != self.me) {
            self.tell_deputy(peer, DeputyMessage::Over(vec![(job, number)]));
        }
    }

    /// Whether a machine may keep copies: it lends something, may have jobs run elsewhere, and nobody else's epochs look like its
    /// own.
    pub(crate) fn rate_deputy(&mut self, peer: PeerId, announced: &Announcement) {
        let alike = self.members().filter(|other| tag(*other) == tag(peer)).count();
        let lends = announced.lends.cpus > 0.0 && alike == 1 && self.may(peer, Role::Run);
        self.deputies.handle(DeputyInput::PeerRated { peer, lends }, clock::now());
    }

    /// Entries of jobs of this machine are written: those who keep copies get them.
    pub(crate) fn copy_written(&mut self, entries: Vec<(JobId, u64, Vec<u8>)>) {
        let mut by_job = BTreeMap::<JobId, (u64, Vec<Vec<u8>>)>::new();
        for (job, number, entry) in entries {
            by_job.entry(job).or_insert_with(|| (number, Vec::new())).1.push(entry);
        }
        for (job, (first, entries)) in by_job {
            self.deputies.handle(DeputyInput::Written { job, first, entries }, clock::now());
        }
    }

    /// Tells the engine where a job of this machine stands.
    pub(crate) fn copies_follow(&mut self, job: JobId) {
        if let Some(input) = opened(&self.ledger, job) {
            self.deputies.handle(input, clock::now());
        }
    }

    fn send_whole(&mut self, to: PeerId, claim: Claim, stream: u64, rank: u8) {
        let job = claim.job;
        let (Some(bytes), Some((_, number))) = (self.ledger.snapshot(job), self.ledger.claim(job)) else {
            return;
        };
        if let Some(home) = self.homes.get_mut(&job) {
            home.input_holders.remove(&to);
            home.too_large.remove(&to);
        }
        self.send_body(to, job, bytes, move |body| DeputyMessage::Whole { claim, stream, rank, number, body });
    }

    /// Sends records of a job: in the message if they are small, else as a blob that the receiver fetches.
    pub(super) fn send_body(
        &mut self,
        to: PeerId,
        job: JobId,
        bytes: Vec<u8>,
        message: impl FnOnce(Body) -> DeputyMessage + Send + 'static,
    ) {
        if bytes.len() <= DeputyMessage::MAX_INLINE_BYTES {
            return self.tell_deputy(to, message(Body::Here(bytes)));
        }
        let (size_bytes, blobs) = (bytes.len() as u64, self.store.blobs().clone());
        let blob = BlobId::of(&bytes);
        self.copying.bodies.insert(job, blobs.hold(blob));
        self.spawn(async move {
            let stored = blobs.put(bytes).await;
            let message = stored.map(|_| Box::new(message(Body::Blob { blob, size_bytes })));
            Fact::BodyStored(to, job, message.map_err(|error| sentence(&error)))
        });
    }

    /// Records of a job lie here as a blob: whoever is to fetch them hears so, on its link or over those of others.
    pub(crate) fn on_body_stored(&mut self, to: PeerId, job: JobId, message: Result<Box<DeputyMessage>, String>) {
        match message {
            Ok(message) => self.tell_deputy(to, *message),
            Err(why) => tracing::warn!(why, %job, "a copy of a job was not made"),
        }
    }

    /// True if `peer` may read these bytes as the job's deputy, its steward, or the origin whose results are kept here.
    pub(crate) fn copies_to(&self, peer: PeerId, job: JobId, blob: BlobId) -> bool {
        let concerned = self.deputies.steward_of(job) == Some(peer) || self.deputies.of(job).contains(&peer);
        let body = self.copying.bodies.get(&job).is_some_and(|hold| hold.blob() == blob);
        concerned && (body || self.store.blobs().pins(job, blob))
    }

    fn keep_whole(&mut self, from: PeerId, claim: Claim, stream: u64, number: u64, body: Body) {
        self.copying.complete.remove(&claim.job);
        let (store, transfer, job) = (self.store.clone(), self.transfer.clone(), claim.job);
        self.spawn(async move {
            let kept = async {
                let bytes = read_body(&transfer, job, from, body).await.map_err(|error| sentence(&error))?;
                Ledger::read_copy(job, Some(&bytes), &[]).map_err(|error| error.to_string())?;
                store.put_copy(job, bytes).await.map_err(|error| sentence(&error))
            };
            Fact::CopyKept(job, stream, kept.await.map(|()| number))
        });
    }

    pub(crate) fn on_copy_kept(&mut self, job: JobId, stream: u64, kept: Result<u64, String>) {
        let input = match kept {
            Ok(number) => {
                self.copying.heard.insert(job, clock::stamp());
                DeputyInput::PartKept { job, stream, number }
            }
            Err(why) => {
                tracing::warn!(why, %job, "a copy of another machine's job was not kept");
                DeputyInput::PartLost { job, stream }
            }
        };
        self.deputies.handle(input, clock::now());
        self.copy_inputs(job);
    }

    /// True if something of the job is kept here for its own sake: it is this machine's, a copy, or results of it wait here.
    pub(crate) fn keeps(&self, job: JobId) -> bool {
        self.homes.contains_key(&job) || self.deputies.has_copy(job) || self.stow_folder(job).exists()
    }

    fn forget_copy(&mut self, job: JobId) {
        self.copying.heard.remove(&job);
        self.copying.complete.remove(&job);
        self.copying.ceded.remove(&job);
        let (store, unpin) = (self.store.clone(), !self.keeps(job) && !self.guests.contains_key(&job));
        self.spawn(async move {
            if let Err(error) = store.remove_copy(job).await {
                tracing::warn!(%error, %job, "a copy of another machine's job was not removed");
            }
            if unpin && let Err(error) = store.blobs().unpin_job(job).await {
                tracing::warn!(%error, %job, "files of another machine's job stay pinned");
            }
            Fact::CopyForgotten(job)
        });
    }

    /// Answers a submission once every job of it lies on another disk too, if anybody is there to have it.
    pub(super) fn answer_when_copied(&mut self, jobs: Vec<JobId>, warnings: Vec<String>, reply: Reply) {
        let until = clock::now() + COPY_PATIENCE;
        self.copying.waiting.push(Waiting { jobs, until, what: Awaited::Copies { warnings, reply } });
        self.answer_waiting();
    }

    /// Answers whoever hands jobs over once others are their stewards.
    pub(super) fn answer_when_handed_over(&mut self, jobs: Vec<JobId>, reply: Reply) {
        let until = clock::now() + HAND_OVER_PATIENCE;
        self.copying.waiting.push(Waiting { jobs, until, what: Awaited::Stewards { reply } });
        self.answer_waiting();
    }

    pub(crate) fn answer_waiting(&mut self) {
        let now = clock::now();
        let waiting = std::mem::take(&mut self.copying.waiting);
        let (ready, waiting): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|waiting| {
            let is_done = |job: &JobId| match waiting.what {
                Awaited::Copies { .. } => self.is_copied(*job) || self.deputies.of(*job).is_empty(),
                Awaited::Stewards { .. } => !self.homes.contains_key(job),
            };
            waiting.until <= now || waiting.jobs.iter().all(is_done)
        });
        self.copying.waiting = waiting;
        for Waiting { jobs, what, .. } in ready {
            match what {
                Awaited::Copies { warnings, reply } => {
                    let jobs = jobs.iter().filter_map(|job| self.job_view(*job)).collect();
                    let _gone = reply.send(Ok(Response::Submitted(SubmittedView { jobs, warnings })));
                }
                Awaited::Stewards { reply } => {
                    let _gone = reply.send(self.handed_over(&jobs));
                }
            }
        }
    }

    /// True if a deputy has the job on its disk, at least as it was submitted.
    pub(super) fn is_copied(&self, job: JobId) -> bool {
        !self.deputies.kept_by(job, 1).is_empty()
    }
}

/// What the engine is told of a job of this machine.
pub(super) fn opened(ledger: &Ledger, job: JobId) -> Option<DeputyInput> {
    let (claim, number) = ledger.claim(job)?;
    let ended = ledger.summary(job, clock::now())?.state.is_ended();
    Some(DeputyInput::JobOpened { claim, number, ended })
}

/// Reads records of a job from a message or, if they are large, from its sender.
pub(super) async fn read_body(
    transfer: &Transfer,
    job: JobId,
    from: PeerId,
    body: Body,
) -> Result<Vec<u8>, TransferError> {
    match body {
        Body::Here(bytes) => Ok(bytes),
        Body::Blob { size_bytes, .. } if size_bytes > MAX_COPY_BYTES => {
            Err(TransferError::TooLarge { from, size_bytes, limit_bytes: MAX_COPY_BYTES })
        }
        Body::Blob { blob, size_bytes } => {
            let bytes = transfer.read(blob, size_bytes, job, from).await?;
            transfer.blobs.remove(blob).await?;
            Ok(bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epochs_of_two_machines_differ_and_grow_with_each_start() {
        let (ann, bob) = (PeerId([1; 32]), PeerId([2; 32]));
        assert_ne!(epoch_of(5, ann), epoch_of(5, bob));
        assert!(epoch_of(6, ann) > epoch_of(5, ann));
        assert_ne!(epoch_of(6, ann), epoch_of(5, bob));
    }
}
