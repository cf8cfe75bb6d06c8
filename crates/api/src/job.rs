use gridwell_model::{JobId, JobState, Needs, PeerId, Preference, Stamp, TaskKey, TaskState};
use serde::{Deserialize, Serialize};

use crate::{Flaw, LandingView};

/// A job as people see it: one row of a list, and what an event carries when it changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct JobView {
    /// The job.
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// The recipe that made it.
    pub recipe: String,
    /// Where it stands.
    pub state: JobState,
    /// −100 … 100; higher goes first.
    pub priority: i32,
    /// Its tasks by state.
    pub counts: TaskCounts,
    /// Those of the tasks that are done because an earlier job had made the same from the same.
    pub reused: u64,
    /// Those of the tasks of which a checkpoint is kept: they go on from it should they be stopped or their machine vanish.
    pub saved: u64,
    /// When the newest of these was kept; absent if none is, or if that was before the node of its steward started.
    pub saved_at: Option<Stamp>,
    /// What one task is called: `frame` when each is one picture, else `task`.
    pub task_word: String,
    /// 0 … 1: ended tasks, and running ones by what they say.
    pub progress: f64,
    /// Estimated time to the end in seconds; absent while unknown, when held and when ended.
    pub time_left_secs: Option<f64>,
    /// When it was submitted.
    pub submitted: Stamp,
    /// When its first task started.
    pub started: Option<Stamp>,
    /// When its last task ended.
    pub ended: Option<Stamp>,
    /// The machine it came from.
    pub origin: PeerId,
    /// What people call that machine.
    pub origin_name: String,
    /// Absolute folders at the origin into which results land.
    pub output_folders: Vec<String>,
    /// Machines that ended tasks of it, or run some now; most done first.
    pub made_by: Vec<MadeBy>,
    /// Failed tasks grouped by reason, most frequent first; at most [`JobView::MAX_FAILURES`].
    pub failures: Vec<FailureView>,
    /// One sentence while it waits, or all that runs of it stands still: for what, and why. Empty otherwise.
    pub waits_for: String,
    /// The machine that keeps its records now and places its tasks: mostly the one it came from.
    pub steward: PeerId,
    /// What people call that machine.
    pub steward_name: String,
    /// True if the job goes on when its steward is switched off: another machine has its records and the files that it reads.
    pub safe: bool,
    /// Why not, in one sentence; empty when it is safe.
    pub unsafe_why: String,
    /// Results that are not home yet, and what is wrong with some that are.
    pub landing: LandingView,
    /// What its runs took of energy.
    pub energy: EnergyView,
}

impl JobView {
    /// Most groups of failures in a view: a summary, not a log.
    pub const MAX_FAILURES: usize = 8;
}

/// A job that another machine has, and of which this one keeps a copy, ready to go on with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct CopyView {
    /// The job.
    pub id: JobId,
    /// What people call it.
    pub name: String,
    /// Where it stood then.
    pub state: JobState,
    /// Its tasks by state, as they were then.
    pub counts: TaskCounts,
    /// What people call the machine it came from.
    pub origin_name: String,
    /// The machine that keeps its records now and places its tasks.
    pub steward: PeerId,
    /// What people call that machine.
    pub steward_name: String,
    /// True if that machine can be reached: what is known here is as new as what is known there.
    pub steward_online: bool,
    /// When the last of what is known here came; absent if that was before this machine's node started.
    pub as_of: Option<Stamp>,
}

impl CopyView {
    /// Most copies in a list: reading each takes a moment.
    pub const MAX_LISTED: usize = 500;
}

/// Numbers of tasks in each state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default)]
pub struct TaskCounts {
    /// A dependency has not ended well yet.
    pub waiting: u64,
    /// Held back by a person.
    pub held: u64,
    /// May start.
    pub ready: u64,
    /// With a machine, not started.
    pub leased: u64,
    /// Running.
    pub running: u64,
    /// Stopped in place because the machine's owner came back.
    pub frozen: u64,
    /// Ended well.
    pub done: u64,
    /// Ended badly.
    pub failed: u64,
    /// Not run.
    pub skipped: u64,
    /// Cancelled by a person.
    pub cancelled: u64,
    /// Holder vanished, about to be ready again.
    pub lost: u64,
}

