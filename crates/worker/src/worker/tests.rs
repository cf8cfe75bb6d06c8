use std::collections::BTreeSet;

use gridwell_model::{
    ActionEnd, BlobId, Checkpoint, Energy, Fence, LicenceAsk, LimitNeed, OutputFile, RelPath, TaskResult,
};
use proptest::prelude::*;

use super::*;
use crate::{SessionFailure, SpecView, StepView};

#[test]
fn an_offer_is_accepted_fetched_opened_run_and_reported() {
    let mut peer = TestPeer::lending(2.0);
    peer.offer(lease(1), 0..3);
    assert_eq!(
        peer.take_effects(),
        [
            Effect::Accept { steward: STEWARD, lease: lease(1) },
            Effect::FetchSpec { job: JOB, spec: BlobId([7; 32]), spec_bytes: 99, from: STEWARD },
            Effect::FreeChanged { free: cores(1.0), running: 0 },
        ]
    );
    peer.input(Input::SpecReady { job: JOB, spec: SpecView { has_inputs: true, ..a_spec() } });
    assert_eq!(peer.take_effects(), [Effect::FetchInputs { job: JOB, from: STEWARD }]);
    peer.input(Input::InputsReady { job: JOB });
    let session = SessionId(1);
    assert_eq!(peer.take_effects(), [Effect::OpenSession { session, job: JOB, step: 0, reserve: cores(1.0) }]);
    peer.input(Input::SessionOpened { session });
    let effects = peer.take_effects();
    assert_eq!(
        effects[0],
        Effect::RunTasks { session, lease: lease(1), step: 0, runs: runs(&[(0, 1), (1, 2), (2, 3)]), from: None }
    );
    assert!(matches!(&effects[1], Effect::Renew { renewal, .. } if renewal.running[0].task.index == 0));
    for index in 0..3 {
        peer.ended(session, index..index + 1, 0);
    }
    let effects = peer.take_effects();
    let Effect::Report { results, .. } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(results.iter().map(|result| result.tasks).collect::<Vec<_>>(), runs(&[(0, 1), (1, 2), (2, 3)]));
    assert!(results.iter().all(|result| result.end == AttemptEnd::Succeeded && result.run_micros == 1_000));
    assert!(results.iter().all(|result| result.energy == Some(Energy(5))));
    assert!(!peer.worker.is_idle(), "what nobody settled is still here");
    assert_eq!(effects[1..], [Effect::FreeChanged { free: cores(2.0), running: 0 }]);
    peer.input(Input::Settled { lease: lease(1), tasks: runs(&[(0, 3)]) });
    assert!(peer.worker.leases.is_empty());
}

#[test]
fn a_lease_belongs_to_the_steward_that_offered_it_until_it_is_settled() {
    let mut peer = TestPeer::running(lease(1), 0..1);
    assert_eq!(peer.worker.steward_of(lease(1)), Some(STEWARD));
    assert_eq!(peer.worker.steward_of(lease(2)), None);
    peer.ended(SessionId(1), 0..1, 0);
    peer.take_effects();
    peer.input(Input::Settled { lease: lease(1), tasks: runs(&[(0, 1)]) });
    assert_eq!(peer.worker.steward_of(lease(1)), None);
}

#[test]
fn an_idle_session_is_used_again_and_closed_after_two_seconds() {
    let mut peer = TestPeer::running(lease(1), 0..1);
    peer.ended(SessionId(1), 0..1, 0);
    peer.take_effects();
    peer.offer(lease(2), 1..2);
    let effects = peer.take_effects();
    assert!(effects.contains(&Effect::RunTasks {
        session: SessionId(1),
        lease: lease(2),
        step: 0,
        runs: runs(&[(1, 2)]),
        from: None
    }));
    peer.ended(SessionId(1), 1..2, 0);
    peer.pass(Duration::from_millis(1_999));
    assert!(!peer.take_effects().contains(&Effect::CloseSession { session: SessionId(1), within: None }));
    peer.pass(Duration::from_millis(1));
    assert_eq!(peer.take_effects(), [Effect::CloseSession { session: SessionId(1), within: None }]);
}

#[test]
fn steps_with_other_environments_get_another_session() {
    let mut peer = TestPeer::running(lease(1), 0..1);
    peer.ended(SessionId(1), 0..1, 0);
    peer.take_effects();
    peer.input(Input::Offered {
        steward: STEWARD,
        offer: LeaseOffer { step: 1, ..an_offer(lease(2), 0..1) },
        own: false,
    });
    let opened = Effect::OpenSession { session: SessionId(2), job: JOB, step: 1, reserve: cores(1.0) };
    assert!(peer.take_effects().contains(&opened));
}

#[test]
fn after_a_failure_the_rest_runs_in_a_new_session() {
    let mut peer = TestPeer::running(lease(1), 0..3);
    peer.ended(SessionId(1), 0..1, 9);
    assert_eq!(
        peer.take_effects(),
        [
            Effect::OpenSession { session: SessionId(2), job: JOB, step: 0, reserve: cores(1.0) },
            Effect::FreeChanged { free: cores(1.0), running: 0 },
        ]
    );
    peer.input(Input::TaskNotRun { session: SessionId(1), run: TaskSpan::new(1, 2) });
    peer.input(Input::SessionClosed { session: SessionId(1) });
    peer.input(Input::SessionOpened { session: SessionId(2) });
    let again =
        Effect::RunTasks { session: SessionId(2), lease: lease(1), step: 0, runs: runs(&[(1, 2), (2, 3)]), from: None };
    assert!(peer.take_effects().contains(&again));
    peer.pass(Worker::REPORT_EVERY);
    let [Effect::Report { results, .. }] = &peer.take_effects()[..] else { panic!("one report") };
    assert_eq!(results[0].end, failed(FailureKind::Program, Some(9), "the program ended with exit code 9"));
}

#[test]
fn an_environment_that_fails_costs_one_attempt_and_gives_the_rest_back() {
    let mut peer = TestPeer::lending(2.0);
    peer.offer(lease(1), 0..5);
    peer.input(Input::SpecReady { job: JOB, spec: a_spec() });
    peer.take_effects();
    let cause = SessionFailure::Environment("environment 'conda' failed: exit code 1".into());
    peer.input(Input::SessionFailed { session: SessionId(1), cause });
    let effects = peer.take_effects();
    let Effect::Report { results, .. } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(results[0].tasks, TaskSpan::new(0, 1));
    assert!(matches!(&results[0].end, AttemptEnd::Failed { kind: FailureKind::Environment, .. }));
    assert_eq!((results[1].tasks, &results[1].end), (TaskSpan::new(1, 5), &AttemptEnd::Returned));
}

