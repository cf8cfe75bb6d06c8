//! Section 4, "The ladder": one test for each row.

use gridwell_courtesy::{Graphics, IdleSource, Input, Pause, Reading, Reason, SessionKey, Share, Yield};

use crate::machine::{Did, Machine, mins, secs};

fn busy(share: f32) -> Reading {
    Reading::Load { share }
}

#[test]
fn row_0_input_softens_at_once_and_nothing_starts_until_five_minutes_without_it() {
    let mut machine = Machine::usual();
    machine.run(1);
    assert_eq!(machine.offer().others.share, Share::All);
    machine.touch();
    assert_eq!(machine.did(), [Did::Soften(1)]);
    assert!(matches!(machine.why(1), Reason::InUse { source: IdleSource::X11, .. }));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    machine.pass(mins(5) - secs(1));
    assert_eq!(machine.did(), []);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Unsoften(1)]);
    assert_eq!(machine.offer().others.share, Share::All);
}

#[test]
fn row_0_foreign_load_above_30_percent_for_20_seconds_softens() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(busy(0.31));
    machine.pass(secs(19));
    assert_eq!(machine.did(), []);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Soften(1)]);
    assert_eq!(machine.why(1), &Reason::Load { share: 0.31 });
    assert_eq!(machine.offer().others.share, Share::Nothing);
    machine.sense(busy(0.3));
    machine.pass(secs(20));
    assert_eq!(machine.did(), [Did::Unsoften(1)]);
}

#[test]
fn row_0_a_short_burst_of_load_changes_nothing() {
    let mut machine = Machine::usual();
    machine.run(1);
    for _ in 0..10 {
        machine.sense(busy(0.9));
        machine.pass(secs(15));
        machine.sense(busy(0.1));
        machine.pass(secs(5));
    }
    assert_eq!(machine.did(), []);
}

#[test]
fn row_1_on_step_0_only_tasks_on_the_graphics_of_the_desktop_freeze() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.run_with(2, |facts| facts.graphics = Graphics::Spare);
    machine.run_with(3, |facts| facts.graphics = Graphics::Desktop);
    machine.touch();
    assert_eq!(machine.did(), [Did::Soften(1), Did::Soften(2), Did::Soften(3), Did::Freeze(3)]);
    machine.pass(mins(5));
    assert_eq!(machine.did(), [Did::Unsoften(1), Did::Unsoften(2), Did::Thaw(3), Did::Unsoften(3)]);
}

#[test]
fn row_1_a_program_that_covers_the_screen_freezes_all_that_use_graphics() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.run_with(2, |facts| facts.graphics = Graphics::Spare);
    machine.sense(Reading::FullScreen(true));
    assert_eq!(machine.did(), [Did::Soften(1), Did::Soften(2), Did::Freeze(2)]);
    machine.sense(Reading::FullScreen(false));
    machine.pass(secs(10));
    assert_eq!(machine.did(), [Did::Unsoften(1), Did::Thaw(2), Did::Unsoften(2)]);
}

#[test]
fn row_1_graphics_that_cannot_be_frozen_are_cancelled_within_their_first_minute_only() {
    let unfreezable = |machine: &mut Machine, session| {
        machine.run_with(session, |facts| (facts.graphics, facts.freezable) = (Graphics::Spare, false));
    };
    let mut machine = Machine::usual();
    unfreezable(&mut machine, 1);
    machine.pass(secs(59));
    unfreezable(&mut machine, 2);
    machine.pass(secs(1));
    machine.sense(Reading::FullScreen(true));
    assert_eq!(machine.did(), [Did::Soften(1), Did::End(2)]);
    assert_eq!(machine.why(2), &Reason::JustBegun);
    machine.pass(mins(10));
    assert_eq!(machine.did()[1..], [Did::Pack(1, mins(5))], "it was borne for as long as a frozen one");
}

#[test]
fn row_2_foreign_load_of_50_percent_for_two_minutes_freezes() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(busy(0.5));
    machine.pass(secs(119));
    assert_eq!(machine.did(), [Did::Soften(1)]);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Freeze(1)]);
    machine.sense(busy(0.0));
    machine.pass(secs(19));
    assert_eq!(machine.did(), []);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)]);
}

#[test]
fn row_2_memory_pressure_a_listed_program_and_the_battery_freeze_and_thaw_after_ten_seconds() {
    let power = |on_battery| Reading::Power { on_battery, charge: Some(80) };
    let memory = |pressure| Reading::Memory { free: 0.5, pressure: Some(pressure) };
    let programs = |names: &[&str]| Reading::Programs(names.iter().map(|name| (*name).to_owned()).collect());
    let rows = [
        (memory(0.1), memory(0.0), Reason::MemoryPressure { share: 0.1 }),
        (programs(&["maya", "vi"]), programs(&["vi"]), Reason::Program("maya".into())),
        (power(true), power(false), Reason::Battery { charge: Some(80) }),
        (Reading::Temperature { celsius: 91.0 }, Reading::Temperature { celsius: 70.0 }, Reason::Hot { celsius: 91.0 }),
    ];
    for (bad, good, reason) in rows {
        let mut machine = Machine::with_policy(|policy| {
            policy.never_while.programs = ["maya".to_owned()].into();
            policy.never_while.hotter_than = Some(90);
        });
        machine.run(1);
        machine.sense(bad);
        assert_eq!(machine.did(), [Did::Soften(1), Did::Freeze(1)], "{reason:?}");
        assert_eq!(machine.why(1), &reason);
        machine.sense(good);
        machine.pass(secs(9));
        assert_eq!(machine.did(), [], "{reason:?}");
        machine.pass(secs(1));
        assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)], "{reason:?}");
    }
}

