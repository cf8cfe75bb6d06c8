use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{LinkReport, PeerId};

/// What other peers tell of their links. Each tells all it wants to tell; what it told before is forgotten.
#[derive(Debug, Default)]
pub struct Map {
    told: BTreeMap<PeerId, BTreeMap<PeerId, LinkReport>>,
}

impl Map {
    /// Takes in what `from` tells; returns the other ends of which that is news. Reports about who is no member, about
    /// `from` itself, and beyond [`LinkReport::MAX_LINKS`] are left out.
    pub fn hear(
        &mut self,
        from: PeerId,
        reports: Vec<LinkReport>,
        is_member: impl Fn(PeerId) -> bool,
    ) -> BTreeSet<PeerId> {
        let reports = reports.into_iter().take(LinkReport::MAX_LINKS);
        let reports = reports.filter(|report| report.peer != from && is_member(report.peer));
        let new: BTreeMap<_, _> = reports.map(|report| (report.peer, report)).collect();
        let old = self.told.entry(from).or_default();
        let changed = new.keys().chain(old.keys()).filter(|peer| new.get(*peer) != old.get(*peer));
        let changed = changed.copied().collect();
        *old = new;
        changed
    }

    /// Forgets what `from` told: it cannot be heard any more. Returns the other ends of it.
    pub fn forget(&mut self, from: PeerId) -> BTreeSet<PeerId> {
        self.told.remove(&from).unwrap_or_default().into_keys().collect()
    }

    /// What `from` tells of its link to `peer`.
    #[must_use]
    pub fn report(&self, from: PeerId, peer: PeerId) -> Option<&LinkReport> {
        self.told.get(&from)?.get(&peer)
    }

    /// Everything that is told, by who tells it.
    pub fn reports(&self) -> impl Iterator<Item = (PeerId, &LinkReport)> {
        self.told.iter().flat_map(|(from, reports)| reports.values().map(move |report| (*from, report)))
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
        let mut reached = BTreeSet::new();
        let mut next: Vec<PeerId> = up.iter().copied().collect();
        while let Some(peer) = next.pop() {
            // What others tell of links to this peer, it knows better itself.
            if peer != me && reached.insert(peer) {
                next.extend(self.neighbours(peer));
            }
        }
        reached
    }

    fn neighbours(&self, peer: PeerId) -> impl Iterator<Item = PeerId> {
        let told = self.told.get(&peer).into_iter().flat_map(BTreeMap::values);
        let told = told.filter(|report| report.up).map(|report| report.peer);
        let named = self.told.iter().filter(move |(_, reports)| reports.get(&peer).is_some_and(|report| report.up));
        told.chain(named.map(|(from, _)| *from))
    }
}

#[cfg(test)]
mod tests {
    use gridwell_model::{LinkWish, Stamp};
    use proptest::prelude::*;

    use super::*;

    const ME: PeerId = PeerId([0; 32]);

    fn peer(number: u8) -> PeerId {
        PeerId([number; 32])
    }

    fn report(number: u8, up: bool) -> LinkReport {
        LinkReport { peer: peer(number), up, rtt_micros: None, since: Stamp(0), wish: LinkWish::default() }
    }

    fn heard(map: &mut Map, from: u8, reports: &[LinkReport]) -> BTreeSet<PeerId> {
        map.hear(peer(from), reports.to_vec(), |_| true)
    }

    #[test]
    fn only_news_is_news_and_silence_about_a_link_removes_it() {
        let mut map = Map::default();
        assert_eq!(heard(&mut map, 1, &[report(2, true), report(3, true)]), [peer(2), peer(3)].into());
        assert_eq!(heard(&mut map, 1, &[report(2, true), report(3, false)]), [peer(3)].into());
        assert_eq!(heard(&mut map, 1, &[report(2, true)]), [peer(3)].into());
        assert_eq!(map.report(peer(1), peer(3)), None);
        assert_eq!(map.forget(peer(1)), [peer(2)].into());
        assert_eq!((map.reports().count(), map.forget(peer(1))), (0, [].into()));
    }

    #[test]
    fn too_much_and_strangers_are_left_out() {
        let mut map = Map::default();
        let many = vec![report(2, true); LinkReport::MAX_LINKS];
        let told = [&[report(1, true), report(9, true)][..], &many, &[report(3, true)]].concat();
        map.hear(peer(1), told, |other| other != peer(9));
        assert_eq!(map.reports().map(|(_, report)| report.peer).collect::<Vec<_>>(), [peer(2)]);
    }

    #[test]
    fn a_link_whose_other_end_is_reached_elsewhere_cuts_nobody_off() {
        let mut map = Map::default();
        heard(&mut map, 1, &[report(0, true), report(2, true)]);
        heard(&mut map, 2, &[report(0, true), report(1, true), report(3, true), report(4, false)]);
        let up = [peer(1), peer(2)].into();
        assert_eq!(map.cut_off(ME, &up, peer(1)), [].into());
        assert_eq!(map.cut_off(ME, &up, peer(2)), [].into());
        assert_eq!(map.cut_off(ME, &up, peer(7)), [].into());
    }

    #[test]
    fn the_only_way_to_somebody_is_one() {
        let mut map = Map::default();
        heard(&mut map, 2, &[report(0, true), report(3, true)]);
        assert_eq!(map.cut_off(ME, &[peer(1), peer(2)].into(), peer(2)), [peer(2), peer(3)].into());
    }

    proptest! {
        /// Whatever is told: who is cut off was reached over the lost link only.
        #[test]
        fn nobody_is_cut_off_who_has_a_link_of_ours(
            told in prop::collection::vec((1..8_u8, prop::collection::vec((0..8_u8, any::<bool>()), 0..8)), 0..8),
            up in prop::collection::btree_set(1..8_u8, 0..8),
            lost in 1..8_u8,
        ) {
            let mut map = Map::default();
            for (from, reports) in told {
                let reports: Vec<_> = reports.into_iter().map(|(number, up)| report(number, up)).collect();
                heard(&mut map, from, &reports);
            }
            let up: BTreeSet<_> = up.into_iter().map(peer).collect();
            let cut = map.cut_off(ME, &up, peer(lost));
            prop_assert!(!cut.contains(&ME));
            prop_assert!(cut.iter().all(|peer_cut| *peer_cut == peer(lost) || !up.contains(peer_cut)));
            prop_assert_eq!(cut.contains(&peer(lost)), !cut.is_empty());
        }
    }
}
