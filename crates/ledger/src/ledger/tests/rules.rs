use super::*;

const ONE: TaskSpan = TaskSpan::new(0, 1);

#[test]
fn a_job_runs_from_ready_to_done() {
    let mut desk = Desk::with(vec![a_step(2)]);
    assert_eq!(desk.take_effects(), [Effect::JobOpened { job: JOB, priority: 0 }, ready(0, 0..2)]);
    assert_eq!(desk.durable, 1, "a job is acknowledged only once it is on the disk");

    let lease = desk.grant(0, 0, 2, BOB);
    desk.tell(Input::LeaseAccepted { lease });
    desk.tell(Input::TasksStarted { lease, span: ONE, stamp: Stamp(5_000) });
    assert_eq!(desk.take_effects(), []);
    assert_eq!((desk.state_of(0, 0), desk.state_of(0, 1)), (TaskState::Running, TaskState::Leased));
    assert_eq!(desk.job_state(), JobState::Running);

    desk.report(lease, BOB, ONE, succeeded());
    let timed = |left| Effect::TasksTimed { lease, peer: BOB, step: 0, tasks: 1, run_micros: 2_000_000, left };
    assert_eq!(desk.take_effects(), [timed(1), settle(lease, BOB, [0])]);
    assert_eq!(desk.ledger.summary(JOB, desk.now).unwrap().left.unwrap().as_secs(), 2);

    desk.report(lease, BOB, TaskSpan::new(1, 2), succeeded());
    let end = Effect::JobEnded { job: JOB, state: JobState::Done };
    let forget = Effect::Forget { job: JOB, peers: vec![BOB] };
    let expected = [timed(0), ended(lease, BOB, LeaseEnd::Finished), end, forget, settle(lease, BOB, [1])];
    assert_eq!(desk.take_effects(), expected);
    let summary = desk.ledger.summary(JOB, desk.now).unwrap();
    assert_eq!((summary.progress, summary.started, summary.ended), (1.0, Some(Stamp(5_000)), Some(Stamp(9_000))));
}

#[test]
fn the_time_left_does_not_count_on_leases_that_wait_behind_others() {
    let mut desk = Desk::with(vec![a_step(9)]);
    desk.run(0, 0, BOB, succeeded());
    let left = |desk: &Desk| desk.ledger.summary(JOB, desk.now).unwrap().left.unwrap().as_secs();
    let leases: Vec<_> = (1..5).map(|task| desk.grant(0, task, task + 1, BOB)).collect();
    assert_eq!(left(&desk), 16, "one after the other as long as nobody ran beside another");

    for (lease, task) in leases.iter().zip(1..3) {
        desk.tell(Input::TasksStarted { lease: *lease, span: TaskSpan::new(task, task + 1), stamp: Stamp(5_000) });
    }
    assert_eq!(left(&desk), 8, "two at a time, though four are promised");

    desk.report(leases[0], BOB, TaskSpan::new(1, 2), succeeded());
    assert_eq!(left(&desk), 7, "two at a time still, though one runs this moment");
}

#[test]
fn a_silent_holder_loses_its_tasks_and_its_late_report_is_waste() {
    let mut desk = Desk::with(vec![a_step(1)]);
    let lease = desk.grant(0, 0, 1, BOB);
    desk.take_effects();

    desk.advance(JobSpec::LEASE_DURATION);
    assert_eq!(desk.take_effects(), [ended(lease, BOB, LeaseEnd::Expired), ready(0, [0])]);

    desk.report(lease, BOB, ONE, succeeded());
    let waste = Effect::Waste { lease, peer: BOB, tasks: 1, run_micros: 2_000_000, kind: WasteKind::Stale };
    assert_eq!(desk.take_effects(), [settle(lease, BOB, [0]), waste]);
    assert_eq!(desk.state_of(0, 0), TaskState::Ready);
}

