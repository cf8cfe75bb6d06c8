//! Who keeps copies of jobs, and who takes over when a steward falls silent.
//!
//! One engine for both sides: of its own jobs this peer is steward and chooses deputies; of others' jobs it may be deputy and
//! keeps copies. It sees numbers and bytes of journal entries, never what they say; the [`Ledger`](crate::Ledger) does that.

mod copies;
mod over;
mod own;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use gridwell_model::{Body, Claim, DeputyMessage, JobId, PeerId, Time};

use copies::Copy;
use over::Over;
use own::Own;

/// What the engine is told.
#[derive(Debug, Clone)]
pub enum DeputyInput {
    /// A peer can be reached.
    PeerCame {
        /// Who.
        peer: PeerId,
    },
    /// A peer that could be reached is reached another way now: what was on the old one may be lost.
    PeerMoved {
        /// Who.
        peer: PeerId,
    },
    /// A peer says whether it lends anything: only who does is asked to keep copies.
    PeerRated {
        /// Who.
        peer: PeerId,
        /// Whether it lends.
        lends: bool,
    },
    /// A peer cannot be reached any more.
    PeerLeft {
        /// Who.
        peer: PeerId,
    },
    /// A peer said that it leaves: its silence needs no waiting for.
    PeerGone {
        /// Who.
        peer: PeerId,
    },
    /// A peer is no member any more: nobody goes on with its jobs.
    PeerRevoked {
        /// Who.
        peer: PeerId,
    },
    /// This peer is steward of a job: a new one, one of its last run, or one that it took over.
    JobOpened {
        /// Whose it is.
        claim: Claim,
        /// The last entry of its journal.
        number: u64,
        /// True if nothing more happens in it.
        ended: bool,
    },
    /// A job of this peer ended, or goes on after its end.
    JobMoved {
        /// Which.
        job: JobId,
        /// True if nothing more happens in it.
        ended: bool,
    },
    /// A job of this peer is gone.
    JobRemoved {
        /// Which.
        job: JobId,
    },
    /// Entries of a job of this peer are on its disk.
    Written {
        /// Whose.
        job: JobId,
        /// Number of the first.
        first: u64,
        /// The entries, in order.
        entries: Vec<Vec<u8>>,
    },
    /// A copy lies here from the last run.
    CopyFound {
        /// Whose job it is.
        claim: Claim,
        /// Its last entry.
        number: u64,
    },
    /// It was noted in the last run that a job has ended ([`DeputyEffect::NoteEnd`]); what was noted first comes first.
    EndFound {
        /// Which.
        job: JobId,
        /// Its last entry.
        number: u64,
    },
    /// [`DeputyEffect::KeepWhole`] or [`DeputyEffect::KeepEntries`] is done.
    PartKept {
        /// Of which job.
        job: JobId,
        /// In which stream.
        stream: u64,
        /// The last entry.
        number: u64,
    },
    /// It could not be done.
    PartLost {
        /// Of which job.
        job: JobId,
        /// In which stream.
        stream: u64,
    },
    /// [`DeputyEffect::Forget`] is done, or could not be.
    Forgotten {
        /// Which job.
        job: JobId,
    },
    /// [`DeputyEffect::TakeOver`] could not be done: the copy is no good.
    TakeOverFailed {
        /// Of which job.
        job: JobId,
    },
    /// [`DeputyEffect::TakeIn`] is done and written.
    TakenIn {
        /// Of which job.
        job: JobId,
        /// Whose knowledge.
        from: PeerId,
    },
    /// [`DeputyEffect::SendWhole`] could not be done now.
    NotSent {
        /// To whom.
        to: PeerId,
        /// Which job.
        job: JobId,
    },
    /// Command: another peer is to be steward.
    HandOver {
        /// Of which job.
        job: JobId,
        /// Who; the first deputy if nobody is named.
        to: Option<PeerId>,
    },
    /// A peer says something.
    Heard {
        /// Who.
        from: PeerId,
        /// What.
        message: DeputyMessage,
    },
}

