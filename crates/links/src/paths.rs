use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::{MOST_HOPS, PeerId};

use crate::behaviour::Pair;

/// What each link costs beside its round trip: whoever passes something on reads, checks and writes it.
const HOP_COST: u32 = 4;
/// Between these round trips the cost of a link grows with their logarithm, from 1 to [`SLOWEST`]. Classes as coarse as
/// these keep small wobbles from moving routes (network.md §12).
const NEAR: Duration = Duration::from_millis(1);
const FAR: Duration = Duration::from_millis(200);
const SLOWEST: f64 = 16.0;
/// What is assumed of a link that was not measured yet.
const UNKNOWN: Duration = Duration::from_millis(10);

/// The links that may be travelled, with what each costs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    links: BTreeMap<PeerId, BTreeMap<PeerId, Way>>,
    /// Peers that pass nothing on.
    ends: BTreeSet<PeerId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Way {
    cost: u32,
    round_trip: Duration,
}

/// A path of links from one peer to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The peers on it, both ends included.
    pub path: Vec<PeerId>,
    /// The sum of what its links cost.
    pub cost: u32,
    /// The sum of their round trips, as far as they were measured.
    pub round_trip: Duration,
}

impl Route {
    /// Links on it.
    #[must_use]
    pub const fn hops(&self) -> usize {
        self.path.len().saturating_sub(1)
    }

    /// The first peer after its start.
    #[must_use]
    pub fn next(&self) -> Option<PeerId> {
        self.path.get(1).copied()
    }

    /// The links on it.
    pub fn links(&self) -> impl Iterator<Item = Pair> {
        self.path.windows(2).map(|ends| Pair::of(ends[0], ends[1]))
    }
}

impl Paths {
    pub(crate) const fn new() -> Self {
        Self { links: BTreeMap::new(), ends: BTreeSet::new() }
    }

    pub(crate) fn link(&mut self, one: PeerId, other: PeerId, rtt: Option<Duration>) {
        if one != other {
            let way = Way { cost: cost(rtt), round_trip: rtt.unwrap_or_default() };
            self.links.entry(one).or_default().insert(other, way);
            self.links.entry(other).or_default().insert(one, way);
        }
    }

    /// Notes that a peer passes nothing on.
    pub(crate) fn end_at(&mut self, peer: PeerId) {
        self.ends.insert(peer);
    }

    /// True if the link between two peers may be travelled.
    #[must_use]
    pub fn has(&self, one: PeerId, other: PeerId) -> bool {
        self.links.get(&one).is_some_and(|links| links.contains_key(&other))
    }

    /// The best routes from `from` to everybody it reaches within [`MOST_HOPS`] links, without those `avoided`.
    #[must_use]
    pub fn routes(&self, from: PeerId, avoided: &BTreeSet<Pair>) -> BTreeMap<PeerId, Route> {
        let search = Search::run(self, from, avoided);
        let peers = search.best.keys().filter(|peer| **peer != from);
        peers.filter_map(|peer| Some((*peer, self.measured(search.path(*peer)?)?))).collect()
    }

    /// Up to `most` routes between two peers that share no link, the best first.
    #[must_use]
    pub fn disjoint(&self, from: PeerId, to: PeerId, avoided: &BTreeSet<Pair>, most: usize) -> Vec<Route> {
        let mut avoided = avoided.clone();
        let mut found = Vec::new();
        while found.len() < most
            && let Some(route) =
                Search::run(self, from, &avoided).path(to).and_then(|path| self.measured(path)).filter(|_| from != to)
        {
            avoided.extend(route.links());
            found.push(route);
        }
        found
    }

    /// What a path costs now, if it may still be travelled.
    #[must_use]
    pub fn measured(&self, path: Vec<PeerId>) -> Option<Route> {
        let inner = path.get(1..path.len().saturating_sub(1)).unwrap_or_default();
        if inner.iter().any(|peer| self.ends.contains(peer)) {
            return None;
        }
        let (mut cost, mut round_trip) = (0, Duration::ZERO);
        for ends in path.windows(2) {
            let way = self.links.get(&ends[0])?.get(&ends[1])?;
            (cost, round_trip) = (cost + way.cost, round_trip + way.round_trip);
        }
        Some(Route { path, cost, round_trip })
    }
}

/// What a link costs.
fn cost(rtt: Option<Duration>) -> u32 {
    let secs = rtt.unwrap_or(UNKNOWN).clamp(NEAR, FAR).as_secs_f64();
    let share = (secs / NEAR.as_secs_f64()).ln() / (FAR.as_secs_f64() / NEAR.as_secs_f64()).ln();
    HOP_COST + (1.0 + (SLOWEST - 1.0) * share).round() as u32
}

/// Cheapest paths of at most [`MOST_HOPS`] links (Bellman 1958: link by link). A place is taken only by a cheaper path than
/// all shorter ones, so that no path meets itself.
struct Search {
    /// For each number of links, the peer before each peer that such a path made cheaper.
    before: Vec<BTreeMap<PeerId, PeerId>>,
    /// What the cheapest path to a peer costs, and its links.
    best: BTreeMap<PeerId, (u32, usize)>,
}