#[test]
fn a_renewed_lease_goes_on_and_an_unknown_one_is_revoked() {
    let mut desk = Desk::with(vec![a_step(1)]);
    let lease = desk.grant(0, 0, 1, BOB);
    desk.take_effects();
    for _ in 0..5 {
        desk.advance(JobSpec::LEASE_DURATION * 3 / 4);
        desk.tell(Input::Renewed { peer: BOB, leases: vec![lease] });
    }
    assert_eq!(desk.take_effects(), []);

    let stray = LeaseId { fence: Fence { epoch: 0, attempt: 9 }, ..lease };
    desk.tell(Input::Renewed { peer: BOB, leases: vec![stray] });
    desk.tell(Input::Renewed { peer: ANN, leases: vec![lease] });
    let revoke = |peer, lease| Effect::Revoke { peer, lease, spans: None };
    assert_eq!(desk.take_effects(), [revoke(BOB, stray), revoke(ANN, lease)]);
}

#[test]
fn a_result_counts_once() {
    let mut desk = Desk::with(vec![a_step(1)]);
    let lease = desk.grant(0, 0, 1, BOB);
    desk.report(lease, BOB, ONE, succeeded());
    desk.take_effects();
    desk.report(lease, BOB, ONE, failed(FailureKind::Program));
    let waste = Effect::Waste { lease, peer: BOB, tasks: 1, run_micros: 0, kind: WasteKind::Duplicate };
    assert_eq!(desk.take_effects(), [settle(lease, BOB, [0]), waste]);
    assert_eq!(desk.job_state(), JobState::Done);
}

#[test]
fn nobody_reports_for_another_peer() {
    let mut desk = Desk::with(vec![a_step(1)]);
    let lease = desk.grant(0, 0, 1, BOB);
    desk.report(lease, ANN, ONE, succeeded());
    assert_eq!(desk.state_of(0, 0), TaskState::Leased);
}

#[test]
fn a_failing_program_uses_up_its_attempts_and_avoids_where_it_failed() {
    let mut desk = Desk::with(vec![a_step(1)]);
    desk.run(0, 0, BOB, failed(FailureKind::Program));
    let again = Effect::TasksReady { job: JOB, step: 0, spans: spans([0]), avoid: vec![BOB] };
    assert!(desk.take_effects().contains(&again));
    desk.run(0, 0, ANN, failed(FailureKind::Timeout));
    desk.take_effects();
    desk.run(0, 0, ANN, failed(FailureKind::Signal));
    assert!(desk.take_effects().contains(&Effect::JobEnded { job: JOB, state: JobState::Failed }));
    let view = desk.view(0, 0);
    assert_eq!((view.attempts, view.exit_code, view.reason.as_str()), (3, Some(7), "it broke"));
    let failures = desk.ledger.summary(JOB, desk.now).unwrap().failures;
    assert_eq!((failures[0].tasks, failures[0].reason.as_str()), (1, "it broke"));
}

#[test]
fn what_fails_on_one_machine_and_ends_well_on_another_was_the_machines_doing() {
    let mut desk = Desk::with(vec![a_step(2)]);
    let outdone = |effects: Vec<Effect>| {
        effects.into_iter().filter(|effect| matches!(effect, Effect::Outdone { .. })).collect::<Vec<_>>()
    };
    desk.run(0, 0, BOB, failed(FailureKind::Program));
    desk.run(0, 1, BOB, failed(FailureKind::Program));
    assert_eq!(outdone(desk.take_effects()), [], "it may be the job's");
    desk.run(0, 0, ANN, succeeded());
    assert_eq!(outdone(desk.take_effects()), [Effect::Outdone { job: JOB, step: 0, peer: BOB, by: ANN, tasks: 1 }]);
    desk.run(0, 1, BOB, succeeded());
    assert_eq!(outdone(desk.take_effects()), [], "it went well there the second time");
}

/// Who hears that others fare no better.
fn excused(effects: &[Effect]) -> Vec<PeerId> {
    let excused = effects.iter().filter_map(|effect| match effect {
        Effect::FailsElsewhere { job: JOB, step: 0, peer } => Some(*peer),
        _ => None,
    });
    excused.collect()
}

