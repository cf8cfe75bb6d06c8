use std::time::Duration;

use gridwell_model::{Fence, JobId};
use proptest::prelude::*;

use super::*;

const MILL: PeerId = PeerId([1; 32]);
const QUARRY: PeerId = PeerId([2; 32]);

fn at(secs: u64) -> Time {
    Time::from_secs(secs)
}

fn lease(attempt: u32) -> LeaseId {
    LeaseId { job: JobId([7; 10]), fence: Fence { epoch: 1, attempt } }
}

fn an_ask(attempt: u32, count: u32) -> LicenceAsk {
    let need = LimitNeed { name: "nuke".into(), count };
    LicenceAsk { lease: lease(attempt), steward: MILL, need, asked_micros: 0, held: false }
}

/// A limit of `cap` licences that was set after the start.
fn limits(cap: u32) -> Limits {
    let mut limits = Limits::new(&BTreeMap::new(), at(100));
    limits.set("nuke", cap).unwrap();
    limits
}

#[test]
fn no_more_licences_are_given_away_than_there_are() {
    let mut limits = limits(3);
    assert!(limits.ask(MILL, &an_ask(1, 2), at(101)));
    assert!(!limits.ask(QUARRY, &an_ask(2, 2), at(101)), "one is left");
    assert!(limits.ask(QUARRY, &an_ask(3, 1), at(101)));
    assert!(!limits.ask(QUARRY, &an_ask(4, 1), at(101)));
    limits.give_back(MILL, lease(1), "nuke");
    assert!(limits.ask(QUARRY, &an_ask(4, 1), at(101)));
    let [report] = &limits.reports(at(101))[..] else { panic!("one limit") };
    assert_eq!((report.cap, report.in_use(), report.settling), (3, 2, false));
    assert_eq!((report.holders[0].machine, report.holders[0].count), (QUARRY, 2), "of one job together");
}

#[test]
fn a_licence_of_which_nothing_is_heard_is_free_again_and_one_that_is_asked_for_again_is_not() {
    let mut limits = limits(2);
    assert!(limits.ask(MILL, &an_ask(1, 1), at(100)) && limits.ask(QUARRY, &an_ask(2, 1), at(100)));
    assert_eq!(limits.poll_deadline(), Some(at(130)));
    assert!(limits.ask(MILL, &an_ask(1, 1), at(120)), "it is the same one");
    limits.handle_deadline(at(130));
    assert!(limits.ask(MILL, &an_ask(3, 1), at(130)));
    assert!(!limits.ask(MILL, &an_ask(4, 1), at(130)));
    assert!(!limits.ask(QUARRY, &an_ask(2, 1), at(130)), "what it had went to another");
}

#[test]
fn nobody_asks_for_or_gives_back_what_another_machine_has() {
    let mut limits = limits(1);
    assert!(limits.ask(MILL, &an_ask(1, 1), at(101)));
    assert!(!limits.ask(QUARRY, &an_ask(1, 1), at(101)));
    limits.give_back(QUARRY, lease(1), "nuke");
    assert!(!limits.ask(QUARRY, &an_ask(2, 1), at(101)));
    assert!(!limits.ask(MILL, &an_ask(1, 9), at(101)), "it asked for one");
    assert!(!limits.ask(MILL, &an_ask(3, 0), at(101)), "none is no licence");
}

#[test]
fn after_a_start_only_those_count_who_had_a_licence_before() {
    let mut limits = Limits::new(&BTreeMap::from([("nuke".to_owned(), 2)]), at(100));
    assert!(!limits.ask(MILL, &an_ask(1, 1), at(101)));
    assert!(limits.ask(QUARRY, &LicenceAsk { held: true, ..an_ask(2, 1) }, at(105)));
    assert!(limits.reports(at(105))[0].settling);
    assert_eq!(limits.remove("nuke", at(105)), Err(LimitFlaw::InUse { name: "nuke".into(), in_use: 1 }));
    limits.handle_deadline(at(130));
    assert!(limits.reports_changed() && !limits.reports(at(130))[0].settling);
    assert!(limits.ask(MILL, &an_ask(1, 1), at(130)) && !limits.ask(MILL, &an_ask(3, 1), at(130)));
}