/// What the engine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeputyEffect {
    /// Say something.
    Tell {
        /// To whom.
        to: PeerId,
        /// What.
        message: DeputyMessage,
    },
    /// Send [`DeputyMessage::Whole`] with the ledger's snapshot and its number.
    SendWhole {
        /// To whom.
        to: PeerId,
        /// Whose the job is.
        claim: Claim,
        /// Names what follows.
        stream: u64,
        /// 0 takes over first.
        rank: u8,
    },
    /// Replace what is kept of a job by this; answer with [`DeputyInput::PartKept`] or [`DeputyInput::PartLost`].
    KeepWhole {
        /// Who sent it.
        from: PeerId,
        /// Whose the job is.
        claim: Claim,
        /// In which stream.
        stream: u64,
        /// Its last entry.
        number: u64,
        /// The job.
        body: Body,
    },
    /// Append entries to what is kept of a job; answer as above.
    KeepEntries {
        /// Of which job.
        job: JobId,
        /// In which stream.
        stream: u64,
        /// The last entry.
        number: u64,
        /// The entries.
        entries: Vec<Vec<u8>>,
    },
    /// Delete what is kept of a job; answer with [`DeputyInput::Forgotten`].
    Forget {
        /// Which.
        job: JobId,
    },
    /// Note for the next run that a job has ended with that entry.
    NoteEnd {
        /// Which.
        job: JobId,
        /// Its last entry.
        number: u64,
    },
    /// Forget that a job has ended: it goes on, or ended too long ago.
    ForgetEnd {
        /// Which.
        job: JobId,
    },
    /// Make this peer steward of a job it has kept: raise the epoch, replay the copy, journal the claim; answer with
    /// [`DeputyInput::JobOpened`] or [`DeputyInput::TakeOverFailed`].
    TakeOver {
        /// The new claim.
        claim: Claim,
    },
    /// Give a job up: its steward is another peer. What is kept of it stays.
    StepDown {
        /// The claim that holds.
        claim: Claim,
    },
    /// Send [`DeputyMessage::Merge`] with all that was known here when the job was given up.
    SendMerge {
        /// To whom.
        to: PeerId,
        /// Which job.
        job: JobId,
    },
    /// Merge what a former steward knows into the ledger; answer with [`DeputyInput::TakenIn`].
    TakeIn {
        /// Who knows it.
        from: PeerId,
        /// Which job.
        job: JobId,
        /// All of it.
        body: Body,
    },
    /// A peer is steward of a job now: what runs of it here is reported to that peer.
    Follow {
        /// Its claim.
        claim: Claim,
    },
    /// Where copies of a job of this peer lie has changed.
    SafetyChanged {
        /// Which.
        job: JobId,
    },
}

/// A peer that can be reached.
#[derive(Debug, Clone, Copy)]
struct Linked {
    since: Time,
    lends: bool,
}

/// The engine.
#[derive(Debug)]
pub struct Deputies {
    me: PeerId,
    /// Names streams of this run apart from those of earlier ones.
    run: u32,
    streams: u32,
    peers: BTreeMap<PeerId, Linked>,
    own: BTreeMap<JobId, Own>,
    copies: BTreeMap<JobId, Copy>,
    /// Jobs of which something is being written or deleted, and what is to follow then.
    writing: BTreeMap<JobId, Option<DeputyEffect>>,
    /// Jobs being taken over.
    taking: BTreeSet<JobId>,
    /// The highest claim heard of each job that was taken over.
    claims: BTreeMap<JobId, Claim>,
    /// Jobs that have ended: whoever missed that is told so.
    over: Over,
    /// Jobs from here that this peer gave away on purpose: it does not want them back while it can be asked to take them.
    given: BTreeSet<JobId>,
    effects: VecDeque<DeputyEffect>,
}

impl Deputies {
    /// How long a steward is silent before the first deputy takes over; each later one waits as long again.
    pub const SILENCE: Duration = Duration::from_secs(30);
    /// How long a deputy waits for others to say that they hear the steward.
    pub const ANSWERS: Duration = Duration::from_secs(2);
    /// Deputies of each job: one may fail while the job is already without its steward.
    pub const COUNT: usize = 2;
    /// Most jobs kept for others: some megabytes of memory, whatever others ask for.
    pub const MOST_COPIES: usize = 2_000;
    /// Most claims remembered: jobs that were taken over lately.
    const MOST_CLAIMS: usize = 4_096;

    /// An engine that keeps nothing. `run` must be higher than at any earlier start of this node.
    #[must_use]
    pub const fn new(me: PeerId, run: u32) -> Self {
        Self {
            me,
            run,
            streams: 0,
            peers: BTreeMap::new(),
            own: BTreeMap::new(),
            copies: BTreeMap::new(),
            writing: BTreeMap::new(),
            taking: BTreeSet::new(),
            claims: BTreeMap::new(),
            over: Over::new(),
            given: BTreeSet::new(),
            effects: VecDeque::new(),
        }
    }

