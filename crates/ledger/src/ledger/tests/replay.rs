use proptest::prelude::*;

use super::*;

/// Something that may happen to a job with three steps.
#[derive(Debug, Clone)]
enum Act {
    Grant { step: u32, start: u32, len: u32, peer: u8 },
    Second { lease: usize, part: u8, peer: u8 },
    End { lease: usize, part: u8, end: u8 },
    Late { lease: usize },
    Started { lease: usize },
    Checkpoint { lease: usize, part: u8, number: u32 },
    Declined { lease: usize },
    Renewed { peer: u8 },
    Vanished { peer: u8 },
    Passed { secs: u8 },
    Hold { tasks: Option<(u32, u32)>, held: bool },
    Cancel { tasks: Option<(u32, u32)> },
    Retry { tasks: Option<(u32, u32)> },
    Stranded,
    Snapshot,
    Restart,
}

const TASKS: u32 = 6;

fn a_task() -> impl Strategy<Value = Option<(u32, u32)>> {
    prop::option::weighted(0.7, (0_u32..3, 0..TASKS))
}

fn an_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        8 => (0_u32..3, 0..TASKS, 1_u32..4, 0_u8..3)
            .prop_map(|(step, start, len, peer)| Act::Grant { step, start, len, peer }),
        3 => (any::<usize>(), any::<u8>(), 0_u8..3)
            .prop_map(|(lease, part, peer)| Act::Second { lease, part, peer }),
        8 => (any::<usize>(), any::<u8>(), any::<u8>()).prop_map(|(lease, part, end)| Act::End { lease, part, end }),
        1 => any::<usize>().prop_map(|lease| Act::Late { lease }),
        2 => any::<usize>().prop_map(|lease| Act::Started { lease }),
        3 => (any::<usize>(), any::<u8>(), 1_u32..4)
            .prop_map(|(lease, part, number)| Act::Checkpoint { lease, part, number }),
        1 => any::<usize>().prop_map(|lease| Act::Declined { lease }),
        1 => (0_u8..3).prop_map(|peer| Act::Renewed { peer }),
        1 => (0_u8..3).prop_map(|peer| Act::Vanished { peer }),
        1 => (0_u8..30).prop_map(|secs| Act::Passed { secs }),
        2 => (a_task(), any::<bool>()).prop_map(|(tasks, held)| Act::Hold { tasks, held }),
        1 => a_task().prop_map(|tasks| Act::Cancel { tasks }),
        2 => a_task().prop_map(|tasks| Act::Retry { tasks }),
        1 => Just(Act::Stranded),
        1 => Just(Act::Snapshot),
        1 => Just(Act::Restart),
    ]
}

/// A ledger, what its node wrote, and what the world remembers of it.
struct World {
    ledger: Ledger,
    now: Time,
    snapshot: Option<Vec<u8>>,
    entries: Vec<Vec<u8>>,
    granted: Vec<(LeaseId, PeerId, TaskSpan)>,
    /// What the scheduler would think is ready.
    ready: [TaskSpans; 3],
    done: [TaskSpans; 3],
}

fn peer(number: u8) -> PeerId {
    PeerId([number + 1; 32])
}

fn an_end(number: u8) -> AttemptEnd {
    match number % 8 {
        0..=3 => AttemptEnd::Succeeded,
        4 => failed(FailureKind::Program),
        5 => failed(FailureKind::NoProgram),
        6 => AttemptEnd::Cancelled,
        _ => AttemptEnd::Returned,
    }
}

impl World {
    fn new() -> Self {
        let steps =
            vec![a_step(TASKS), a_step_after(TASKS, 0, EdgeKind::SameIndex), a_step_after(TASKS, 1, EdgeKind::Whole)];
        let mut ledger = Ledger::new(1);
        ledger.handle(Input::JobAdded { spec: Box::new(a_job(steps)), priority: 0, held: false }, Time::ZERO).unwrap();
        let empty = || [TaskSpans::default(), TaskSpans::default(), TaskSpans::default()];
        let (ready, done) = (empty(), empty());
        Self { ledger, now: Time::ZERO, snapshot: None, entries: vec![], granted: vec![], ready, done }
    }

