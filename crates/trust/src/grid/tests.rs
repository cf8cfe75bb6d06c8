use proptest::prelude::*;

use super::*;
use crate::{
    Identity,
    update::{About, Stay},
};

const NOW: Stamp = Stamp(1_700_000_000_000);
const LATER: Stamp = Stamp(NOW.0 + 1_000);

fn identity(number: u8) -> Identity {
    Identity::from_seed(&mut [number; 32])
}

fn peer(number: u8) -> PeerId {
    identity(number).peer()
}

fn all() -> BTreeSet<Role> {
    BTreeSet::from(Role::ALL)
}

fn no_admin() -> BTreeSet<Role> {
    BTreeSet::from([Role::Run, Role::Files])
}

fn admit(grid: &mut Grid, by: u8, whom: u8, roles: &BTreeSet<Role>) -> Result<Done, WriteError> {
    let name = format!("machine {whom}");
    let pass = Pass { peer: peer(whom), name: &name, addresses: &[], roles, guest_until: None };
    grid.admit(&identity(by), &pass, NOW)
}

/// A grid whose first `count` machines were all let in as one's own, one by the other.
fn a_grid_of(count: u8) -> Grid {
    let mut grid = Grid::found(&identity(1), "machine 1", &[], [7; 16], NOW);
    for number in 2..=count {
        admit(&mut grid, number - 1, number, &all()).unwrap();
    }
    grid
}

/// Both know what either knows.
fn meet(one: &mut Grid, other: &mut Grid) -> (Merged, Merged) {
    let (ones, others) = (one.encoded(), other.encoded());
    (one.merge(others), other.merge(ones))
}

fn members(grid: &Grid) -> Vec<u8> {
    (0..u8::MAX).filter(|number| grid.is_member(peer(*number))).collect()
}

fn admins(grid: &Grid) -> Vec<u8> {
    (0..u8::MAX).filter(|number| grid.may(peer(*number), Role::Admin, NOW)).collect()
}

/// Signs a deed upon any heads, as somebody with a stolen key would, and adds it if the log takes it.
fn forge(grid: &mut Grid, key: u8, upon: &Grid, deed: Deed) -> Merged {
    let heads = upon.heads();
    let update = Update::sign(grid.id, Author::Member(peer(key)), &identity(key), heads, NOW, deed);
    grid.merge([update.encode()])
}

fn a_pass(number: u8) -> Deed {
    let about = About::clean("mallory", &[], peer(number));
    Deed::Admit { peer: peer(number), about, roles: all(), stay: Stay::Lasting { until: Stamp(u64::MAX) } }
}

#[test]
fn a_chain_of_admissions_leads_to_the_founder() {
    let grid = a_grid_of(4);
    let mut other = Grid::of(grid.id());
    let merged = other.merge(grid.encoded());
    assert_eq!((&other, merged.joined.len(), merged.refused), (&grid, 4, Vec::new()));
    assert_eq!(other.member(peer(4)).unwrap().name, "machine 4");
    assert_eq!(other.standing(peer(4), NOW), Standing::Member);
    assert_eq!(other.standing(peer(9), NOW), Standing::Stranger);
}

#[test]
fn what_comes_before_that_which_it_builds_upon_waits() {
    let grid = a_grid_of(4);
    let mut updates = grid.encoded();
    updates.reverse();
    let mut other = Grid::of(grid.id());
    assert!(other.merge(&updates[..3]).new.is_empty());
    assert_eq!(other.merge(&updates[3..]).joined.len(), 4);
    assert_eq!(other, grid);
}

#[test]
fn updates_from_nowhere_are_bounded() {
    let grid = a_grid_of(1);
    let mut other = grid.clone();
    let mut nowhere = grid;
    admit(&mut nowhere, 1, 2, &all()).unwrap();
    let orphans = (0..MAX_WAITING + 20).map(|_| {
        let mut branch = nowhere.clone();
        branch.describe(&identity(2), "m", &[], NOW).unwrap();
        nowhere = branch;
        nowhere.encoded().pop().unwrap()
    });
    other.merge(orphans.collect::<Vec<_>>());
    assert_eq!(other.waiting.len(), MAX_WAITING);
}