impl TaskCounts {
    /// The number of tasks in `state`, to read or to change.
    pub const fn at(&mut self, state: TaskState) -> &mut u64 {
        match state {
            TaskState::Waiting => &mut self.waiting,
            TaskState::Held => &mut self.held,
            TaskState::Ready => &mut self.ready,
            TaskState::Leased => &mut self.leased,
            TaskState::Running => &mut self.running,
            TaskState::Frozen => &mut self.frozen,
            TaskState::Done => &mut self.done,
            TaskState::Failed => &mut self.failed,
            TaskState::Skipped => &mut self.skipped,
            TaskState::Cancelled => &mut self.cancelled,
            TaskState::Lost => &mut self.lost,
        }
    }

    /// Counts from pairs of state and number.
    #[must_use]
    pub fn of(pairs: impl IntoIterator<Item = (TaskState, u64)>) -> Self {
        let mut counts = Self::default();
        for (state, number) in pairs {
            *counts.at(state) += number;
        }
        counts
    }

    /// Every state with its number, in the states' order.
    #[must_use]
    pub fn pairs(mut self) -> [(TaskState, u64); 11] {
        TaskState::ALL.map(|state| (state, *self.at(state)))
    }

    /// All tasks.
    #[must_use]
    pub fn total(self) -> u64 {
        self.pairs().iter().map(|(_, number)| number).sum()
    }

    /// Tasks to which nothing more happens by itself.
    #[must_use]
    pub const fn ended(self) -> u64 {
        self.done + self.failed + self.skipped + self.cancelled
    }

    /// Tasks that are with a machine.
    #[must_use]
    pub const fn with_machines(self) -> u64 {
        self.leased + self.running + self.frozen
    }
}

/// What one machine did for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MadeBy {
    /// The machine.
    pub machine: PeerId,
    /// What people call it.
    pub name: String,
    /// Tasks it did well.
    pub done: u64,
    /// Attempts of it that failed.
    pub failed: u64,
    /// Tasks it runs or holds now.
    pub running: u64,
}

/// Tasks that failed for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FailureView {
    /// The reason, one sentence.
    pub reason: String,
    /// How many tasks.
    pub count: u64,
    /// One of them.
    pub example: TaskKey,
    /// Its label.
    pub example_label: String,
}

/// A job in full.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct JobDetail {
    /// The row.
    #[serde(flatten)]
    pub job: JobView,
    /// Its steps, in order.
    pub steps: Vec<StepView>,
    /// Values of its parameters, by name.
    pub parameters: Vec<(String, String)>,
    /// Number of files it reads.
    pub input_count: u64,
    /// Their size in bytes.
    pub input_bytes: u64,
}

/// What the runs of a job took of energy where they ran: measured there, else by what the machine draws as its owner says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct EnergyView {
    /// Joules of all runs of which that is known.
    pub joules: f64,
    /// Runs of its programs so far, failed and stopped ones included; one for a chunk.
    pub runs: u64,
    /// Those of which nobody knows what they took: they are in no sum.
    pub unmeasured: u64,
    /// What the energy cost at what owners of the machines say now that a kilowatt-hour costs, in whatever currency they mean; absent if
    /// none of them says.
    pub price: Option<f64>,
    /// Joules on machines of which nobody said that: in no price.
    pub unpriced_joules: f64,
}

/// One step of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct StepView {
    /// Its name.
    pub name: String,
    /// Its tasks by state.
    pub counts: TaskCounts,
    /// Names of the steps it waits for.
    pub after: Vec<String>,
    /// Hard requirements.
    pub needs: Needs,
    /// Wishes.
    pub prefers: Vec<Preference>,
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TaskPage {
    /// The job.
    pub job: JobId,
    /// Tasks that match, on all pages.
    pub total: u64,
    /// Those of this page, by step and index.
    pub tasks: Vec<TaskView>,
}

