//! Section 1, the desktop template of `HTCondor`, as one policy of ours: same thresholds, same transitions.
//!
//! Unclaimed is an offer, Suspended is frozen, Vacating is packing, Killing is ending. Its polling interval is not replayed.

use gridwell_courtesy::{Ladder, Policy, Reading, Share, When, Yield};

use crate::machine::{Did, Machine, mins, secs};

fn template() -> Machine {
    Machine::alone(Policy {
        when: When::Idle { after: mins(15) },
        on_return: Yield::Freeze,
        ladder: Ladder {
            touched: mins(1),
            gone: mins(5),
            soften_load: 0.3,
            freeze_load: 0.5,
            freeze_after: mins(2),
            young: secs(90),
            dwell: secs(10),
            pack_after: mins(10),
            grace: secs(600),
            watchdog: secs(30),
            ..Ladder::default()
        },
        ..Policy::default()
    })
}

#[test]
fn owner_to_unclaimed_when_the_keyboard_is_idle_for_fifteen_minutes() {
    let mut machine = template();
    machine.touch();
    machine.pass(mins(15) - secs(1));
    assert_eq!(machine.offer().others.share, Share::Nothing);
    machine.pass(secs(1));
    assert_eq!(machine.offer().others.share, Share::All);
}

#[test]
fn unclaimed_to_owner_when_the_load_is_no_longer_low() {
    let mut machine = template();
    machine.sense(Reading::Load { share: 0.31 });
    machine.pass(secs(20));
    assert_eq!(machine.offer().others.share, Share::Nothing);
}

#[test]
fn busy_to_suspended_on_input_and_back_after_five_minutes_without() {
    let mut machine = template();
    machine.run(1);
    machine.touch();
    assert_eq!(machine.did(), [Did::Soften(1), Did::Freeze(1)]);
    machine.pass(mins(5) - secs(1));
    assert_eq!(machine.did(), []);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Thaw(1), Did::Unsoften(1)]);
}

#[test]
fn busy_to_suspended_on_load_only_when_the_job_ran_for_more_than_90_seconds() {
    let mut machine = template();
    machine.sense(Reading::Load { share: 0.5 });
    machine.pass(mins(2));
    machine.run(1);
    machine.pass(secs(89));
    assert_eq!(machine.did(), [Did::Soften(1)]);
    machine.pass(secs(1));
    assert_eq!(machine.did(), [Did::Freeze(1)]);
}

#[test]
fn suspended_to_vacating_after_ten_minutes_and_to_killing_after_ten_more_and_30_seconds_of_that() {
    let mut machine = template();
    machine.run_with(1, |facts| facts.grace = mins(60));
    machine.work(mins(10));
    assert_eq!(machine.did(), [Did::Soften(1), Did::Freeze(1), Did::Pack(1, secs(600))]);
    machine.work(secs(600));
    assert_eq!(machine.did(), [Did::End(1)]);
    machine.work(secs(30));
    assert_eq!(machine.did(), [Did::Report(1)]);
}