#[test]
fn a_stranger_and_a_member_without_the_role_admit_nobody() {
    let mut grid = a_grid_of(1);
    admit(&mut grid, 1, 2, &no_admin()).unwrap();
    for by in [2, 8] {
        assert_eq!(admit(&mut grid, by, 9, &all()), Err(WriteError::NotAnAdmin { by: peer(by) }));
        let upon = grid.clone();
        let merged = forge(&mut grid, by, &upon, a_pass(9));
        assert_eq!(merged.refused, [UpdateError::NotAllowed { by: peer(by), deed: "let machines in" }]);
        assert!(merged.new.is_empty() && merged.joined.is_empty());
    }
    assert_eq!(members(&grid), [1, 2]);
}

#[test]
fn updates_of_another_grid_are_refused() {
    let mut grid = a_grid_of(1);
    let other = Grid::found(&identity(1), "ann", &[], [8; 16], NOW);
    assert_eq!(grid.merge(other.encoded()).refused, [UpdateError::OtherGrid { theirs: other.id() }]);
}

#[test]
fn a_revoked_machine_is_no_member_and_can_be_let_in_again() {
    let mut grid = a_grid_of(1);
    admit(&mut grid, 1, 2, &no_admin()).unwrap();
    assert_eq!(grid.revoke(&identity(1), peer(2), NOW), Ok(Done::InEffect));
    assert_eq!(grid.standing(peer(2), NOW), Standing::Revoked);
    let name = "machine 2".to_owned();
    assert_eq!(grid.revoked()[&peer(2)], Revoked { name, by: Some(peer(1)), at: NOW });
    assert_eq!(grid.revoke(&identity(1), peer(2), NOW), Err(WriteError::AlreadyRevoked { peer: peer(2) }));
    assert_eq!(grid.revoke(&identity(1), peer(9), NOW), Err(WriteError::NotAMember { peer: peer(9) }));
    admit(&mut grid, 1, 2, &no_admin()).unwrap();
    assert_eq!(grid.standing(peer(2), NOW), Standing::Member);
}

#[test]
fn a_revocation_wins_over_what_is_admitted_beside_it() {
    let mut here = a_grid_of(2);
    admit(&mut here, 1, 3, &no_admin()).unwrap();
    let mut there = here.clone();
    here.revoke(&identity(1), peer(3), NOW).unwrap();
    admit(&mut there, 2, 3, &no_admin()).unwrap();
    admit(&mut there, 2, 4, &no_admin()).unwrap();
    let (merged, _) = meet(&mut here, &mut there);
    assert_eq!(here, there);
    assert_eq!(members(&here), [1, 2, 4], "the other addition of that branch stays");
    assert_eq!(merged.joined, BTreeSet::from([peer(4)]));
}

#[test]
fn one_stolen_key_cannot_remove_admins() {
    let mut grid = a_grid_of(3);
    assert_eq!(grid.revoke(&identity(3), peer(1), NOW), Ok(Done::Proposed));
    assert_eq!(grid.revoke(&identity(3), peer(2), NOW), Ok(Done::Proposed));
    assert_eq!(grid.set_roles(&identity(3), peer(1), &no_admin(), NOW), Ok(Done::Proposed));
    assert_eq!(grid.revoke(&identity(3), peer(1), NOW), Err(WriteError::AlreadyProposed));
    assert_eq!(admins(&grid), [1, 2, 3]);
    assert_eq!(grid.proposals().len(), 3);
    // Nor can it make up voices.
    for number in 4..8 {
        admit(&mut grid, 3, number, &all()).unwrap();
        assert!(!grid.may(peer(number), Role::Admin, NOW));
        let upon = grid.clone();
        let voice = forge(&mut grid, number, &upon, Deed::Revoke { peer: peer(1) });
        assert_eq!(voice.refused, [UpdateError::NotAllowed { by: peer(number), deed: "revoke machines" }]);
    }
    assert_eq!(admins(&grid), [1, 2, 3]);
}

