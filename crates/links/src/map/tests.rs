use gridwell_model::{GridId, LinkPolicy, LinkWish, Stamp};
use proptest::prelude::*;

use super::*;

const ME: PeerId = PeerId([0; 32]);

pub(crate) fn peer(number: u8) -> PeerId {
    PeerId([number; 32])
}

pub(crate) fn report(number: u8, up: bool) -> LinkReport {
    let wish = LinkWish::default();
    LinkReport { peer: peer(number), up, rtt_micros: None, since: Stamp(0), wish, rests: false }
}

fn record(from: u8, number: u64, links: &[LinkReport]) -> LinkRecord {
    LinkRecord {
        grid: GridId([1; 16]),
        peer: peer(from),
        incarnation: Incarnation([from; 8]),
        number,
        relays: true,
        links: links.to_vec(),
        addresses: Vec::new(),
    }
}

fn heard(map: &mut Map, from: u8, links: &[LinkReport]) -> BTreeSet<PeerId> {
    let number = map.newest.get(&peer(from)).copied().unwrap_or(0) + 1;
    map.hear(record(from, number, links), |_| true)
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
fn an_older_record_says_nothing_even_when_the_newer_one_was_forgotten() {
    let mut map = Map::default();
    map.hear(record(1, 7, &[report(2, true)]), |_| true);
    assert_eq!(map.hear(record(1, 7, &[]), |_| true), [].into());
    assert_eq!(map.hear(record(1, 6, &[]), |_| true), [].into());
    map.forget(peer(1));
    assert!(!map.is_news(peer(1), 6) && map.is_news(peer(1), 7));
    assert_eq!(map.hear(record(1, 7, &[report(2, true)]), |_| true), [peer(2)].into());
}

#[test]
fn too_much_and_strangers_are_left_out() {
    let mut map = Map::default();
    let many = vec![report(2, true); LinkReport::MAX_LINKS];
    let told = [&[report(1, true), report(9, true)][..], &many, &[report(3, true)]].concat();
    map.hear(record(1, 1, &told), |other| other != peer(9));
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

#[test]
fn who_went_away_is_out_of_reach_whatever_it_told_last() {
    let mut map = Map::default();
    heard(&mut map, 1, &[report(0, true), report(2, true)]);
    heard(&mut map, 2, &[report(1, true)]);
    let up = [peer(1)].into();
    assert_eq!(map.out_of_reach(ME, &up, Time::from_secs(1)), [].into());
    assert_eq!(map.poll_deadline(), None);
    heard(&mut map, 1, &[report(0, true), report(2, false)]);
    assert_eq!(map.out_of_reach(ME, &up, Time::from_secs(2)), [].into());
    let due = map.poll_deadline().unwrap();
    assert_eq!(map.out_of_reach(ME, &up, due), [peer(2)].into());
    map.forget(peer(2));
    assert_eq!(map.poll_deadline(), None);
}

#[test]
fn a_record_that_comes_before_the_way_to_its_author_counts_once_that_is_known() {
    let mut map = Map::default();
    let up = [peer(1)].into();
    heard(&mut map, 3, &[report(2, true)]);
    heard(&mut map, 1, &[report(0, true)]);
    assert_eq!(map.out_of_reach(ME, &up, Time::from_secs(1)), [].into());
    heard(&mut map, 2, &[report(1, true), report(3, true)]);
    heard(&mut map, 1, &[report(0, true), report(2, true)]);
    assert_eq!(map.out_of_reach(ME, &up, Time::from_secs(60)), [].into());
    assert!(map.paths(ME, [(peer(1), None)]).has(peer(2), peer(3)));
}

#[test]
fn only_links_that_both_ends_list_and_allow_are_travelled() {
    let mut map = Map::default();
    let forbidden =
        LinkReport { wish: LinkWish::default().changed_to(LinkPolicy::Forbidden, Stamp(1)), ..report(4, true) };
    heard(&mut map, 1, &[report(0, true), report(2, true), report(3, true), forbidden]);
    heard(&mut map, 2, &[report(1, true)]);
    heard(&mut map, 3, &[report(1, false)]);
    heard(&mut map, 4, &[report(1, true), report(0, true)]);
    let paths = map.paths(ME, [(peer(1), None)]);
    let links: Vec<_> = [(0, 1), (1, 2), (1, 3), (1, 4), (0, 4)]
        .iter()
        .map(|(one, other)| paths.has(peer(*one), peer(*other)))
        .collect();
    assert_eq!(links, [true, true, false, false, false]);
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