    fn act(&mut self, act: &Act) {
        let select = |tasks: &Option<(u32, u32)>| tasks.map(|(step, index)| only(step, [index]));
        let lease_at = |at: usize| self.granted.get(at % self.granted.len().max(1)).copied();
        match act {
            Act::Grant { step, start, len, peer: number } => {
                let span = TaskSpan::new(*start, start + len);
                if let Some(lease) = self.ledger.grant(JOB, *step, span, peer(*number), self.now) {
                    self.granted.push((lease, peer(*number), span));
                    self.ready[*step as usize].remove(span);
                }
            }
            Act::Second { lease, part, peer: number } => {
                let recent = self.granted.len().saturating_sub(1 + lease % 3);
                let Some((first, _, span)) = self.granted.get(recent).copied() else { return };
                let start = span.start + u32::from(*part) % span.len();
                let one = TaskSpan::new(start, start + 1);
                if let Some(second) = self.ledger.grant_second(first, one, peer(*number), self.now) {
                    self.granted.push((second, peer(*number), one));
                }
            }
            Act::End { lease, part, end } => {
                // Mostly a recent lease: old ones are over.
                let recent = self.granted.len().saturating_sub(1 + lease % 3);
                if let Some((lease, peer, span)) = self.granted.get(recent).copied() {
                    let start = span.start + u32::from(*part) % span.len();
                    self.report(lease, peer, TaskSpan::new(start, start + 1), an_end(*end));
                }
            }
            Act::Late { lease } => {
                if let Some((lease, peer, span)) = lease_at(*lease) {
                    self.report(lease, peer, span, AttemptEnd::Succeeded);
                }
            }
            Act::Started { lease } => {
                if let Some((lease, _, span)) = lease_at(*lease) {
                    let span = TaskSpan::new(span.start, span.start + 1);
                    self.tell(Input::TasksStarted { lease, span, stamp: Stamp(3) });
                }
            }
            Act::Checkpoint { lease, part, number } => {
                let recent = self.granted.len().saturating_sub(1 + lease % 3);
                if let Some((lease, peer, span)) = self.granted.get(recent).copied() {
                    let start = span.start + u32::from(*part) % span.len();
                    let tasks = TaskSpan::new(start, (start + *number).min(span.end));
                    let blob = gridwell_model::BlobId([*number as u8; 32]);
                    let checkpoint = Checkpoint { tasks, number: *number, blob, size_bytes: 1 };
                    self.tell(Input::CheckpointKept { lease, peer, checkpoint });
                }
            }
            Act::Declined { lease } => {
                if let Some((lease, ..)) = lease_at(*lease) {
                    self.tell(Input::LeaseDeclined { lease });
                }
            }
            Act::Renewed { peer: number } => {
                let mine = self.granted.iter().filter(|(_, holder, _)| *holder == peer(*number));
                let leases = mine.map(|(lease, ..)| *lease).collect();
                self.tell(Input::Renewed { peer: peer(*number), leases });
            }
            Act::Vanished { peer: number } => self.tell(Input::HolderVanished { peer: peer(*number) }),
            Act::Passed { secs } => {
                self.now = self.now + std::time::Duration::from_secs(u64::from(*secs));
                self.ledger.handle_deadline(self.now);
            }
            Act::Hold { tasks, held } => self.tell(match (select(tasks), held) {
                (None, true) => Input::HoldJob { job: JOB, now: true },
                (None, false) => Input::ReleaseJob { job: JOB },
                (Some(tasks), true) => Input::HoldTasks { job: JOB, tasks, now: false },
                (Some(tasks), false) => Input::ReleaseTasks { job: JOB, tasks },
            }),
            Act::Cancel { tasks } => self.tell(Input::Cancel { job: JOB, tasks: select(tasks), stamp: Stamp(4) }),
            Act::Retry { tasks } => self.tell(Input::Retry { job: JOB, tasks: select(tasks) }),
            Act::Stranded => self.tell(Input::Stranded { job: JOB }),
            Act::Snapshot => self.snapshot = self.ledger.snapshot(JOB),
            Act::Restart => self.restart(),
        }
    }

    fn tell(&mut self, input: Input) {
        // Commands may be refused; that is part of the game.
        _ = self.ledger.handle(input, self.now);
    }

    fn report(&mut self, lease: LeaseId, peer: PeerId, tasks: TaskSpan, end: AttemptEnd) {
        let energy = tasks.start.is_multiple_of(2).then_some(Energy(u64::from(tasks.start) + 1));
        let results = vec![TaskEnd { tasks, end, run_micros: 5_000, energy }];
        self.tell(Input::TasksEnded { lease, peer, results, stamp: Stamp(5) });
    }

    /// Loses what was not written, and starts again.
    fn restart(&mut self) {
        let epoch = self.ledger.epoch() + 1;
        let stored = [(JOB, self.snapshot.clone(), self.entries.clone())];
        self.ledger = Ledger::restore(ANN, epoch, stored, self.now).expect("the journal replays").ledger;
        self.ready = Default::default();
    }