#[test]
fn two_admins_remove_a_third() {
    let mut here = a_grid_of(3);
    let mut there = here.clone();
    assert_eq!(here.revoke(&identity(1), peer(3), NOW), Ok(Done::Proposed));
    assert_eq!(here.proposals(), &BTreeSet::from([Proposal { by: peer(1), what: Proposed::Revoke(peer(3)) }]));
    // Beside each other or one after the other: it makes no difference.
    assert_eq!(there.revoke(&identity(2), peer(3), NOW), Ok(Done::Proposed));
    let (merged, _) = meet(&mut here, &mut there);
    assert_eq!(merged.left, BTreeSet::from([peer(3)]));
    assert_eq!((members(&here), here.proposals().len()), (vec![1, 2], 0));
    assert_eq!(here, there);
}

#[test]
fn a_fourth_admin_takes_two() {
    let mut grid = a_grid_of(4);
    assert_eq!((members(&grid), admins(&grid)), (vec![1, 2, 3, 4], vec![1, 2, 3]));
    assert_eq!(grid.set_roles(&identity(3), peer(4), &all(), NOW), Err(WriteError::AlreadyProposed));
    assert_eq!(grid.set_roles(&identity(1), peer(4), &all(), NOW), Ok(Done::InEffect));
    assert_eq!(admins(&grid), [1, 2, 3, 4]);
}

#[test]
fn admins_made_beside_each_other_beyond_three_wait_for_a_second_voice() {
    let mut here = a_grid_of(2);
    let mut there = here.clone();
    admit(&mut here, 1, 3, &all()).unwrap();
    admit(&mut there, 2, 4, &all()).unwrap();
    meet(&mut here, &mut there);
    assert_eq!(here, there);
    assert_eq!((members(&here), admins(&here)), (vec![1, 2, 3, 4], vec![1, 2]));
    assert_eq!(here.set_roles(&identity(2), peer(3), &all(), NOW), Ok(Done::InEffect));
}

#[test]
fn a_key_that_signs_two_histories_is_found_out() {
    let old = a_grid_of(1);
    let mut grid = a_grid_of(3);
    // Whoever has the founder's key writes the grid's history anew, with admins of its own.
    let merged = forge(&mut grid, 1, &old, a_pass(8));
    assert_eq!(merged.refused, [UpdateError::Forked { by: peer(1) }]);
    assert_eq!(merged.joined, BTreeSet::new());
    assert_eq!((members(&grid), admins(&grid)), (vec![1, 2, 3], vec![1, 2, 3]));
    // It is told once: the next time it is known.
    assert_eq!(forge(&mut grid, 1, &old, a_pass(8)).refused, []);
    // What honest machines write goes on.
    assert_eq!(admit(&mut grid, 1, 5, &no_admin()), Ok(Done::InEffect));
}

#[test]
fn a_key_stolen_while_its_machine_was_away_makes_no_admins_upon_an_old_log() {
    let away = a_grid_of(2);
    let mut grid = a_grid_of(3);
    forge(&mut grid, 1, &away, a_pass(8));
    assert!(grid.is_member(peer(8)));
    assert!(!grid.may(peer(8), Role::Admin, NOW));
    // Once it is revoked, whatever it wrote unseen counts for nothing.
    let mut honest = a_grid_of(3);
    honest.revoke(&identity(2), peer(1), NOW).unwrap();
    honest.revoke(&identity(3), peer(1), NOW).unwrap();
    let mut merged = honest.clone();
    let after = forge(&mut merged, 1, &away, a_pass(9));
    assert_eq!(after.joined, BTreeSet::new());
    assert_eq!(members(&merged), [2, 3]);
}

#[test]
fn an_admin_puts_on_record_what_it_knows_when_another_is_made() {
    let mut grid = a_grid_of(3);
    assert!(grid.wants_witness(peer(1)) && grid.wants_witness(peer(3)));
    assert!(!grid.wants_witness(peer(9)));
    assert!(!grid.wants_witness(peer(2)), "it made the newest one itself");
    grid.describe(&identity(1), "ann", &[], NOW).unwrap();
    assert!(!grid.wants_witness(peer(1)));
    assert_eq!(grid.member(peer(1)).unwrap().name, "ann");
}

