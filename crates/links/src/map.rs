use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::{Incarnation, LinkRecord, LinkReport, PeerId, Time};

use crate::paths::Paths;

/// What a peer told is kept this long while no way leads to it. Records overtake each other: one may come before those that
/// tell of the way to its author, and nobody would send it again. The longest way takes them some seconds.
const KEEP_AWAY: Duration = Duration::from_secs(10);

/// What peers tell of their links, from wherever it came. Each tells all it wants to tell; what it told before is forgotten.
#[derive(Debug, Default)]
pub struct Map {
    told: BTreeMap<PeerId, Told>,
    /// The number of the newest record of each peer, also of one that was forgotten: older ones never come back.
    newest: BTreeMap<PeerId, u64>,
    /// The newest run of each peer's node that anything told of, with the number of a record that it wrote.
    runs: BTreeMap<PeerId, (u64, Incarnation)>,
    /// Peers that told something and to which no way leads, and since when.
    away: BTreeMap<PeerId, Time>,
}

/// What one peer tells.
#[derive(Debug)]
struct Told {
    relays: bool,
    links: BTreeMap<PeerId, LinkReport>,
}

impl Map {
    /// True if a record of that number says more than what is known of `peer`.
    #[must_use]
    pub fn is_news(&self, peer: PeerId, number: u64) -> bool {
        match self.newest.get(&peer) {
            Some(newest) if self.told.contains_key(&peer) => number > *newest,
            Some(newest) => number >= *newest,
            None => true,
        }
    }

    /// Takes in a record, unless it is no news; returns the other ends of the links of which it says something new. Reports
    /// about who is no member, about the peer itself, and beyond [`LinkReport::MAX_LINKS`] are left out.
    pub fn hear(&mut self, record: LinkRecord, is_member: impl Fn(PeerId) -> bool) -> BTreeSet<PeerId> {
        let LinkRecord { peer, incarnation, number, relays, links, .. } = record;
        if !self.is_news(peer, number) {
            return BTreeSet::new();
        }
        self.newest.insert(peer, number);
        let links = links.into_iter().take(LinkReport::MAX_LINKS);
        let links = links.filter(|report| report.peer != peer && is_member(report.peer));
        let new: BTreeMap<_, _> = links.map(|report| (report.peer, report)).collect();
        let old = self.told.remove(&peer).map(|told| told.links).unwrap_or_default();
        let changed = new.keys().chain(old.keys()).filter(|other| new.get(*other) != old.get(*other));
        let changed = changed.copied().collect();
        self.told.insert(peer, Told { relays, links: new });
        self.learn_run(peer, number, incarnation);
        changed
    }

    /// Forgets what a peer told. Returns the other ends of it.
    pub fn forget(&mut self, peer: PeerId) -> BTreeSet<PeerId> {
        self.away.remove(&peer);
        self.told.remove(&peer).map(|told| told.links.into_keys().collect()).unwrap_or_default()
    }

    /// Peers that told something and to which, for a while now, no way over links leads from `me`, whose own links to `up`
    /// stand: nobody hears from them any more.
    #[must_use]
    pub fn out_of_reach(&mut self, me: PeerId, up: &BTreeSet<PeerId>, now: Time) -> BTreeSet<PeerId> {
        let reached = self.reached(me, up);
        self.away.retain(|peer, _| !reached.contains(peer));
        for peer in self.told.keys().filter(|peer| **peer != me && !reached.contains(peer)) {
            self.away.entry(*peer).or_insert(now);
        }
        self.away.iter().filter(|(_, since)| now.since(**since) >= KEEP_AWAY).map(|(peer, _)| *peer).collect()
    }