#[test]
fn machines_on_which_the_same_fails_hear_once_that_it_is_not_their_doing() {
    let mut desk = Desk::with(vec![a_step(3)]);
    desk.run(0, 0, BOB, failed(FailureKind::Program));
    desk.run(0, 1, BOB, failed(FailureKind::Program));
    assert_eq!(excused(&desk.take_effects()), [], "it may be the machine's");
    desk.run(0, 0, ANN, failed(FailureKind::Program));
    let mut both = excused(&desk.take_effects());
    both.sort_unstable();
    let mut expected = [ANN, BOB];
    expected.sort_unstable();
    assert_eq!(both, expected);
    desk.run(0, 1, ANN, failed(FailureKind::Program));
    assert_eq!(excused(&desk.take_effects()), []);
}

#[test]
fn where_others_end_some_well_only_the_same_task_excuses_a_machine() {
    let mut desk = Desk::with(vec![a_step(4)]);
    desk.run(0, 3, ANN, succeeded());
    desk.run(0, 0, BOB, failed(FailureKind::Program));
    desk.run(0, 1, ANN, failed(FailureKind::Program));
    assert_eq!(excused(&desk.take_effects()), [], "another task may be broken");
    desk.run(0, 0, ANN, failed(FailureKind::Program));
    assert_eq!(excused(&desk.take_effects()).len(), 2);
}

#[test]
fn a_missing_program_blocks_its_machine_and_costs_no_attempt() {
    let mut desk = Desk::with(vec![a_step(5)]);
    desk.run(0, 0, BOB, failed(FailureKind::NoProgram));
    assert!(desk.take_effects().contains(&Effect::BlockPeer { job: JOB, peer: BOB }));
    assert_eq!(desk.view(0, 0).attempts, 0);

    desk.tell(Input::Stranded { job: JOB });
    assert_eq!(desk.take_effects(), [Effect::UnblockPeer { job: JOB, peer: BOB }]);
    for _ in 1..10 {
        desk.run(0, 0, BOB, failed(FailureKind::NoProgram));
    }
    assert_eq!(desk.state_of(0, 0), TaskState::Failed, "trouble of machines is bounded too");
    assert!(!desk.take_effects().contains(&Effect::BlockPeer { job: JOB, peer: BOB }), "blocks were lifted for good");
}

#[test]
fn failures_in_a_row_block_a_machine_and_a_success_starts_the_row_anew() {
    let mut desk = Desk::with(vec![a_step(9)]);
    for end in [failed(FailureKind::Program), failed(FailureKind::Program), succeeded(), failed(FailureKind::Program)] {
        let next = (0..9).find(|index| desk.state_of(0, *index) == TaskState::Ready).unwrap();
        desk.run(0, next, BOB, end);
    }
    assert!(!desk.take_effects().contains(&Effect::BlockPeer { job: JOB, peer: BOB }));
    desk.run(0, 8, BOB, failed(FailureKind::Program));
    desk.run(0, 7, BOB, failed(FailureKind::Program));
    assert!(desk.take_effects().contains(&Effect::BlockPeer { job: JOB, peer: BOB }));
}

#[test]
fn a_step_waits_for_all_of_another() {
    let mut desk = Desk::with(vec![a_step(2), a_step_after(3, 0, EdgeKind::Whole)]);
    desk.run(0, 0, BOB, succeeded());
    assert_eq!(desk.state_of(1, 0), TaskState::Waiting);
    desk.take_effects();
    desk.run(0, 1, BOB, succeeded());
    assert!(desk.take_effects().contains(&ready(1, 0..3)));
}

#[test]
fn a_frame_waits_for_its_own_frame_only() {
    let mut desk = Desk::with(vec![a_step(3), a_step_after(3, 0, EdgeKind::SameIndex)]);
    desk.run(0, 1, BOB, succeeded());
    assert!(desk.take_effects().contains(&ready(1, [1])));
    assert_eq!(desk.state_of(1, 0), TaskState::Waiting);
}

