//! Section 5, "Rules", and section 3, the flags: a test for each that an engine can keep.

use std::time::Duration;

use gridwell_courtesy::{
    Flag, Graphics, IdleSource, Input, Pause, Reading, Reason, Resource, Schedule, SessionKey, Share, Standing, Step,
    WeekTime, When, Yield,
};

use crate::machine::{Did, Machine, mins, secs};

const BATTERY: Reading = Reading::Power { on_battery: true, charge: None };

#[test]
fn section_3_flags_are_separate_each_with_its_reason_and_idleness_lifts_no_pause() {
    let mut machine = Machine::with_policy(|policy| {
        policy.when = When::IdleWithin { after: mins(5), hours: Schedule::default().with(0, 22, 24) };
    });
    machine.tell(Input::ClockShown(WeekTime::at(0, 12, 0)));
    machine.tell(Input::Paused(Pause { until: None, how: Yield::Freeze }));
    machine.touch();
    let flags: Vec<Flag> = machine.courtesy.objections().iter().map(|objection| objection.reason.flag()).collect();
    assert_eq!(flags[..2], [Flag::Manual, Flag::Calendar]);
    assert!(flags[2..].iter().all(|flag| *flag == Flag::Automatic));
    machine.tell(Input::ClockShown(WeekTime::at(0, 22, 0)));
    machine.pass(mins(60));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert_eq!(machine.courtesy.standing(), Standing::Paused);
    machine.tell(Input::Resumed);
    assert_eq!(machine.offer().others.share, Share::All);
}

#[test]
fn section_3_a_timed_pause_ends_by_itself_and_the_owner_ends_it_at_once() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.tell(Input::Paused(Pause { until: Some(machine.now + mins(3)), how: Yield::Freeze }));
    machine.did();
    machine.pass(mins(3));
    assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)]);
    machine.tell(Input::Paused(Pause { until: Some(machine.now + mins(3)), how: Yield::Freeze }));
    machine.did();
    machine.tell(Input::Resumed);
    assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)]);
}

#[test]
fn rule_1_what_is_nearly_done_finishes_first_unless_the_button_is_pressed() {
    let nearly = [(Some(secs(90)), None), (None, Some(0.91))];
    for (left, done) in nearly {
        let mut machine = Machine::usual();
        machine.run(1);
        machine.tell(Input::SessionProgressed { session: SessionKey(1), left, done });
        machine.sense(BATTERY);
        assert_eq!(machine.did(), [Did::Soften(1)]);
        machine.tell(Input::Paused(Pause { until: None, how: Yield::Freeze }));
        assert_eq!(machine.did(), [Did::Freeze(1)]);
    }
}

#[test]
fn rule_1_who_says_it_is_nearly_done_for_too_long_is_no_longer_believed() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.tell(Input::SessionProgressed { session: SessionKey(1), left: None, done: Some(0.99) });
    machine.sense(BATTERY);
    machine.did();
    machine.pass(mins(10));
    assert_eq!(machine.did(), [Did::Freeze(1)]);
}

#[test]
fn rule_2_nothing_stays_frozen_for_longer_than_somebody_waits_for_its_heartbeat() {
    let mut machine = Machine::usual();
    machine.run_with(1, |facts| facts.heartbeat = Some(secs(300)));
    machine.sense(BATTERY);
    machine.did();
    machine.pass(secs(294));
    assert_eq!(machine.did(), []);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Pack(1, mins(5))]);
    assert_eq!(machine.why(1), &Reason::HeartbeatDue);
}

#[test]
fn rule_2_what_owes_a_heartbeat_all_the_time_is_not_frozen_at_all() {
    let mut machine = Machine::usual();
    machine.run_with(1, |facts| facts.heartbeat = Some(secs(10)));
    machine.sense(BATTERY);
    assert_eq!(machine.did(), [Did::Soften(1)]);
    machine.pass(mins(10));
    assert_eq!(machine.did(), [Did::Pack(1, mins(5))]);
}

