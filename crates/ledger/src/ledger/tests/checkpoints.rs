use std::slice;

use gridwell_model::BlobId;

use super::*;

const ONE: TaskSpan = TaskSpan::new(0, 1);

/// The `number`th that a run left.
fn a_checkpoint(tasks: TaskSpan, number: u32) -> Checkpoint {
    Checkpoint { tasks, number, blob: BlobId([number as u8; 32]), size_bytes: 9 }
}

fn one(index: u32) -> TaskSpan {
    TaskSpan::new(index, index + 1)
}

impl Desk {
    fn keep(&mut self, lease: LeaseId, peer: PeerId, checkpoint: Checkpoint) {
        self.tell(Input::CheckpointKept { lease, peer, checkpoint });
    }

    fn kept(&self) -> Vec<Checkpoint> {
        self.ledger.checkpoints(JOB, 0, TaskSpan::new(0, 9))
    }
}

fn dropped(number: u8) -> Effect {
    Effect::DropCheckpoint { job: JOB, blob: BlobId([number; 32]) }
}

#[test]
fn the_newest_checkpoint_of_a_run_is_kept_over_its_attempts_and_a_restart() {
    let mut desk = Desk::with(vec![a_step(2)]);
    let lease = desk.grant(0, 0, 2, BOB);
    desk.keep(lease, BOB, a_checkpoint(one(0), 1));
    desk.keep(lease, BOB, a_checkpoint(one(0), 3));
    desk.take_effects();
    desk.keep(lease, BOB, a_checkpoint(one(0), 2));
    assert_eq!(desk.take_effects(), [dropped(2)], "one that comes late is let go");
    desk.report(lease, BOB, TaskSpan::new(0, 2), AttemptEnd::Returned);

    desk.restart();
    assert_eq!(desk.kept(), [a_checkpoint(one(0), 3)]);
    assert!(desk.ledger.is_checkpoint(JOB, BlobId([3; 32])));

    let again = desk.grant(0, 0, 1, ANN);
    desk.take_effects();
    desk.keep(lease, BOB, a_checkpoint(one(0), 4));
    assert_eq!(desk.take_effects(), [dropped(4)], "who has lost the lease has nothing to say");
    desk.keep(again, ANN, a_checkpoint(one(0), 1));
    assert_eq!(desk.take_effects(), [dropped(3)], "a later attempt begins to count anew");
    desk.report(again, ANN, ONE, succeeded());
    assert!(desk.take_effects().contains(&dropped(1)) && desk.kept().is_empty());
}

#[test]
fn two_runs_may_leave_the_same_bytes() {
    let mut desk = Desk::with(vec![a_step(2)]);
    let lease = desk.grant(0, 0, 2, BOB);
    desk.keep(lease, BOB, a_checkpoint(one(0), 1));
    desk.keep(lease, BOB, a_checkpoint(one(1), 1));
    desk.report(lease, BOB, one(0), succeeded());
    assert!(!desk.take_effects().contains(&dropped(1)));
    desk.report(lease, BOB, one(1), succeeded());
    assert!(desk.take_effects().contains(&dropped(1)));
}

#[test]
fn a_program_that_fails_right_after_it_went_on_begins_anew() {
    let mut desk = Desk::with(vec![a_step(1)]);
    let first = desk.grant(0, 0, 1, BOB);
    desk.keep(first, BOB, a_checkpoint(one(0), 1));
    desk.report(first, BOB, ONE, failed(FailureKind::Program));
    assert_eq!(desk.kept(), [a_checkpoint(one(0), 1)], "it had come further than where it began");

    let second = desk.grant(0, 0, 1, ANN);
    desk.report(second, ANN, ONE, failed(FailureKind::Machine));
    assert_eq!(desk.kept().len(), 1, "a machine's fault says nothing of it");

    let third = desk.grant(0, 0, 1, ANN);
    desk.take_effects();
    desk.report(third, ANN, ONE, failed(FailureKind::Program));
    assert!(desk.take_effects().contains(&dropped(1)) && desk.kept().is_empty());
}

#[test]
fn who_retries_or_cancels_begins_anew() {
    let mut desk = Desk::with(vec![a_step(1)]);
    let lease = desk.grant(0, 0, 1, BOB);
    desk.keep(lease, BOB, a_checkpoint(one(0), 1));
    desk.tell(Input::Cancel { job: JOB, tasks: None, stamp: Stamp(2) });
    desk.report(lease, BOB, ONE, AttemptEnd::Cancelled);
    assert!(desk.take_effects().contains(&dropped(1)) && desk.kept().is_empty());
}

#[test]
fn what_runs_is_called_back_by_a_hold_that_means_all_and_waits_until_it_is_released() {
    let mut desk = Desk::with(vec![a_step(2)]);
    let lease = desk.grant(0, 0, 2, BOB);
    desk.tell(Input::TasksStarted { lease, span: ONE, stamp: Stamp(1) });
    desk.tell(Input::HoldJob { job: JOB, now: false });
    desk.take_effects();
    desk.tell(Input::HoldJob { job: JOB, now: true });
    let revoke = Effect::Revoke { peer: BOB, lease, spans: Some(spans([0, 1])) };
    assert_eq!(desk.take_effects(), slice::from_ref(&revoke));

    desk.advance(crate::job::ASK_AGAIN_AFTER);
    desk.tell(Input::Renewed { peer: BOB, leases: vec![lease] });
    assert_eq!(desk.take_effects(), [revoke], "asked again until it is done");
    desk.keep(lease, BOB, a_checkpoint(one(0), 1));
    desk.report(lease, BOB, TaskSpan::new(0, 2), AttemptEnd::Returned);
    assert_eq!(desk.state_of(0, 0), TaskState::Held);
    desk.take_effects();

    desk.tell(Input::ReleaseJob { job: JOB });
    assert_eq!(desk.take_effects(), [ready(0, 0..2)]);
    assert_eq!(desk.kept(), [a_checkpoint(one(0), 1)]);
}

#[test]
fn one_task_is_called_back_alone() {
    let mut desk = Desk::with(vec![a_step(2)]);
    let leases = [desk.grant(0, 0, 1, BOB), desk.grant(0, 1, 2, BOB)];
    for (lease, span) in leases.into_iter().zip([one(0), one(1)]) {
        desk.tell(Input::TasksStarted { lease, span, stamp: Stamp(1) });
    }
    desk.take_effects();
    desk.tell(Input::HoldTasks { job: JOB, tasks: only(0, [1]), now: true });
    let revoke = Effect::Revoke { peer: BOB, lease: leases[1], spans: Some(spans([1])) };
    assert_eq!(desk.take_effects(), [revoke]);
    desk.tell(Input::ReleaseTasks { job: JOB, tasks: only(0, [1]) });
    desk.tell(Input::Renewed { peer: BOB, leases: leases.to_vec() });
    assert_eq!(desk.state_of(0, 1), TaskState::Running, "it was quicker than the word");
}
