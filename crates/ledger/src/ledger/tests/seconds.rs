use std::time::Duration;

use super::*;

const ONE: TaskSpan = TaskSpan::new(0, 1);

/// Two tasks with Ann, and a second attempt at the first of them with Bob.
fn doubled() -> (Desk, LeaseId, LeaseId) {
    let mut desk = Desk::with(vec![a_step(2)]);
    let first = desk.grant(0, 0, 2, ANN);
    desk.tell(Input::TasksStarted { lease: first, span: ONE, stamp: Stamp(2_000) });
    let second = desk.ledger.grant_second(first, ONE, BOB, desk.now).expect("nobody has it twice");
    desk.take_effects();
    (desk, first, second)
}

fn revoke(lease: LeaseId, peer: PeerId) -> Effect {
    Effect::Revoke { peer, lease, spans: Some(spans([0])) }
}

#[test]
fn the_first_attempt_wins_and_the_second_is_called_back_and_never_counts() {
    let (mut desk, first, second) = doubled();
    desk.report(first, ANN, ONE, succeeded());
    let effects = desk.take_effects();
    assert!(effects.contains(&revoke(second, BOB)) && effects.contains(&ended(second, BOB, LeaseEnd::Finished)));
    desk.report(second, BOB, ONE, succeeded());
    let effects = desk.take_effects();
    assert!(effects.contains(&settle(second, BOB, [0])), "its outputs may go");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Waste { kind: WasteKind::Stale, .. })));
    let shares = desk.ledger.summary(JOB, desk.now).unwrap().shares;
    assert_eq!(shares.iter().map(|share| (share.peer, share.done)).collect::<Vec<_>>(), [(ANN, 1)]);
}

#[test]
fn the_second_attempt_wins_and_the_first_is_called_back_and_never_counts() {
    let (mut desk, first, second) = doubled();
    desk.report(second, BOB, ONE, succeeded());
    let effects = desk.take_effects();
    assert!(effects.contains(&revoke(first, ANN)) && effects.contains(&ended(second, BOB, LeaseEnd::Finished)));
    assert_eq!((desk.state_of(0, 0), desk.view(0, 0).peer), (TaskState::Done, Some(BOB)));
    desk.report(first, ANN, ONE, succeeded());
    assert!(desk.take_effects().iter().any(|effect| matches!(effect, Effect::Waste { kind: WasteKind::Stale, .. })));
    desk.report(first, ANN, TaskSpan::new(1, 2), succeeded());
    assert_eq!(desk.job_state(), JobState::Done);
    let done: u32 = desk.ledger.summary(JOB, desk.now).unwrap().shares.iter().map(|share| share.done).sum();
    assert_eq!(done, 2, "counted once each");
    desk.restart();
    assert_eq!((desk.job_state(), desk.view(0, 0).peer), (JobState::Done, Some(BOB)));
}

#[test]
fn a_second_attempt_goes_on_alone_when_the_first_fails_or_is_lost() {
    let (mut desk, first, second) = doubled();
    desk.report(first, ANN, ONE, failed(FailureKind::Program));
    desk.take_effects();
    assert_eq!(desk.view(0, 0).peer, Some(BOB));
    desk.report(second, BOB, ONE, succeeded());
    desk.take_effects();
    assert_eq!((desk.state_of(0, 0), desk.view(0, 0).attempts), (TaskState::Done, 1));

    let (mut desk, _, second) = doubled();
    desk.tell(Input::HolderVanished { peer: ANN });
    assert!(desk.take_effects().contains(&ready(0, [1])), "the other one goes elsewhere");
    assert_eq!(desk.view(0, 0).peer, Some(BOB));
    desk.report(second, BOB, ONE, succeeded());
    desk.take_effects();
    assert_eq!(desk.state_of(0, 0), TaskState::Done);
}

#[test]
fn a_second_attempt_that_fails_is_lost_or_is_not_wanted_leaves_the_first_alone() {
    for end in [failed(FailureKind::Program), AttemptEnd::Returned] {
        let (mut desk, first, second) = doubled();
        desk.report(second, BOB, ONE, end);
        assert!(desk.take_effects().contains(&ended(second, BOB, LeaseEnd::Finished)));
        assert_eq!((desk.state_of(0, 0), desk.view(0, 0).peer), (TaskState::Running, Some(ANN)));
        desk.report(first, ANN, ONE, succeeded());
        assert_eq!(desk.state_of(0, 0), TaskState::Done);
    }
    let (mut desk, first, second) = doubled();
    desk.tell(Input::HolderVanished { peer: BOB });
    assert_eq!(desk.take_effects(), [ended(second, BOB, LeaseEnd::Vanished)]);
    let again = desk.ledger.grant_second(first, ONE, BOB, desk.now);
    assert!(again.is_some_and(|again| again != second), "it may be tried once more");
    desk.tell(Input::Cancel { job: JOB, tasks: None, stamp: Stamp(3_000) });
    assert!(desk.take_effects().contains(&revoke(again.unwrap(), BOB)));
}

#[test]
fn a_second_attempt_lives_as_long_as_it_is_renewed() {
    let (mut desk, first, second) = doubled();
    desk.advance(Duration::from_secs(15));
    desk.tell(Input::Renewed { peer: BOB, leases: vec![second] });
    desk.tell(Input::Renewed { peer: ANN, leases: vec![first] });
    assert_eq!(desk.take_effects(), []);
    desk.advance(Duration::from_secs(15));
    desk.tell(Input::Renewed { peer: ANN, leases: vec![first] });
    assert_eq!(desk.take_effects(), []);
    desk.advance(Duration::from_secs(5));
    assert_eq!(desk.take_effects(), [ended(second, BOB, LeaseEnd::Expired)]);
    desk.tell(Input::Renewed { peer: BOB, leases: vec![second] });
    assert_eq!(desk.take_effects(), [Effect::Revoke { peer: BOB, lease: second, spans: None }]);
}

#[test]
fn nothing_is_tried_a_third_time_or_twice_on_one_machine() {
    let (mut desk, first, _) = doubled();
    let cat = PeerId([3; 32]);
    assert_eq!(desk.ledger.grant_second(first, ONE, cat, desk.now), None);
    assert_eq!(desk.ledger.grant_second(first, TaskSpan::new(1, 2), ANN, desk.now), None);
    assert_eq!(desk.ledger.grant_second(first, TaskSpan::new(1, 3), cat, desk.now), None, "there is no such task");
    desk.restart();
    desk.take_effects();
    assert_eq!(desk.ledger.second_of(JOB, TaskKey { step: 0, index: 0 }), None, "nobody remembers it");
}