#[test]
fn inputs_that_cannot_be_fetched_fail_one_task_and_are_tried_again_by_the_next_lease() {
    let mut peer = TestPeer::lending(2.0);
    peer.offer(lease(1), 0..2);
    peer.input(Input::SpecReady { job: JOB, spec: SpecView { has_inputs: true, ..a_spec() } });
    peer.take_effects();
    peer.input(Input::InputsFailed { job: JOB, reason: "scene.blend is gone".into() });
    let effects = peer.take_effects();
    let Effect::Report { results, .. } = &effects[0] else { panic!("{effects:?}") };
    assert_eq!(results[0].end, failed(FailureKind::Inputs, None, "scene.blend is gone"));
    peer.offer(lease(2), 0..2);
    assert!(peer.take_effects().iter().any(|effect| matches!(effect, Effect::FetchSpec { .. })));
}

#[test]
fn unstarted_tasks_go_back_and_the_running_one_is_stopped_on_request() {
    let mut peer = TestPeer::running(lease(1), 0..3);
    peer.input(Input::Revoked { lease: lease(1), tasks: runs(&[(0, 3)]) });
    let cancel = Effect::CancelTasks { session: SessionId(1), runs: runs(&[(0, 1), (1, 2), (2, 3)]), within: None };
    assert_eq!(peer.take_effects(), [cancel]);
    // The steward repeats itself; the runner is asked once.
    peer.input(Input::Revoked { lease: lease(1), tasks: runs(&[(0, 3)]) });
    assert_eq!(peer.take_effects(), []);
    peer.input(Input::TaskNotRun { session: SessionId(1), run: TaskSpan::new(2, 3) });
    let end = ActionEnd::Cancelled;
    let took = Duration::from_secs(1);
    peer.input(Input::TaskEnded { session: SessionId(1), run: TaskSpan::new(0, 1), end, took, energy: None });
    let effects = peer.take_effects();
    let Effect::Report { results, .. } = &effects[0] else { panic!("{effects:?}") };
    let ends: Vec<_> = results.iter().map(|result| (result.tasks.start, result.end.clone())).collect();
    assert_eq!(ends, [(2, AttemptEnd::Returned), (0, AttemptEnd::Cancelled), (1, AttemptEnd::Returned)]);
    assert!(peer.worker.leases.is_empty(), "nothing is owed for tasks that went back");
}

#[test]
fn outputs_are_collected_before_the_next_run_and_kept_until_settled() {
    let mut peer = TestPeer::lending(1.0);
    peer.offer(lease(1), 0..2);
    peer.input(Input::SpecReady { job: JOB, spec: SpecView { has_outputs: true, ..a_spec() } });
    peer.input(Input::SessionOpened { session: SessionId(1) });
    peer.take_effects();
    let run = TaskSpan::new(0, 1);
    peer.ended(SessionId(1), 0..1, 0);
    assert_eq!(peer.take_effects(), [Effect::CollectOutputs { session: SessionId(1), lease: lease(1), run }]);
    peer.input(Input::OutputsReady { lease: lease(1), run, outputs: vec![an_output()] });
    assert_eq!(
        peer.take_effects(),
        [Effect::RunTasks { session: SessionId(1), lease: lease(1), step: 0, runs: runs(&[(1, 2)]), from: None }]
    );
    peer.pass(Worker::REPORT_EVERY);
    assert!(matches!(&peer.take_effects()[..], [Effect::Report { results, .. }] if results[0].outputs.len() == 1));
    peer.input(Input::Settled { lease: lease(1), tasks: vec![run] });
    assert_eq!(peer.take_effects(), [Effect::DropOutputs { lease: lease(1), tasks: vec![run] }]);
}

#[test]
fn a_run_that_leaves_no_file_has_failed_where_one_is_wanted() {
    let mut peer = TestPeer::lending(1.0);
    peer.offer(lease(1), 0..1);
    let spec = SpecView { has_outputs: true, needs_outputs: true, ..a_spec() };
    peer.input(Input::SpecReady { job: JOB, spec });
    peer.input(Input::SessionOpened { session: SessionId(1) });
    peer.ended(SessionId(1), 0..1, 0);
    peer.input(Input::OutputsReady { lease: lease(1), run: TaskSpan::new(0, 1), outputs: Vec::new() });
    let effects = peer.take_effects();
    let kind = effects.iter().find_map(|effect| match effect {
        Effect::Report { results, .. } => match &results[0].end {
            AttemptEnd::Failed { kind, .. } => Some(*kind),
            _ => None,
        },
        _ => None,
    });
    assert_eq!(kind, Some(FailureKind::Outputs), "{effects:?}");
}

#[test]
fn one_lease_may_queue_behind_each_running_one() {
    let mut peer = TestPeer::running(lease(1), 0..1);
    (peer.worker.others.room, peer.worker.own.room) = (cores(1.0), cores(1.0));
    peer.offer(lease(2), 1..2);
    peer.offer(lease(3), 2..3);
    let answers: Vec<_> = peer
        .take_effects()
        .into_iter()
        .filter(|effect| matches!(effect, Effect::Accept { .. } | Effect::Decline { .. }))
        .collect();
    assert_eq!(
        answers,
        [
            Effect::Accept { steward: STEWARD, lease: lease(2) },
            Effect::Decline { steward: STEWARD, lease: lease(3), why: Decline::Busy },
        ]
    );
    peer.ended(SessionId(1), 0..1, 0);
    let next = Effect::RunTasks { session: SessionId(1), lease: lease(2), step: 0, runs: runs(&[(1, 2)]), from: None };
    assert!(peer.take_effects().contains(&next), "in the very session that became free");
}

#[test]
fn offers_beyond_what_is_lent_or_while_nothing_is_taken_are_declined_with_a_reason() {
    let mut peer = TestPeer::lending(2.0);
    let big = LeaseOffer { reserve: cores(3.0), ..an_offer(lease(1), 0..1) };
    peer.input(Input::Offered { steward: STEWARD, offer: big, own: false });
    let declined = |peer: &mut TestPeer| match peer.take_effects().remove(0) {
        Effect::Decline { why, .. } => why,
        other => panic!("{other:?}"),
    };
    assert!(matches!(declined(&mut peer), Decline::Rules(words) if words.contains("2 cores")));
    peer.input(lends(cores(2.0), false, "Ada is at the keyboard"));
    peer.offer(lease(2), 0..1);
    assert_eq!(declined(&mut peer), Decline::Rules("Ada is at the keyboard".into()));
    peer.input(lends(cores(2.0), false, ""));
    peer.offer(lease(3), 0..1);
    assert_eq!(declined(&mut peer), Decline::Draining);
}