    /// Takes in a fact or a command.
    pub fn handle(&mut self, input: DeputyInput, now: Time) {
        match input {
            DeputyInput::PeerCame { peer } => self.peer_came(peer, now),
            DeputyInput::PeerMoved { peer } => self.peer_moved(peer),
            DeputyInput::PeerRated { peer, lends } => self.peer_rated(peer, lends, now),
            DeputyInput::PeerLeft { peer } => self.peer_left(peer, now),
            DeputyInput::PeerRevoked { peer } => self.peer_revoked(peer, now),
            DeputyInput::PeerGone { peer } => self.steward_gone(peer, now),
            DeputyInput::JobOpened { claim, number, ended } => self.job_opened(claim, number, ended, now),
            DeputyInput::JobMoved { job, ended } => self.job_moved(job, ended, now),
            DeputyInput::JobRemoved { job } => self.job_removed(job),
            DeputyInput::Written { job, first, entries } => self.written(job, first, entries, now),
            DeputyInput::CopyFound { claim, number } => self.copy_found(claim, number, now),
            DeputyInput::EndFound { job, number } => self.over.found(job, number),
            DeputyInput::PartKept { job, stream, number } => self.part_kept(job, stream, number),
            DeputyInput::PartLost { job, stream } => self.part_lost(job, stream),
            DeputyInput::Forgotten { job } => self.write_ended(job),
            DeputyInput::TakeOverFailed { job } => _ = self.taking.remove(&job),
            DeputyInput::TakenIn { job, from } => self.tell(from, DeputyMessage::Merged { job }),
            DeputyInput::NotSent { to, job } => self.not_sent(to, job),
            DeputyInput::HandOver { job, to } => self.hand_over(job, to, now),
            DeputyInput::Heard { from, message } => self.heard(from, message, now),
        }
    }

    /// Time passed: silent stewards are followed, deputies that fell behind begin again.
    pub fn handle_deadline(&mut self, now: Time) {
        self.judge_silence(now);
        self.begin_again(now);
    }

