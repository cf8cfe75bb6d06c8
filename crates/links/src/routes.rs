use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_model::{PeerId, Time};

use crate::{
    behaviour::Pair,
    paths::{Paths, Route},
};

/// A better route is taken when it costs at most this share of the old one, in percent.
const BETTER: u32 = 75;
/// And not sooner than this after the last change: what is faster for a moment is not faster (network.md §12).
const SETTLE: Duration = Duration::from_mins(1);
/// A link that somebody found broken is avoided for this long; by then the map tells whether it stands.
const AVOID: Duration = Duration::from_secs(10);
/// Most broken links that are remembered: hops that lie about more of them cannot do more harm than going silent.
const MOST_BROKEN: usize = 256;
/// Ways that are tried when one breaks (network.md §12).
const ALTERNATIVES: usize = 3;

/// The route to each peer that this one reaches: the link with it if there is one, else the best path over links of others.
#[derive(Debug)]
pub struct Routes {
    me: PeerId,
    paths: Paths,
    chosen: BTreeMap<PeerId, Chosen>,
    broken: BTreeMap<Pair, Time>,
}

#[derive(Debug)]
struct Chosen {
    route: Route,
    since: Time,
}

impl Routes {
    /// No routes of peer `me`.
    #[must_use]
    pub const fn new(me: PeerId) -> Self {
        Self { me, paths: Paths::new(), chosen: BTreeMap::new(), broken: BTreeMap::new() }
    }

    /// Follows a map that changed. Returns the peers whose path is another one now, or none any more.
    pub fn follow(&mut self, paths: Paths, now: Time) -> BTreeSet<PeerId> {
        self.paths = paths;
        self.choose(now)
    }

    /// A link between two others did not carry something. Returns the peers whose path is another one now.
    pub fn broke(&mut self, link: Pair, now: Time) -> BTreeSet<PeerId> {
        // Of its own links this peer knows better, and nothing is lost with one that does not stand anyway.
        let stands = self.paths.has(link.ends().0, link.ends().1);
        if link.other(self.me).is_none() && stands && self.broken.len() < MOST_BROKEN {
            self.broken.insert(link, now + AVOID);
        }
        self.choose(now)
    }

    /// When [`Routes::handle_deadline`] wants to be called.
    #[must_use]
    pub fn poll_deadline(&self) -> Option<Time> {
        self.broken.values().min().copied()
    }

    /// Trusts links again that were avoided for long enough.
    pub fn handle_deadline(&mut self, now: Time) -> BTreeSet<PeerId> {
        self.broken.retain(|_, until| *until > now);
        self.choose(now)
    }

    /// The route to a peer, if there is one.
    #[must_use]
    pub fn route(&self, to: PeerId) -> Option<&Route> {
        self.chosen.get(&to).map(|chosen| &chosen.route)
    }

    /// The route to a peer over none of `links`: the chosen one if it is, else the best other one.
    #[must_use]
    pub fn around(&self, to: PeerId, links: &BTreeSet<Pair>) -> Option<Route> {
        let chosen = self.route(to).filter(|route| route.links().all(|link| !links.contains(&link)));
        chosen.cloned().or_else(|| self.paths.disjoint(self.me, to, &(&self.avoided() | links), 1).pop())
    }

    /// The routes to a peer that share no link: the chosen one, then up to two more.
    #[must_use]
    pub fn alternatives(&self, to: PeerId) -> Vec<Route> {
        let Some(chosen) = self.route(to) else { return Vec::new() };
        let mut avoided = self.avoided();
        avoided.extend(chosen.links());
        let others = self.paths.disjoint(self.me, to, &avoided, ALTERNATIVES - 1);
        std::iter::once(chosen.clone()).chain(others).collect()
    }

    fn avoided(&self) -> BTreeSet<Pair> {
        self.broken.keys().copied().collect()
    }

    fn choose(&mut self, now: Time) -> BTreeSet<PeerId> {
        let avoided = self.avoided();
        let mut best = self.paths.routes(self.me, &avoided);
        for (peer, route) in &mut best {
            // A link of their own is what people see and pin: it is never passed by.
            if let Some(direct) = self.paths.measured(vec![self.me, *peer]) {
                *route = direct;
            }
        }
        let old = std::mem::take(&mut self.chosen);
        let mut changed: BTreeSet<_> = old.keys().filter(|peer| !best.contains_key(*peer)).copied().collect();
        for (peer, route) in best {
            let before = old.get(&peer);
            let kept = before.and_then(|before| self.kept(before, &route, &avoided, now));
            let chosen = kept.unwrap_or(Chosen { route, since: now });
            if before.is_none_or(|before| before.route.path != chosen.route.path) {
                changed.insert(peer);
            }
            self.chosen.insert(peer, chosen);
        }
        changed
    }

