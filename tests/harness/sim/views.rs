//! What tests look at, and what they do to machines by name.

use std::{collections::BTreeSet, time::Duration};

use gridwell_ledger::JobSummary;
use gridwell_model::JobId;

use super::{
    event::{Fault, PeerAt},
    world::Simulation,
};

impl Simulation {
    /// Lets time pass.
    ///
    /// # Panics
    ///
    /// If an invariant breaks.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now() + time;
        self.run_until(until, |_| false).unwrap_or_else(|failure| panic!("{failure}"));
    }

    /// Lets time pass until every job has ended.
    ///
    /// # Panics
    ///
    /// If an invariant breaks, or a job has not ended after an hour.
    pub fn finish(&mut self) {
        let until = self.now() + Duration::from_hours(1);
        self.run_until(until, Self::all_ended).unwrap_or_else(|failure| panic!("{failure}"));
        let stuck = self.stuck();
        assert!(self.all_ended(), "{}", self.failure(stuck));
    }

    /// A job as its steward sees it, if exactly one node says that it is.
    #[must_use]
    pub fn summary(&self, job: JobId) -> Option<JobSummary> {
        let stewards: Vec<_> = self.stewards(job).collect();
        let [steward] = stewards[..] else { return None };
        self.ledger(steward)?.summary(job, self.clock(steward))
    }

    /// How many tasks of a job each peer has done, as its steward counts them.
    #[must_use]
    pub fn done_by(&self, job: JobId) -> Vec<u32> {
        let shares = self.summary(job).map(|summary| summary.shares).unwrap_or_default();
        let of = |at| shares.iter().find(|share| share.peer == self.id_of(at)).map_or(0, |share| share.done);
        (0..self.peers.len()).map(of).collect()
    }

    /// True if all nodes that run reach each other, and all know the same of links.
    #[must_use]
    pub fn views_agree(&self) -> bool {
        let there = |at: &PeerAt| self.peers[*at].node.is_some() && self.peers[*at].asleep.is_none();
        let running: BTreeSet<PeerAt> = (0..self.peers.len()).filter(there).collect();
        let nodes = || running.iter().filter_map(|at| Some((*at, self.peers[*at].node.as_ref()?)));
        let maps: BTreeSet<_> = nodes().map(|(_, node)| &node.records).collect();
        maps.len() == 1
            && nodes().all(|(at, node)| node.online.iter().copied().chain([at]).collect::<BTreeSet<_>>() == running)
    }

    /// Offers that came to a peer's worker.
    #[must_use]
    pub fn offers_to(&self, at: PeerAt) -> u32 {
        self.offers.get(&at).copied().unwrap_or(0)
    }

    /// Orders to stop tasks that came to a peer's worker.
    #[must_use]
    pub fn revokes_to(&self, at: PeerAt) -> u32 {
        self.revokes.get(&at).copied().unwrap_or(0)
    }

    /// Ends a node at once.
    pub fn kill(&mut self, at: PeerAt) {
        self.fault(Fault::Crash { at, power: false });
    }

    /// Starts a node again.
    pub fn bring_back(&mut self, at: PeerAt) {
        self.fault(Fault::Restart { at });
    }

    /// Breaks a connection; it may be made again at once.
    pub fn break_link(&mut self, one: PeerAt, other: PeerAt) {
        self.fault(Fault::Flap { one, other });
    }
}