/// One task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TaskView {
    /// Which.
    pub key: TaskKey,
    /// What people call it: `frame 12`, `part-03.wav`.
    pub label: String,
    /// Where it stands.
    pub state: TaskState,
    /// The machine that holds it, or did it last.
    pub machine: Option<PeerId>,
    /// What people call that machine; empty without one.
    pub machine_name: String,
    /// Attempts so far.
    pub attempts: u32,
    /// Exit code of the last attempt that ended by itself.
    pub exit_code: Option<i32>,
    /// Why the last attempt failed, for what it waits, or why it stands still; may be empty.
    pub reason: String,
    /// Run time of the attempt that counted, or of the running one so far, in seconds.
    pub run_secs: Option<f64>,
    /// 0 … 1, if its program says.
    pub progress: Option<f64>,
    /// What its program says it does; may be empty.
    pub status: String,
    /// True if results of it wait because other files have their names.
    pub held: bool,
    /// True if a checkpoint of it is kept, from which it goes on should it be stopped or its machine vanish.
    pub saved: bool,
    /// When; absent if none is, or if that was before the node of the job's steward started.
    pub saved_at: Option<Stamp>,
    /// What is wrong with files of it that landed, each kind once.
    pub flaws: Vec<Flaw>,
}

/// Jobs that were started by one submission.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SubmittedView {
    /// One for each job, in the order of the paths.
    pub jobs: Vec<JobView>,
    /// Things worth knowing that stopped nothing: files outside the project, machines that do not fit.
    pub warnings: Vec<String>,
}

/// Who goes on with a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct HandedOverView {
    /// The job.
    pub job: JobId,
    /// The machine that has it now.
    pub steward: PeerId,
    /// What people call that machine.
    pub steward_name: String,
}

/// What a command changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ChangeView {
    /// The job as it is now.
    pub job: JobView,
    /// Tasks that changed.
    pub tasks: u64,
}

/// A piece of what a task's program wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LogPiece {
    /// The task (the first of its chunk).
    pub task: TaskKey,
    /// Its label.
    pub label: String,
    /// What people call the machine that ran it.
    pub machine: String,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Position of the piece's first byte in that attempt's log; a jump says that bytes are missing.
    pub offset: u64,
    /// Standard output and error as they came; bytes that are not UTF-8 are replaced in JSON only.
    #[serde(rename = "text", with = "as_text")]
    #[schema(value_type = String)]
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub bytes: Vec<u8>,
}

/// A part of what one task's program wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LogPage {
    /// The task, or the first one of the chunk that it ran in.
    pub task: TaskKey,
    /// Which attempt of those that wrote anything, from 1.
    pub attempt: u32,
    /// Attempts that have a log.
    pub attempts: Vec<u32>,
    /// Position of the first byte sent: later than asked for if the beginning made room for other logs, up to three bytes
    /// earlier so that a character is whole.
    pub from: u64,
    /// Bytes that the attempt wrote so far, without those beyond what is kept of one attempt (its last line says so then).
    pub total_bytes: u64,
    /// Standard output and error as they came; bytes that are not UTF-8 are replaced in JSON only.
    #[serde(rename = "text", with = "as_text")]
    #[schema(value_type = String)]
    #[cfg_attr(feature = "ts", ts(type = "string"))]
    pub bytes: Vec<u8>,
    /// Position after the last byte sent: where the next page begins. Half a character at the end waits for its rest.
    pub next: u64,
}

/// Logs are bytes inside and text in JSON.
mod as_text {
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&String::from_utf8_lossy(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        String::deserialize(deserializer).map(String::into_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_counted_once() {
        let counts = TaskCounts::of(TaskState::ALL.map(|state| (state, 1)));
        assert_eq!(counts.total(), 11);
        assert_eq!(counts.ended(), 4);
        assert_eq!(counts.with_machines(), 3);
        assert!(counts.pairs().iter().all(|(_, number)| *number == 1));
    }

    #[test]
    fn log_bytes_become_text_in_json() {
        let piece = LogPiece {
            task: TaskKey { step: 0, index: 3 },
            label: "frame 4".into(),
            machine: "mill".into(),
            attempt: 1,
            offset: 0,
            bytes: b"a\xffb".to_vec(),
        };
        assert!(serde_json::to_string(&piece).unwrap().contains("\"text\":\"a\u{fffd}b\""));
    }
}
