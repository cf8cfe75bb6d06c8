//! What people paste or scan, and plans as they come from a link.

use gridwell_model::{GridId, Stamp};
use gridwell_trust::{
    Code, INVITE_TTL, InviteLink, Invites, Offer, RecoveryWords, Terms, clean_addresses, clean_name, open_plan,
};

use crate::pieces::pieces;

/// The bytes as text, as a plan, and as invites that were kept.
pub(super) fn run(bytes: &[u8]) {
    for piece in pieces(bytes) {
        let _ = open_plan(piece, GRID);
    }
    let _ = open_plan(bytes, GRID);
    let _ = Invites::decode(bytes, Stamp(1));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(link) = InviteLink::parse(text) {
        assert_eq!(InviteLink::parse(&link.to_text()), Ok(link));
    }
    let _ = Code::parse(text);
    let _ = RecoveryWords::parse(text);
    let _ = clean_name(text, gridwell_model::PeerId([1; 32]));
    let _ = clean_addresses(&text.lines().map(str::to_owned).collect::<Vec<_>>());
}

const GRID: GridId = GridId([1; 16]);

pub(super) fn seeds() -> Vec<Vec<u8>> {
    let addresses = ["10.0.0.1:7766".to_owned(), "[fe80::1%3]:7766".to_owned()];
    let inviter = gridwell_model::PeerId([9; 32]);
    let offer = Offer {
        grid: GRID,
        inviter,
        addresses: &addresses,
        now: Stamp(1),
        ttl: INVITE_TTL,
        approved: true,
        terms: Terms::default(),
    };
    let mut invites = Invites::default();
    let link = invites.create(&offer, [3; 16], [4; 8]).expect("the first one");
    vec![
        link.to_text().into_bytes(),
        Code::new([5; 7]).to_text().into_bytes(),
        RecoveryWords::new([6; 32]).to_text().as_bytes().to_vec(),
        invites.encode(),
    ]
}