#[test]
fn rule_3_a_frozen_session_packs_when_its_graphics_memory_is_needed() {
    let mut machine = Machine::usual();
    machine.run_with(1, |facts| facts.graphics = Graphics::Desktop);
    machine.touch();
    assert_eq!(machine.did(), [Did::Soften(1), Did::Freeze(1)]);
    machine.sense(Reading::Graphics { busy: Some(0.0), free_bytes: Some(0) });
    assert_eq!(machine.did(), [Did::Pack(1, mins(5))]);
}

#[test]
fn rule_4_without_a_source_idleness_is_never_assumed_and_the_owner_is_told() {
    let mut machine = Machine::usual();
    machine.touched = None;
    machine.tell(Input::NoSuchSource(IdleSource::X11));
    machine.pass(mins(60));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert!(machine.objects(&Reason::NoIdleSource));
}

#[test]
fn rule_4_without_a_source_hours_and_load_decide_where_there_are_hours() {
    let hours = Schedule::default().with(0, 9, 12);
    let mut machine = Machine::with_policy(|policy| policy.when = When::IdleWithin { after: mins(5), hours });
    machine.touched = None;
    machine.tell(Input::NoSuchSource(IdleSource::X11));
    machine.tell(Input::ClockShown(WeekTime::at(0, 9, 0)));
    machine.pass(secs(20));
    assert_eq!(machine.offer().others.share, Share::All);
    machine.sense(Reading::Load { share: 0.4 });
    machine.pass(secs(20));
    assert_eq!(machine.offer().others.share, Share::Nothing);
}

#[test]
fn rule_5_logind_and_terminals_can_say_that_somebody_is_there_but_never_alone_that_nobody_is() {
    for source in [IdleSource::Logind, IdleSource::Terminal] {
        let mut machine = Machine::usual();
        machine.touched = None;
        machine.tell(Input::NoSuchSource(IdleSource::X11));
        machine.sense(Reading::Idle { source, idle: mins(60) });
        machine.pass(mins(2));
        assert_eq!(machine.offer().others.share, Share::Nothing, "{source:?}");

        let mut machine = Machine::usual();
        machine.run(1);
        machine.sense(Reading::Idle { source, idle: secs(3) });
        assert_eq!(machine.did(), [Did::Soften(1)], "{source:?}");
        assert!(matches!(machine.why(1), Reason::InUse { source: who, .. } if *who == source));
    }
}

#[test]
fn rule_6_a_film_a_full_screen_load_and_a_terminal_each_mean_that_somebody_is_there() {
    let rows = [
        Reading::Inhibited(true),
        Reading::FullScreen(true),
        Reading::Load { share: 0.31 },
        Reading::Idle { source: IdleSource::Terminal, idle: secs(1) },
    ];
    for reading in rows {
        let mut machine = Machine::usual();
        machine.sense(reading.clone());
        machine.pass(secs(20));
        assert_eq!(machine.offer().others.share, Share::Nothing, "{reading:?}");
    }
}

#[test]
fn rule_7_senses_are_asked_slowly_while_the_owner_works_and_often_while_others_work() {
    let mut machine = Machine::usual();
    let idle = machine.courtesy.pace();
    machine.run(1);
    let lent = machine.courtesy.pace();
    machine.touch();
    let noticed = machine.courtesy.pace();
    machine.tell(Input::SessionEnded { session: SessionKey(1) });
    let used = machine.courtesy.pace();
    assert!(lent < noticed && noticed < idle && idle < used);
}

#[test]
fn rule_7_load_around_its_limit_does_not_flap() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(Reading::Load { share: 0.5 });
    machine.pass(mins(3));
    machine.did();
    for _ in 0..30 {
        machine.sense(Reading::Load { share: 0.29 });
        machine.pass(secs(5));
        machine.sense(Reading::Load { share: 0.31 });
        machine.pass(secs(5));
    }
    assert_eq!(machine.did(), []);
}

