use gridwell_model::{JobId, PeerId, Stamp, TaskSpan, TaskState};
use serde::{Deserialize, Serialize};

use crate::Notice;

/// What happened, newest first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct ActivityRequest {
    /// Only notices with a smaller id; from the newest when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub before: Option<u64>,
    /// Most notices to send: at most [`ActivityRequest::MAX_LIMIT`], 0 means that.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub limit: u32,
    /// Only this job (id or unique prefix).
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub job: Option<String>,
}

impl ActivityRequest {
    /// Most notices in one page.
    pub const MAX_LIMIT: u32 = 500;
}

/// A page of notices.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct ActivityPage {
    /// Newest first.
    pub notices: Vec<Notice>,
    /// True if there are older ones.
    pub more: bool,
}

/// Which machine ran what, and when.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct TimelineRequest {
    /// Only this job (id or unique prefix); all jobs of this machine when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub job: Option<String>,
    /// Only runs that had not ended by then.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub from: Option<Stamp>,
    /// Only runs that began before.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub to: Option<Stamp>,
    /// Most bars to send: at most [`TimelineRequest::MAX_LIMIT`], 0 means that.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub limit: u32,
}

impl TimelineRequest {
    /// Most bars in one answer: about 2 MB of JSON.
    pub const MAX_LIMIT: u32 = 20_000;
}

/// Runs of programs as bars in the lanes of machines.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct TimelineView {
    /// By start, oldest first.
    pub bars: Vec<Bar>,
    /// True if older bars were left out for the limit.
    pub truncated: bool,
}

/// One run of a program on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Bar {
    /// The job.
    pub job: JobId,
    /// Position of the step.
    pub step: u32,
    /// The tasks: one, a chunk that ran as one program, or neighbours that took a moment each.
    pub tasks: TaskSpan,
    /// Where.
    pub machine: PeerId,
    /// When it began.
    pub started: Stamp,
    /// When it ended; absent while it runs.
    pub ended: Option<Stamp>,
    /// `running` or `frozen`, else how the run ended: `done`, `failed`, `cancelled`, `lost`.
    pub state: TaskState,
}

/// What the grid did over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct HistoryRequest {
    /// How far back, in seconds: at most [`HistoryRequest::MAX_SECS`], 0 means that.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub secs: u64,
}

impl HistoryRequest {
    /// What is kept: one day.
    pub const MAX_SECS: u64 = 24 * 3_600;
}

/// Samples at equal distances, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct HistoryView {
    /// Seconds between two samples.
    pub every_secs: u32,
    /// When the first sample was taken.
    pub from: Stamp,
    /// Tasks that ended well between two samples, for jobs of this machine; absent where the node did not run.
    pub tasks_done: Vec<Option<u32>>,
    /// One series for each machine that was seen.
    pub machines: Vec<MachineHistory>,
}

/// What one machine did over time; absent samples: it was not reachable, or this node did not run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct MachineHistory {
    /// Which.
    pub machine: PeerId,
    /// What people call it.
    pub name: String,
    /// Cores that jobs held.
    pub lent_cpus: Vec<Option<f32>>,
    /// Cores busy with other people's work.
    pub foreign_cpus: Vec<Option<f32>>,
    /// Tasks that it did well between two samples, for jobs of this machine.
    pub tasks_done: Vec<Option<u32>>,
}