    /// Carries effects as a node does, and checks what must hold after every step.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        while let Some(effect) = self.ledger.poll_effect() {
            match effect {
                Effect::Journal { entry, .. } => self.entries.push(entry),
                Effect::TasksReady { step, spans, .. } => {
                    let ready = &mut self.ready[step as usize];
                    spans.spans().iter().for_each(|span| ready.insert(*span));
                    prop_assert!(spans.indices().all(|index| !self.done[step as usize].contains(index)));
                }
                Effect::TasksWithdrawn { step, spans, .. } => {
                    spans.spans().iter().for_each(|span| self.ready[step as usize].remove(*span));
                }
                Effect::TasksChanged { step, span, state: TaskState::Done, .. } => {
                    self.done[step as usize].insert(span);
                }
                _ => {}
            }
        }
        prop_assert_eq!(self.ledger.check(), Ok(()));
        for (step, ready) in (0..3).zip(&self.ready) {
            let tasks = self.ledger.tasks(JOB, TaskKey { step, index: 0 }, TASKS as usize, |_| true);
            let is = |state| tasks.iter().filter(move |task| task.key.step == step && task.state == state);
            let truly: TaskSpans = is(TaskState::Ready).map(|task| task.key.index).collect();
            prop_assert_eq!(ready, &truly, "the scheduler knows exactly what is ready");
            let done: TaskSpans = is(TaskState::Done).map(|task| task.key.index).collect();
            prop_assert_eq!(&self.done[step as usize], &done, "what is done stays done");
        }
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_journal_replayed_gives_the_state_in_memory(acts in prop::collection::vec(an_act(), 0..120)) {
        let mut world = World::new();
        world.settle()?;
        for act in &acts {
            world.act(act);
            world.settle()?;
        }
        let live = world.ledger.snapshot(JOB);
        for snapshot in [None, world.snapshot.clone(), live.clone()] {
            let stored = [(JOB, snapshot, world.entries.clone())];
            let replayed = Ledger::restore(ANN, 99, stored, world.now).expect("the journal replays").ledger;
            prop_assert_eq!(replayed.check(), Ok(()));
            prop_assert_eq!(replayed.snapshot(JOB), live.clone());
        }
    }

    #[test]
    fn a_damaged_journal_is_refused_and_brings_nothing_down(
        acts in prop::collection::vec(an_act(), 0..40),
        entry in any::<prop::sample::Index>(),
        byte in any::<prop::sample::Index>(),
        value in any::<u8>(),
    ) {
        let mut world = World::new();
        world.settle()?;
        for act in &acts {
            world.act(act);
            world.settle()?;
        }
        let mut snapshot = world.ledger.snapshot(JOB).unwrap();
        let at = byte.index(snapshot.len());
        snapshot[at] = value;
        _ = Ledger::restore(ANN, 9, [(JOB, Some(snapshot), vec![])], world.now);
        let entry = entry.index(world.entries.len());
        let at = byte.index(world.entries[entry].len());
        world.entries[entry][at] = value;
        _ = Ledger::restore(ANN, 9, [(JOB, None, world.entries)], world.now);
    }
}

#[test]
fn a_missing_entry_is_noticed() {
    let mut desk = Desk::with(vec![a_step(2)]);
    desk.grant(0, 0, 1, BOB);
    desk.grant(0, 1, 2, BOB);
    desk.take_effects();
    desk.journal.remove(1);
    let restored = Ledger::restore(ANN, 2, [(JOB, None, desk.journal)], Time::ZERO);
    assert_eq!(restored.unwrap_err(), RestoreError::Gap { job: JOB, expected: 2, found: 3 });
}

#[test]
fn a_copy_that_contradicts_itself_is_refused() {
    let mut desk = Desk::with(vec![a_step(3), a_step_after(3, 0, EdgeKind::Whole)]);
    desk.run(0, 0, BOB, succeeded());
    let mut snapshot = desk.ledger.snapshot(JOB).unwrap();
    assert!(Ledger::read_copy(JOB, Some(&snapshot), &[]).is_ok());
    // Whoever changes a byte makes a job that no ledger would write, or none at all.
    for at in 0..snapshot.len() {
        let good = snapshot[at];
        for bad in [good ^ 1, good.wrapping_add(1), 0xff] {
            snapshot[at] = bad;
            let mut ledger = Ledger::new(2);
            let claim = gridwell_model::Claim { job: JOB, term: 2, steward: BOB, origin: ANN };
            if ledger.adopt(claim, Some(&snapshot), &[], Time::ZERO).is_ok() {
                assert_eq!(ledger.check(), Ok(()), "byte {at} as {bad}");
            }
        }
        snapshot[at] = good;
    }
}