#[test]
fn rule_8_the_owners_own_jobs_run_softened_beside_their_owner() {
    let mut machine = Machine::with_policy(|policy| policy.on_return = Yield::End);
    machine.run_with(1, |facts| facts.own = true);
    machine.run(2);
    machine.touch();
    assert_eq!(machine.did(), [Did::Soften(1), Did::End(2)]);
    assert_eq!(machine.offer().own.share, Share::Softened);
    let mut waits = Machine::with_policy(|policy| policy.mine_wait = true);
    waits.touch();
    assert_eq!(waits.offer().own.share, Share::Nothing);
}

#[test]
fn rule_8_only_the_owners_jobs_are_taken_where_the_owner_wants_that() {
    let machine = Machine::with_policy(|policy| policy.only_mine = true);
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert_eq!(machine.offer().own.share, Share::All);
}

#[test]
fn rule_9_a_machine_stays_awake_for_a_task_that_runs_and_never_to_wait_for_one() {
    let mut machine = Machine::with_policy(|policy| policy.keep_awake = true);
    assert!(!machine.courtesy.keeps_awake());
    machine.run(1);
    assert!(machine.courtesy.keeps_awake());
    machine.sense(BATTERY);
    assert!(!machine.courtesy.keeps_awake(), "frozen");
}

#[test]
fn rule_9_a_machine_is_unused_if_nobody_touches_it_and_nothing_on_it_is_watched() {
    let mut machine = Machine::usual();
    assert_eq!(machine.courtesy.unused(machine.now), Some(mins(30) + secs(30)));
    machine.touch();
    assert_eq!(machine.courtesy.unused(machine.now), Some(Duration::ZERO));
    machine.pass(mins(7));
    assert_eq!(machine.courtesy.unused(machine.now), Some(mins(7)));
    machine.sense(Reading::Inhibited(true));
    assert_eq!(machine.courtesy.unused(machine.now), Some(Duration::ZERO), "a film");
    machine.sense(Reading::Inhibited(false));
    machine.pass_silently(mins(2));
    assert_eq!(machine.courtesy.unused(machine.now), None, "silence is not absence");
}

#[test]
fn rule_9_where_nothing_sees_all_only_a_machine_that_is_there_for_the_grid_is_unused() {
    for (when, unused) in [(When::Dedicated, Some(Duration::MAX)), (When::Always, None)] {
        let mut machine = Machine::with_policy(|policy| policy.when = when);
        machine.touched = None;
        let sources =
            [IdleSource::Mutter, IdleSource::Wayland, IdleSource::X11, IdleSource::Logind, IdleSource::Terminal];
        sources.into_iter().for_each(|source| machine.tell(Input::NoSuchSource(source)));
        assert_eq!(machine.courtesy.unused(machine.now), unused);
        machine.tell(Input::Sensed(Reading::Idle { source: IdleSource::Terminal, idle: mins(3) }));
        assert_eq!(machine.courtesy.unused(machine.now), unused.map(|_| mins(3)));
    }
}

#[test]
fn rule_11_each_preference_of_the_owner_names_its_reason() {
    let mut machine = Machine::with_policy(|policy| policy.never_while.full_screen = true);
    machine.run(1);
    machine.sense(Reading::Metered(true));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert!(machine.objects(&Reason::Metered));
    assert_eq!(machine.did(), [], "what runs goes on");
    machine.sense(Reading::FullScreen(true));
    assert_eq!(machine.did(), [Did::Soften(1), Did::Freeze(1)]);
}

#[test]
fn rule_11_space_that_its_owner_keeps_is_not_filled() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(Reading::Disk { free_bytes: 5 << 30 });
    assert!(machine.objects(&Reason::DiskFull { free_bytes: 0 }));
    assert_eq!((machine.did(), machine.offer().own.share), (vec![], Share::Nothing));
}