#[test]
fn what_waits_for_a_failure_is_skipped_and_comes_back_with_a_retry() {
    let mut spec = a_job(vec![a_step(2), a_step_after(1, 0, EdgeKind::Whole), a_step_after(1, 1, EdgeKind::SameIndex)]);
    spec.retry.max_attempts = 1;
    let mut desk = Desk::with_spec(spec);
    desk.run(0, 0, BOB, failed(FailureKind::Program));
    assert_eq!([desk.state_of(1, 0), desk.state_of(2, 0)], [TaskState::Skipped; 2]);
    desk.run(0, 1, BOB, succeeded());
    assert_eq!(desk.job_state(), JobState::Failed);
    desk.take_effects();

    desk.tell(Input::Retry { job: JOB, tasks: None });
    assert_eq!(desk.take_effects(), [Effect::JobOpened { job: JOB, priority: 0 }, ready(0, [0])]);
    assert_eq!([desk.state_of(1, 0), desk.state_of(2, 0)], [TaskState::Waiting; 2]);
    for (step, index) in [(0, 0), (1, 0), (2, 0)] {
        desk.run(step, index, BOB, succeeded());
    }
    assert_eq!(desk.job_state(), JobState::Done);
    assert_eq!(desk.refused(Input::Retry { job: JOB, tasks: None }), Refusal::NothingToRetry { job: JOB });
}

#[test]
fn a_held_job_starts_nothing_new_and_keeps_its_order() {
    let mut desk = Desk::with(vec![a_step(4)]);
    let lease = desk.grant(0, 0, 2, BOB);
    desk.tell(Input::TasksStarted { lease, span: ONE, stamp: Stamp(1) });
    desk.take_effects();

    desk.tell(Input::HoldJob { job: JOB, now: false });
    let withdrawn = Effect::TasksWithdrawn { job: JOB, step: 0, spans: spans(2..4) };
    let revoke = Effect::Revoke { peer: BOB, lease, spans: Some(spans([1])) };
    assert_eq!(desk.take_effects(), [withdrawn, revoke.clone()]);
    assert_eq!((desk.state_of(0, 0), desk.job_state()), (TaskState::Running, JobState::Held));

    desk.tell(Input::Renewed { peer: BOB, leases: vec![lease] });
    assert_eq!(desk.take_effects(), [], "it may have said so before it heard");
    for _ in 0..2 {
        desk.advance(crate::job::ASK_AGAIN_AFTER);
        desk.tell(Input::Renewed { peer: BOB, leases: vec![lease] });
        assert_eq!(desk.take_effects(), std::slice::from_ref(&revoke), "asked again until it is done");
    }
    desk.tell(Input::Cancel { job: JOB, tasks: Some(only(0, [0])), stamp: Stamp(1) });
    let both = Effect::Revoke { peer: BOB, lease, spans: Some(spans([0, 1])) };
    assert_eq!(desk.take_effects(), [both], "what is new is said at once");
    desk.report(lease, BOB, TaskSpan::new(1, 2), AttemptEnd::Returned);
    assert_eq!(desk.state_of(0, 1), TaskState::Held);
    desk.take_effects();

    desk.tell(Input::ReleaseJob { job: JOB });
    assert_eq!(desk.take_effects(), [ready(0, 1..4)]);
}

#[test]
fn tasks_held_one_by_one_stay_held_when_the_job_is_released() {
    let mut desk = Desk::with(vec![a_step(4)]);
    desk.tell(Input::HoldTasks { job: JOB, tasks: only(0, [1]), now: false });
    desk.tell(Input::HoldJob { job: JOB, now: false });
    desk.take_effects();
    desk.tell(Input::ReleaseJob { job: JOB });
    assert_eq!(desk.take_effects(), [ready(0, [0, 2, 3])]);
    desk.tell(Input::ReleaseTasks { job: JOB, tasks: only(0, 0..4) });
    assert_eq!(desk.take_effects(), [ready(0, [1])]);
}

