//! The deputy's side: keeping copies, and taking over from a steward that nobody hears.

use gridwell_model::{Body, Claim, DeputyMessage, JobId, PeerId, Time};

use super::{Deputies, DeputyEffect};

/// Entries kept behind a whole, in bytes: then the steward is asked for the whole again, so that no copy grows without bound.
const MOST_TAIL_BYTES: usize = 8 * 1024 * 1024;
/// Entries that wait for the disk, in bytes: more than a steward sends unasked.
const MOST_QUEUED_BYTES: usize = 4 * 1024 * 1024;

/// A job of which another peer is steward, as it is kept here.
#[derive(Debug)]
pub(super) struct Copy {
    pub(super) claim: Claim,
    /// What the entries follow; 0 if nobody sends any.
    stream: u64,
    /// The last entry on the disk; 0 until there is any.
    number: u64,
    /// The entry that comes next.
    next: u64,
    rank: u8,
    tail_bytes: usize,
    queue: Vec<Vec<u8>>,
    queue_bytes: usize,
    /// Since when the steward cannot be reached.
    silent_since: Option<Time>,
    /// When others were asked whether they hear it.
    asked_at: Option<Time>,
    /// This peer was steward, and the present one has not heard yet what it knows.
    unmerged: bool,
}

impl Copy {
    fn new(claim: Claim, stream: u64, rank: u8, number: u64) -> Self {
        Self {
            claim,
            stream,
            number,
            next: number + 1,
            rank,
            tail_bytes: 0,
            queue: Vec::new(),
            queue_bytes: 0,
            silent_since: None,
            asked_at: None,
            unmerged: false,
        }
    }

    pub(super) fn due(&self) -> Option<Time> {
        match self.asked_at {
            Some(asked) => Some(asked + Deputies::ANSWERS),
            None => self.silent_since.map(|since| since + Deputies::SILENCE * (u32::from(self.rank.min(3)) + 1)),
        }
    }

    /// Somebody knows that the job has ended with that entry: this peer does not take over for now.
    pub(super) fn heard_over(&mut self, number: u64, now: Time) {
        if self.asked_at.is_some() && self.number <= number {
            self.begin_silence(now);
        }
    }

    /// The steward's silence counts from now.
    const fn begin_silence(&mut self, now: Time) {
        (self.silent_since, self.asked_at) = (Some(now), None);
    }

    /// Takes the entries that wait for the disk.
    fn take_queue(&mut self) -> Option<DeputyEffect> {
        if self.queue.is_empty() {
            return None;
        }
        self.queue_bytes = 0;
        let entries = std::mem::take(&mut self.queue);
        Some(DeputyEffect::KeepEntries { job: self.claim.job, stream: self.stream, number: self.next - 1, entries })
    }
}

impl Deputies {
    pub(super) fn copy_found(&mut self, claim: Claim, number: u64, now: Time) {
        let mut copy = Copy::new(claim, 0, 1, number);
        copy.silent_since = Some(now);
        self.copies.insert(claim.job, copy);
        if claim.term > 1 {
            self.remember(claim);
        }
    }

    pub(super) fn steward_came(&mut self, peer: PeerId) {
        for (job, copy) in self.copies.iter_mut().filter(|(_, copy)| copy.claim.steward == peer) {
            (copy.silent_since, copy.asked_at) = (None, None);
            self.given.remove(job);
        }
        self.tell_steward_again(peer);
    }

    /// Says what is kept of a steward's jobs, and what it has to hear of those that it has from this peer.
    pub(super) fn tell_steward_again(&mut self, steward: PeerId) {
        let words = self.copies.iter().filter(|(_, copy)| copy.claim.steward == steward).map(|(job, copy)| {
            if copy.unmerged {
                return DeputyEffect::SendMerge { to: steward, job: *job };
            }
            let message = DeputyMessage::Kept { job: *job, stream: copy.stream, number: copy.number };
            DeputyEffect::Tell { to: steward, message }
        });
        self.effects.extend(words);
    }

    pub(super) fn steward_left(&mut self, peer: PeerId, now: Time) {
        for copy in self.copies.values_mut().filter(|copy| copy.claim.steward == peer) {
            copy.silent_since = Some(now);
        }
    }

    /// A steward said goodbye: its silence has been long enough for the first deputy, and each later one waits for those before.
    pub(super) fn steward_gone(&mut self, peer: PeerId, now: Time) {
        for copy in self.copies.values_mut().filter(|copy| copy.claim.steward == peer) {
            copy.silent_since = Some(Time(now.0.saturating_sub(Self::SILENCE.as_micros() as u64)));
        }
    }

