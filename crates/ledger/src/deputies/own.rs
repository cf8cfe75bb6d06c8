//! The steward's side: choosing deputies and keeping them up to date.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use gridwell_model::{Body, Claim, DeputyMessage, JobId, PeerId, Time};

use super::{Deputies, DeputyEffect};

/// Entries that wait for a deputy, in bytes: one that needs longer than that begins again with the whole, which is seldom
/// larger.
const MOST_WAITING_BYTES: usize = 1024 * 1024;
/// Shortest time between two wholes for the same deputy: a job that changes fast must not be sent whole all the time.
const WHOLE_EVERY: Duration = Duration::from_secs(2);

/// A job of which this peer is steward.
#[derive(Debug)]
pub(super) struct Own {
    pub(super) claim: Claim,
    number: u64,
    ended: bool,
    deputies: BTreeMap<PeerId, Deputy>,
    /// Who is to be steward instead.
    heir: Option<PeerId>,
}

#[derive(Debug)]
struct Deputy {
    stream: u64,
    rank: u8,
    phase: Phase,
    /// When it was last sent the whole.
    whole_at: Time,
    /// It has everything up to here on its disk.
    kept: u64,
    /// Entries not sent, oldest first.
    waiting: VecDeque<(u64, Vec<u8>)>,
    /// Bytes of entries not sent, or sent and not kept.
    open_bytes: usize,
    /// Sent and not kept: last number and bytes of each message.
    sent: VecDeque<(u64, usize)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The whole is on its way; entries wait.
    Beginning,
    /// Entries go as they come.
    Following,
    /// It missed something: it gets the whole again soon.
    Behind,
}

impl Own {
    pub(super) const fn ended(&self) -> bool {
        self.ended
    }

    /// True if `peer` is to be steward instead. What has ended belongs to its origin again, which lands the results.
    fn goes_to(&self, peer: PeerId) -> bool {
        self.heir == Some(peer) || (self.ended && self.claim.origin == peer)
    }

    /// The last entry of its journal.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn due(&self) -> Option<Time> {
        let behind = self.deputies.values().filter(|deputy| deputy.phase == Phase::Behind);
        behind.map(|deputy| deputy.whole_at + WHOLE_EVERY).min()
    }

    pub(super) fn kept_by(&self, number: u64) -> Vec<PeerId> {
        let kept = self.deputies.iter().filter(|(_, deputy)| deputy.phase != Phase::Beginning && deputy.kept >= number);
        kept.map(|(peer, _)| *peer).collect()
    }

    pub(super) fn ranked(&self) -> Vec<PeerId> {
        let mut ranked: Vec<_> = self.deputies.iter().map(|(peer, deputy)| (deputy.rank, *peer)).collect();
        ranked.sort_unstable();
        ranked.into_iter().map(|(_, peer)| peer).collect()
    }
}

impl Deputy {
    fn fall_behind(&mut self) {
        self.phase = Phase::Behind;
        self.waiting.clear();
        self.sent.clear();
        self.open_bytes = 0;
    }

    fn push(&mut self, number: u64, entry: Vec<u8>) {
        if self.phase == Phase::Behind {
            return;
        }
        self.open_bytes += entry.len();
        self.waiting.push_back((number, entry));
        let too_long = self.waiting.back().is_some_and(|(_, entry)| entry.len() > DeputyMessage::MAX_INLINE_BYTES);
        if self.open_bytes > MOST_WAITING_BYTES || too_long {
            self.fall_behind();
        }
    }

    /// The next message of entries, if it may go.
    fn take_waiting(&mut self, job: JobId) -> Option<DeputyMessage> {
        if self.phase != Phase::Following {
            return None;
        }
        let first = self.waiting.front()?.0;
        let (mut entries, mut bytes, mut last) = (Vec::new(), 0, first);
        while let Some((number, entry)) = self.waiting.front() {
            if !entries.is_empty() && bytes + entry.len() > DeputyMessage::MAX_INLINE_BYTES {
                break;
            }
            bytes += entry.len();
            last = *number;
            entries.extend(self.waiting.pop_front().map(|(_, entry)| entry));
        }
        self.sent.push_back((last, bytes));
        Some(DeputyMessage::Entries { job, stream: self.stream, rank: self.rank, first, entries })
    }

