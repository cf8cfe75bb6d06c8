//! What members do to the log, each upon what it knows, with every update reaching the others in any order.

use std::collections::BTreeSet;

use gridwell_model::{PeerId, Role, Stamp};
use gridwell_trust::{Grid, Identity, Pass, Standing};

use super::{NOW, grid, identity, peer};

/// Machines that write.
const MACHINES: u8 = 5;
/// Deeds of one input: signatures are slow.
const MOST: usize = 24;

/// Each pair of bytes is a deed: who, what, and to whom.
pub(in crate::targets) fn run(bytes: &[u8]) {
    let identities: Vec<Identity> = (1..=MACHINES).map(identity).collect();
    let mut logs = vec![grid(); usize::from(MACHINES)];
    for (time, deed) in bytes.chunks_exact(2).take(MOST).enumerate() {
        let (who, whom) = (usize::from(deed[0] % MACHINES), usize::from(deed[0] / MACHINES % MACHINES));
        let now = Stamp(NOW.0 + 1_000 * time as u64);
        if deed[1] % 8 == 7 {
            // `whom` hears some of what `who` knows, backwards for an odd number.
            let mut told = logs[who].encoded_from(usize::from(deed[1] / 16));
            if deed[1] & 8 != 0 {
                told.reverse();
            }
            logs[whom].merge(told);
        } else {
            act(&mut logs[who], &identities[who], peer(whom as u8 + 1), deed[1], now);
        }
    }
    // Everybody hears everything, each in its own order: then all say the same, and who was revoked stays out.
    let all: BTreeSet<_> = logs.iter().flat_map(Grid::encoded).collect();
    let all: Vec<_> = all.into_iter().collect();
    for (number, log) in logs.iter_mut().enumerate() {
        let (late, early) = all.split_at(all.len() * number / usize::from(MACHINES));
        log.merge(early.iter().chain(late));
    }
    let merged = logs[0].merge(&all);
    assert!(merged.new.is_empty() && merged.joined.is_empty() && merged.left.is_empty(), "once is enough");
    for log in &logs {
        assert!(*log == logs[0], "machines that know the same updates know the same members");
        let later = Stamp(NOW.0 + 1_000 * MOST as u64);
        for revoked in log.revoked().keys() {
            assert_eq!(log.standing(*revoked, later), Standing::Revoked);
            assert!(!log.is_peer(*revoked, later));
        }
    }
}

fn act(log: &mut Grid, author: &Identity, whom: PeerId, what: u8, now: Stamp) {
    let roles: BTreeSet<Role> =
        Role::ALL.into_iter().enumerate().filter(|(bit, _)| what & (8 << bit) != 0).map(|(_, role)| role).collect();
    // Who may not is refused; that nothing comes of it is checked at the end.
    let _ = match what % 8 {
        0 => {
            log.admit(author, &Pass { peer: whom, name: "eve", addresses: &[], roles: &roles, guest_until: None }, now)
        }
        1 => {
            let until = Some(Stamp(now.0 + 5_000));
            log.admit(author, &Pass { peer: whom, name: "eve", addresses: &[], roles: &roles, guest_until: until }, now)
        }
        2 => log.set_roles(author, whom, &roles, now),
        3 => log.revoke(author, whom, now),
        4 => log.set_recovery(author, whom, now),
        5 => log.revoke_by_words(author, whom, now).map(|()| gridwell_trust::Done::InEffect),
        _ => log.describe(author, "new name", &[], now).map(|()| gridwell_trust::Done::InEffect),
    };
}

pub(in crate::targets) fn seeds() -> Vec<Vec<u8>> {
    let every: Vec<u8> = (0..=255).step_by(15).flat_map(|what| [what, what]).collect();
    // Two admins revoke each other and a third, unaware of it, before they talk.
    let fight = [(1, 0, 0x83), (0, 1, 0x83), (0, 2, 0x07), (1, 2, 0x0f), (2, 0, 0x07)];
    let fight = fight.into_iter().flat_map(|(who, whom, what)| [who + whom * MACHINES, what]);
    vec![every, fight.collect()]
}
