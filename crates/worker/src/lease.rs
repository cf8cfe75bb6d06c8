use std::{collections::VecDeque, time::Duration};

use gridwell_model::{Checkpoint, Energy, LeaseOffer, PeerId, TaskResult, TaskSpan, TaskSpans, Time};

use crate::{SessionId, StepView, licence::Licences};

/// Most runs handed to a session at once: what one lease usually holds.
const MOST_RUNS: usize = 512;

/// A lease that was accepted, until all its results are settled.
#[derive(Debug)]
pub(crate) struct Lease {
    pub(crate) steward: PeerId,
    pub(crate) offer: LeaseOffer,
    /// True if its job is the machine's owner's.
    pub(crate) own: bool,
    pub(crate) phase: Phase,
    /// Not handed to a session.
    pub(crate) todo: TaskSpans,
    /// Handed to the session and not answered; the first one runs.
    pub(crate) sent: VecDeque<TaskSpan>,
    /// Wanted back by the steward while they were in a session.
    pub(crate) revoked: TaskSpans,
    /// How far the run is that runs.
    pub(crate) progress: Option<f32>,
    /// What it says it does.
    pub(crate) status: String,
    /// The newest that its program left, until its result takes it along.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Ended, not reported.
    pub(crate) results: Vec<TaskResult>,
    /// Since when the first of `results` waits.
    pub(crate) results_since: Option<Time>,
    /// Reported, not settled.
    pub(crate) unsettled: Vec<TaskResult>,
    /// When results were last settled, or the lease ended.
    pub(crate) quiet_since: Time,
    /// When somebody looks whether its results were settled.
    pub(crate) unsettled_at: Option<Time>,
    /// True once a renewal told the steward that it runs.
    pub(crate) told_running: bool,
    /// Licences it asked for, from then until it has ended.
    pub(crate) licences: Option<Licences>,
}

/// Where a lease stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Accepted ahead of its room.
    Queued,
    /// Holds room; its job's spec, its inputs or its licences are on their way.
    Preparing,
    /// Holds room; its session is being opened.
    Opening(SessionId),
    /// Its tasks run.
    Running(SessionId),
    /// One run has ended well; what it made is being collected.
    Collecting { session: SessionId, run: TaskSpan, spent: Spent },
    /// Every task has ended or was given back.
    Ended,
}

/// What a run took: nothing if its program never ran.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    pub(crate) run_micros: u64,
    pub(crate) energy: Option<Energy>,
}

impl Spent {
    pub(crate) fn of(took: Duration, energy: Option<Energy>) -> Self {
        Self { run_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX), energy }
    }
}

impl Phase {
    /// True while the lease's reserve is taken.
    pub(crate) const fn holds_room(self) -> bool {
        !matches!(self, Self::Queued | Self::Ended)
    }

    pub(crate) const fn session(self) -> Option<SessionId> {
        match self {
            Self::Opening(session) | Self::Running(session) | Self::Collecting { session, .. } => Some(session),
            Self::Queued | Self::Preparing | Self::Ended => None,
        }
    }
}

impl Lease {
    pub(crate) fn new(steward: PeerId, offer: LeaseOffer, own: bool, now: Time) -> Self {
        let mut todo = TaskSpans::default();
        todo.insert(offer.span);
        Self {
            steward,
            offer,
            own,
            phase: Phase::Queued,
            todo,
            sent: VecDeque::new(),
            revoked: TaskSpans::default(),
            progress: None,
            status: String::new(),
            checkpoint: None,
            results: Vec::new(),
            results_since: None,
            unsettled: Vec::new(),
            quiet_since: now,
            unsettled_at: None,
            told_running: false,
            licences: None,
        }
    }

    /// Takes the next runs out of `todo`: one when what it leaves must be collected before the next, else many.
    pub(crate) fn take_runs(&mut self, step: StepView, one_by_one: bool) -> Vec<TaskSpan> {
        let limit = if one_by_one { 1 } else { MOST_RUNS };
        let mut runs = Vec::new();
        'spans: for span in self.todo.spans() {
            let mut start = span.start;
            while start < span.end {
                if runs.len() == limit {
                    break 'spans;
                }
                let run = TaskSpan::new(start, run_end(start, *span, self.offer.chunk, step.row));
                start = run.end;
                runs.push(run);
            }
        }
        for run in &runs {
            self.todo.remove(*run);
        }
        runs
    }

    /// Takes a run off the session's queue; false if it was not there.
    pub(crate) fn answer(&mut self, run: TaskSpan) -> bool {
        let at = self.sent.iter().position(|sent| *sent == run);
        if let Some(at) = at {
            self.sent.remove(at);
            self.progress = None;
            self.status.clear();
        }
        at.is_some()
    }

    /// What a run goes on from, if its steward has something of it.
    pub(crate) fn checkpoint_of(&self, run: TaskSpan) -> Option<Checkpoint> {
        self.offer.checkpoints.iter().find(|checkpoint| checkpoint.tasks == run).copied()
    }

    /// True while a run of it is in a session.
    pub(crate) fn running(&self) -> Option<TaskSpan> {
        match self.phase {
            Phase::Running(_) => self.sent.front().copied(),
            Phase::Collecting { run, .. } => Some(run),
            _ => None,
        }
    }
}

fn run_end(start: u32, span: TaskSpan, chunk: u32, row: Option<u32>) -> u32 {
    let row_end = row.map_or(u32::MAX, |row| (start / row.max(1) + 1).saturating_mul(row.max(1)));
    start.saturating_add(chunk.max(1)).min(row_end).min(span.end)
}
