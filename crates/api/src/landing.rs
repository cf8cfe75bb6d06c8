use gridwell_model::TaskKey;
use serde::{Deserialize, Serialize};

/// What happens to a file that has a result's name and is not what the grid put there: a person's, or changed since.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum InTheWay {
    /// It stays, and the result waits.
    #[default]
    Keep,
    /// The result replaces it.
    Replace,
    /// It stays, and the result lands beside it as `name (2).png`. Results that a later step of the job reads wait all the same.
    Beside,
}

/// How the results of a job land from now on; what waits is tried again at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LandRequest {
    /// The job's id, or a unique prefix.
    pub job: String,
    /// What happens to files in the way.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub in_the_way: InTheWay,
}

/// Where the results of a job are that are not at home yet, and what was found in those that are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LandingView {
    /// What happens to files in the way.
    pub in_the_way: InTheWay,
    /// Files that wait because other files have their names; they are kept at the origin.
    pub held: u64,
    /// Absolute path of the first file in the way; empty without one.
    pub held_path: String,
    /// Tasks whose results other machines keep until they are home.
    pub away: u64,
    /// Why results wait to be brought home, one sentence; empty when none does.
    pub waits: String,
    /// What is wrong with files that landed, by kind.
    pub flaws: Vec<FlawView>,
}

/// What is wrong with a picture that landed: a warning, its task counts all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// Nothing in it is brighter than black.
    Black,
    /// Some of its values are not numbers.
    Nan,
    /// It ends before its picture does.
    Truncated,
    /// It is not the picture that its name promises.
    Undecodable,
}

/// Files of a job with the same flaw.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct FlawView {
    /// What is wrong.
    pub flaw: Flaw,
    /// With how many files; the first thousands are counted.
    pub count: u64,
    /// The task that made the first one.
    pub example: TaskKey,
    /// Its label.
    pub example_label: String,
    /// Where the first one lies.
    pub path: String,
    /// Tasks that made them, by step and index; at most [`FlawView::MOST_TASKS`].
    pub tasks: Vec<TaskKey>,
}

impl FlawView {
    /// Most tasks that are named: a view of a job is a summary, and travels with each of its changes.
    pub const MOST_TASKS: usize = 100;
}
