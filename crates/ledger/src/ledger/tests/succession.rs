use std::time::Duration;

use super::*;
use crate::Stow;

fn a_claim(term: u32, steward: PeerId) -> Claim {
    Claim { job: JOB, term, steward, origin: ANN }
}

/// Bob's ledger, made from a copy of Ann's journal.
fn taken_over(desk: &mut Desk) -> Desk {
    desk.take_effects();
    let mut ledger = Ledger::new(77);
    ledger.adopt(a_claim(2, BOB), None, &desk.journal, desk.now).unwrap();
    Desk { ledger, now: desk.now, journal: desk.journal.clone(), durable: 0 }
}

#[test]
fn a_deputy_goes_on_where_the_journal_ends() {
    let mut ann = Desk::with(vec![a_step(3)]);
    ann.run(0, 0, BOB, succeeded());
    let lease = ann.grant(0, 1, 2, BOB);
    let mut bob = taken_over(&mut ann);

    let effects = bob.take_effects();
    assert!(effects.contains(&Effect::JobOpened { job: JOB, priority: 0 }));
    assert!(effects.contains(&ready(0, [2])));
    assert_eq!(bob.ledger.claim(JOB).unwrap().0, a_claim(2, BOB));

    bob.report(lease, BOB, TaskSpan::new(1, 2), succeeded());
    let later = bob.grant(0, 2, 3, ANN);
    assert_eq!(later.fence.epoch, 77, "what Ann grants meanwhile has another fence");
    assert_eq!(bob.state_of(0, 1), TaskState::Done);
}

#[test]
fn a_copy_is_set_aside_at_a_restart() {
    let mut ann = Desk::with(vec![a_step(3)]);
    ann.take_effects();
    let number = ann.journal.len() as u64;
    let restored = Ledger::restore(BOB, 5, [(JOB, None, ann.journal)], Time::ZERO).unwrap();
    assert_eq!(restored.copies, [(a_claim(1, ANN), number)]);
    assert_eq!(restored.ledger.jobs().count(), 0);
}

#[test]
fn what_both_saw_counts_once_and_nothing_is_lost() {
    let mut ann = Desk::with(vec![a_step(6), a_step_after(6, 0, EdgeKind::SameIndex)]);
    ann.run(0, 0, BOB, succeeded());
    let mut bob = taken_over(&mut ann);
    // Neither hears of the other: 1 ends at both, 2 at Ann, 3 at Bob; 4 runs under a lease of Bob's and ends at Ann.
    ann.run(0, 1, ANN, succeeded());
    ann.run(0, 2, ANN, succeeded());
    ann.run(0, 4, ANN, succeeded());
    bob.run(0, 1, BOB, succeeded());
    bob.run(0, 3, BOB, succeeded());
    let lease = bob.grant(0, 4, 6, BOB);
    bob.take_effects();

    let known = ann.ledger.retire(JOB).unwrap();
    bob.ledger.merge(JOB, &known, bob.now).unwrap();

    let effects = bob.take_effects();
    assert!(effects.contains(&Effect::Revoke { peer: BOB, lease, spans: Some(spans([4])) }), "{effects:?}");
    assert!(effects.contains(&ready(1, [2])) || effects.contains(&ready(1, [2, 4])), "{effects:?}");
    let done = bob.ledger.summary(JOB, bob.now).unwrap();
    assert_eq!(done.counts.of(TaskState::Done), 5);
    assert_eq!(done.shares.iter().map(|share| share.done).sum::<u32>(), 5, "no task counts twice");
    assert_eq!(bob.view(0, 2).peer, Some(ANN));
    assert_eq!(done.shares.iter().map(|share| share.runs).sum::<u32>(), 5, "nor does a run");

    // Once more changes nothing, and the journal says the same.
    bob.ledger.merge(JOB, &known, bob.now).unwrap();
    assert_eq!(bob.take_effects(), []);
    let replayed = Ledger::restore(BOB, 78, [(JOB, None, bob.journal.clone())], bob.now).unwrap().ledger;
    assert_eq!(replayed.snapshot(JOB), bob.ledger.snapshot(JOB));
}