    /// When to call [`Deputies::handle_deadline`].
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        let silences = self.copies.values().filter_map(Copy::due);
        silences.chain(self.own.values().filter_map(Own::due)).min()
    }

    /// The next wish.
    pub fn poll_effect(&mut self) -> Option<DeputyEffect> {
        self.effects.pop_front()
    }

    /// Deputies of a job of this peer that have everything up to entry `number` on their disks.
    #[must_use]
    pub fn kept_by(&self, job: JobId, number: u64) -> Vec<PeerId> {
        self.own.get(&job).map(|own| own.kept_by(number)).unwrap_or_default()
    }

    /// Deputies of a job of this peer, whether they have it yet or not; the one that takes over first comes first.
    #[must_use]
    pub fn of(&self, job: JobId) -> Vec<PeerId> {
        self.own.get(&job).map(Own::ranked).unwrap_or_default()
    }

    /// Jobs of which a copy is kept here, with their claims.
    pub fn copies(&self) -> impl Iterator<Item = Claim> {
        self.copies.values().map(|copy| copy.claim)
    }

    /// True while a copy of the job is kept here, or being taken over.
    #[must_use]
    pub fn has_copy(&self, job: JobId) -> bool {
        self.copies.contains_key(&job) || self.taking.contains(&job)
    }

    /// Who is steward of a job that was taken over, as far as is known here.
    #[must_use]
    pub fn steward_of(&self, job: JobId) -> Option<PeerId> {
        let own = self.own.get(&job).map(|own| own.claim.steward);
        own.or_else(|| self.copies.get(&job).map(|copy| copy.claim.steward))
            .or_else(|| self.claims.get(&job).map(|claim| claim.steward))
    }

    fn tell(&mut self, to: PeerId, message: DeputyMessage) {
        if self.peers.contains_key(&to) {
            self.effects.push_back(DeputyEffect::Tell { to, message });
        }
    }

    fn tell_all(&mut self, message: &DeputyMessage) {
        let peers: Vec<_> = self.peers.keys().copied().collect();
        for to in peers {
            self.tell(to, message.clone());
        }
    }

    fn peer_came(&mut self, peer: PeerId, now: Time) {
        let lends = self.peers.get(&peer).is_some_and(|known| known.lends);
        self.peers.insert(peer, Linked { since: now, lends });
        self.tell_claims(peer);
        self.steward_came(peer);
        self.choose_all(now);
    }

    fn peer_moved(&mut self, peer: PeerId) {
        if self.peers.contains_key(&peer) {
            self.tell_claims(peer);
            self.tell_steward_again(peer);
            self.tell_deputy_again(peer);
        }
    }

    fn tell_claims(&mut self, peer: PeerId) {
        let taken: Vec<_> = self.own.values().map(|own| own.claim).filter(|claim| claim.term > 1).collect();
        for claims in taken.chunks(DeputyMessage::MAX_CLAIMS) {
            self.tell(peer, DeputyMessage::Claims(claims.to_vec()));
        }
    }

    fn peer_rated(&mut self, peer: PeerId, lends: bool, now: Time) {
        if let Some(known) = self.peers.get_mut(&peer)
            && std::mem::replace(&mut known.lends, lends) != lends
        {
            self.choose_all(now);
        }
    }

    fn peer_left(&mut self, peer: PeerId, now: Time) {
        if self.peers.remove(&peer).is_some() {
            self.heir_left(peer);
            self.steward_left(peer, now);
            self.choose_all(now);
        }
    }

    fn heard(&mut self, from: PeerId, message: DeputyMessage, now: Time) {
        match message {
            DeputyMessage::Whole { claim, stream, rank, number, body } if claim.steward == from => {
                self.whole_came(claim, stream, rank, number, body, now);
            }
            DeputyMessage::Whole { .. } => {}
            DeputyMessage::Entries { job, stream, rank, first, entries } => {
                self.entries_came(from, job, stream, rank, first, entries);
            }
            DeputyMessage::Kept { job, stream, number } => self.kept(from, job, stream, number, now),
            DeputyMessage::Missed { job, stream } => self.missed(from, job, stream, now),
            DeputyMessage::Drop { job } => self.dropped(from, job),
            DeputyMessage::Claims(claims) => {
                for claim in claims.into_iter().filter(|claim| claim.steward == from) {
                    self.claimed(claim, now);
                }
            }
            DeputyMessage::AskHeard { steward } => {
                if steward == self.me || self.peers.contains_key(&steward) {
                    self.tell(from, DeputyMessage::Heard { steward });
                }
            }
            DeputyMessage::Heard { steward } => self.steward_heard(steward, now),
            DeputyMessage::HandOver { job } if self.own.contains_key(&job) => self.wanted_back(from, job, now),
            DeputyMessage::HandOver { job } => self.asked_to_take(from, job),
            DeputyMessage::AskOver(jobs) => self.answer_over(from, &jobs),
            DeputyMessage::Over(ends) => self.over_came(from, &ends, now),
            DeputyMessage::Merge { job, body } => self.merge_came(from, job, body),
            DeputyMessage::Merged { job } => self.merged(from, job),
            // About files, of which this engine knows nothing.
            DeputyMessage::HasInputs { .. }
            | DeputyMessage::TooLarge { .. }
            | DeputyMessage::Checkpoint { .. }
            | DeputyMessage::CheckpointGone { .. }
            | DeputyMessage::Landed { .. } => {}
        }
    }

    /// A peer says that it is steward of a job.
    fn claimed(&mut self, claim: Claim, now: Time) {
        let job = claim.job;
        if let Some(own) = self.own.get(&job).map(|own| own.claim) {
            if claim.outranks(&own) {
                self.remember(claim);
                self.step_down(claim, now);
            } else {
                self.tell(claim.steward, DeputyMessage::Claims(vec![own]));
            }
            return;
        }
        if self.claims.get(&job).is_some_and(|known| !claim.outranks(known)) {
            return;
        }
        self.remember(claim);
        self.copy_claimed(claim);
        self.effects.push_back(DeputyEffect::Follow { claim });
    }

    fn remember(&mut self, claim: Claim) {
        self.claims.insert(claim.job, claim);
        if self.claims.len() > Self::MOST_CLAIMS {
            let idle = self.claims.keys().find(|job| !self.own.contains_key(job) && !self.copies.contains_key(job));
            if let Some(idle) = idle.copied() {
                self.claims.remove(&idle);
            }
        }
    }
}
