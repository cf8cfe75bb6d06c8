//! Dependencies between steps: what a task without a lease waits for.

use std::collections::BTreeMap;

use gridwell_model::{EdgeKind, JobSpec, StepSpec, TaskSpan, TaskSpans, TaskState};

use crate::{Selection, SpecFlaw, job::Job, notes::Notes};

/// What a step, or one of its tasks, means for those that wait for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Gate {
    /// It ended well.
    Open,
    /// It has not ended.
    Closed,
    /// It will never end well by itself.
    Barred,
}

/// Who waits for whom, by step.
#[derive(Debug)]
pub(crate) struct Graph {
    dependents: Vec<Vec<(u32, EdgeKind)>>,
    /// Steps, each behind all that it waits for.
    order: Vec<u32>,
    /// Position of each step in `order`.
    rank: Vec<u32>,
}

impl Graph {
    /// Checks a job's steps and sorts them.
    pub(crate) fn new(steps: &[StepSpec]) -> Result<Self, SpecFlaw> {
        let mut dependents = vec![Vec::new(); steps.len()];
        let mut missing: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
        for (at, step) in (0_u32..).zip(steps) {
            for edge in &step.after {
                let other = steps.get(edge.step as usize).ok_or(SpecFlaw::BadEdge { step: at, on: edge.step })?;
                if edge.kind == EdgeKind::SameIndex && other.task_count != step.task_count {
                    return Err(SpecFlaw::BadEdge { step: at, on: edge.step });
                }
                dependents[edge.step as usize].push((at, edge.kind));
            }
        }
        let mut order: Vec<u32> = (0_u32..).zip(&missing).filter(|(_, n)| **n == 0).map(|(at, _)| at).collect();
        let mut next = 0;
        while let Some(step) = order.get(next).copied() {
            next += 1;
            for (dependent, _) in &dependents[step as usize] {
                missing[*dependent as usize] -= 1;
                if missing[*dependent as usize] == 0 {
                    order.push(*dependent);
                }
            }
        }
        if order.len() < steps.len() {
            return Err(SpecFlaw::Circle);
        }
        let mut rank = vec![0; steps.len()];
        for (at, step) in (0_u32..).zip(&order) {
            rank[*step as usize] = at;
        }
        Ok(Self { dependents, order, rank })
    }
}

/// Checks limits and dependencies of a new job.
pub(crate) fn check_spec(spec: &JobSpec) -> Result<(), SpecFlaw> {
    if spec.steps.len() > JobSpec::MAX_STEPS {
        return Err(SpecFlaw::TooManySteps { steps: spec.steps.len() });
    }
    if spec.task_count() > JobSpec::MAX_TASKS {
        return Err(SpecFlaw::TooManyTasks { tasks: spec.task_count() });
    }
    Graph::new(&spec.steps).map(drop)
}

const fn gate_of(state: TaskState) -> Gate {
    match state {
        TaskState::Done => Gate::Open,
        TaskState::Failed | TaskState::Skipped | TaskState::Cancelled => Gate::Barred,
        TaskState::Waiting
        | TaskState::Held
        | TaskState::Ready
        | TaskState::Leased
        | TaskState::Running
        | TaskState::Frozen
        | TaskState::Lost => Gate::Closed,
    }
}

impl Job {
    /// What a whole step means for those that wait for all of it.
    pub(crate) fn gate(&self, step: u32) -> Gate {
        let counts = &self.steps[step as usize].counts;
        let done = counts.of(TaskState::Done);
        if done == counts.total() {
            Gate::Open
        } else if counts.ended() > done {
            Gate::Barred
        } else {
            Gate::Closed
        }
    }

    /// Where a task belongs that nobody holds and that has not ended by itself.
    pub(crate) fn rest_state(&self, step: u32, index: u32) -> TaskState {
        let edges = self.spec.steps[step as usize].after.iter();
        let gates = edges.map(|edge| match edge.kind {
            EdgeKind::Whole => self.gate(edge.step),
            EdgeKind::SameIndex => gate_of(self.record(edge.step, index).state),
        });
        match gates.max().unwrap_or(Gate::Open) {
            Gate::Barred => TaskState::Skipped,
            _ if self.hold.is_on() || self.record(step, index).is_held() => TaskState::Held,
            Gate::Closed => TaskState::Waiting,
            Gate::Open => TaskState::Ready,
        }
    }

    /// Puts tasks that nobody holds where they belong now, and returns those that changed.
    pub(crate) fn refresh(&mut self, step: u32, tasks: &TaskSpans, notes: &mut Notes) -> TaskSpans {
        use TaskState::{Held, Ready, Skipped, Waiting};
        let mut changed = TaskSpans::default();
        for span in tasks.spans() {
            for index in span.indices() {
                let state = self.record(step, index).state;
                if !matches!(state, Waiting | Held | Ready | Skipped) {
                    continue;
                }
                let next = self.rest_state(step, index);
                if next != state {
                    self.set_state(step, index, next, notes);
                    changed.insert(TaskSpan::new(index, index + 1));
                }
            }
        }
        changed
    }

    /// Lets everything that waits for these tasks know that they changed.
    pub(crate) fn propagate(&mut self, touched: Selection, notes: &mut Notes) {
        let mut queue: BTreeMap<u32, (u32, TaskSpans)> =
            touched.into_iter().map(|(step, tasks)| (self.graph.rank[step as usize], (step, tasks))).collect();
        while let Some((_, (step, tasks))) = queue.pop_first() {
            let gate = self.gate(step);
            let gate_moved = std::mem::replace(&mut self.steps[step as usize].gate, gate) != gate;
            for (dependent, kind) in self.graph.dependents[step as usize].clone() {
                let concerned = match kind {
                    EdgeKind::SameIndex => tasks.clone(),
                    EdgeKind::Whole if gate_moved => self.whole(dependent),
                    EdgeKind::Whole => continue,
                };
                let changed = self.refresh(dependent, &concerned, notes);
                if !changed.is_empty() {
                    let rank = self.graph.rank[dependent as usize];
                    let entry = &mut queue.entry(rank).or_insert_with(|| (dependent, TaskSpans::default())).1;
                    changed.spans().iter().for_each(|span| entry.insert(*span));
                }
            }
        }
    }

    /// Puts every task that nobody holds where it belongs now, in the order in which steps wait for each other; `before` may
    /// change a step's tasks first.
    pub(crate) fn refresh_all(&mut self, notes: &mut Notes, mut before: impl FnMut(&mut Self, u32, &mut Notes)) {
        for step in self.graph.order.clone() {
            before(self, step, notes);
            self.refresh(step, &self.whole(step), notes);
            self.steps[step as usize].gate = self.gate(step);
        }
    }
}