    fn keep(&mut self, number: u64) {
        self.kept = self.kept.max(number);
        while let Some((_, bytes)) = self.sent.front().copied().filter(|(last, _)| *last <= number) {
            self.open_bytes = self.open_bytes.saturating_sub(bytes);
            self.sent.pop_front();
        }
    }
}

impl Deputies {
    pub(super) fn job_opened(&mut self, claim: Claim, number: u64, ended: bool, now: Time) {
        let job = claim.job;
        if self.own.get(&job).is_some_and(|own| own.claim == claim) {
            return self.job_moved(job, ended, now);
        }
        self.taking.remove(&job);
        self.copies.remove(&job);
        self.given.remove(&job);
        self.own.insert(job, Own { claim, number, ended, deputies: BTreeMap::new(), heir: None });
        if let Some(other) = self.claims.get(&job).copied().filter(|other| other.outranks(&claim)) {
            return self.step_down(other, now);
        }
        if claim.term > 1 {
            self.remember(claim);
            self.tell_all(&DeputyMessage::Claims(vec![claim]));
            self.effects.push_back(DeputyEffect::Follow { claim });
        }
        self.choose(job, now);
    }

    pub(super) fn job_moved(&mut self, job: JobId, ended: bool, now: Time) {
        if let Some(own) = self.own.get_mut(&job)
            && std::mem::replace(&mut own.ended, ended) != ended
        {
            self.choose(job, now);
        }
    }

    pub(super) fn job_removed(&mut self, job: JobId) {
        let Some(own) = self.own.remove(&job) else { return };
        self.remember_over(job, own.number);
        for peer in own.deputies.into_keys() {
            self.tell_over(peer, job, own.number);
            self.tell(peer, DeputyMessage::Drop { job });
        }
        self.claims.remove(&job);
    }

    pub(super) fn written(&mut self, job: JobId, first: u64, entries: Vec<Vec<u8>>, now: Time) {
        let Some(own) = self.own.get_mut(&job) else { return };
        for (number, entry) in (first..).zip(entries) {
            own.number = own.number.max(number);
            for deputy in own.deputies.values_mut() {
                deputy.push(number, entry.clone());
            }
        }
        self.send_waiting(job);
        self.begin_again(now);
    }

    fn send_waiting(&mut self, job: JobId) {
        let Some(own) = self.own.get_mut(&job) else { return };
        let mut messages = Vec::new();
        for (peer, deputy) in &mut own.deputies {
            while let Some(message) = deputy.take_waiting(job) {
                messages.push((*peer, message));
            }
        }
        for (peer, message) in messages {
            self.tell(peer, message);
        }
    }

    pub(super) fn choose_all(&mut self, now: Time) {
        for job in self.own.keys().copied().collect::<Vec<_>>() {
            self.choose(job, now);
        }
    }

    /// Makes sure that the right peers have copies of a job.
    pub(super) fn choose(&mut self, job: JobId, now: Time) {
        let Some(own) = self.own.get(&job) else { return };
        let wanted = self.wanted(own);
        let before = own.ranked();
        if wanted == before {
            return;
        }
        let over = own.ended.then_some(own.number);
        for peer in before.iter().filter(|peer| !wanted.contains(peer)) {
            if let Some(own) = self.own.get_mut(&job) {
                own.deputies.remove(peer);
            }
            if let Some(number) = over {
                self.tell_over(*peer, job, number);
            }
            self.tell(*peer, DeputyMessage::Drop { job });
        }
        for (rank, peer) in (0_u8..).zip(&wanted) {
            if before.contains(peer) {
                self.rank(job, *peer, rank);
            } else {
                self.begin(job, *peer, rank, now);
            }
        }
        self.effects.push_back(DeputyEffect::SafetyChanged { job });
    }