#[test]
fn draining_gives_queued_leases_back_and_finishes_running_ones() {
    let mut peer = TestPeer::running(lease(1), 0..1);
    (peer.worker.others.room, peer.worker.own.room) = (cores(1.0), cores(1.0));
    peer.offer(lease(2), 1..2);
    peer.take_effects();
    peer.input(lends(cores(1.0), false, ""));
    let [Effect::Report { lease: returned, results, .. }] = &peer.take_effects()[..] else { panic!("one report") };
    assert_eq!((*returned, &results[0].end), (lease(2), &AttemptEnd::Returned));
    assert!(peer.worker.leases[&lease(1)].running().is_some());
}

#[test]
fn leases_are_renewed_every_five_seconds_until_they_are_settled() {
    let mut peer = TestPeer::running(lease(1), 0..1);
    peer.pass(Worker::RENEW_EVERY);
    let effects = peer.take_effects();
    assert!(matches!(&effects[..], [Effect::Renew { renewal, .. }] if renewal.leases == [lease(1)]), "{effects:?}");
    peer.ended(SessionId(1), 0..1, 0);
    peer.take_effects();
    peer.pass(Worker::RENEW_EVERY);
    assert!(peer.take_effects().iter().any(|effect| matches!(effect, Effect::Renew { .. })), "not settled yet");
    peer.input(Input::Settled { lease: lease(1), tasks: runs(&[(0, 1)]) });
    peer.pass(Worker::RENEW_EVERY);
    assert!(!peer.take_effects().iter().any(|effect| matches!(effect, Effect::Renew { .. })));
}

#[test]
fn a_steward_silent_for_too_long_loses_its_tasks_but_not_its_results() {
    let mut peer = TestPeer::running(lease(1), 0..3);
    peer.ended(SessionId(1), 0..1, 0);
    peer.input(Input::StewardLost { steward: STEWARD, by_wish: false });
    peer.pass(Worker::SILENT_STEWARD);
    let effects = peer.take_effects();
    assert!(effects.contains(&Effect::CloseSession { session: SessionId(1), within: None }));
    assert!(!effects.iter().any(|effect| matches!(effect, Effect::Report { .. } | Effect::Renew { .. })));
    assert_eq!(peer.worker.free(false), cores(1.0), "its programs may still be ending");
    peer.input(Input::SessionClosed { session: SessionId(1) });
    assert_eq!(peer.worker.free(false), cores(2.0));
    peer.input(Input::StewardBack { steward: STEWARD });
    let effects = peer.take_effects();
    let report = effects.iter().find_map(|effect| match effect {
        Effect::Report { results, .. } => Some(results.iter().map(|result| result.end.clone()).collect::<Vec<_>>()),
        _ => None,
    });
    assert_eq!(report, Some(vec![AttemptEnd::Succeeded, AttemptEnd::Returned]));
}

#[test]
fn what_runs_for_a_steward_that_is_away_by_wish_ends_with_its_lease() {
    let mut peer = TestPeer::running(lease(1), 0..3);
    peer.input(Input::StewardLost { steward: STEWARD, by_wish: true });
    peer.take_effects();
    peer.pass(JobSpec::LEASE_DURATION);
    assert!(peer.take_effects().contains(&Effect::CloseSession { session: SessionId(1), within: None }));
}

#[test]
fn what_nobody_else_could_count_ends_with_its_lease() {
    let mut peer = TestPeer::running(lease(1), 0..3);
    peer.input(Input::Offered {
        steward: STEWARD,
        offer: LeaseOffer { heirs: false, ..an_offer(lease(2), 3..5) },
        own: false,
    });
    peer.input(Input::StewardLost { steward: STEWARD, by_wish: false });
    peer.pass(JobSpec::LEASE_DURATION);
    assert!(peer.worker.leases[&lease(1)].running().is_some(), "a deputy may still come for it");
    assert!(peer.worker.leases.get(&lease(2)).is_none_or(|lease| lease.phase == Phase::Ended));

    peer.pass(Worker::SILENT_STEWARD - JobSpec::LEASE_DURATION);
    assert!(peer.worker.leases.get(&lease(1)).is_none_or(|lease| lease.running().is_none()));
}

#[test]
fn a_new_steward_is_told_what_the_old_one_did_not_settle() {
    let mut peer = TestPeer::running(lease(1), 0..3);
    peer.ended(SessionId(1), 0..1, 0);
    peer.input(Input::StewardLost { steward: STEWARD, by_wish: false });
    peer.take_effects();
    let heir = PeerId([9; 32]);

    peer.input(Input::StewardChanged { job: JOB, steward: heir, reachable: true });

    let effects = peer.take_effects();
    let told = |effect: &Effect| matches!(effect, Effect::Report { steward, results, .. } if *steward == heir && results.len() == 1);
    assert!(effects.iter().any(told), "{effects:?}");
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Renew { steward, .. } if *steward == heir)));
    assert_eq!(peer.worker.steward_of(lease(1)), Some(heir));
    peer.pass(Worker::SILENT_STEWARD);
    assert!(peer.worker.leases[&lease(1)].running().is_some(), "nobody waits for the old one any more");
}

#[test]
fn a_new_steward_that_cannot_be_reached_is_waited_for() {
    let mut peer = TestPeer::running(lease(1), 0..2);
    peer.ended(SessionId(1), 0..1, 0);
    let heir = PeerId([9; 32]);
    peer.input(Input::StewardChanged { job: JOB, steward: heir, reachable: false });
    peer.take_effects();
    peer.input(Input::StewardBack { steward: heir });
    assert!(peer.take_effects().iter().any(|effect| matches!(effect, Effect::Report { .. })));
}