    /// When [`Map::out_of_reach`] has somebody to name, if nothing changes until then.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        self.away.values().min().map(|since| *since + KEEP_AWAY)
    }

    /// What `from` tells of its link to `peer`.
    #[must_use]
    pub fn report(&self, from: PeerId, peer: PeerId) -> Option<&LinkReport> {
        self.told.get(&from)?.links.get(&peer)
    }

    /// A record of that number, here or on its way here, is by that run of a peer's node.
    pub fn learn_run(&mut self, peer: PeerId, number: u64, run: Incarnation) {
        if self.runs.get(&peer).is_none_or(|(known, _)| number > *known) {
            self.runs.insert(peer, (number, run));
        }
    }

    /// The newest run of a peer's node that is known, and the number of a record that it wrote.
    #[must_use]
    pub fn run(&self, peer: PeerId) -> Option<(u64, Incarnation)> {
        self.runs.get(&peer).copied()
    }

    /// Everything that is told, by who tells it.
    pub fn reports(&self) -> impl Iterator<Item = (PeerId, &LinkReport)> {
        self.told.iter().flat_map(|(from, told)| told.links.values().map(move |report| (*from, report)))
    }

    /// The links that messages may travel, as `me` knows them: its own ones that stand, with their round trips, and those of
    /// which both ends tell that they stand, and neither that it forbids them.
    #[must_use]
    pub fn paths(&self, me: PeerId, own: impl IntoIterator<Item = (PeerId, Option<Duration>)>) -> Paths {
        let mut paths = Paths::default();
        for (peer, rtt) in own {
            paths.link(me, peer, rtt);
        }
        for (from, report) in self.reports().filter(|(from, report)| *from < report.peer && report.peer != me) {
            let theirs = self.report(report.peer, from).filter(|_| from != me);
            if let Some(theirs) = theirs
                && [report, theirs].iter().all(|report| report.up && !report.wish.forbids())
            {
                let measured = [report, theirs].iter().filter_map(|report| report.rtt_micros).max();
                paths.link(from, report.peer, measured.map(|micros| Duration::from_micros(micros.into())));
            }
        }
        for (peer, _) in self.told.iter().filter(|(_, told)| !told.relays) {
            paths.end_at(*peer);
        }
        paths
    }

    /// The peers that `me`, whose own links to `up` stand, reaches over links that stand, and would not reach any more
    /// without its link to `lost`.
    #[must_use]
    pub fn cut_off(&self, me: PeerId, up: &BTreeSet<PeerId>, lost: PeerId) -> BTreeSet<PeerId> {
        let mut rest = up.clone();
        rest.remove(&lost);
        let reached = self.reached(me, &rest);
        self.reached(me, up).into_iter().filter(|peer| !reached.contains(peer)).collect()
    }

    fn reached(&self, me: PeerId, up: &BTreeSet<PeerId>) -> BTreeSet<PeerId> {
        let unheard = self.named_by();
        let mut reached = BTreeSet::new();
        let mut next: Vec<PeerId> = up.iter().copied().collect();
        while let Some(peer) = next.pop() {
            // What others tell of links to this peer, it knows better itself.
            if peer == me || !reached.insert(peer) {
                continue;
            }
            match self.told.get(&peer) {
                Some(told) => next.extend(self.neighbours(peer, told)),
                None => next.extend(unheard.get(&peer).into_iter().flatten()),
            }
        }
        reached
    }

    /// With whom a peer that told something is linked: both say so, or the other was not heard yet.
    fn neighbours(&self, peer: PeerId, told: &Told) -> impl Iterator<Item = PeerId> {
        let up = told.links.values().filter(|report| report.up).map(|report| report.peer);
        up.filter(move |other| {
            let theirs = self.told.get(other);
            theirs.is_none_or(|theirs| theirs.links.get(&peer).is_some_and(|report| report.up))
        })
    }

    /// Peers that were not heard yet, and who says to be linked with them.
    fn named_by(&self) -> BTreeMap<PeerId, Vec<PeerId>> {
        let mut named: BTreeMap<PeerId, Vec<PeerId>> = BTreeMap::new();
        for (from, report) in self.reports().filter(|(_, report)| report.up && !self.told.contains_key(&report.peer)) {
            named.entry(report.peer).or_default().push(from);
        }
        named
    }
}

#[cfg(test)]
pub(crate) mod tests;
