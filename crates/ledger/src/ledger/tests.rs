mod bench;
mod checkpoints;
mod replay;
mod rules;
mod seconds;
mod succession;

use gridwell_model::{
    AttemptEnd, Checkpoint, Edge, EdgeKind, Energy, FailureKind, JobId, JobSpec, JobState, LeaseId, Needs, PeerId,
    Retry, SessionSpec, Stamp, StepSpec, TaskKey, TaskSpan, TaskSpans, TaskState, Time,
};

use super::*;
use crate::{Input, LeaseEnd, Selection, TaskEnd, WasteKind};

const JOB: JobId = JobId([1; 10]);
const ANN: PeerId = PeerId([1; 32]);
const BOB: PeerId = PeerId([2; 32]);

fn a_step(task_count: u32) -> StepSpec {
    StepSpec {
        name: "step".into(),
        task_count,
        chunking: None,
        needs: Needs::default(),
        prefers: Vec::new(),
        after: Vec::new(),
    }
}

fn a_step_after(task_count: u32, step: u32, kind: EdgeKind) -> StepSpec {
    StepSpec { after: vec![Edge { step, kind }], ..a_step(task_count) }
}

fn a_job(steps: Vec<StepSpec>) -> JobSpec {
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
        steps,
        retry: Retry::default(),
        session: SessionSpec::default(),
        same_look: false,
    }
}

fn spans(of: impl IntoIterator<Item = u32>) -> TaskSpans {
    of.into_iter().collect()
}

fn only(step: u32, of: impl IntoIterator<Item = u32>) -> Selection {
    Selection::from([(step, spans(of))])
}

fn succeeded() -> AttemptEnd {
    AttemptEnd::Succeeded
}

fn failed(kind: FailureKind) -> AttemptEnd {
    AttemptEnd::Failed { kind, exit_code: Some(7), reason: "it broke".into() }
}

/// A ledger with its disk and its clock.
struct Desk {
    ledger: Ledger,
    now: Time,
    journal: Vec<Vec<u8>>,
    durable: usize,
}

impl Desk {
    fn with(steps: Vec<StepSpec>) -> Self {
        Self::with_spec(a_job(steps))
    }

    fn with_spec(spec: JobSpec) -> Self {
        let mut desk = Self { ledger: Ledger::new(1), now: Time::ZERO, journal: Vec::new(), durable: 0 };
        desk.tell(Input::JobAdded { spec: Box::new(spec), priority: 0, held: false });
        desk
    }

    fn tell(&mut self, input: Input) {
        assert_eq!(self.ledger.handle(input, self.now), Ok(()));
    }

    fn refused(&mut self, input: Input) -> Refusal {
        let before = self.ledger.snapshot(JOB);
        let refusal = self.ledger.handle(input, self.now).unwrap_err();
        assert_eq!(self.ledger.snapshot(JOB), before, "a refused command changes nothing");
        refusal
    }

    fn grant(&mut self, step: u32, start: u32, end: u32, peer: PeerId) -> LeaseId {
        self.ledger.grant(JOB, step, TaskSpan::new(start, end), peer, self.now).expect("all ready")
    }

    fn report(&mut self, lease: LeaseId, peer: PeerId, tasks: TaskSpan, end: AttemptEnd) {
        let results = vec![TaskEnd { tasks, end, run_micros: 2_000_000, energy: None }];
        self.tell(Input::TasksEnded { lease, peer, results, stamp: Stamp(9_000) });
    }

    /// Grants one task and reports its end.
    fn run(&mut self, step: u32, index: u32, peer: PeerId, end: AttemptEnd) {
        let lease = self.grant(step, index, index + 1, peer);
        self.report(lease, peer, TaskSpan::new(index, index + 1), end);
    }

    /// Every wish but those for the disk and the screen.
    fn take_effects(&mut self) -> Vec<Effect> {
        let mut effects = Vec::new();
        while let Some(effect) = self.ledger.poll_effect() {
            match effect {
                Effect::Journal { entry, durable, .. } => {
                    self.journal.push(entry);
                    self.durable += usize::from(durable);
                }
                Effect::TasksChanged { .. } | Effect::JobChanged { .. } => {}
                effect => effects.push(effect),
            }
        }
        self.ledger.check().expect("every invariant holds");
        effects
    }

    fn advance(&mut self, by: std::time::Duration) {
        self.now = self.now + by;
        self.ledger.handle_deadline(self.now);
    }

    fn restart(&mut self) {
        self.take_effects();
        let epoch = self.ledger.epoch() + 1;
        let stored = [(JOB, None, self.journal.clone())];
        self.ledger = Ledger::restore(ANN, epoch, stored, self.now).expect("the journal replays").ledger;
    }

    fn state_of(&self, step: u32, index: u32) -> TaskState {
        self.view(step, index).state
    }

    fn view(&self, step: u32, index: u32) -> TaskView {
        self.ledger.tasks(JOB, TaskKey { step, index }, 1, |_| true).remove(0)
    }

    fn job_state(&self) -> JobState {
        self.ledger.summary(JOB, self.now).unwrap().state
    }
}

fn ready(step: u32, of: impl IntoIterator<Item = u32>) -> Effect {
    Effect::TasksReady { job: JOB, step, spans: spans(of), avoid: Vec::new() }
}

fn settle(lease: LeaseId, peer: PeerId, of: impl IntoIterator<Item = u32>) -> Effect {
    Effect::Settle { peer, lease, spans: spans(of) }
}

fn ended(lease: LeaseId, peer: PeerId, end: LeaseEnd) -> Effect {
    Effect::LeaseEnded { lease, peer, step: 0, end }
}
