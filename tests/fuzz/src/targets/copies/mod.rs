//! Jobs of other stewards: journals and snapshots that came over a link.

pub(super) mod deputies;

use gridwell_ledger::{Effect, Input, Ledger, TaskEnd};
use gridwell_model::{
    AttemptEnd, Chunking, Claim, Edge, EdgeKind, FailureKind, JobId, JobSpec, Needs, PeerId, Retry, SessionSpec, Stamp,
    StepSpec, TaskSpan, TaskSpans, Time,
};

use crate::pieces::{pieces, together};

const JOB: JobId = JobId([1; 10]);
const ANN: PeerId = PeerId([1; 32]);
const BOB: PeerId = PeerId([2; 32]);
const NOW: Time = Time::from_secs(1);
/// A job may have ten million tasks; going through all of them after each effect is no news after that many.
const MOST_TASKS: u64 = 50_000;

/// The first piece is a snapshot (or none), the others are entries. What can be read is taken over and goes on here; a snapshot
/// is also merged into a job of this peer.
pub(super) fn run(bytes: &[u8]) {
    let parts = pieces(bytes);
    let Some((snapshot, entries)) = parts.split_first() else { return };
    let whole = (!snapshot.is_empty()).then_some(*snapshot);
    let entries: Vec<Vec<u8>> = entries.iter().map(|entry| entry.to_vec()).collect();
    let Ok((spec, claim)) = Ledger::read_copy(JOB, whole, &entries) else { return merge(snapshot) };
    assert_eq!((spec.id, claim.job), (JOB, JOB));
    if spec.task_count() > MOST_TASKS {
        return;
    }
    let mut ledger = Ledger::new(2);
    if ledger.adopt(Claim { term: claim.term.saturating_add(1), steward: BOB, ..claim }, whole, &entries, NOW).is_ok() {
        settle(&mut ledger);
        let _ = ledger.handle(Input::Cancel { job: JOB, tasks: None, stamp: Stamp(2) }, NOW);
        settle(&mut ledger);
    }
    merge(snapshot);
}

fn merge(snapshot: &[u8]) {
    let mut ledger = ledger();
    let lease = ledger.grant(JOB, 0, TaskSpan::new(0, 2), BOB, NOW);
    assert!(lease.is_some());
    let _ = ledger.merge(JOB, snapshot, NOW);
    settle(&mut ledger);
}

/// Takes all effects, and checks that the ledger contradicts itself nowhere.
fn settle(ledger: &mut Ledger) {
    while ledger.poll_effect().is_some() {}
    assert_eq!(ledger.check(), Ok(()));
}

fn ledger() -> Ledger {
    let mut ledger = Ledger::new(1);
    ledger.handle(Input::JobAdded { spec: Box::new(spec()), priority: 0, held: false }, NOW).expect("a good job");
    while ledger.poll_effect().is_some() {}
    ledger
}

fn spec() -> JobSpec {
    let step = |task_count, after| StepSpec {
        name: "step".into(),
        task_count,
        chunking: None::<Chunking>,
        needs: Needs::default(),
        prefers: Vec::new(),
        after,
    };
    JobSpec {
        id: JOB,
        name: "job".into(),
        origin: ANN,
        submitted: Stamp(1_000),
        recipe: "command".into(),
        template: String::new(),
        parameters: Vec::new(),
        inputs: Vec::new(),
        output_folders: Vec::new(),
        output_globs: Vec::new(),
        steps: vec![step(6, Vec::new()), step(6, vec![Edge { step: 0, kind: EdgeKind::SameIndex }])],
        retry: Retry::default(),
        session: SessionSpec::default(),
        same_look: false,
    }
}

/// A journal in which most kinds of entries occur, and a snapshot from its middle.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let mut ledger = Ledger::new(1);
    let mut journal = vec![Vec::new()];
    ledger.handle(Input::JobAdded { spec: Box::new(spec()), priority: 3, held: false }, NOW).expect("a good job");
    let first = ledger.grant(JOB, 0, TaskSpan::new(0, 3), BOB, NOW).expect("ready");
    let _ = ledger.handle(Input::TasksStarted { lease: first, span: TaskSpan::new(0, 1), stamp: Stamp(2_000) }, NOW);
    let ends = [AttemptEnd::Succeeded, failed()];
    for (at, end) in ends.into_iter().enumerate() {
        let tasks = TaskSpan::new(at as u32, at as u32 + 1);
        let results = vec![TaskEnd { tasks, end, run_micros: 5, energy: None }];
        let _ = ledger.handle(Input::TasksEnded { lease: first, peer: BOB, results, stamp: Stamp(3_000) }, NOW);
    }
    journal.extend(entries(&mut ledger));
    let middle = ledger.snapshot(JOB).expect("it is here");
    let some = || [(0, (3..5).collect::<TaskSpans>())].into_iter().collect();
    let _ = ledger.handle(Input::HoldTasks { job: JOB, tasks: some(), now: true }, NOW);
    let _ = ledger.handle(Input::ReleaseTasks { job: JOB, tasks: some() }, NOW);
    let _ = ledger.handle(Input::HolderVanished { peer: BOB }, NOW);
    let _ = ledger.handle(Input::Cancel { job: JOB, tasks: Some(some()), stamp: Stamp(4_000) }, NOW);
    let _ = ledger.handle(Input::Retry { job: JOB, tasks: Some(some()) }, NOW);
    journal.extend(entries(&mut ledger));
    let last = ledger.snapshot(JOB).expect("it is here");
    let tail: Vec<_> = [middle.clone()].into_iter().chain(journal[journal.len() / 2..].iter().cloned()).collect();
    vec![together(&journal), together(&tail), together([&middle]), together([&last])]
}

/// What the ledger wants written.
fn entries(ledger: &mut Ledger) -> Vec<Vec<u8>> {
    let effects = std::iter::from_fn(|| ledger.poll_effect());
    effects.filter_map(|effect| if let Effect::Journal { entry, .. } = effect { Some(entry) } else { None }).collect()
}

fn failed() -> AttemptEnd {
    AttemptEnd::Failed { kind: FailureKind::Program, exit_code: Some(7), reason: "it broke".into() }
}