#[test]
fn a_cancelled_job_has_ended_only_once_everything_has_stopped() {
    let mut desk = Desk::with(vec![a_step(3), a_step_after(1, 0, EdgeKind::Whole)]);
    let lease = desk.grant(0, 0, 1, BOB);
    desk.take_effects();
    desk.tell(Input::Cancel { job: JOB, tasks: None, stamp: Stamp(8_000) });
    let withdrawn = Effect::TasksWithdrawn { job: JOB, step: 0, spans: spans(1..3) };
    let revoke = Effect::Revoke { peer: BOB, lease, spans: Some(spans([0])) };
    assert_eq!(desk.take_effects(), [withdrawn, revoke]);
    assert_eq!((desk.job_state(), desk.state_of(1, 0)), (JobState::Running, TaskState::Cancelled));

    desk.report(lease, BOB, ONE, AttemptEnd::Cancelled);
    assert!(desk.take_effects().contains(&Effect::JobEnded { job: JOB, state: JobState::Cancelled }));
    let again = Input::Cancel { job: JOB, tasks: None, stamp: Stamp(8_000) };
    assert_eq!(desk.refused(again), Refusal::AlreadyEnded { job: JOB });
    desk.tell(Input::Retry { job: JOB, tasks: None });
    assert_eq!((desk.state_of(0, 0), desk.state_of(1, 0)), (TaskState::Ready, TaskState::Waiting));
}

#[test]
fn a_task_that_ended_well_while_it_was_being_cancelled_is_done() {
    let mut desk = Desk::with(vec![a_step(1)]);
    let lease = desk.grant(0, 0, 1, BOB);
    desk.tell(Input::Cancel { job: JOB, tasks: Some(only(0, [0])), stamp: Stamp(0) });
    desk.report(lease, BOB, ONE, succeeded());
    assert_eq!(desk.job_state(), JobState::Done);
}

#[test]
fn a_cancelled_task_bars_what_waits_for_it() {
    let mut desk = Desk::with(vec![a_step(2), a_step_after(2, 0, EdgeKind::SameIndex)]);
    desk.tell(Input::Cancel { job: JOB, tasks: Some(only(0, [1])), stamp: Stamp(0) });
    assert_eq!((desk.state_of(1, 0), desk.state_of(1, 1)), (TaskState::Waiting, TaskState::Skipped));
}

#[test]
fn a_restarted_steward_keeps_its_leases_and_asks_who_still_holds_them() {
    let mut desk = Desk::with(vec![a_step(3)]);
    let kept = desk.grant(0, 0, 2, BOB);
    desk.restart();
    let kept_effect = Effect::LeaseKept { lease: kept, peer: BOB, step: 0, spans: spans(0..2) };
    let opened = Effect::JobOpened { job: JOB, priority: 0 };
    assert_eq!(desk.take_effects(), [opened, kept_effect, ready(0, [2])]);

    let new = desk.grant(0, 2, 3, ANN);
    assert_eq!(new.fence.epoch, 2);
    desk.report(kept, BOB, ONE, succeeded());
    assert_eq!(desk.state_of(0, 0), TaskState::Done);
    desk.advance(JobSpec::LEASE_DURATION);
    assert_eq!(desk.state_of(0, 1), TaskState::Ready);
}

#[test]
fn a_lease_that_was_not_journalled_before_a_crash_never_counts() {
    let mut desk = Desk::with(vec![a_step(1)]);
    desk.take_effects();
    let lost = desk.grant(0, 0, 1, BOB);
    desk.ledger = Ledger::restore(ANN, 2, [(JOB, None, desk.journal.clone())], desk.now).unwrap().ledger;
    let new = desk.grant(0, 0, 1, ANN);
    assert_eq!(lost.fence.attempt, new.fence.attempt);
    desk.report(lost, BOB, ONE, succeeded());
    assert_eq!(desk.state_of(0, 0), TaskState::Leased);
}

#[test]
fn a_vanished_holder_gives_everything_back_at_once() {
    let mut desk = Desk::with(vec![a_step(4)]);
    let gone = desk.grant(0, 0, 2, BOB);
    desk.grant(0, 2, 4, ANN);
    desk.take_effects();
    desk.tell(Input::HolderVanished { peer: BOB });
    assert_eq!(desk.take_effects(), [ended(gone, BOB, LeaseEnd::Vanished), ready(0, 0..2)]);
}