    /// Who should have copies: the origin first, then who has them already, then the steadiest of those that lend.
    fn wanted(&self, own: &Own) -> Vec<PeerId> {
        let home = Some(own.claim.origin).filter(|origin| *origin != self.me && self.peers.contains_key(origin));
        let heir = own.heir.filter(|heir| self.peers.contains_key(heir));
        let mut wanted: Vec<PeerId> = heir.into_iter().chain(home.filter(|home| Some(*home) != heir)).collect();
        if own.ended {
            return wanted;
        }
        let mut lending: Vec<_> = self.peers.iter().filter(|(_, linked)| linked.lends).collect();
        lending.sort_by_key(|(peer, linked)| (linked.since, **peer));
        let kept = own.ranked().into_iter().filter(|peer| self.peers.contains_key(peer));
        for peer in kept.chain(lending.into_iter().map(|(peer, _)| *peer)) {
            if wanted.len() >= Self::COUNT {
                break;
            }
            if !wanted.contains(&peer) {
                wanted.push(peer);
            }
        }
        wanted
    }

    fn rank(&mut self, job: JobId, peer: PeerId, rank: u8) {
        let deputy = self.own.get_mut(&job).and_then(|own| own.deputies.get_mut(&peer));
        let Some(deputy) = deputy.filter(|deputy| deputy.rank != rank) else { return };
        deputy.rank = rank;
        let (stream, first) = (deputy.stream, deputy.kept + 1);
        if deputy.phase == Phase::Following {
            self.tell(peer, DeputyMessage::Entries { job, stream, rank, first, entries: Vec::new() });
        }
    }

    fn begin(&mut self, job: JobId, to: PeerId, rank: u8, now: Time) {
        self.streams += 1;
        let stream = u64::from(self.run) << 32 | u64::from(self.streams);
        let Some(own) = self.own.get_mut(&job) else { return };
        let deputy = Deputy {
            stream,
            rank,
            phase: Phase::Beginning,
            whole_at: now,
            kept: 0,
            waiting: VecDeque::new(),
            open_bytes: 0,
            sent: VecDeque::new(),
        };
        own.deputies.insert(to, deputy);
        self.effects.push_back(DeputyEffect::SendWhole { to, claim: own.claim, stream, rank });
    }

    /// Sends the whole to deputies that fell behind a while ago.
    pub(super) fn begin_again(&mut self, now: Time) {
        let behind = |(job, own): (&JobId, &Own)| {
            let due = own
                .deputies
                .iter()
                .filter(|(_, deputy)| deputy.phase == Phase::Behind && deputy.whole_at + WHOLE_EVERY <= now);
            due.map(|(peer, deputy)| (*job, *peer, deputy.rank)).collect::<Vec<_>>()
        };
        for (job, peer, rank) in self.own.iter().flat_map(behind).collect::<Vec<_>>() {
            self.begin(job, peer, rank, now);
        }
    }

    /// What a deputy has not said to be on its disk may never have come: it gets the whole again.
    pub(super) fn tell_deputy_again(&mut self, peer: PeerId) {
        let mut ready = Vec::new();
        for (job, own) in &mut self.own {
            let goes = own.goes_to(peer);
            let Some(deputy) = own.deputies.get_mut(&peer) else { continue };
            if deputy.phase == Phase::Following && deputy.sent.is_empty() {
                ready.extend(goes.then_some(*job));
            } else {
                deputy.fall_behind();
            }
        }
        for job in ready {
            self.tell(peer, DeputyMessage::HandOver { job });
        }
    }

    pub(super) fn not_sent(&mut self, to: PeerId, job: JobId) {
        if let Some(deputy) = self.own.get_mut(&job).and_then(|own| own.deputies.get_mut(&to)) {
            deputy.fall_behind();
        }
    }