#[test]
fn rule_12_a_machine_without_a_screen_is_always_there_for_others() {
    let mut machine = Machine::with_policy(|policy| policy.when = When::Always);
    machine.touched = None;
    machine.pass(mins(10));
    assert_eq!(machine.offer().others.share, Share::All);
    machine.sense(Reading::Idle { source: IdleSource::Terminal, idle: secs(1) });
    assert_eq!(machine.offer().others.share, Share::All, "a terminal alone sees too little");
}

#[test]
fn rule_12_who_lends_always_lends_a_softened_share_beside_somebody() {
    let mut machine = Machine::with_policy(|policy| policy.when = When::Always);
    machine.touch();
    assert_eq!(machine.offer().others.share, Share::Softened);
    machine.sense(Reading::Metered(true));
    assert_eq!(machine.offer().others.share, Share::Nothing);
}

#[test]
fn rule_13_graphics_and_network_can_be_kept_back_by_themselves_for_a_while() {
    let mut machine = Machine::usual();
    machine.run_with(1, |facts| facts.graphics = Graphics::Spare);
    let until = machine.now + mins(9);
    machine.tell(Input::Snoozed { resource: Resource::Graphics, until });
    assert_eq!(machine.did(), [Did::Soften(1), Did::Freeze(1)]);
    let others = machine.offer().others;
    assert_eq!((others.share, others.graphics), (Share::All, false));
    machine.pass(mins(9));
    assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)]);
    machine.tell(Input::Snoozed { resource: Resource::Network, until: machine.now + mins(9) });
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert!(machine.offer().own.graphics);
}

#[test]
fn rule_14_draining_takes_nothing_new_finishes_what_it_has_and_can_be_undone() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.tell(Input::Drained);
    assert_eq!((machine.did(), machine.offer()), (vec![], gridwell_courtesy::Offer::default()));
    assert_eq!(machine.courtesy.standing(), Standing::Draining);
    machine.tell(Input::Resumed);
    assert_eq!(machine.offer().others.share, Share::All);
}

#[test]
fn rule_15_the_promise_is_what_the_slowest_program_that_runs_took() {
    let mut machine = Machine::with_policy(|policy| policy.on_return = Yield::Freeze);
    machine.run(1);
    machine.run_with(2, |facts| facts.program = "povray".into());
    let took = |session, took| Input::Yielded { session: SessionKey(session), step: Step::Freeze, took };
    machine.tell(took(1, secs(1)));
    assert_eq!(machine.courtesy.promise(), Step::Freeze.usual());
    machine.tell(took(2, secs(4)));
    assert_eq!(machine.courtesy.promise(), secs(4));
    machine.sense(BATTERY);
    machine.pass(secs(7));
    machine.tell(Input::SessionEnded { session: SessionKey(2) });
    machine.tell(Input::WorkLost { program: "povray".into(), time: secs(70) });
    assert_eq!(machine.courtesy.promise(), secs(1));
    let (_, record) = machine.courtesy.promises().programs().find(|(program, _)| *program == "povray").unwrap();
    assert_eq!((record.frozen, record.lost), (secs(7), secs(70)));
}

#[test]
fn within_the_hours_it_does_not_matter_whether_somebody_is_there_and_outside_it_does() {
    let hours = Schedule::default().with(0, 9, 10);
    let mut machine = Machine::with_policy(|policy| policy.when = When::IdleOrWithin { after: mins(5), hours });
    machine.tell(Input::ClockShown(WeekTime::at(0, 9, 0)));
    machine.work(mins(1));
    assert_eq!(machine.offer().others.share, Share::Softened);
    machine.work(mins(60));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    machine.pass(mins(5));
    assert_eq!(machine.offer().others.share, Share::All);
}

#[test]
fn rule_1_the_button_counts_also_where_something_else_asks_for_more() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.tell(Input::SessionProgressed { session: SessionKey(1), left: Some(secs(60)), done: None });
    machine.sense(Reading::Memory { free: 0.01, pressure: None });
    assert_eq!(machine.did(), [Did::Soften(1)]);
    machine.tell(Input::Paused(Pause { until: None, how: Yield::Freeze }));
    assert_eq!(machine.did(), [Did::Freeze(1)]);
}