#[test]
fn a_member_gives_up_roles_and_goes_by_its_own_word() {
    let mut grid = a_grid_of(3);
    let one = identity(3);
    assert_eq!(grid.set_roles(&one, peer(3), &no_admin(), NOW), Ok(Done::InEffect));
    assert_eq!(grid.set_roles(&one, peer(3), &all(), NOW), Err(WriteError::NotAnAdmin { by: peer(3) }));
    assert_eq!(grid.revoke(&one, peer(3), NOW), Ok(Done::InEffect));
    grid.revoke(&identity(2), peer(2), NOW).unwrap();
    assert_eq!(grid.revoke(&identity(1), peer(1), NOW), Err(WriteError::LastAdmin { peer: peer(1) }));
    assert_eq!(members(&grid), [1]);
}

#[test]
fn a_guest_goes_when_its_time_is_over_and_others_are_renewed() {
    let mut grid = a_grid_of(2);
    let pass =
        Pass { peer: peer(5), name: "bob", addresses: &[], roles: &no_admin(), guest_until: Some(Stamp(NOW.0 + 10)) };
    grid.admit(&identity(1), &pass, NOW).unwrap();
    let far = Stamp(NOW.0 + CERTIFICATE.as_millis() as u64);
    assert!(grid.may(peer(5), Role::Run, NOW) && !grid.may(peer(5), Role::Links, NOW));
    assert_eq!(grid.standing(peer(5), LATER), Standing::Gone);
    assert!(!grid.peers(LATER).contains(&peer(5)));
    assert_eq!(grid.standing(peer(2), far), Standing::Expired);
    assert!(!grid.may(peer(2), Role::Run, far), "an expired certificate lets it be renewed and nothing else");
    assert!(grid.peers(far).contains(&peer(2)));
    let due = grid.due_for_renewal(peer(1), Stamp(far.0 + 1));
    assert_eq!(due, BTreeSet::from([peer(2)]), "neither itself nor a guest");
    grid.renew(&identity(1), due, far).unwrap();
    assert!(grid.may(peer(2), Role::Run, far));
    let upon = grid.clone();
    let own = Deed::Renew { peers: BTreeSet::from([peer(1)]), until: Stamp(u64::MAX) };
    assert_eq!(forge(&mut grid, 1, &upon, own).refused.len(), 1, "nobody lives by its own word");
}

#[test]
fn the_recovery_words_bring_a_grid_back() {
    let words = identity(100);
    let mut grid = a_grid_of(1);
    assert_eq!(grid.set_recovery(&identity(1), words.peer(), NOW), Ok(Done::InEffect));
    admit(&mut grid, 1, 2, &no_admin()).unwrap();
    assert_eq!(grid.restore(&identity(101), peer(2), "bob", &[], NOW), Err(WriteError::WrongWords));
    grid.restore(&words, peer(2), "bob", &[], NOW).unwrap();
    grid.revoke_by_words(&words, peer(1), NOW).unwrap();
    assert_eq!((members(&grid), admins(&grid)), (vec![2], vec![2]));
    // Setting others takes two while there are two admins.
    admit(&mut grid, 2, 3, &all()).unwrap();
    assert_eq!(grid.set_recovery(&identity(3), peer(101), NOW), Ok(Done::Proposed));
    assert_eq!(grid.recovery(), Some(words.peer()));
    assert_eq!(grid.proposals(), &BTreeSet::from([Proposal { by: peer(3), what: Proposed::Recovery(peer(101)) }]));
    assert_eq!(grid.set_recovery(&identity(2), peer(101), NOW), Ok(Done::InEffect));
    assert_eq!(grid.recovery(), Some(peer(101)));
    assert_eq!(grid.restore(&words, peer(1), "ann", &[], NOW), Err(WriteError::WrongWords));
}

#[test]
fn what_was_read_and_written_again_is_the_same() {
    let mut grid = a_grid_of(3);
    grid.revoke(&identity(1), peer(3), NOW).unwrap();
    let mut again = Grid::of(grid.id());
    again.merge(grid.encoded());
    assert_eq!((&again, again.encoded()), (&grid, grid.encoded()));
    assert_eq!(again.merge(grid.encoded()), Merged::default());
}

/// What one of five machines does next, on its own log.
#[derive(Debug, Clone, Copy)]
enum Step {
    Admit { whom: u8, admin: bool },
    Revoke { whom: u8 },
    SetRoles { whom: u8, admin: bool },
    Renew,
    Describe,
    SetRecovery,
    Meet { whom: u8 },
}

