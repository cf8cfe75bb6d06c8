use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{BlobId, InputFile, JobId, Needs, PeerId, Preference, Stamp};

/// Everything about a job that never changes after Start; every peer that runs its tasks gets a copy, named by its hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JobSpec {
    /// The job.
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// The peer it came from.
    pub origin: PeerId,
    /// When it was submitted, for people.
    pub submitted: Stamp,
    /// Name of the recipe that made it.
    pub recipe: String,
    /// The Open Job Description template, JSON, complete and valid on its own.
    pub template: String,
    /// Values of the job's parameters, by name, as text; every parameter without a default has one.
    pub parameters: Vec<(String, String)>,
    /// Files it reads.
    pub inputs: Vec<InputFile>,
    /// Absolute folders at the origin into which outputs land; sessions write to stand-ins, by position.
    pub output_folders: Vec<String>,
    /// Patterns (globs below the session's working folder) of files that also count as outputs of folder 0.
    pub output_globs: Vec<String>,
    /// Its steps, in the template's order.
    pub steps: Vec<StepSpec>,
    /// How failures are treated.
    pub retry: Retry,
    /// What the sessions that run its tasks are like.
    pub session: SessionSpec,
    /// Whether all tasks of a step must look the same: their tool has one version and build wherever they run. See
    /// [`Tool::look`](crate::Tool::look).
    pub same_look: bool,
}

/// What a job lets its sessions use, on any machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionSpec {
    /// Whether programs may use the network.
    pub network: bool,
    /// Memory that a session may use, in MiB; `None`: what its machine lends.
    pub memory_mib: Option<u32>,
    /// What a session may write to its folder, in MiB; `None`: what its machine has room for.
    pub disk_mib: Option<u32>,
    /// Seconds for which a program may give no sign of life; `None`: as long as it likes.
    pub stuck_secs: Option<u32>,
    /// Whether its programs leave checkpoints, from which another attempt goes on.
    pub continues: bool,
    /// Within how many seconds somebody outside expects to hear from its programs; they stand still no longer.
    pub heartbeat_secs: Option<u32>,
}

impl Default for SessionSpec {
    fn default() -> Self {
        Self {
            network: true,
            memory_mib: None,
            disk_mib: None,
            stuck_secs: None,
            continues: false,
            heartbeat_secs: None,
        }
    }
}

/// One step as the scheduler sees it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct StepSpec {
    /// Unique in the job.
    pub name: String,
    /// Number of tasks: the size of its parameter space with chunks of one.
    pub task_count: u32,
    /// How tasks are put together, when the step has a chunked parameter.
    pub chunking: Option<Chunking>,
    /// Hard requirements.
    pub needs: Needs,
    /// Wishes.
    pub prefers: Vec<Preference>,
    /// What must end well before.
    pub after: Vec<Edge>,
}

/// How neighbouring tasks of a step become one run of its program.
///
/// Tasks are numbered so that the chunked parameter varies fastest: a chunk is a run of neighbours within one row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Chunking {
    /// Tasks per chunk unless adapted.
    pub default_count: u32,
    /// Adapt the count so that a chunk runs about this many seconds; 0 keeps the default.
    pub target_secs: u32,
    /// Number of values of the chunked parameter: chunks never cross a multiple of it.
    pub row: u32,
}

/// A dependency on an earlier step of the same job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Edge {
    /// Position of the other step.
    pub step: u32,
    /// Which of its tasks.
    pub kind: EdgeKind,
}

/// Which tasks of the other step a task waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// All of them.
    Whole,
    /// The one at the same position: frame by frame. Both steps have equally many tasks.
    SameIndex,
}

/// What happens after a failed attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Retry {
    /// Attempts that may fail by the program's doing before the task has failed.
    pub max_attempts: u32,
    /// Failures of one job on one machine after which that machine gets no more of its tasks.
    pub block_machine_after: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self { max_attempts: 3, block_machine_after: 3 }
    }
}

impl JobSpec {
    /// Size of all files that it reads, in bytes.
    #[must_use]
    pub fn input_bytes(&self) -> u64 {
        self.inputs.iter().fold(0, |sum, input| sum.saturating_add(input.size_bytes))
    }

    /// Most steps a job may have; a template with more is refused.
    pub const MAX_STEPS: usize = 1_000;
    /// Most tasks all steps of a job may have together: a bounded memory for a job of any shape.
    pub const MAX_TASKS: u64 = 10_000_000;
    /// How long a lease lasts without a heartbeat from its holder.
    pub const LEASE_DURATION: Duration = Duration::from_secs(20);

    /// Tasks of all steps.
    #[must_use]
    pub fn task_count(&self) -> u64 {
        self.steps.iter().map(|step| u64::from(step.task_count)).sum()
    }

    /// The bytes of all distinct inputs, with their blobs.
    #[must_use]
    pub fn input_blobs(&self) -> Vec<(BlobId, u64)> {
        let mut blobs: Vec<_> = self.inputs.iter().map(|input| (input.blob, input.size_bytes)).collect();
        blobs.sort_unstable();
        blobs.dedup();
        blobs
    }
}