    /// A deputy has something on its disk.
    pub(super) fn kept(&mut self, from: PeerId, job: JobId, stream: u64, number: u64, now: Time) {
        let Some(own) = self.own.get_mut(&job) else {
            return self.not_mine(from, job);
        };
        let Some(deputy) = own.deputies.get_mut(&from) else {
            return self.tell(from, DeputyMessage::Drop { job });
        };
        if deputy.stream != stream {
            if stream == 0 && deputy.phase == Phase::Following {
                // Its node has started again, sooner than anybody missed it: it does not know to what its copy belongs.
                let rank = deputy.rank;
                self.begin(job, from, rank, now);
            }
            return;
        }
        deputy.keep(number);
        if deputy.phase == Phase::Beginning {
            deputy.phase = Phase::Following;
            deputy.waiting.retain(|(waiting, entry)| {
                if *waiting <= number {
                    deputy.open_bytes = deputy.open_bytes.saturating_sub(entry.len());
                }
                *waiting > number
            });
        }
        if own.goes_to(from) {
            self.tell(from, DeputyMessage::HandOver { job });
        }
        self.send_waiting(job);
        self.effects.push_back(DeputyEffect::SafetyChanged { job });
    }

    /// Somebody has a copy of a job that is not this peer's.
    fn not_mine(&mut self, from: PeerId, job: JobId) {
        match self.steward_of(job) {
            // Its steward tells what becomes of the copy.
            Some(steward) if steward != self.me => {}
            _ if self.taking.contains(&job) => {}
            _ => self.tell(from, DeputyMessage::Drop { job }),
        }
    }

    pub(super) fn missed(&mut self, from: PeerId, job: JobId, stream: u64, now: Time) {
        let Some(own) = self.own.get_mut(&job) else { return };
        match own.deputies.get_mut(&from) {
            // It was steward itself until now, and could not take the whole before.
            Some(deputy) if stream == 0 => {
                let rank = deputy.rank;
                self.begin(job, from, rank, now);
            }
            Some(deputy) if deputy.stream == stream => {
                deputy.fall_behind();
                self.begin_again(now);
            }
            Some(_) => {}
            None => self.tell(from, DeputyMessage::Drop { job }),
        }
    }

    pub(super) fn hand_over(&mut self, job: JobId, to: Option<PeerId>, now: Time) {
        let Some(own) = self.own.get_mut(&job) else { return };
        let heir = to.or_else(|| own.ranked().first().copied());
        own.heir = heir;
        let Some(heir) = heir else { return };
        if own.claim.origin == self.me {
            self.given.insert(job);
        }
        self.choose(job, now);
        let ready = self.own.get(&job).and_then(|own| own.deputies.get(&heir));
        if ready.is_some_and(|deputy| deputy.phase == Phase::Following) {
            self.tell(heir, DeputyMessage::HandOver { job });
        }
    }

    /// Whoever was to take over is gone: everything stays as it is.
    pub(super) fn heir_left(&mut self, peer: PeerId) {
        for (job, own) in self.own.iter_mut().filter(|(_, own)| own.heir == Some(peer)) {
            own.heir = None;
            self.given.remove(job);
        }
    }

    /// The origin wants its job back.
    pub(super) fn wanted_back(&mut self, from: PeerId, job: JobId, now: Time) {
        let own = self.own.get(&job).filter(|own| own.claim.origin == from && own.claim.steward == self.me);
        if own.is_some() {
            self.hand_over(job, Some(from), now);
        }
    }

    pub(super) fn step_down(&mut self, claim: Claim, now: Time) {
        let Some(own) = self.own.remove(&claim.job) else { return };
        self.effects.push_back(DeputyEffect::StepDown { claim });
        self.ceded(claim, own.number, now);
        self.effects.push_back(DeputyEffect::Follow { claim });
    }

    pub(super) fn merge_came(&mut self, from: PeerId, job: JobId, body: Body) {
        if self.own.contains_key(&job) {
            self.effects.push_back(DeputyEffect::TakeIn { from, job, body });
        }
    }
}