#[test]
fn outputs_that_nobody_settles_are_dropped_in_the_end() {
    let mut peer = TestPeer::lending(1.0);
    peer.offer(lease(1), 0..1);
    peer.input(Input::SpecReady { job: JOB, spec: SpecView { has_outputs: true, ..a_spec() } });
    peer.input(Input::SessionOpened { session: SessionId(1) });
    peer.ended(SessionId(1), 0..1, 0);
    let run = TaskSpan::new(0, 1);
    peer.input(Input::OutputsReady { lease: lease(1), run, outputs: vec![an_output()] });
    peer.input(Input::StewardLost { steward: STEWARD, by_wish: false });
    peer.take_effects();
    peer.pass(Worker::UNSETTLED);
    assert!(peer.take_effects().contains(&Effect::DropOutputs { lease: lease(1), tasks: vec![run] }));
    peer.input(Input::SessionClosed { session: SessionId(1) });
    peer.pass(Worker::IDLE_JOB);
    assert_eq!(peer.take_effects(), [Effect::ForgetJob { job: JOB }]);
    assert_eq!(peer.worker.poll_deadline(), None, "nothing is left to wait for");
}

#[test]
fn reports_never_carry_more_than_a_frame() {
    let mut peer = TestPeer::running(lease(1), 0..512);
    let reason = "x".repeat(400);
    for index in 0..512 {
        let run = TaskSpan::new(index, index + 1);
        peer.input(Input::TaskRefused { session: SessionId(1), run, reason: reason.clone() });
    }
    let reports: Vec<usize> = peer
        .take_effects()
        .into_iter()
        .filter_map(|effect| match effect {
            Effect::Report { results, .. } => Some(results.len()),
            _ => None,
        })
        .collect();
    assert_eq!(reports.iter().sum::<usize>(), 512);
    assert!(reports.iter().all(|results| results * 432 <= 48 * 1024 && *results <= TaskResult::MAX_IN_REPORT));
}

#[test]
fn chunks_are_cut_at_rows() {
    let mut peer = TestPeer::lending(1.0);
    let offer = LeaseOffer { chunk: 4, step: 1, ..an_offer(lease(1), 2..12) };
    peer.input(Input::Offered { steward: STEWARD, offer, own: false });
    peer.input(Input::SpecReady { job: JOB, spec: a_spec() });
    peer.input(Input::SessionOpened { session: SessionId(1) });
    let all = runs(&[(2, 6), (6, 10), (10, 12)]);
    let sent = Effect::RunTasks { session: SessionId(1), lease: lease(1), step: 1, runs: all, from: None };
    assert!(peer.take_effects().contains(&sent));
}

/// A peer whose lease waits for a licence that was asked for just now.
fn asking() -> (TestPeer, LicenceAsk) {
    let mut peer = TestPeer::lending(2.0);
    peer.offer(lease(1), 0..2);
    peer.input(Input::SpecReady { job: JOB, spec: a_licensed_spec(0) });
    let ask = peer.take_effects().into_iter().find_map(|effect| match effect {
        Effect::AskLicence(ask) => Some(ask),
        _ => None,
    });
    (peer, ask.expect("it is asked for"))
}

#[test]
fn no_program_starts_before_its_licence_and_it_goes_back_behind_the_last_task() {
    let (mut peer, ask) = asking();
    assert_eq!((ask.lease, ask.steward, ask.need.count, ask.held), (lease(1), STEWARD, 2, false));
    peer.licence(&ask, true);
    let opened = Effect::OpenSession { session: SessionId(1), job: JOB, step: 0, reserve: cores(1.0) };
    assert_eq!(peer.take_effects(), [opened]);
    peer.input(Input::SessionOpened { session: SessionId(1) });
    peer.ended(SessionId(1), 0..1, 0);
    let back = Effect::ReturnLicence { lease: lease(1), name: "nuke".into() };
    assert!(!peer.take_effects().contains(&back));
    peer.ended(SessionId(1), 1..2, 0);
    let effects = peer.take_effects();
    assert_eq!(effects[0], back, "before the steward hears of the end");
    assert!(matches!(effects[1], Effect::Report { .. }), "{effects:?}");
}

#[test]
fn a_lease_without_a_licence_is_declined_and_one_that_nobody_answers_too() {
    let declined = Effect::Decline { steward: STEWARD, lease: lease(1), why: Decline::Licence("nuke".into()) };
    let (mut peer, ask) = asking();
    peer.licence(&ask, false);
    assert_eq!(peer.take_effects()[0], declined);
    assert!(peer.worker.leases.is_empty() && peer.worker.free(false) == cores(2.0));

    let (mut peer, ask) = asking();
    peer.pass(Duration::from_secs(5));
    assert!(peer.take_effects().contains(&Effect::AskLicence(LicenceAsk { asked_micros: peer.now.0, ..ask.clone() })));
    peer.pass(Duration::from_secs(5));
    let effects = peer.take_effects();
    let back = Effect::ReturnLicence { lease: lease(1), name: "nuke".into() };
    assert!(effects.contains(&declined) && effects.contains(&back), "{effects:?}");
    peer.licence(&ask, true);
    assert_eq!(peer.take_effects(), [back], "an answer that comes too late");
}

#[test]
fn a_program_ends_when_its_licence_is_not_renewed_in_time() {
    let (mut peer, ask) = asking();
    peer.pass(Duration::from_secs(3));
    peer.licence(&ask, true);
    peer.input(Input::SessionOpened { session: SessionId(1) });
    peer.pass(Duration::from_secs(16));
    let effects = peer.take_effects();
    let again = effects.iter().any(|effect| matches!(effect, Effect::AskLicence(ask) if ask.held));
    assert!(again && !effects.iter().any(|effect| matches!(effect, Effect::CloseSession { .. })), "{effects:?}");
    // Twenty seconds after it was asked for, however long the answer took.
    peer.pass(Duration::from_secs(1));
    let effects = peer.take_effects();
    let within = Some(LicenceTerm::STOP_WITHIN);
    assert!(effects.contains(&Effect::CloseSession { session: SessionId(1), within }), "{effects:?}");
    let back = Effect::ReturnLicence { lease: lease(1), name: "nuke".into() };
    assert!(!effects.contains(&back), "the program may run still");
    let gave_back = |effect: &Effect| match effect {
        Effect::Report { results, .. } => results.iter().all(|result| result.end == AttemptEnd::Returned),
        _ => false,
    };
    assert!(effects.iter().any(gave_back), "{effects:?}");
    peer.input(Input::SessionClosed { session: SessionId(1) });
    assert!(peer.take_effects().contains(&back));
}

#[test]
fn a_renewed_licence_lets_a_program_go_on_and_a_refused_one_ends_it() {
    let (mut peer, ask) = asking();
    peer.licence(&ask, true);
    peer.input(Input::SessionOpened { session: SessionId(1) });
    for _ in 0..10 {
        peer.pass(Duration::from_secs(5));
        let effects = peer.take_effects();
        assert!(!effects.iter().any(|effect| matches!(effect, Effect::CloseSession { .. })), "{effects:?}");
        peer.licence(&LicenceAsk { asked_micros: peer.now.0, ..ask.clone() }, true);
    }
    peer.licence(&ask, false);
    let effects = peer.take_effects();
    assert!(effects.iter().any(|effect| matches!(effect, Effect::CloseSession { .. })), "{effects:?}");
}