/// Neighbouring tasks of one step: `start..end`, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TaskSpan {
    /// First index.
    pub start: u32,
    /// One past the last index.
    pub end: u32,
}

impl TaskSpan {
    /// The tasks `start..end`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        assert!(start < end, "a span holds at least one task");
        Self { start, end }
    }

    /// Number of tasks.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Never true of a span that [`TaskSpan::new`] or [`TaskSpans::checked`] made.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// The indices, rising.
    #[must_use]
    pub const fn indices(self) -> std::ops::Range<u32> {
        self.start..self.end
    }
}

/// Why spans from elsewhere are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// A span is empty, or they are not rising and apart.
    #[error("task spans are empty, overlap or are out of order")]
    Disordered,
}

/// A set of tasks of one step, as rising spans that do not touch: a million queued tasks cost a few bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TaskSpans(Vec<TaskSpan>);

impl TaskSpans {
    /// The tasks `0..count`.
    #[must_use]
    pub fn first(count: u32) -> Self {
        if count == 0 { Self::default() } else { Self(vec![TaskSpan::new(0, count)]) }
    }

    /// Checks spans that came from elsewhere.
    ///
    /// # Errors
    ///
    /// [`SpanError::Disordered`] unless every span is non-empty and they rise without touching.
    pub fn checked(spans: Vec<TaskSpan>) -> Result<Self, SpanError> {
        let each = spans.iter().all(|span| !span.is_empty());
        let apart = spans.windows(2).all(|pair| pair[0].end < pair[1].start);
        if each && apart { Ok(Self(spans)) } else { Err(SpanError::Disordered) }
    }

    /// The spans, rising.
    #[must_use]
    pub fn spans(&self) -> &[TaskSpan] {
        &self.0
    }

    /// Number of tasks.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.0.iter().map(|span| span.len()).sum()
    }

    /// True without tasks.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if `index` is in the set.
    #[must_use]
    pub fn contains(&self, index: u32) -> bool {
        let at = self.0.partition_point(|span| span.end <= index);
        self.0.get(at).is_some_and(|span| span.start <= index)
    }

    /// Every index, rising.
    pub fn indices(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().flat_map(|span| span.indices())
    }

    /// Adds `start..end`, joining what it touches. Cost: logarithmic, plus the spans it swallows.
    pub fn insert(&mut self, span: TaskSpan) {
        let from = self.0.partition_point(|have| have.end < span.start);
        let to = self.0.partition_point(|have| have.start <= span.end);
        let (mut start, mut end) = (span.start, span.end);
        if from < to {
            start = start.min(self.0[from].start);
            end = end.max(self.0[to - 1].end);
        }
        self.0.splice(from..to, [TaskSpan::new(start, end)]);
    }

    /// Takes `start..end` out.
    pub fn remove(&mut self, span: TaskSpan) {
        let from = self.0.partition_point(|have| have.end <= span.start);
        let to = self.0.partition_point(|have| have.start < span.end);
        if from >= to {
            return;
        }
        let left = (self.0[from].start < span.start).then(|| TaskSpan::new(self.0[from].start, span.start));
        let right = (self.0[to - 1].end > span.end).then(|| TaskSpan::new(span.end, self.0[to - 1].end));
        self.0.splice(from..to, left.into_iter().chain(right));
    }

    /// Takes the lowest neighbouring tasks out, at most `limit` of them.
    pub fn take_first(&mut self, limit: u32) -> Option<TaskSpan> {
        let first = *self.0.first()?;
        if limit == 0 {
            return None;
        }
        let span = TaskSpan::new(first.start, first.end.min(first.start.saturating_add(limit)));
        self.remove(span);
        Some(span)
    }
}

impl FromIterator<u32> for TaskSpans {
    fn from_iter<I: IntoIterator<Item = u32>>(indices: I) -> Self {
        let mut spans = Self::default();
        for index in indices {
            spans.insert(TaskSpan::new(index, index + 1));
        }
        spans
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn spans_behave_like_a_set(steps in prop::collection::vec((any::<bool>(), 0_u32..60, 1_u32..12), 0..60)) {
            let mut spans = TaskSpans::default();
            let mut model = BTreeSet::new();
            for (add, start, len) in steps {
                let span = TaskSpan::new(start, start + len);
                if add {
                    spans.insert(span);
                    model.extend(span.indices());
                } else {
                    spans.remove(span);
                    model.retain(|index| !span.indices().contains(index));
                }
                prop_assert_eq!(spans.indices().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                prop_assert!(TaskSpans::checked(spans.spans().to_vec()).is_ok());
                prop_assert_eq!(spans.count() as usize, model.len());
            }
        }
    }

    #[test]
    fn taking_the_first_tasks_takes_neighbours_only() {
        let mut spans: TaskSpans = [0, 1, 2, 7].into_iter().collect();
        assert_eq!(spans.take_first(10), Some(TaskSpan::new(0, 3)));
        assert_eq!(spans.take_first(10), Some(TaskSpan::new(7, 8)));
        assert_eq!(spans.take_first(10), None);
    }
}
