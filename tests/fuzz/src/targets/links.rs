//! Letters and records of links, from members that lie.

use std::collections::BTreeSet;

use gridwell_links::{Kind, Letters, Map, place};
use gridwell_model::{GridId, Incarnation, Letter, LinkRecord, LinkReport, LinkWish, PeerId, Stamp, Time};
use gridwell_wire::{decode, encode_inner};

use crate::pieces::{pieces, together};

const RUN: Incarnation = Incarnation([1; 8]);

/// Pieces are records and letters as they come, in turn.
pub(super) fn run(bytes: &[u8]) {
    let mut map = Map::default();
    let mut letters = Letters::new(RUN);
    for piece in pieces(bytes) {
        if let Ok(record) = decode::<LinkRecord>(piece) {
            map.hear(record, is_member);
        }
        if let Ok(letter) = decode::<Letter>(piece) {
            for at in 0..=letter.path.len() {
                let _ = place(&letter.path, at, peer(0), peer(1));
            }
            let known = letter.source().and_then(|source| map.run(source));
            if letters.take(&letter, Kind::Message, known).is_ok() {
                assert!(letters.take(&letter, Kind::Message, known).is_err(), "a letter is taken once");
            }
        }
    }
    let up = BTreeSet::from([peer(1), peer(2)]);
    let gone = map.out_of_reach(peer(0), &up, Time::from_secs(1));
    assert!(gone.is_empty(), "nobody is forgotten at once");
    let gone = map.out_of_reach(peer(0), &up, Time::from_secs(60));
    assert!(gone.is_disjoint(&up));
    let _ = map.cut_off(peer(0), &up, peer(1));
    let paths = map.paths(peer(0), up.iter().map(|peer| (*peer, None)));
    for (to, route) in paths.routes(peer(0), &BTreeSet::new()) {
        let of_its_own: BTreeSet<_> = route.path.iter().collect();
        assert_eq!(of_its_own.len(), route.path.len(), "no path visits a peer twice");
        assert_eq!(route.path.last(), Some(&to));
    }
}

fn is_member(peer: PeerId) -> bool {
    peer.0[1..].iter().all(|byte| *byte == 0) && peer.0[0] < 8
}

fn peer(number: u8) -> PeerId {
    let mut id = [0; 32];
    id[0] = number;
    PeerId(id)
}

fn report(peer: PeerId) -> LinkReport {
    LinkReport { peer, up: true, rtt_micros: Some(300), since: Stamp(1), wish: LinkWish::default(), rests: false }
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let record = |from: u8, to: &[u8]| LinkRecord {
        grid: GridId([1; 16]),
        peer: peer(from),
        incarnation: RUN,
        number: 1,
        relays: true,
        links: to.iter().map(|to| report(peer(*to))).collect(),
        addresses: vec!["127.0.0.1:7766".into()],
    };
    let letter = Letter {
        grid: GridId([1; 16]),
        path: vec![peer(2), peer(1), peer(0)],
        from_run: RUN,
        from_record: 1,
        to_run: RUN,
        number: 1,
        payload: b"hello".to_vec(),
    };
    let records = [record(1, &[0, 2]), record(2, &[0, 1, 3]), record(3, &[2])];
    let records = records.map(|record| encode_inner(&record).expect("a small record"));
    let letter = encode_inner(&letter).expect("a small letter");
    vec![together(&records), together([&letter]), together([&records[1], &letter, &letter])]
}