#[derive(Debug, Clone)]
enum Step {
    Licence { granted: bool, answered: bool },
    Offer { step: u32, len: u32, cpus: u8 },
    Answer { which: usize, how: u8 },
    Fetched { good: bool },
    Collected { good: bool },
    Session { which: usize, how: u8 },
    Revoke { which: usize, start: u32, len: u32 },
    Settle { which: usize },
    Lost,
    Back,
    Lend { accepts: bool },
    Pass { millis: u64 },
    Forget,
}

fn a_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_u32..3, 1_u32..12, 1_u8..3).prop_map(|(step, len, cpus)| Step::Offer { step, len, cpus }),
        12 => (any::<usize>(), 0_u8..8).prop_map(|(which, how)| Step::Answer { which, how }),
        4 => (0_u8..8).prop_map(|luck| Step::Fetched { good: luck > 0 }),
        4 => (0_u8..4).prop_map(|luck| Step::Collected { good: luck > 0 }),
        8 => (any::<usize>(), 0_u8..10).prop_map(|(which, how)| Step::Session { which, how }),
        2 => (any::<usize>(), 0_u32..12, 1_u32..12).prop_map(|(which, start, len)| Step::Revoke { which, start, len }),
        4 => any::<usize>().prop_map(|which| Step::Settle { which }),
        1 => Just(Step::Lost),
        2 => Just(Step::Back),
        1 => any::<bool>().prop_map(|accepts| Step::Lend { accepts }),
        3 => (1_u64..9_000).prop_map(|millis| Step::Pass { millis }),
        1 => Just(Step::Forget),
        6 => (0_u8..8, 0_u8..8).prop_map(|(luck, more)| Step::Licence { granted: luck > 1, answered: more > 0 }),
    ]
}

proptest! {
    #[test]
    fn every_accepted_task_is_reported_once_and_nothing_is_overcommitted(
        steps in prop::collection::vec(a_step(), 1..150),
        has_inputs in any::<bool>(),
        has_outputs in any::<bool>(),
        is_licensed in any::<bool>(),
    ) {
        let spec = if is_licensed { a_licensed_spec(1) } else { a_spec() };
        let mut grid = Random::new(SpecView { has_inputs, has_outputs, ..spec });
        for step in steps {
            grid.apply(step);
            grid.carry()?;
        }
        grid.finish()?;
        prop_assert!(grid.peer.worker.leases.is_empty(), "every lease ends");
        prop_assert_eq!(grid.peer.worker.free(false), cores(4.0));
        prop_assert!(grid.licensed.is_empty(), "every licence goes back: {:?}", grid.licensed);
        for (lease, tasks) in &grid.accepted {
            let reported = grid.reported.get(lease).cloned().unwrap_or_default();
            if !grid.forgotten.contains(lease) {
                prop_assert_eq!(&reported, tasks, "{:?}", lease);
            }
        }
    }
}

// Helpers.

const STEWARD: PeerId = PeerId([1; 32]);
const JOB: JobId = JobId([2; 10]);

const fn lease(attempt: u32) -> LeaseId {
    LeaseId { job: JOB, fence: Fence { epoch: 1, attempt } }
}

fn cores(cpus: f32) -> Reserve {
    Reserve { cpus, memory_mib: 0, gpus: 0, disk_mib: 0 }
}

fn runs(ranges: &[(u32, u32)]) -> Vec<TaskSpan> {
    ranges.iter().map(|(start, end)| TaskSpan::new(*start, *end)).collect()
}

/// Two steps with different environments; the second one's chunks stay within rows of ten.
fn a_spec() -> SpecView {
    let steps = vec![StepView { environments: 1, row: None }, StepView { environments: 2, row: Some(10) }];
    SpecView { steps, ..SpecView::default() }
}

/// The same, where a lease of one step takes two licences.
fn a_licensed_spec(step: u32) -> SpecView {
    let needs = vec![LimitNeed { name: "nuke".into(), count: 2 }];
    SpecView { limits: BTreeMap::from([(step, needs)]), ..a_spec() }
}

#[test]
fn what_the_owner_wants_goes_back_at_once_and_ends_within_its_time() {
    let mut peer = TestPeer::running(lease(1), 0..3);
    peer.input(Input::Packed { session: SessionId(1), within: Duration::from_secs(7) });
    let effects = peer.take_effects();
    assert!(effects.contains(&Effect::CloseSession { session: SessionId(1), within: Some(Duration::from_secs(7)) }));
    let given_back: Vec<TaskSpan> = effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Report { results, .. } => Some(results),
            _ => None,
        })
        .flatten()
        .inspect(|result| assert_eq!(result.end, AttemptEnd::Returned))
        .map(|result| result.tasks)
        .collect();
    assert_eq!(given_back.iter().map(|tasks| tasks.len()).sum::<u32>(), 3);
    // Until its programs are gone they use what was lent.
    assert_eq!(peer.worker.free(false), cores(1.0));
    peer.input(Input::SessionClosed { session: SessionId(1) });
    assert_eq!(peer.worker.free(false), cores(2.0));
}

/// The `number`th that a run of one task left.
fn a_checkpoint(index: u32, number: u32) -> Checkpoint {
    Checkpoint { tasks: TaskSpan::new(index, index + 1), number, blob: BlobId([number as u8; 32]), size_bytes: 5 }
}

/// Two cores lent, and `lease` at work in session 1 on programs that leave checkpoints.
fn going_on(lease: LeaseId, tasks: std::ops::Range<u32>) -> TestPeer {
    let mut peer = TestPeer::lending(2.0);
    let checkpoints = vec![a_checkpoint(tasks.start, 7)];
    let offer = LeaseOffer { checkpoints, ..an_offer(lease, tasks) };
    peer.input(Input::Offered { steward: STEWARD, offer, own: false });
    peer.input(Input::SpecReady { job: JOB, spec: SpecView { continues: true, ..a_spec() } });
    peer.input(Input::SessionOpened { session: SessionId(1) });
    peer
}

fn reports(effects: &[Effect]) -> Vec<TaskResult> {
    let results = effects.iter().filter_map(|effect| match effect {
        Effect::Report { results, .. } => Some(results.clone()),
        _ => None,
    });
    results.flatten().collect()
}

