//! Section 6, "Build and test": the cases.

use gridwell_courtesy::{
    Courtesy, Graphics, IdleSource, Input, Objection, Pause, Promises, Reading, Reason, Resource, Schedule, SessionKey,
    Share, Standing, WeekTime, When, Yield,
};

use crate::machine::{Did, Machine, mins, secs};

#[test]
fn a_quick_look_at_the_mail_packs_nothing() {
    for on_return in [Yield::Soften, Yield::Finish { within: mins(2) }, Yield::Freeze] {
        let mut machine = Machine::with_policy(|policy| policy.on_return = on_return);
        machine.run(1);
        machine.run_with(2, |facts| facts.graphics = Graphics::Desktop);
        machine.work(secs(10));
        machine.pass(mins(10));
        let did = machine.did();
        assert!(!did.iter().any(|did| matches!(did, Did::Pack(..) | Did::End(_))), "{on_return:?}: {did:?}");
        assert_eq!(machine.courtesy.standing(), Standing::Working, "{on_return:?}");
    }
}

#[test]
fn a_source_that_falls_silent_is_unknown_and_never_idle() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.touched = None;
    machine.pass(secs(89));
    assert_eq!(machine.offer().others.share, Share::All, "one lost reading changes nothing");
    machine.pass(secs(1));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert_eq!(machine.did(), [Did::Soften(1)]);
    assert_eq!(machine.why(1), &Reason::IdleUnknown);
    machine.pass(mins(60));
    assert_eq!((machine.did(), machine.offer().others.share), (vec![], Share::Nothing));
}

#[test]
fn an_old_objection_does_not_outlive_its_sense() {
    let mut machine = Machine::usual();
    let full = Reading::FullScreen(true);
    machine.sense(full.clone());
    machine.silence(&full);
    machine.pass(secs(90));
    assert!(!machine.objects(&Reason::FullScreen));
}

#[test]
fn what_is_not_a_number_was_not_said() {
    let mut machine = Machine::usual();
    machine.run(1);
    for share in [f32::NAN, f32::INFINITY] {
        machine.tell(Input::Sensed(Reading::Load { share }));
        machine.tell(Input::Sensed(Reading::Temperature { celsius: share }));
        machine.tell(Input::Sensed(Reading::Graphics { busy: Some(share), free_bytes: None }));
        machine.tell(Input::Sensed(Reading::Memory { free: share, pressure: Some(1.0) }));
    }
    machine.pass(mins(3));
    assert_eq!(machine.did(), []);
}

#[test]
fn a_laptop_that_wakes_is_its_owners_until_its_senses_speak() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.now = machine.now + mins(8 * 60);
    machine.courtesy.handle_deadline(machine.now);
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert_eq!(machine.did(), [Did::Soften(1)]);
    assert_eq!(machine.why(1), &Reason::IdleUnknown);
    machine.pass(secs(30));
    assert_eq!(machine.did(), [Did::Unsoften(1)]);
}

#[test]
fn time_never_goes_backwards() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(Reading::Power { on_battery: true, charge: None });
    machine.did();
    machine.courtesy.handle_deadline(gridwell_model::Time::ZERO);
    machine.pass(mins(10));
    assert_eq!(machine.did(), [Did::Pack(1, mins(5))]);
}

#[test]
fn nothing_starts_half_an_hour_before_the_hours_end_and_what_runs_packs_ten_minutes_before() {
    let hours = Schedule::default().with(1, 0, 9);
    let mut machine = Machine::with_policy(|policy| policy.when = When::IdleWithin { after: mins(5), hours });
    machine.tell(Input::ClockShown(WeekTime::at(1, 8, 0)));
    machine.pass(secs(10));
    machine.run(1);
    machine.run_with(2, |facts| facts.own = true);
    machine.pass(mins(30) - secs(11));
    assert_eq!(machine.offer().others.share, Share::All);
    machine.pass(secs(1));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert!(machine.objects(&Reason::HoursEnd { left: mins(30) }));
    machine.pass(mins(20) - secs(1));
    assert_eq!(machine.did(), []);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Soften(1), Did::Pack(1, mins(5))]);
    machine.pass(mins(10));
    assert!(machine.objects(&Reason::OutsideHours));
    assert_eq!(machine.offer().own.share, Share::All, "the owner's own jobs know no hours");
}