#[test]
fn a_task_that_takes_every_machine_down_fails_in_the_end() {
    let mut desk = Desk::with(vec![a_step(1)]);
    for _ in 0..50 {
        desk.grant(0, 0, 1, BOB);
        desk.tell(Input::HolderVanished { peer: BOB });
    }
    assert_eq!(desk.job_state(), JobState::Failed);
    assert!(desk.view(0, 0).reason.contains("vanished"));
}

#[test]
fn a_refused_placement_gives_back_what_is_ready() {
    let mut desk = Desk::with(vec![a_step(4)]);
    desk.tell(Input::HoldTasks { job: JOB, tasks: only(0, [1]), now: false });
    desk.take_effects();
    assert_eq!(desk.ledger.grant(JOB, 0, TaskSpan::new(0, 3), BOB, desk.now), None);
    assert_eq!(desk.take_effects(), [ready(0, [0, 2])]);
    assert_eq!(desk.ledger.grant(JOB, 0, TaskSpan::new(2, 9), BOB, desk.now), None);
}

#[test]
fn a_chunk_counts_as_a_whole_or_not_at_all() {
    let mut desk = Desk::with(vec![a_step(8)]);
    let lease = desk.grant(0, 0, 4, BOB);
    desk.report(lease, BOB, TaskSpan::new(2, 6), succeeded());
    assert_eq!(desk.state_of(0, 2), TaskState::Leased);
    desk.report(lease, BOB, TaskSpan::new(0, 4), succeeded());
    assert_eq!(desk.view(0, 3).run_time.as_millis(), 500);
}

#[test]
fn commands_say_what_is_wrong_with_them() {
    let mut desk = Desk::with(vec![a_step(2)]);
    let job = JobId([9; 10]);
    assert_eq!(desk.refused(Input::HoldJob { job, now: false }), Refusal::UnknownJob { job });
    let far = Input::HoldTasks { job: JOB, tasks: only(0, [1, 2]), now: false };
    assert_eq!(desk.refused(far), Refusal::UnknownTask { job: JOB, step: 0, index: 2 });
    let far = Input::Retry { job: JOB, tasks: Some(only(3, [0])) };
    assert_eq!(desk.refused(far), Refusal::UnknownTask { job: JOB, step: 3, index: 0 });
    assert_eq!(desk.refused(Input::RemoveJob { job: JOB }), Refusal::NotEnded { job: JOB });
    let twice = Input::JobAdded { spec: Box::new(a_job(vec![a_step(1)])), priority: 0, held: false };
    assert_eq!(desk.refused(twice), Refusal::KnownJob { job: JOB });
}

#[test]
fn a_job_in_a_circle_is_refused() {
    let steps = vec![a_step_after(1, 1, EdgeKind::Whole), a_step_after(1, 0, EdgeKind::Whole)];
    let mut ledger = Ledger::new(1);
    let added = ledger.handle(Input::JobAdded { spec: Box::new(a_job(steps)), priority: 0, held: false }, Time::ZERO);
    assert_eq!(added, Err(Refusal::BadSpec { job: JOB, flaw: crate::SpecFlaw::Circle }));
    let uneven = vec![a_step(2), a_step_after(3, 0, EdgeKind::SameIndex)];
    let added = ledger.handle(Input::JobAdded { spec: Box::new(a_job(uneven)), priority: 0, held: false }, Time::ZERO);
    assert!(matches!(added, Err(Refusal::BadSpec { flaw: crate::SpecFlaw::BadEdge { step: 1, on: 0 }, .. })));
    assert_eq!(ledger.poll_effect(), None);
}

#[test]
fn an_ended_job_can_be_removed() {
    let mut desk = Desk::with(vec![]);
    assert_eq!(desk.job_state(), JobState::Done, "a job without tasks is done");
    desk.take_effects();
    desk.tell(Input::RemoveJob { job: JOB });
    assert_eq!(desk.take_effects(), [Effect::JobRemoved { job: JOB }]);
    assert_eq!(desk.ledger.jobs().count(), 0);
}