#[test]
fn a_run_goes_on_from_its_checkpoint_and_its_steward_hears_of_each_new_one() {
    let mut peer = going_on(lease(1), 0..2);
    let first = Effect::RunTasks {
        session: SessionId(1),
        lease: lease(1),
        step: 0,
        runs: runs(&[(0, 1)]),
        from: Some(a_checkpoint(0, 7)),
    };
    assert!(peer.take_effects().contains(&first));

    peer.input(Input::CheckpointTaken { lease: lease(1), checkpoint: a_checkpoint(0, 1) });
    let told = |effects: Vec<Effect>| {
        effects.into_iter().find_map(|effect| match effect {
            Effect::Renew { renewal, .. } => renewal.running[0].checkpoint,
            _ => None,
        })
    };
    assert_eq!(told(peer.take_effects()), Some(a_checkpoint(0, 1)));

    peer.ended(SessionId(1), 0..1, 0);
    peer.pass(Worker::REPORT_EVERY);
    let effects = peer.take_effects();
    assert_eq!(reports(&effects)[0].checkpoint, Some(a_checkpoint(0, 1)), "held until its run is settled");
    peer.input(Input::Settled { lease: lease(1), tasks: runs(&[(0, 1)]) });
    assert!(peer.take_effects().contains(&Effect::DropOutputs { lease: lease(1), tasks: runs(&[(0, 1)]) }));

    peer.input(Input::CheckpointTaken { lease: lease(1), checkpoint: a_checkpoint(0, 2) });
    let drop = Effect::DropOutputs { lease: lease(1), tasks: runs(&[(0, 1)]) };
    assert_eq!(peer.take_effects(), [drop], "its run has ended");
}

#[test]
fn what_the_owner_wants_goes_back_with_what_it_leaves() {
    let mut peer = going_on(lease(1), 0..3);
    peer.take_effects();
    let within = Some(Duration::from_secs(7));
    peer.input(Input::Packed { session: SessionId(1), within: Duration::from_secs(7) });
    let effects = peer.take_effects();
    assert_eq!(effects[0], Effect::CancelTasks { session: SessionId(1), runs: runs(&[(0, 1)]), within });
    assert_eq!(reports(&effects).iter().map(|result| result.tasks).collect::<Vec<_>>(), runs(&[(1, 3)]));

    peer.input(Input::CheckpointTaken { lease: lease(1), checkpoint: a_checkpoint(0, 1) });
    let (run, took) = (TaskSpan::new(0, 1), Duration::from_secs(9));
    peer.input(Input::TaskEnded { session: SessionId(1), run, end: ActionEnd::Cancelled, took, energy: None });
    let back = reports(&peer.take_effects());
    assert_eq!((back[0].tasks, back[0].checkpoint), (run, Some(a_checkpoint(0, 1))));
    peer.input(Input::SessionClosed { session: SessionId(1) });
    assert_eq!(peer.worker.free(false), cores(2.0));
    // Its bytes are here until the steward has them.
    assert_eq!(peer.worker.steward_of(lease(1)), Some(STEWARD));
    peer.input(Input::Settled { lease: lease(1), tasks: runs(&[(0, 1)]) });
    assert_eq!(peer.worker.steward_of(lease(1)), None);
}

#[test]
fn who_has_no_time_left_goes_back_with_what_it_left_before() {
    let mut peer = going_on(lease(1), 0..2);
    peer.input(Input::CheckpointTaken { lease: lease(1), checkpoint: a_checkpoint(0, 1) });
    peer.take_effects();
    peer.input(Input::Packed { session: SessionId(1), within: Duration::ZERO });
    let back = reports(&peer.take_effects());
    assert_eq!(back[0].checkpoint, Some(a_checkpoint(0, 1)));
    assert_eq!((back[1].tasks, back[1].checkpoint), (TaskSpan::new(1, 2), None));
}

#[test]
fn who_is_the_owner_may_have_what_others_may_not() {
    let mut peer = TestPeer::lending(2.0);
    let others = Lent { room: cores(2.0), accepts: false, why_not: "Ada is at the keyboard".into() };
    peer.input(Input::LendingChanged { others, own: Lent { room: cores(1.0), accepts: true, why_not: String::new() } });
    peer.offer(lease(1), 0..1);
    let declined = Decline::Rules("Ada is at the keyboard".into());
    assert!(peer.take_effects().contains(&Effect::Decline { steward: STEWARD, lease: lease(1), why: declined }));
    peer.input(Input::Offered { steward: STEWARD, offer: an_offer(lease(2), 0..1), own: true });
    assert!(peer.take_effects().contains(&Effect::Accept { steward: STEWARD, lease: lease(2) }));
    assert_eq!(peer.worker.free(true), cores(0.0));
}

#[test]
fn a_steward_hears_at_once_that_a_session_stands_still_and_that_it_goes_on() {
    let mut peer = TestPeer::running(lease(1), 0..1);
    for frozen in [true, false] {
        peer.input(Input::Froze { session: SessionId(1), frozen });
        let told = peer.take_effects().into_iter().find_map(|effect| match effect {
            Effect::Renew { renewal, .. } => Some(renewal.running),
            _ => None,
        });
        assert!(told.is_some_and(|running| running.len() == 1 && running[0].frozen == frozen));
    }
}

fn an_offer(lease: LeaseId, tasks: std::ops::Range<u32>) -> LeaseOffer {
    LeaseOffer {
        lease,
        step: 0,
        span: TaskSpan::new(tasks.start, tasks.end),
        chunk: 1,
        spec: BlobId([7; 32]),
        spec_bytes: 99,
        reserve: cores(1.0),
        duration: JobSpec::LEASE_DURATION,
        heirs: true,
        checkpoints: Vec::new(),
    }
}

fn an_output() -> OutputFile {
    let path = RelPath::new("frame_0001.png").unwrap();
    OutputFile { folder: 0, path, size_bytes: 9, blob: BlobId([3; 32]), executable: false }
}

/// The same to its owner and to others.
fn lends(room: Reserve, accepts: bool, why_not: &str) -> Input {
    let lent = Lent { room, accepts, why_not: why_not.to_owned() };
    Input::LendingChanged { others: lent.clone(), own: lent }
}

struct TestPeer {
    worker: Worker,
    now: Time,
}

impl TestPeer {
    fn lending(cpus: f32) -> Self {
        let mut peer = Self { worker: Worker::new(), now: Time::from_secs(1) };
        peer.input(lends(cores(cpus), true, ""));
        assert_eq!(peer.take_effects(), [Effect::FreeChanged { free: cores(cpus), running: 0 }]);
        peer
    }