#[test]
fn row_2_undo_waits_until_nobody_is_there() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(Reading::Power { on_battery: true, charge: None });
    machine.work(mins(1));
    machine.sense(Reading::Power { on_battery: false, charge: None });
    machine.did();
    machine.work(mins(2));
    assert_eq!(machine.did(), []);
    machine.pass(mins(5));
    assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)]);
}

#[test]
fn row_3_what_was_frozen_for_ten_minutes_packs() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.sense(Reading::Power { on_battery: true, charge: None });
    machine.did();
    machine.pass(mins(10) - secs(1));
    assert_eq!(machine.did(), []);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Pack(1, mins(5))]);
    assert_eq!(machine.why(1), &Reason::FrozenLong);
}

#[test]
fn row_3_memory_that_is_needed_now_packs_at_once_and_the_machine_grants_ten_minutes_at_most() {
    let mut machine = Machine::usual();
    machine.run_with(1, |facts| facts.grace = mins(30));
    machine.sense(Reading::Memory { free: 0.04, pressure: None });
    assert_eq!(machine.did(), [Did::Soften(1), Did::Pack(1, mins(10))]);
    assert_eq!(machine.why(1), &Reason::MemoryNeeded { free: 0.04 });
}

#[test]
fn row_3_graphics_memory_that_is_needed_now_packs_what_uses_graphics() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.run_with(2, |facts| facts.graphics = Graphics::Spare);
    machine.sense(Reading::Graphics { busy: Some(0.0), free_bytes: Some(1) });
    assert_eq!(machine.did(), [Did::Soften(2), Did::Pack(2, mins(5))]);
}

#[test]
fn row_4_when_the_grace_is_over_it_ends_and_what_does_not_end_within_30_seconds_is_reported() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.tell(Input::Paused(Pause { until: None, how: Yield::Pack }));
    assert_eq!(machine.did(), [Did::Soften(1), Did::Pack(1, mins(5))]);
    machine.pass(mins(5));
    assert_eq!(machine.did(), [Did::End(1)]);
    assert_eq!(machine.why(1), &Reason::GraceOver);
    machine.pass(secs(30));
    assert_eq!(machine.did(), [Did::Report(1)]);
    machine.pass(mins(5));
    assert_eq!(machine.did(), []);
}

#[test]
fn row_5_what_lost_its_lease_ends() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.tell(Input::LeaseLost { session: SessionKey(1) });
    assert_eq!(machine.did(), [Did::End(1)]);
    assert_eq!(machine.why(1), &Reason::LeaseLost);
}

#[test]
fn start_threshold_is_five_minutes_as_usual_and_fifteen_for_the_cautious() {
    for after in [mins(5), mins(15)] {
        let mut machine = Machine::with_policy(|policy| policy.when = gridwell_courtesy::When::Idle { after });
        machine.run(1);
        machine.touch();
        machine.pass(after - secs(1));
        assert_eq!(machine.offer().others.share, Share::Nothing);
        machine.pass(secs(1));
        assert_eq!(machine.offer().others.share, Share::All);
        assert_eq!(machine.did(), [Did::Soften(1), Did::Unsoften(1)], "what runs resumes after five");
    }
}

#[test]
fn the_pause_button_acts_at_once_where_its_owner_chose() {
    let rows: [(Yield, &[Did]); 5] = [
        (Yield::Soften, &[Did::Soften(1)]),
        (Yield::Finish { within: mins(2) }, &[Did::Soften(1)]),
        (Yield::Freeze, &[Did::Soften(1), Did::Freeze(1)]),
        (Yield::Pack, &[Did::Soften(1), Did::Pack(1, mins(5))]),
        (Yield::End, &[Did::End(1)]),
    ];
    for (how, did) in rows {
        let mut machine = Machine::usual();
        machine.run(1);
        machine.tell(Input::Paused(Pause { until: None, how }));
        assert_eq!(machine.did(), did, "{how:?}");
        assert_eq!(machine.offer(), gridwell_courtesy::Offer::default());
    }
}

#[test]
fn the_current_task_may_finish_for_two_minutes_and_freezes_then() {
    let mut machine = Machine::usual();
    machine.run(1);
    machine.tell(Input::Paused(Pause { until: None, how: Yield::Finish { within: mins(2) } }));
    machine.pass(mins(2) - secs(1));
    assert_eq!(machine.did(), [Did::Soften(1)]);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Freeze(1)]);
}
