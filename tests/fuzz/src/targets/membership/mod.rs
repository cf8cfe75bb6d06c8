//! The membership log, as it comes from a link.

pub(super) mod deeds;

use std::collections::BTreeSet;

use gridwell_model::{PeerId, Role, Stamp};
use gridwell_trust::{Grid, Identity, Pass};

use crate::pieces::{pieces, together};

const NOW: Stamp = Stamp(1_700_000_000_000);

/// Pieces are updates: a peer that knows only the grid's id takes them in, and one that knows the true log already.
pub(super) fn run(bytes: &[u8]) {
    let truth = grid();
    let updates = pieces(bytes);
    let mut new = Grid::of(truth.id());
    new.merge(&updates);
    let mut known = truth.clone();
    let merged = known.merge(&updates);
    // Nobody but its members can write on it, and nothing signed by them is in reach of a fuzzer but what is true.
    assert!(merged.joined.is_empty() && merged.left.is_empty());
    assert_eq!(known, truth);
    // Part of the log may say less, and nothing else.
    let ever = |peer| truth.is_member(peer) || truth.revoked().contains_key(&peer);
    assert!(new.members().all(|member| ever(member.peer)));
}

/// A founder, a member, a guest and one that was revoked.
fn grid() -> Grid {
    let founder = identity(1);
    let mut grid = Grid::found(&founder, "ann", &["10.0.0.1:7766".into()], [7; 16], NOW);
    for (number, roles, guest_until) in [
        (2, BTreeSet::from(Role::ALL), None),
        (3, BTreeSet::from([Role::Run]), Some(Stamp(NOW.0 + 3_600_000))),
        (4, BTreeSet::from([Role::Run, Role::Files]), None),
    ] {
        let pass = Pass { peer: identity(number).peer(), name: "bob", addresses: &[], roles: &roles, guest_until };
        grid.admit(&founder, &pass, NOW).expect("the founder may");
    }
    grid.revoke(&founder, identity(4).peer(), NOW).expect("the founder may");
    grid
}

fn identity(number: u8) -> Identity {
    Identity::from_seed(&mut [number; 32])
}

fn peer(number: u8) -> PeerId {
    identity(number).peer()
}

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let updates = grid().encoded();
    let backwards: Vec<_> = updates.iter().rev().cloned().collect();
    vec![together(&updates), together(&backwards), together(&updates[1..])]
}
