//! Not timed: that a million tasks pass at all in a debug build shows that nothing is quadratic.

use super::*;

const MANY: u32 = 1_000_000;

#[test]
fn a_million_tasks_are_submitted_and_cancelled_as_spans() {
    let mut desk = Desk::with(vec![a_step(MANY)]);
    assert_eq!(desk.take_effects().len(), 2);
    let snapshot = desk.ledger.snapshot(JOB).unwrap();
    assert!(snapshot.len() < 300, "equal tasks are written once, not in {} bytes", snapshot.len());

    desk.tell(Input::Cancel { job: JOB, tasks: None, stamp: Stamp(0) });
    let effects = desk.take_effects();
    assert_eq!(effects.len(), 3, "{effects:?}");
    assert_eq!(desk.ledger.summary(JOB, desk.now).unwrap().counts.of(TaskState::Cancelled), MANY);
}

#[test]
fn a_long_journal_asks_for_a_snapshot() {
    let mut desk = Desk::with(vec![a_step(MANY)]);
    desk.take_effects();
    let mut asked = 0;
    for chunk in 0..600 {
        let start = chunk * 200;
        let lease = desk.grant(0, start, start + 200, BOB);
        let one = |index| TaskEnd {
            tasks: TaskSpan::new(index, index + 1),
            end: succeeded(),
            run_micros: 1 << 40,
            energy: None,
        };
        let results = (start..start + 200).map(one).collect();
        desk.tell(Input::TasksEnded { lease, peer: BOB, results, stamp: Stamp(1) });
        while let Some(effect) = desk.ledger.poll_effect() {
            asked += usize::from(effect == Effect::SnapshotDue { job: JOB });
        }
    }
    assert_eq!(asked, 1);
}