    /// The old route as it is now, if it may still be travelled and the new one is not worth the change.
    fn kept(&self, old: &Chosen, new: &Route, avoided: &BTreeSet<Pair>, now: Time) -> Option<Chosen> {
        let route = self.paths.measured(old.route.path.clone())?;
        let stands = new.hops() > 1 && route.links().all(|link| !avoided.contains(&link));
        let better = new.cost * 100 <= route.cost * BETTER && now.since(old.since) >= SETTLE;
        (stands && (!better || new.path == route.path)).then_some(Chosen { route, since: old.since })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{map::tests::peer, paths::tests::web};

    fn way(routes: &Routes, to: u8) -> Vec<u8> {
        routes.route(peer(to)).map(|route| route.path.iter().map(|peer| peer.0[0]).collect()).unwrap_or_default()
    }

    fn at(secs: u64) -> Time {
        Time::from_secs(secs)
    }

    #[test]
    fn a_link_of_ones_own_goes_before_a_faster_way_around() {
        let mut routes = Routes::new(peer(0));
        assert_eq!(routes.follow(web(&[(0, 1, 1), (1, 2, 1)]), at(1)), [peer(1), peer(2)].into());
        assert_eq!(way(&routes, 2), [0, 1, 2]);
        assert_eq!(routes.follow(web(&[(0, 1, 1), (1, 2, 1), (0, 2, 150)]), at(2)), [peer(2)].into());
        assert_eq!(way(&routes, 2), [0, 2]);
        assert_eq!(routes.follow(web(&[(0, 1, 1)]), at(3)), [peer(2)].into());
        assert!(way(&routes, 2).is_empty());
    }

    #[test]
    fn round_trips_that_wobble_move_no_route() {
        let mut routes = Routes::new(peer(0));
        let mut moves = 0;
        for second in 0..600 {
            let (left, right) = if second % 2 == 0 { (20, 24) } else { (24, 20) };
            let paths = web(&[(0, 1, left), (1, 3, left), (0, 2, right), (2, 3, right)]);
            moves += usize::from(routes.follow(paths, at(second)).contains(&peer(3)));
        }
        assert_eq!(moves, 1, "the first choice");
    }

    #[test]
    fn a_much_better_way_is_taken_once_the_last_change_is_a_minute_old() {
        let mut routes = Routes::new(peer(0));
        let slow = [(0, 1, 100), (1, 3, 100)];
        let both = [(0, 1, 100), (1, 3, 100), (0, 2, 1), (2, 3, 1)];
        routes.follow(web(&slow), at(0));
        routes.follow(web(&both), at(59));
        assert_eq!(way(&routes, 3), [0, 1, 3]);
        routes.follow(web(&both), at(60));
        assert_eq!(way(&routes, 3), [0, 2, 3]);
    }

    #[test]
    fn a_broken_link_is_avoided_for_a_while() {
        let mut routes = Routes::new(peer(0));
        routes.follow(web(&[(0, 1, 1), (1, 3, 1), (0, 2, 50), (2, 3, 50)]), at(0));
        assert_eq!(routes.alternatives(peer(3)).len(), 2);
        assert_eq!(routes.broke(Pair::of(peer(1), peer(3)), at(5)), [peer(3)].into());
        assert_eq!(way(&routes, 3), [0, 2, 3]);
        assert_eq!(routes.broke(Pair::of(peer(2), peer(3)), at(6)), [peer(3)].into());
        assert!(way(&routes, 3).is_empty());
        assert_eq!(routes.poll_deadline(), Some(at(15)));
        assert_eq!(routes.handle_deadline(at(15)), [peer(3)].into());
        assert_eq!(way(&routes, 3), [0, 1, 3]);
        assert_eq!(routes.broke(Pair::of(peer(0), peer(1)), at(16)), [].into(), "it knows its own links");
        routes.handle_deadline(at(16));
        routes.broke(Pair::of(peer(7), peer(8)), at(16));
        assert_eq!(routes.poll_deadline(), None, "no such link stood");
    }

    #[test]
    fn a_way_around_links_is_found_beside_the_chosen_one() {
        let mut routes = Routes::new(peer(0));
        routes.follow(web(&[(0, 1, 1), (1, 3, 1), (0, 2, 50), (2, 3, 50), (0, 3, 1)]), at(0));
        let link = |one, other| Pair::of(peer(one), peer(other));
        let around = |links: &[Pair]| {
            let route = routes.around(peer(3), &links.iter().copied().collect())?;
            Some(route.path.iter().map(|peer| peer.0[0]).collect::<Vec<_>>())
        };
        assert_eq!(around(&[]), Some(vec![0, 3]));
        assert_eq!(around(&[link(0, 3)]), Some(vec![0, 1, 3]));
        assert_eq!(around(&[link(0, 3), link(1, 3)]), Some(vec![0, 2, 3]));
        assert_eq!(around(&[link(0, 3), link(1, 3), link(0, 2)]), None);
    }
}
