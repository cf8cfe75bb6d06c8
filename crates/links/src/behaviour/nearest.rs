use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{PeerId, Time};

use super::{
    Behaviour, Change, Graph, Why,
    safe::{may_let_go, slowest_first},
};

/// Links that one peer keeps at least, where there are so many others.
const FEWEST: usize = 3;
/// Links that one peer keeps at most.
const MOST: usize = 8;
/// Looks that a new link is measured for before it is judged.
const TRIAL: u32 = 3;
/// Looks between two changes of one peer.
const REST: u32 = 10;
/// Looks before somebody who was let go, or tried in vain, is tried again; afterwards it has to be better by twice as much
/// for as long again.
const AGAIN: u32 = 60;
/// A nearer one answers within this share of the slowest link's round trip …
const SHARE: f64 = 0.75;
/// … and sooner by this much.
const SOONER: Duration = Duration::from_millis(3);

/// Replaces the slowest link of a peer with one to a neighbour's neighbour that answers sooner. Patient on purpose: networks
/// change by the hour, and every change costs somebody (hysteresis of network.md §13).
#[derive(Debug, Clone)]
pub struct Nearest {
    pace: Duration,
    trial: Option<Trial>,
    /// No change before.
    rests_until: Time,
    /// Who was let go or tried in vain, and when.
    spurned: BTreeMap<PeerId, Time>,
}

#[derive(Debug, Clone, Copy)]
struct Trial {
    peer: PeerId,
    since: Time,
}

impl Behaviour for Nearest {
    fn name(&self) -> &'static str {
        "nearest"
    }

    fn propose(&mut self, graph: &Graph, me: PeerId, now: Time) -> Option<Change> {
        let memory = self.pace * AGAIN * 2;
        self.spurned.retain(|_, when| now.since(*when) < memory);
        if let Some(trial) = self.trial {
            return self.judge(trial, graph, me, now);
        }
        if now < self.rests_until {
            return None;
        }
        let links = graph.neighbours(me).count();
        if links > MOST {
            return self.drop_slowest(graph, me, now);
        }
        self.try_someone(graph, me, links, now)
    }
}

impl Nearest {
    /// One that is asked once in `pace`, a minute as a rule: all its patience is counted in that.
    #[must_use]
    pub const fn new(pace: Duration) -> Self {
        Self { pace, trial: None, rests_until: Time::ZERO, spurned: BTreeMap::new() }
    }

    fn try_someone(&mut self, graph: &Graph, me: PeerId, links: usize, now: Time) -> Option<Change> {
        let (peer, at_least) = self.most_promising(graph, me, now)?;
        let why = if links < FEWEST {
            Why::TooFew { links: links as u32 }
        } else {
            let (_, slowest) = replaceable(graph, me, peer)?;
            if !self.is_nearer(peer, at_least, slowest, now) {
                return None;
            }
            Why::MayBeNearer { at_least: micros(at_least), slowest: micros(slowest) }
        };
        match why {
            Why::TooFew { .. } => self.rests_until = now + self.pace * TRIAL,
            _ => self.trial = Some(Trial { peer, since: now }),
        }
        Some(Change { adopt: Some(peer), let_go: None, why })
    }

    /// A neighbour's neighbour with the least round trip that it can have: it is no shorter than the difference of the ways to
    /// and from the neighbour between.
    fn most_promising(&self, graph: &Graph, me: PeerId, now: Time) -> Option<(PeerId, Duration)> {
        let mut least: BTreeMap<PeerId, Duration> = BTreeMap::new();
        for (between, here) in graph.neighbours(me) {
            for (peer, there) in graph.neighbours(between) {
                let unknown = peer != me && graph.edge(me, peer).is_none();
                let resting = self.spurned.get(&peer).is_some_and(|when| now.since(*when) < self.pace * AGAIN);
                if let (true, false, Some(here), Some(there)) =
                    (unknown && graph.allows(me, peer), resting, here.rtt, there.rtt)
                {
                    let bound = here.abs_diff(there);
                    least.entry(peer).and_modify(|least| *least = bound.max(*least)).or_insert(bound);
                }
            }
        }
        // Who has as many links as it keeps would only let another one go.
        let is_full = |peer| graph.neighbours(peer).count() >= MOST;
        least.into_iter().filter(|(peer, _)| !is_full(*peer)).min_by_key(|(peer, bound)| (*bound, *peer))
    }

    fn is_nearer(&self, peer: PeerId, new: Duration, old: Duration, now: Time) -> bool {
        let twice = self.spurned.get(&peer).is_some_and(|when| now.since(*when) >= self.pace * AGAIN);
        let (share, sooner) = if twice { (SHARE * SHARE, SOONER * 2) } else { (SHARE, SOONER) };
        new <= old.mul_f64(share) && new + sooner <= old
    }

    fn judge(&mut self, trial: Trial, graph: &Graph, me: PeerId, now: Time) -> Option<Change> {
        if now.since(trial.since) < self.pace * TRIAL {
            return None;
        }
        self.trial = None;
        if graph.edge(me, trial.peer).is_none() {
            // Nobody carried it out, or it could not be reached.
            self.spurned.insert(trial.peer, now);
            return None;
        }
        let new = graph.edge(me, trial.peer).and_then(|edge| edge.rtt);
        let Some((old, slowest)) = replaceable(graph, me, trial.peer) else {
            return self.give_up(trial.peer, new, Duration::ZERO, now);
        };
        match new.filter(|new| self.is_nearer(trial.peer, *new, slowest, now)) {
            None => self.give_up(trial.peer, new, slowest, now),
            Some(new) => {
                self.rests_until = now + self.pace * REST;
                self.spurned.insert(old, now);
                let why = Why::IsNearer { new: micros(new), old: micros(slowest) };
                Some(Change { adopt: None, let_go: Some(old), why })
            }
        }
    }

    fn give_up(&mut self, peer: PeerId, new: Option<Duration>, old: Duration, now: Time) -> Option<Change> {
        self.spurned.insert(peer, now);
        let why = Why::IsNotNearer { new: new.map(micros), old: micros(old) };
        Some(Change { adopt: None, let_go: Some(peer), why })
    }

    fn drop_slowest(&mut self, graph: &Graph, me: PeerId, now: Time) -> Option<Change> {
        let links = graph.neighbours(me).count() as u32;
        // Who has few links would only look for another one.
        let has_enough = |peer: &PeerId| graph.neighbours(*peer).count() > FEWEST;
        let slowest = slowest_first(graph, me).into_iter().map(|(peer, _)| peer);
        let old = slowest.filter(has_enough).find(|peer| may_let_go(graph, me, *peer, None))?;
        self.spurned.insert(old, now);
        Some(Change { adopt: None, let_go: Some(old), why: Why::TooMany { links } })
    }
}

/// The slowest link that may go once there is one to `new`.
fn replaceable(graph: &Graph, me: PeerId, new: PeerId) -> Option<(PeerId, Duration)> {
    let links = slowest_first(graph, me).into_iter().filter(|(peer, _)| *peer != new);
    links.into_iter().find(|(peer, _)| may_let_go(graph, me, *peer, Some(new)))
}

fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}