fn a_step() -> impl Strategy<Value = (u8, Step)> {
    let step = prop_oneof![
        3 => (1..9_u8, any::<bool>()).prop_map(|(whom, admin)| Step::Admit { whom, admin }),
        3 => (1..9_u8).prop_map(|whom| Step::Revoke { whom }),
        2 => (1..9_u8, any::<bool>()).prop_map(|(whom, admin)| Step::SetRoles { whom, admin }),
        1 => Just(Step::Renew),
        1 => Just(Step::Describe),
        1 => Just(Step::SetRecovery),
        2 => (1..6_u8).prop_map(|whom| Step::Meet { whom }),
    ];
    (1..6_u8, step)
}

/// Five machines that know of the same grid live apart and meet now and then.
fn live(steps: &[(u8, Step)]) -> Vec<Grid> {
    let mut grids = vec![a_grid_of(3); 5];
    for (who, step) in steps {
        let (key, at) = (identity(*who), usize::from(*who) - 1);
        let roles = |admin: bool| if admin { all() } else { no_admin() };
        // Whoever may not, does not.
        let grid = &mut grids[at];
        let _ = match *step {
            Step::Admit { whom, admin } => admit(grid, *who, whom, &roles(admin)).map(|_| ()),
            Step::Revoke { whom } => grid.revoke(&key, peer(whom), NOW).map(|_| ()),
            Step::SetRoles { whom, admin } => grid.set_roles(&key, peer(whom), &roles(admin), NOW).map(|_| ()),
            Step::Renew => {
                let due = grid.due_for_renewal(key.peer(), Stamp(u64::MAX));
                if due.is_empty() { Ok(()) } else { grid.renew(&key, due, LATER) }
            }
            Step::Describe => grid.describe(&key, "renamed", &[], NOW),
            Step::SetRecovery => grid.set_recovery(&key, peer(100 + *who), NOW).map(|_| ()),
            Step::Meet { whom } => {
                let theirs = grids[usize::from(whom) - 1].encoded();
                let merged = grids[at].merge(theirs);
                assert_eq!(merged.refused, [], "honest machines write nothing that is refused");
                Ok(())
            }
        };
    }
    grids
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_order_of_merging_all_end_with_the_same_members(
        steps in prop::collection::vec(a_step(), 0..40),
        order in Just((0..5_usize).collect::<Vec<_>>()).prop_shuffle(),
        seed in any::<u64>(),
    ) {
        let grids = live(&steps);
        let mut first = Grid::of(grids[0].id());
        for grid in &grids {
            prop_assert_eq!(first.merge(grid.encoded()).refused, []);
        }
        let mut second = grids[order[0]].clone();
        for at in &order {
            // In any order within a log too.
            let mut updates = grids[*at].encoded();
            let mut random = seed;
            for place in (1..updates.len()).rev() {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                updates.swap(place, random as usize % (place + 1));
            }
            second.merge(updates);
        }
        for at in order {
            second.merge(grids[at].encoded());
        }
        prop_assert_eq!(&first, &second);
    }

    #[test]
    fn no_single_key_removes_an_admin_or_makes_one(steps in prop::collection::vec(a_step(), 0..30)) {
        // Machine 3 alone writes, whatever it likes.
        let mut grid = a_grid_of(3);
        for (_, step) in steps {
            let deed = match step {
                Step::Admit { whom, admin } | Step::SetRoles { whom, admin } if admin => {
                    let Deed::Admit { about, stay, .. } = a_pass(whom) else { continue };
                    Deed::Admit { peer: peer(whom), about, roles: all(), stay }
                }
                Step::Admit { whom, .. } | Step::SetRoles { whom, .. } => {
                    Deed::SetRoles { peer: peer(whom), roles: no_admin() }
                }
                Step::Revoke { whom } | Step::Meet { whom } => Deed::Revoke { peer: peer(whom) },
                Step::Renew | Step::Describe | Step::SetRecovery => Deed::SetRecovery { key: peer(103) },
            };
            let upon = grid.clone();
            forge(&mut grid, 3, &upon, deed);
        }
        let mut left = admins(&grid);
        left.retain(|number| *number != 3);
        prop_assert_eq!(left, [1, 2]);
        prop_assert_eq!(grid.recovery(), None);
    }
}