    /// What is kept for a peer that is no member any more goes.
    pub(super) fn peer_revoked(&mut self, peer: PeerId, now: Time) {
        self.peer_left(peer, now);
        let of_peer = self.copies.values().filter(|copy| copy.claim.steward == peer && !copy.unmerged);
        for job in of_peer.map(|copy| copy.claim.job).collect::<Vec<_>>() {
            self.copies.remove(&job);
            self.write(job, DeputyEffect::Forget { job });
        }
    }

    /// Somebody hears the steward: its silence is a matter of links, not its end.
    pub(super) fn steward_heard(&mut self, steward: PeerId, now: Time) {
        let asked = self.copies.values_mut().filter(|copy| copy.claim.steward == steward && copy.asked_at.is_some());
        for copy in asked {
            copy.begin_silence(now);
        }
    }

    pub(super) fn judge_silence(&mut self, now: Time) {
        let due: Vec<JobId> = self
            .copies
            .iter()
            .filter(|(_, copy)| copy.due().is_some_and(|due| due <= now))
            .map(|(job, _)| *job)
            .collect();
        let (mut asked, mut looked_at) = (Vec::new(), Vec::new());
        for job in due {
            let Some(copy) = self.copies.get_mut(&job) else { continue };
            let steward = copy.claim.steward;
            if copy.asked_at.replace(now).is_some() {
                // What is being written belongs to it; it is looked at again.
                if !self.writing.contains_key(&job) {
                    self.take_over(job);
                }
                continue;
            }
            looked_at.push(job);
            if !asked.contains(&steward) {
                asked.push(steward);
                self.tell_all(&DeputyMessage::AskHeard { steward });
            }
        }
        self.ask_over(&looked_at);
    }

    fn take_over(&mut self, job: JobId) {
        let Some(copy) = self.copies.remove(&job) else { return };
        let known = self.claims.get(&job).map_or(0, |claim| claim.term);
        let term = copy.claim.term.max(known).saturating_add(1);
        self.taking.insert(job);
        self.effects.push_back(DeputyEffect::TakeOver { claim: Claim { term, steward: self.me, ..copy.claim } });
    }

    pub(super) fn asked_to_take(&mut self, from: PeerId, job: JobId) {
        let ready = |copy: &Copy| copy.claim.steward == from && copy.stream != 0 && copy.number != 0 && !copy.unmerged;
        if self.copies.get(&job).is_some_and(ready) && !self.writing.contains_key(&job) {
            self.take_over(job);
        }
    }

    pub(super) fn whole_came(&mut self, claim: Claim, stream: u64, rank: u8, number: u64, body: Body, now: Time) {
        let job = claim.job;
        if let Some(own) = self.own.get(&job).map(|own| own.claim) {
            return self.answer_rival(claim, own, now);
        }
        if self.taking.contains(&job) || self.claims.get(&job).is_some_and(|known| known.outranks(&claim)) {
            return;
        }
        let known = self.copies.get(&job);
        if known.is_some_and(|copy| copy.unmerged || (copy.claim == claim && copy.stream >= stream)) {
            return;
        }
        if known.is_none() && self.copies.len() >= Self::MOST_COPIES {
            return;
        }
        if claim.term > 1 && self.claims.get(&job) != Some(&claim) {
            self.claimed(claim, now);
        }
        self.forget_over(job);
        let mut copy = Copy::new(claim, stream, rank, number);
        copy.number = 0;
        self.copies.insert(job, copy);
        self.write(job, DeputyEffect::KeepWhole { from: claim.steward, claim, stream, number, body });
    }

    /// One write at a time for each job, so that they reach the disk in order. Of those that wait the last one counts: it
    /// replaces everything.
    fn write(&mut self, job: JobId, effect: DeputyEffect) {
        match self.writing.get_mut(&job) {
            Some(next) => *next = Some(effect),
            None => {
                self.writing.insert(job, None);
                self.effects.push_back(effect);
            }
        }
    }

    pub(super) fn write_ended(&mut self, job: JobId) {
        if let Some(next) = self.writing.remove(&job).flatten() {
            self.write(job, next);
        }
    }

    /// Writes the entries that wait, if the disk is free for them.
    fn write_queue(&mut self, job: JobId) {
        if !self.writing.contains_key(&job)
            && let Some(effect) = self.copies.get_mut(&job).and_then(Copy::take_queue)
        {
            self.write(job, effect);
        }
    }

