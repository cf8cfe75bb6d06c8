//! Jobs that have ended: a deputy that missed it must not begin them again while anybody who knows it can be reached.

use std::collections::{BTreeMap, VecDeque};

use gridwell_model::{DeputyMessage, JobId, PeerId, Time};

use super::{Deputies, DeputyEffect};

/// Most jobs of which this peer remembers that they have ended: deputies that were away miss the latest ones.
const MOST: usize = 4_096;

/// Jobs that have ended.
#[derive(Debug)]
pub(super) struct Over {
    /// The last entry of each.
    numbers: BTreeMap<JobId, u64>,
    /// The same jobs, in the order in which their end was learned.
    order: VecDeque<JobId>,
}

impl Over {
    pub(super) const fn new() -> Self {
        Self { numbers: BTreeMap::new(), order: VecDeque::new() }
    }

    /// Remembers the end of a job; returns the one that is forgotten for it.
    fn add(&mut self, job: JobId, number: u64) -> Option<JobId> {
        if self.numbers.insert(job, number).is_none() {
            self.order.push_back(job);
        }
        let oldest = if self.order.len() > MOST { self.order.pop_front() } else { None };
        oldest.inspect(|oldest| _ = self.numbers.remove(oldest))
    }

    /// It was known in the last run.
    pub(super) fn found(&mut self, job: JobId, number: u64) {
        // The last run remembered no more than this one does.
        let _none = self.add(job, number);
    }

    /// True if it was remembered until now.
    fn remove(&mut self, job: JobId) -> bool {
        let known = self.numbers.remove(&job).is_some();
        if known {
            self.order.retain(|ended| *ended != job);
        }
        known
    }
}

impl Deputies {
    pub(super) fn remember_over(&mut self, job: JobId, number: u64) {
        if self.over.numbers.get(&job) == Some(&number) {
            return;
        }
        let oldest = self.over.add(job, number);
        self.effects.extend(oldest.map(|job| DeputyEffect::ForgetEnd { job }));
        self.effects.push_back(DeputyEffect::NoteEnd { job, number });
    }

    /// A job goes on that had ended before.
    pub(super) fn forget_over(&mut self, job: JobId) {
        if self.over.remove(job) {
            self.effects.push_back(DeputyEffect::ForgetEnd { job });
        }
    }

    pub(super) fn tell_over(&mut self, to: PeerId, job: JobId, number: u64) {
        self.tell(to, DeputyMessage::Over(vec![(job, number)]));
    }

    /// Before this peer takes jobs over it asks who knows that they have ended.
    pub(super) fn ask_over(&mut self, jobs: &[JobId]) {
        for jobs in jobs.chunks(DeputyMessage::MAX_CLAIMS) {
            self.tell_all(&DeputyMessage::AskOver(jobs.to_vec()));
        }
    }

    pub(super) fn answer_over(&mut self, from: PeerId, jobs: &[JobId]) {
        let own = |job: &JobId| self.own.get(job).filter(|own| own.ended()).map(super::own::Own::number);
        let end = |job: &JobId| Some((*job, own(job).or_else(|| self.over.numbers.get(job).copied())?));
        let ends: Vec<_> = jobs.iter().take(DeputyMessage::MAX_CLAIMS).filter_map(end).collect();
        if !ends.is_empty() {
            self.tell(from, DeputyMessage::Over(ends));
        }
    }

    /// What a job's own steward says is remembered. What others say only keeps this peer from taking over for now: a copy goes
    /// when its steward says so. An end before what the copy knows is an old one, and the job went on after it.
    pub(super) fn over_came(&mut self, from: PeerId, ends: &[(JobId, u64)], now: Time) {
        for (job, number) in ends.iter().take(DeputyMessage::MAX_CLAIMS).copied() {
            let steward = self.steward_of(job);
            match self.copies.get_mut(&job) {
                Some(copy) if copy.claim.steward != from => copy.heard_over(number, now),
                _ if steward.is_none_or(|steward| steward == from) => self.remember_over(job, number),
                _ => {}
            }
        }
    }
}