#[test]
fn a_task_that_was_cancelled_elsewhere_stops() {
    let mut ann = Desk::with(vec![a_step(3)]);
    let mut bob = taken_over(&mut ann);
    ann.tell(Input::Cancel { job: JOB, tasks: None, stamp: Stamp(5) });
    let lease = bob.grant(0, 0, 1, BOB);
    bob.take_effects();

    bob.ledger.merge(JOB, &ann.ledger.retire(JOB).unwrap(), bob.now).unwrap();

    let effects = bob.take_effects();
    assert!(effects.contains(&Effect::Revoke { peer: BOB, lease, spans: Some(spans([0])) }), "{effects:?}");
    assert_eq!(bob.state_of(0, 2), TaskState::Cancelled);
}

#[test]
fn a_job_that_had_failed_goes_on_when_another_steward_saw_its_task_end_well() {
    let mut ann = Desk::with(vec![a_step(1), a_step_after(1, 0, EdgeKind::Whole)]);
    let mut bob = taken_over(&mut ann);
    for _ in 0..Retry::default().max_attempts {
        bob.run(0, 0, BOB, failed(FailureKind::Program));
    }
    assert_eq!(bob.job_state(), JobState::Failed);
    bob.take_effects();
    ann.run(0, 0, ANN, succeeded());

    bob.ledger.merge(JOB, &ann.ledger.retire(JOB).unwrap(), bob.now).unwrap();

    let effects = bob.take_effects();
    assert!(effects.contains(&ready(1, [0])), "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::JobOpened { .. })), "{effects:?}");
}

#[test]
fn outputs_that_wait_for_their_origin_are_remembered_until_they_landed() {
    let mut ann = Desk::with(vec![a_step(2)]);
    let mut bob = taken_over(&mut ann);
    bob.run(0, 0, BOB, succeeded());
    let stow = Stow { step: 0, tasks: TaskSpan::new(0, 1), peer: BOB, outputs: Vec::new() };
    bob.tell(Input::OutputsStowed { job: JOB, stow: stow.clone() });
    bob.take_effects();
    ann.ledger.merge(JOB, &bob.ledger.snapshot(JOB).unwrap(), ann.now).unwrap();
    assert_eq!(ann.ledger.stowed(JOB).collect::<Vec<_>>(), [&stow]);
    let of = |index| ann.ledger.stowed_of(JOB, gridwell_model::TaskKey { step: 0, index });
    assert_eq!((of(0), of(1)), (Some(&stow), None));

    ann.tell(Input::OutputsLanded { job: JOB, step: 0, tasks: stow.tasks });
    assert_eq!(ann.ledger.stowed(JOB).count(), 0);
    ann.take_effects();
    ann.restart();
    assert_eq!(ann.ledger.stowed(JOB).count(), 0);
}

#[test]
fn who_still_reports_to_a_former_steward_keeps_its_lease_and_its_outputs() {
    let mut ann = Desk::with(vec![a_step(2)]);
    let lease = ann.grant(0, 0, 1, BOB);
    ann.ledger.retire(JOB).unwrap();
    ann.take_effects();

    ann.tell(Input::Renewed { peer: BOB, leases: vec![lease] });
    ann.report(lease, BOB, TaskSpan::new(0, 1), succeeded());
    assert_eq!(ann.take_effects(), []);

    ann.ledger.forget_foreign(JOB, ann.now);
    ann.tell(Input::Renewed { peer: BOB, leases: vec![lease] });
    ann.report(lease, BOB, TaskSpan::new(0, 1), succeeded());
    assert_eq!(ann.take_effects(), [], "a copy that is gone makes nobody a judge of the job");

    ann.now = ann.now + Duration::from_mins(10);
    ann.tell(Input::Renewed { peer: BOB, leases: vec![lease] });
    assert_eq!(ann.take_effects(), [Effect::Revoke { peer: BOB, lease, spans: None }]);
}

#[test]
fn a_job_that_is_given_up_leaves_nothing_behind() {
    let mut ann = Desk::with(vec![a_step(3)]);
    let lease = ann.grant(0, 0, 1, BOB);
    ann.take_effects();
    ann.ledger.retire(JOB).unwrap();

    let effects = ann.take_effects();
    assert_eq!(effects, [ended(lease, BOB, LeaseEnd::Ceded), Effect::JobRetired { job: JOB }]);
    ann.advance(JobSpec::LEASE_DURATION);
    assert_eq!(ann.take_effects(), []);
    assert_eq!(ann.ledger.retire(JOB), None);
}