impl Search {
    fn run(paths: &Paths, from: PeerId, avoided: &BTreeSet<Pair>) -> Self {
        let mut search = Self { before: vec![BTreeMap::new()], best: BTreeMap::from([(from, (0, 0))]) };
        let mut front = BTreeMap::from([(from, 0)]);
        for hops in 1..=MOST_HOPS {
            let mut next = BTreeMap::new();
            let mut before = BTreeMap::new();
            let passes = |peer: &PeerId| *peer == from || !paths.ends.contains(peer);
            for (peer, spent) in front.iter().filter(|(peer, _)| passes(peer)) {
                for (other, way) in paths.links.get(peer).into_iter().flatten() {
                    let sum = spent + way.cost;
                    let cheaper = search.best.get(other).is_none_or(|(cost, _)| sum < *cost);
                    if cheaper && !avoided.contains(&Pair::of(*peer, *other)) {
                        search.best.insert(*other, (sum, hops));
                        next.insert(*other, sum);
                        before.insert(*other, *peer);
                    }
                }
            }
            search.before.push(before);
            front = next;
        }
        search
    }

    fn path(&self, to: PeerId) -> Option<Vec<PeerId>> {
        let (_, hops) = *self.best.get(&to)?;
        let mut path = vec![to];
        let mut peer = to;
        for hop in (1..=hops).rev() {
            peer = *self.before.get(hop)?.get(&peer)?;
            path.push(peer);
        }
        path.reverse();
        Some(path)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::map::tests::peer;

    pub(crate) fn web(links: &[(u8, u8, u64)]) -> Paths {
        let mut paths = Paths::default();
        for (one, other, millis) in links {
            paths.link(peer(*one), peer(*other), Some(Duration::from_millis(*millis)));
        }
        paths
    }

    fn way(paths: &Paths, to: u8) -> Option<Vec<u8>> {
        let route = paths.routes(peer(0), &BTreeSet::new()).remove(&peer(to))?;
        Some(route.path.iter().map(|peer| peer.0[0]).collect())
    }

    #[test]
    fn links_cost_between_five_and_twenty() {
        let costs = [0, 1, 14, 200, 9_000].map(|millis| cost(Some(Duration::from_millis(millis))));
        assert_eq!(costs, [5, 5, 12, 20, 20]);
    }

    #[test]
    fn a_way_around_is_taken_when_it_is_faster_and_only_then() {
        let paths = web(&[(0, 1, 1), (1, 2, 1), (2, 3, 1), (0, 3, 3), (0, 2, 150)]);
        assert_eq!(way(&paths, 3), Some(vec![0, 3]));
        assert_eq!(way(&paths, 2), Some(vec![0, 1, 2]));
    }

    #[test]
    fn nothing_travels_over_more_than_six_links() {
        let links: Vec<_> = (0..8).map(|number| (number, number + 1, 1)).collect();
        let paths = web(&links);
        assert_eq!(way(&paths, 6).map(|path| path.len()), Some(7));
        assert_eq!(way(&paths, 7), None);
    }

    #[test]
    fn who_passes_nothing_on_is_reached_and_goes_around() {
        let mut paths = web(&[(0, 1, 1), (1, 2, 1), (0, 3, 50), (3, 2, 50)]);
        paths.end_at(peer(1));
        assert_eq!((way(&paths, 1), way(&paths, 2)), (Some(vec![0, 1]), Some(vec![0, 3, 2])));
        assert_eq!(paths.measured(vec![peer(0), peer(1), peer(2)]), None);
    }

    #[test]
    fn alternatives_share_no_link() {
        let paths = web(&[(0, 1, 1), (1, 9, 1), (0, 2, 5), (2, 9, 5), (0, 3, 9), (3, 9, 9), (0, 4, 99), (4, 9, 99)]);
        let found = paths.disjoint(peer(0), peer(9), &BTreeSet::new(), 3);
        let middles: Vec<_> = found.iter().map(|route| route.path[1].0[0]).collect();
        assert_eq!(middles, [1, 2, 3]);
        assert!(paths.disjoint(peer(0), peer(0), &BTreeSet::new(), 3).is_empty());
    }

    proptest! {
        /// The cheapest of all simple paths, found by trying them all.
        #[test]
        fn no_path_is_cheaper(links in prop::collection::vec((0..7_u8, 0..7_u8, 0..300_u64), 0..14), end in 1..7_u8) {
            let mut paths = web(&links);
            paths.end_at(peer(end));
            let routes = paths.routes(peer(0), &BTreeSet::new());
            for to in 1..7 {
                let cheapest = cheapest(&paths, &mut vec![peer(0)], peer(to));
                prop_assert_eq!(routes.get(&peer(to)).map(|route| route.cost), cheapest);
            }
            for route in routes.values() {
                let met: BTreeSet<_> = route.path.iter().collect();
                prop_assert_eq!(met.len(), route.path.len());
                prop_assert_eq!(paths.measured(route.path.clone()), Some(route.clone()));
            }
        }
    }

    fn cheapest(paths: &Paths, path: &mut Vec<PeerId>, to: PeerId) -> Option<u32> {
        let at = path[path.len() - 1];
        if at == to {
            return paths.measured(path.clone()).map(|route| route.cost);
        }
        let nexts: Vec<_> = paths.links.get(&at).into_iter().flatten().map(|(peer, _)| *peer).collect();
        let mut best = None;
        for next in nexts {
            if !path.contains(&next) && path.len() <= MOST_HOPS {
                path.push(next);
                best = [best, cheapest(paths, path, to)].into_iter().flatten().min();
                path.pop();
            }
        }
        best
    }
}