#[test]
fn a_deadline_is_set_for_the_edge_of_the_hours() {
    let hours = Schedule::default().with(1, 9, 10);
    let mut machine = Machine::with_policy(|policy| policy.when = When::Within { hours });
    machine.touched = None;
    machine.tell(Input::ClockShown(WeekTime::at(0, 23, 59)));
    machine.pass_silently(mins(9 * 60 + 1));
    assert_eq!(machine.offer().others.share, Share::All);
    machine.pass_silently(mins(30));
    assert_eq!(machine.offer().others.share, Share::Nothing);
}

#[test]
fn hours_count_only_by_a_clock_that_was_shown() {
    let machine = Machine::with_policy(|policy| policy.when = When::Within { hours: Schedule::ALWAYS });
    assert_eq!(machine.offer().others.share, Share::Nothing);
    assert!(machine.objects(&Reason::NoClock));
}

#[test]
fn a_pause_holds_over_a_restart_when_it_is_told_again() {
    let mut machine = Machine::usual();
    machine.courtesy = Courtesy::new(Promises::default());
    machine.tell(Input::Paused(Pause { until: None, how: Yield::Freeze }));
    machine.pass(mins(60));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    machine.tell(Input::Resumed);
    assert_eq!(machine.offer().others.share, Share::All);
}

#[test]
fn a_battery_while_frozen_keeps_it_frozen_and_starts_nothing_anew() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(Reading::Load { share: 0.9 });
    machine.pass(mins(2));
    machine.sense(Reading::Power { on_battery: true, charge: Some(50) });
    machine.sense(Reading::Load { share: 0.0 });
    machine.pass(mins(5));
    assert_eq!(machine.did(), [Did::Soften(1), Did::Freeze(1)]);
    machine.sense(Reading::Power { on_battery: false, charge: Some(50) });
    assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)]);
}

#[test]
fn a_lease_that_ends_while_frozen_ends_its_session() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(Reading::Power { on_battery: true, charge: None });
    machine.did();
    machine.tell(Input::LeaseLost { session: SessionKey(1) });
    assert_eq!(machine.did(), [Did::End(1)]);
}

#[test]
fn two_flags_at_once_show_both_reasons() {
    let mut machine = Machine::usual();
    let until = machine.now + mins(60);
    machine.tell(Input::Paused(Pause { until: Some(until), how: Yield::Soften }));
    machine.tell(Input::Snoozed { resource: Resource::Graphics, until });
    machine.touch();
    let reasons: Vec<&Reason> = machine.courtesy.objections().iter().map(|Objection { reason, .. }| reason).collect();
    assert!(reasons.contains(&&Reason::PausedUntil(until)));
    assert!(reasons.contains(&&Reason::Snoozed(Resource::Graphics, until)));
    let in_use = |reason: &&Reason| matches!(reason, Reason::InUse { source: IdleSource::X11, idle } if idle.is_zero());
    assert!(reasons.iter().any(in_use));
}

#[test]
fn a_session_that_is_frozen_over_and_over_packs_once_it_has_stood_still_for_longer_than_it_ran() {
    let mut machine = Machine::usual();
    machine.run(1);
    let mut packed = false;
    for _ in 0..4 {
        machine.sense(Reading::Power { on_battery: true, charge: None });
        machine.pass(mins(4));
        machine.sense(Reading::Power { on_battery: false, charge: None });
        machine.pass(secs(30));
        packed |= machine.did().contains(&Did::Pack(1, mins(5)));
    }
    assert!(packed);
}

#[test]
fn a_heartbeat_that_could_not_be_sent_between_two_freezes_counts_on() {
    let mut machine = Machine::usual();
    machine.run_with(1, |facts| facts.heartbeat = Some(secs(105)));
    let battery = |on_battery| Reading::Power { on_battery, charge: None };
    machine.sense(battery(true));
    machine.pass(secs(60));
    machine.sense(battery(false));
    machine.pass(secs(5));
    assert_eq!(machine.did().last(), Some(&Did::Unsoften(1)));
    machine.sense(battery(true));
    machine.pass(secs(40));
    assert_eq!(machine.did().last(), Some(&Did::Pack(1, mins(5))));
}
