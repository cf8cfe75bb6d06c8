use gridwell_model::{JobId, PeerId, TaskKey, TaskState};
use serde::{Deserialize, Serialize};

/// Why a task runs where it runs, or does not run: the numbers of the placement itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WhyView {
    /// The job.
    pub job: JobId,
    /// The task that is explained: the one asked for, else the job's next one.
    pub task: TaskKey,
    /// Its label.
    pub label: String,
    /// Where it stands.
    pub state: TaskState,
    /// One sentence: what holds it up, or why it went where it went.
    pub sentence: String,
    /// The machine that has or had it, when one was chosen.
    pub placed_on: Option<PeerId>,
    /// Every machine: those that fit by falling chance, then those that do not.
    pub machines: Vec<WhyMachine>,
    /// The term that decided: `wait`, `fetch`, `run`, `path`, `prefer` or `strategy`; empty when there was no choice.
    pub decisive: String,
    /// The smallest change that would help (when it waits) or have chosen another machine; may be empty.
    pub smallest_change: String,
}

/// One machine's side of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WhyMachine {
    /// The machine.
    pub machine: PeerId,
    /// What people call it.
    pub name: String,
    /// Whether all requirements are met.
    pub fits: bool,
    /// Every reason against it, one sentence each; empty when it fits and takes work.
    pub reasons: Vec<String>,
    /// What pulls and what delays; absent when it does not fit.
    pub terms: Option<Terms>,
    /// What each wish of the job adds to its pull; absent without wishes, and when it does not fit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "ts", ts(optional, as = "Option<Vec<WhyWish>>"))]
    pub wishes: Vec<WhyWish>,
    /// Its pull, per second; 0 when it does not fit.
    pub gravity: f64,
    /// How likely it is to be chosen, 0 … 1.
    pub chance: f64,
}

/// What one wish of a job adds to the pull of one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct WhyWish {
    /// The wish, such as `gpu * 3` or `watts * -0.01`.
    pub words: String,
    /// What it adds, −5 … 5; 0 if the machine is not as wished.
    pub pull: f64,
    /// How much the machine has of what the wish counts by the unit; absent for other wishes, and if nobody said.
    pub counted: Option<f64>,
    /// True if the wish counts nothing because nobody said how much the machine has.
    pub unsaid: bool,
}

/// The terms of gravity.
///
/// `gravity = exp(prefer + strategy) / (wait_secs + fetch_secs + run_secs + path_secs)`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Terms {
    /// Until a slot is free.
    pub wait_secs: f64,
    /// Until the missing input files are there.
    pub fetch_secs: f64,
    /// Running it.
    pub run_secs: f64,
    /// What the way costs.
    pub path_secs: f64,
    /// Sum of the preferences that match.
    pub prefer: f64,
    /// What the strategy adds.
    pub strategy: f64,
}

impl Terms {
    /// All seconds together.
    #[must_use]
    pub fn cost_secs(&self) -> f64 {
        self.wait_secs + self.fetch_secs + self.run_secs + self.path_secs
    }
}