    /// Two cores lent, and `lease` at work in session 1.
    fn running(lease: LeaseId, tasks: std::ops::Range<u32>) -> Self {
        let mut peer = Self::lending(2.0);
        peer.offer(lease, tasks);
        peer.input(Input::SpecReady { job: JOB, spec: a_spec() });
        peer.input(Input::SessionOpened { session: SessionId(1) });
        peer.take_effects();
        peer
    }

    fn input(&mut self, input: Input) {
        self.worker.handle(input, self.now);
    }

    fn offer(&mut self, lease: LeaseId, tasks: std::ops::Range<u32>) {
        self.input(Input::Offered { steward: STEWARD, offer: an_offer(lease, tasks), own: false });
    }

    fn ended(&mut self, session: SessionId, run: std::ops::Range<u32>, code: i32) {
        let (run, end) = (TaskSpan::new(run.start, run.end), ActionEnd::Exited { code });
        let (took, energy) = (Duration::from_millis(1), Some(Energy(5)));
        self.input(Input::TaskEnded { session, run, end, took, energy });
    }

    fn licence(&mut self, ask: &LicenceAsk, granted: bool) {
        let LicenceAsk { lease, asked_micros, .. } = *ask;
        let asked = Time(asked_micros);
        self.input(Input::LicenceAnswered { lease, name: ask.need.name.clone(), asked, granted });
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now + time;
        self.worker.handle_deadline(self.now);
    }

    fn take_effects(&mut self) -> Vec<Effect> {
        std::iter::from_fn(|| self.worker.poll_effect()).collect()
    }
}

/// A steward, a runner and a store that answer in any order, as their contracts allow.
struct Random {
    peer: TestPeer,
    spec: SpecView,
    attempts: u32,
    fetching: Vec<bool>,
    opening: BTreeSet<SessionId>,
    open: BTreeSet<SessionId>,
    closing: BTreeSet<SessionId>,
    queues: BTreeMap<SessionId, VecDeque<TaskSpan>>,
    cancelled: BTreeSet<(SessionId, TaskSpan)>,
    collecting: Vec<(LeaseId, TaskSpan)>,
    accepted: BTreeMap<LeaseId, TaskSpans>,
    offered: BTreeMap<LeaseId, TaskSpan>,
    reported: BTreeMap<LeaseId, TaskSpans>,
    forgotten: BTreeSet<LeaseId>,
    reachable: bool,
    was_lost: bool,
    asked: Vec<LicenceAsk>,
    /// Licences as who keeps them knows it.
    licensed: BTreeSet<LeaseId>,
}

impl Random {
    fn new(spec: SpecView) -> Self {
        Self {
            peer: TestPeer::lending(4.0),
            spec,
            attempts: 0,
            fetching: Vec::new(),
            opening: BTreeSet::new(),
            open: BTreeSet::new(),
            closing: BTreeSet::new(),
            queues: BTreeMap::new(),
            cancelled: BTreeSet::new(),
            collecting: Vec::new(),
            accepted: BTreeMap::new(),
            offered: BTreeMap::new(),
            reported: BTreeMap::new(),
            forgotten: BTreeSet::new(),
            reachable: true,
            was_lost: false,
            asked: Vec::new(),
            licensed: BTreeSet::new(),
        }
    }

    fn apply(&mut self, step: Step) {
        match step {
            Step::Offer { step, len, cpus } if self.reachable => {
                self.attempts += 1;
                let offer = LeaseOffer {
                    step,
                    chunk: 1 + step * 3,
                    reserve: cores(f32::from(cpus)),
                    ..an_offer(lease(self.attempts), 0..len)
                };
                self.offered.insert(offer.lease, offer.span);
                self.peer.input(Input::Offered { steward: STEWARD, offer, own: false });
            }
            Step::Answer { which, how } => self.answer(which, how),
            Step::Fetched { good } => self.fetched(good),
            Step::Collected { good } => {
                if let Some((lease, run)) = self.collecting.pop() {
                    let outputs = vec![an_output()];
                    let reason = "gone".to_owned();
                    self.peer.input(if good {
                        Input::OutputsReady { lease, run, outputs }
                    } else {
                        Input::OutputsFailed { lease, run, reason }
                    });
                }
            }
            Step::Session { which, how } => self.session(which, how),
            Step::Revoke { which, start, len } if self.reachable => {
                if let Some(lease) = self.nth_lease(which) {
                    self.peer.input(Input::Revoked { lease, tasks: vec![TaskSpan::new(start, start + len)] });
                }
            }
            Step::Settle { which } if self.reachable => {
                if let Some(lease) = self.nth_lease(which) {
                    let tasks = self.reported.get(&lease).map(|tasks| tasks.spans().to_vec()).unwrap_or_default();
                    self.peer.input(Input::Settled { lease, tasks });
                }
            }
            Step::Lost => {
                (self.reachable, self.was_lost) = (false, true);
                self.peer.input(Input::StewardLost { steward: STEWARD, by_wish: false });
            }
            Step::Back => {
                self.reachable = true;
                self.peer.input(Input::StewardBack { steward: STEWARD });
            }
            Step::Lend { accepts } => {
                self.peer.input(lends(cores(4.0), accepts, ""));
            }
            Step::Pass { millis } => self.peer.pass(Duration::from_millis(millis)),
            Step::Forget => {
                self.forgotten.extend(self.accepted.keys());
                self.peer.input(Input::JobForgotten { job: JOB });
            }
            Step::Licence { granted, answered } => {
                if let Some(ask) = self.asked.pop() {
                    let granted = granted || ask.held && self.licensed.contains(&ask.lease);
                    if granted {
                        self.licensed.insert(ask.lease);
                    }
                    if answered {
                        self.peer.licence(&ask, granted);
                    }
                }
            }
            Step::Offer { .. } | Step::Revoke { .. } | Step::Settle { .. } => {}
        }
    }

    fn nth_lease(&self, which: usize) -> Option<LeaseId> {
        self.accepted.keys().nth(which % self.accepted.len().max(1)).copied()
    }

    fn nth_session(of: &BTreeSet<SessionId>, which: usize) -> Option<SessionId> {
        of.iter().nth(which % of.len().max(1)).copied()
    }