#[test]
fn a_lower_cap_takes_nothing_away_but_gives_nothing_new() {
    let mut limits = limits(2);
    assert!(limits.ask(MILL, &an_ask(1, 1), at(100)) && limits.ask(MILL, &an_ask(2, 1), at(100)));
    limits.set("nuke", 1).unwrap();
    assert!(limits.ask(MILL, &an_ask(1, 1), at(101)) && limits.ask(MILL, &an_ask(2, 1), at(101)));
    limits.give_back(MILL, lease(1), "nuke");
    assert!(!limits.ask(MILL, &an_ask(3, 1), at(101)));
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let mut limits = limits(250);
    assert_eq!(limits.set("flow", 7), Err(LimitFlaw::TooMany { total: 257 }));
    assert_eq!(limits.set("Nuke", 1), Err(LimitFlaw::Name { name: "Nuke".into() }));
    assert_eq!(limits.remove("flow", at(200)), Err(LimitFlaw::Unknown { name: "flow".into() }));
    assert_eq!(limits.remove("nuke", at(101)), Ok(()));
    let mut old = Limits::new(&limits.caps(), at(100));
    assert_eq!(old.set("nuke", 3), Ok(()));
    let mut old = Limits::new(&old.caps(), at(100));
    assert_eq!(old.remove("nuke", at(129)), Err(LimitFlaw::Settling { name: "nuke".into() }));
    assert_eq!(old.remove("nuke", at(130)), Ok(()));
}

/// A machine's program on a licence, as far as the machine knows.
#[derive(Debug, Clone, Copy)]
struct Running {
    machine: PeerId,
    attempt: u32,
    /// It ends by then, unless it is asked for again.
    good_until: Time,
}

#[derive(Debug, Clone)]
enum Step {
    Ask { machine: u8, answered: bool },
    AskAgain { which: usize, heard: bool, answered: bool },
    End { which: usize, heard: bool },
    Crash,
    Pass { secs: u64 },
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (1..4_u8, any::<bool>()).prop_map(|(machine, answered)| Step::Ask { machine, answered }),
        (any::<usize>(), any::<bool>(), any::<bool>()).prop_map(|(which, heard, answered)| Step::AskAgain {
            which,
            heard,
            answered
        }),
        (any::<usize>(), any::<bool>()).prop_map(|(which, heard)| Step::End { which, heard }),
        Just(Step::Crash),
        (1..15_u64).prop_map(|secs| Step::Pass { secs }),
    ]
}

proptest! {
    /// Questions and answers are lost, machines and the keeper crash: no more programs run than there are licences.
    #[test]
    fn the_cap_holds_whatever_is_lost(cap in 1..4_u32, steps in prop::collection::vec(a_step(), 1..200)) {
        let mut limits = limits(cap);
        let (mut now, mut attempts, mut running) = (at(100), 0, Vec::<Running>::new());
        for step in steps {
            match step {
                Step::Ask { machine, answered } => {
                    attempts += 1;
                    let machine = PeerId([machine; 32]);
                    if limits.ask(machine, &an_ask(attempts, 1), now) && answered {
                        running.push(Running { machine, attempt: attempts, good_until: now + LicenceTerm::GOOD });
                    }
                }
                Step::AskAgain { which, heard, answered } if !running.is_empty() && heard => {
                    let at = which % running.len();
                    let Running { machine, attempt, .. } = running[at];
                    let granted = limits.ask(machine, &LicenceAsk { held: true, ..an_ask(attempt, 1) }, now);
                    match (answered, granted) {
                        (true, true) => running[at].good_until = now + LicenceTerm::GOOD,
                        (true, false) => _ = running.swap_remove(at),
                        (false, _) => {}
                    }
                }
                Step::End { which, heard } if !running.is_empty() => {
                    let ended = running.swap_remove(which % running.len());
                    if heard {
                        limits.give_back(ended.machine, lease(ended.attempt), "nuke");
                    }
                }
                Step::Crash => limits = Limits::new(&limits.caps(), now),
                Step::Pass { secs } => {
                    now = now + Duration::from_secs(secs);
                    limits.handle_deadline(now);
                    running.retain(|running| running.good_until + LicenceTerm::STOP_WITHIN > now);
                }
                Step::AskAgain { .. } | Step::End { .. } => {}
            }
            prop_assert!(running.len() <= cap as usize, "{} programs run on {cap} licences", running.len());
            prop_assert!(limits.reports(now)[0].in_use() <= cap);
        }
    }
}