    fn answer_rival(&mut self, theirs: Claim, own: Claim, now: Time) {
        if theirs.outranks(&own) {
            self.claimed(theirs, now);
        } else {
            self.tell(theirs.steward, DeputyMessage::Claims(vec![own]));
        }
    }

    pub(super) fn entries_came(
        &mut self,
        from: PeerId,
        job: JobId,
        stream: u64,
        rank: u8,
        first: u64,
        entries: Vec<Vec<u8>>,
    ) {
        let copy = self.copies.get_mut(&job).filter(|copy| copy.claim.steward == from && copy.stream == stream);
        let Some(copy) = copy else { return };
        copy.rank = rank;
        let known = copy.next.saturating_sub(first) as usize;
        if entries.is_empty() || known >= entries.len() {
            return;
        }
        let bytes: usize = entries.iter().skip(known).map(Vec::len).sum();
        copy.tail_bytes += bytes;
        copy.queue_bytes += bytes;
        let too_much = copy.tail_bytes > MOST_TAIL_BYTES || copy.queue_bytes > MOST_QUEUED_BYTES;
        if first > copy.next || too_much {
            return self.tell(from, DeputyMessage::Missed { job, stream });
        }
        copy.next = first + entries.len() as u64;
        copy.queue.extend(entries.into_iter().skip(known));
        self.write_queue(job);
    }

    pub(super) fn part_kept(&mut self, job: JobId, stream: u64, number: u64) {
        self.write_ended(job);
        let Some(copy) = self.copies.get_mut(&job).filter(|copy| copy.stream == stream) else { return };
        copy.number = number;
        let Claim { steward, origin, .. } = copy.claim;
        self.tell(steward, DeputyMessage::Kept { job, stream, number });
        self.write_queue(job);
        if origin == self.me && !self.writing.contains_key(&job) && !self.given.contains(&job) {
            // Results land here and people look here.
            self.tell(steward, DeputyMessage::HandOver { job });
        }
    }

    pub(super) fn part_lost(&mut self, job: JobId, stream: u64) {
        self.write_ended(job);
        let Some(copy) = self.copies.get_mut(&job).filter(|copy| copy.stream == stream) else { return };
        copy.queue.clear();
        let steward = copy.claim.steward;
        self.tell(steward, DeputyMessage::Missed { job, stream });
    }

    pub(super) fn dropped(&mut self, from: PeerId, job: JobId) {
        let copy = self.copies.get(&job).filter(|copy| copy.claim.steward == from && !copy.unmerged);
        if copy.is_some() {
            self.copies.remove(&job);
            self.write(job, DeputyEffect::Forget { job });
        }
    }

    /// A copy's job has another steward now.
    pub(super) fn copy_claimed(&mut self, claim: Claim) {
        let linked = self.peers.contains_key(&claim.steward);
        let Some(copy) = self.copies.get_mut(&claim.job) else { return };
        copy.claim = claim;
        copy.asked_at = None;
        if linked {
            copy.silent_since = None;
        }
        let word = if copy.unmerged {
            DeputyEffect::SendMerge { to: claim.steward, job: claim.job }
        } else {
            copy.stream = 0;
            let message = DeputyMessage::Kept { job: claim.job, stream: 0, number: copy.number };
            DeputyEffect::Tell { to: claim.steward, message }
        };
        self.effects.push_back(word);
    }

    /// This peer has given a job up; the new steward must hear what it knew.
    pub(super) fn ceded(&mut self, claim: Claim, number: u64, now: Time) {
        let mut copy = Copy::new(claim, 0, 1, number);
        copy.unmerged = true;
        copy.silent_since = (!self.peers.contains_key(&claim.steward)).then_some(now);
        self.copies.insert(claim.job, copy);
        if self.peers.contains_key(&claim.steward) {
            self.effects.push_back(DeputyEffect::SendMerge { to: claim.steward, job: claim.job });
        }
    }

    /// The steward knows what this peer knew. What lies here stays as a copy until there is a newer one.
    pub(super) fn merged(&mut self, from: PeerId, job: JobId) {
        let copy = self.copies.get_mut(&job).filter(|copy| copy.claim.steward == from && copy.unmerged);
        let Some(copy) = copy else { return };
        copy.unmerged = false;
        self.tell(from, DeputyMessage::Missed { job, stream: 0 });
    }
}
