use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::Time;

use super::event::PeerAt;

/// Which connections stand, and how slow they are. Frames of one connection arrive in order; connections do not wait for each
/// other.
#[derive(Debug, Default)]
pub(super) struct Network {
    /// Pairs that may be connected at all.
    wired: BTreeSet<(PeerAt, PeerAt)>,
    parted: BTreeSet<(PeerAt, PeerAt)>,
    /// The connection that stands between two peers.
    links: BTreeMap<(PeerAt, PeerAt), u64>,
    last_link: u64,
    /// When the last frame sent in one direction of a connection arrives.
    busy_until: BTreeMap<(PeerAt, PeerAt), Time>,
    latency: BTreeMap<(PeerAt, PeerAt), Duration>,
}

fn pair(one: PeerAt, other: PeerAt) -> (PeerAt, PeerAt) {
    (one.min(other), one.max(other))
}

impl Network {
    pub(super) fn wire(&mut self, one: PeerAt, other: PeerAt, latency: Duration) {
        self.wired.insert(pair(one, other));
        self.latency.insert(pair(one, other), latency);
    }

    pub(super) fn wired(&self) -> Vec<(PeerAt, PeerAt)> {
        self.wired.iter().copied().collect()
    }

    /// Whom a peer may be connected with at all.
    pub(super) fn wired_to(&self, at: PeerAt) -> Vec<PeerAt> {
        let pairs = self.wired.iter().filter(|(one, other)| *one == at || *other == at);
        pairs.map(|(one, other)| if *one == at { *other } else { *one }).collect()
    }

    pub(super) fn may_connect(&self, one: PeerAt, other: PeerAt) -> bool {
        let pair = pair(one, other);
        self.wired.contains(&pair) && !self.parted.contains(&pair)
    }

    pub(super) fn part(&mut self, one: PeerAt, other: PeerAt) {
        self.parted.insert(pair(one, other));
    }

    pub(super) fn heal(&mut self, one: PeerAt, other: PeerAt) {
        self.parted.remove(&pair(one, other));
    }

    /// Makes a connection where one may stand and none does.
    pub(super) fn connect(&mut self, one: PeerAt, other: PeerAt) -> Option<u64> {
        let pair = pair(one, other);
        if !self.may_connect(one, other) || self.links.contains_key(&pair) {
            return None;
        }
        self.last_link += 1;
        self.links.insert(pair, self.last_link);
        self.busy_until.remove(&(one, other));
        self.busy_until.remove(&(other, one));
        Some(self.last_link)
    }

    /// Breaks a connection; what is under way on it is lost.
    pub(super) fn disconnect(&mut self, one: PeerAt, other: PeerAt) -> Option<u64> {
        self.links.remove(&pair(one, other))
    }

    pub(super) fn stands(&self, one: PeerAt, other: PeerAt, link: u64) -> bool {
        self.links.get(&pair(one, other)) == Some(&link)
    }

    pub(super) fn latency(&self, one: PeerAt, other: PeerAt) -> Duration {
        self.latency.get(&pair(one, other)).copied().unwrap_or_default()
    }

    /// When a frame sent now arrives, `jitter` included.
    pub(super) fn arrival(&mut self, from: PeerAt, to: PeerAt, now: Time, jitter: Duration) -> Time {
        let soonest = now + self.latency(from, to) + jitter;
        let busy = self.busy_until.entry((from, to)).or_default();
        *busy = soonest.max(*busy);
        *busy
    }
}