#[test]
fn priority_changes_are_told() {
    let mut desk = Desk::with(vec![a_step(1)]);
    desk.take_effects();
    desk.tell(Input::SetPriority { job: JOB, priority: 5 });
    assert_eq!(desk.take_effects(), [Effect::PriorityChanged { job: JOB, priority: 5 }]);
    desk.restart();
    assert_eq!(desk.ledger.summary(JOB, desk.now).unwrap().priority, 5);
}

#[test]
fn what_an_earlier_job_made_is_done_at_once_and_opens_what_waits_for_it() {
    let mut desk = Desk::with(vec![a_step(3), a_step_after(1, 0, EdgeKind::Whole)]);
    desk.tell(Input::TasksReused { job: JOB, tasks: only(0, [0, 2]), stamp: Stamp(2_000) });
    let first = |desk: &Desk| [0, 1, 2].map(|index| desk.state_of(0, index));
    assert_eq!(first(&desk), [TaskState::Done, TaskState::Ready, TaskState::Done]);
    assert_eq!(desk.state_of(1, 0), TaskState::Waiting);
    desk.restart();
    desk.run(0, 1, BOB, succeeded());
    assert_eq!(desk.state_of(1, 0), TaskState::Ready);

    let summary = desk.ledger.summary(JOB, desk.now).unwrap();
    assert_eq!((summary.reused, summary.run_time), (2, std::time::Duration::from_secs(2)));
    assert_eq!(summary.shares.len(), 1, "nobody ran the others");
    // A snapshot knows it too; tasks that are not there change nothing.
    desk.tell(Input::TasksReused { job: JOB, tasks: only(7, [0]), stamp: Stamp(3_000) });
    desk.tell(Input::TasksReused { job: JOB, tasks: only(1, [0]), stamp: Stamp(3_000) });
    desk.take_effects();
    let summary = desk.ledger.summary(JOB, desk.now).unwrap();
    assert_eq!((summary.state, summary.reused, summary.ended), (JobState::Done, 3, Some(Stamp(3_000))));
}

#[test]
fn what_runs_took_is_summed_by_machine_and_what_nobody_knows_is_counted_as_unknown() {
    let mut desk = Desk::with(vec![a_step(5)]);
    let (bobs, anns) = (desk.grant(0, 0, 4, BOB), desk.grant(0, 4, 5, ANN));
    let end = |from, to, energy: Option<u64>, end| TaskEnd {
        tasks: TaskSpan::new(from, to),
        end,
        run_micros: u64::from(from < 3) * 1_000,
        energy: energy.map(Energy),
    };
    let results = vec![
        end(0, 1, Some(500), succeeded()),
        // A chunk is one run, and one that failed took something, too.
        end(1, 3, None, failed(FailureKind::Program)),
        // This one never ran.
        end(3, 4, None, AttemptEnd::Returned),
    ];
    desk.tell(Input::TasksEnded { lease: bobs, peer: BOB, results: results.clone(), stamp: Stamp(1) });
    let results_of_ann = vec![end(4, 5, Some(u64::MAX), succeeded())];
    desk.tell(Input::TasksEnded { lease: anns, peer: ANN, results: results_of_ann, stamp: Stamp(1) });
    // Told twice, it counts once.
    desk.tell(Input::TasksEnded { lease: bobs, peer: BOB, results, stamp: Stamp(2) });

    let took = |desk: &Desk| {
        let shares = desk.ledger.summary(JOB, desk.now).expect("the job").shares;
        shares.iter().map(|share| (share.peer, share.energy, share.runs, share.unmeasured)).collect::<Vec<_>>()
    };
    let expected = [(BOB, Energy(500), 2, 1), (ANN, Energy(u64::MAX), 1, 0)];
    assert_eq!(took(&desk), expected);
    desk.restart();
    assert_eq!(took(&desk), expected, "a restart forgets nothing of it");
}