    fn fetched(&mut self, good: bool) {
        let Some(is_spec) = self.fetching.pop() else {
            return;
        };
        let reason = "no such blob".to_owned();
        self.peer.input(match (is_spec, good) {
            (true, true) => Input::SpecReady { job: JOB, spec: self.spec.clone() },
            (true, false) => Input::SpecFailed { job: JOB, reason },
            (false, true) => Input::InputsReady { job: JOB },
            (false, false) => Input::InputsFailed { job: JOB, reason },
        });
    }

    /// The first run of a session ends (or was cancelled before it began).
    fn answer(&mut self, which: usize, how: u8) {
        let Some(session) = Self::nth_session(&self.open, which) else {
            return;
        };
        let Some(run) = self.queues.get_mut(&session).and_then(VecDeque::pop_front) else {
            return;
        };
        let took = Duration::from_millis(5);
        let cancelled = self.cancelled.contains(&(session, run));
        let end = match how {
            _ if cancelled && how < 4 => return self.peer.input(Input::TaskNotRun { session, run }),
            _ if cancelled => ActionEnd::Cancelled,
            0 => ActionEnd::Exited { code: 1 },
            1 => ActionEnd::Signalled { signal: 9 },
            2 => return self.peer.input(Input::TaskRefused { session, run, reason: "no".into() }),
            _ => ActionEnd::Exited { code: 0 },
        };
        if end != (ActionEnd::Exited { code: 0 }) {
            self.open.remove(&session);
            self.closing.insert(session);
            self.queues.remove(&session);
        }
        self.peer.input(Input::TaskEnded { session, run, end, took, energy: None });
    }

    fn session(&mut self, which: usize, how: u8) {
        let cause = SessionFailure::Machine("disk full".into());
        if let Some(session) = Self::nth_session(&self.opening, which) {
            self.opening.remove(&session);
            if how == 0 {
                self.peer.input(Input::SessionFailed { session, cause });
            } else {
                self.open.insert(session);
                self.peer.input(Input::SessionOpened { session });
            }
        } else if let Some(session) = Self::nth_session(&self.closing, which) {
            self.closing.remove(&session);
            self.peer.input(Input::SessionClosed { session });
        } else if let (Some(session), 0) = (Self::nth_session(&self.open, which), how) {
            self.open.remove(&session);
            self.queues.remove(&session);
            self.peer.input(Input::SessionFailed { session, cause });
        }
    }

    /// Takes every effect and checks it.
    fn carry(&mut self) -> Result<(), TestCaseError> {
        for effect in self.peer.take_effects() {
            match effect {
                Effect::Accept { lease, .. } => {
                    self.accepted.entry(lease).or_default().insert(self.offered[&lease]);
                }
                Effect::FetchSpec { .. } => self.fetching = vec![true],
                Effect::FetchInputs { .. } => self.fetching = vec![false],
                Effect::OpenSession { session, .. } => prop_assert!(self.opening.insert(session)),
                Effect::RunTasks { session, lease, runs, .. } => {
                    prop_assert!(self.open.contains(&session), "only open sessions run tasks");
                    prop_assert!(!self.forgotten.contains(&lease), "nothing runs for a forgotten job");
                    let step = self.peer.worker.leases[&lease].offer.step;
                    let licensed = !self.spec.limits.contains_key(&step) || self.licensed.contains(&lease);
                    prop_assert!(licensed, "nothing runs without its licence");
                    let queue = self.queues.entry(session).or_default();
                    prop_assert!(queue.is_empty(), "one lease at a time");
                    queue.extend(runs);
                }
                Effect::CancelTasks { session, runs, .. } => {
                    self.cancelled.extend(runs.into_iter().map(|run| (session, run)));
                }
                Effect::CloseSession { session, .. } => {
                    let known = self.opening.remove(&session) | self.open.remove(&session);
                    prop_assert!(known && self.closing.insert(session));
                    self.queues.remove(&session);
                }
                Effect::CollectOutputs { lease, run, .. } => self.collecting.push((lease, run)),
                Effect::Report { lease, results, .. } => {
                    prop_assert!(self.reachable && !self.forgotten.contains(&lease));
                    prop_assert!(!results.is_empty() && results.len() <= TaskResult::MAX_IN_REPORT);
                    let seen = self.reported.entry(lease).or_default();
                    for result in results {
                        let fresh = result.tasks.indices().all(|index| !seen.contains(index));
                        prop_assert!(fresh || self.was_lost, "only a lost steward hears things twice");
                        seen.insert(result.tasks);
                    }
                }
                Effect::Renew { renewal, .. } => {
                    prop_assert!(self.reachable);
                    prop_assert!(renewal.leases.iter().all(|lease| !self.forgotten.contains(lease)));
                }
                Effect::ForgetJob { .. } => {
                    self.fetching.clear();
                    self.collecting.clear();
                    prop_assert!(self.open.is_empty() && self.opening.is_empty(), "all told to close");
                }
                Effect::FreeChanged { free, running } => prop_assert!(free.cpus >= 0.0 && running <= 4),
                Effect::AskLicence(ask) => self.asked.push(ask),
                Effect::ReturnLicence { lease, .. } => {
                    // It comes behind every question of that lease.
                    self.asked.retain(|ask| ask.lease != lease);
                    self.licensed.remove(&lease);
                }
                Effect::Decline { lease, why: Decline::Licence(_), .. } => {
                    self.accepted.remove(&lease);
                }
                Effect::Decline { .. } | Effect::DropOutputs { .. } => {}
            }
        }
        let reserved = self.peer.worker.reserved();
        prop_assert!(reserved.cpus <= 4.0 + 1e-3, "{reserved:?} of 4 cores");
        Ok(())
    }

    /// Lets everything come to its end, well.
    fn finish(&mut self) -> Result<(), TestCaseError> {
        self.apply(Step::Back);
        for _ in 0..2_000 {
            self.carry()?;
            self.fetched(true);
            self.apply(Step::Licence { granted: true, answered: true });
            self.apply(Step::Collected { good: true });
            self.session(0, 1);
            let sessions: Vec<_> = (0..self.open.len()).collect();
            sessions.into_iter().for_each(|which| self.answer(which, 5));
            self.carry()?;
            let leases: Vec<_> = self.reported.iter().map(|(id, tasks)| (*id, tasks.spans().to_vec())).collect();
            for (lease, tasks) in leases {
                self.peer.input(Input::Settled { lease, tasks });
            }
            self.peer.pass(Duration::from_millis(10));
            if self.peer.worker.leases.is_empty() && self.closing.is_empty() && self.opening.is_empty() {
                break;
            }
        }
        self.carry()
    }
}
