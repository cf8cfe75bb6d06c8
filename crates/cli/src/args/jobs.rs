use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use gridwell_model::TaskState;

use crate::text::task_word;

/// `gridwell jobs`
#[derive(Debug, Args)]
pub struct JobsArgs {
    /// Leave out jobs that have ended
    #[arg(long, short)]
    pub active: bool,
    /// Most jobs to list; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub limit: u32,
    /// Only jobs of other machines that this one keeps copies of, ready to go on with them
    #[arg(long)]
    pub kept: bool,
}

/// `gridwell job`
#[derive(Debug, Args)]
pub struct JobArgs {
    /// Job id, its first letters, or 'last'
    #[arg(value_name = "ID")]
    pub job: String,
}

/// `gridwell tasks`
#[derive(Debug, Args)]
pub struct TasksArgs {
    /// Job id, its first letters, or 'last'
    #[arg(value_name = "ID")]
    pub target: String,
    /// Only tasks in this state; may be repeated
    #[arg(long, value_name = "STATE", value_parser = task_state())]
    pub state: Vec<TaskState>,
    /// Most tasks to list; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 100)]
    pub limit: u64,
    /// Tasks to skip
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub offset: u64,
}

/// `gridwell logs`
#[derive(Debug, Args)]
pub struct LogsArgs {
    /// ID, ID.TASK or ID.STEP.TASK; ID may be its first letters, or 'last'
    #[arg(value_name = "ID[.TASK]")]
    pub target: String,
    /// Stay and show what comes, until it has ended
    #[arg(long, short)]
    pub follow: bool,
    /// Only about the last so many bytes, such as 64kB
    #[arg(long, value_name = "SIZE", value_parser = gridwell_model::parse_bytes)]
    pub tail: Option<u64>,
}

/// `gridwell results`
#[derive(Debug, Args)]
pub struct ResultsArgs {
    /// ID, ID.TASK or ID.STEP.TASK; ID may be its first letters, or 'last'
    #[arg(value_name = "ID[.TASK]")]
    pub target: String,
}

/// `gridwell land`
#[derive(Debug, Args)]
pub struct LandArgs {
    /// Job id, its first letters, or 'last'
    #[arg(value_name = "ID")]
    pub job: String,
    /// Replace whatever is in the way
    #[arg(long)]
    pub overwrite: bool,
    /// Leave what is in the way, and land beside it as 'name (2).png'
    #[arg(long, conflicts_with = "overwrite")]
    pub beside: bool,
}

/// `gridwell wait`
#[derive(Debug, Args)]
pub struct WaitArgs {
    /// Job ids, their first letters, or 'last'
    #[arg(required = true, value_name = "ID")]
    pub jobs: Vec<String>,
}

/// Commands about jobs or tasks.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// ID, ID.TASK or ID.STEP.TASK; ID may be its first letters, or 'last'
    #[arg(required = true, value_name = "ID[.TASK]")]
    pub targets: Vec<String>,
}

/// `gridwell hold`
#[derive(Debug, Args)]
pub struct HoldArgs {
    /// Stop what runs, too; it goes on from its checkpoint, or begins anew, when it is released
    #[arg(long)]
    pub now: bool,
    /// Jobs and tasks
    #[command(flatten)]
    pub targets: TargetArgs,
}

/// `gridwell why`
#[derive(Debug, Args)]
pub struct WhyArgs {
    /// ID, ID.TASK or ID.STEP.TASK; ID may be its first letters, or 'last'
    #[arg(value_name = "ID[.TASK]")]
    pub target: String,
}

/// `gridwell priority`
#[derive(Debug, Args)]
pub struct PriorityArgs {
    /// Job id, its first letters, or 'last'
    #[arg(value_name = "ID")]
    pub job: String,
    /// -100 to 100; higher goes first
    #[arg(allow_negative_numbers = true, value_name = "N", value_parser = clap::value_parser!(i32).range(-100..=100))]
    pub priority: i32,
}

/// `gridwell activity`
#[derive(Debug, Args)]
pub struct ActivityArgs {
    /// Only about this job: its id, its first letters, or 'last'
    #[arg(long, value_name = "ID")]
    pub job: Option<String>,
    /// Most notices to show
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
}

/// Reads a task's state by its word, which is also the one in JSON.
fn task_state() -> impl TypedValueParser<Value = TaskState> {
    PossibleValuesParser::new(TaskState::ALL.map(task_word))
        .try_map(|word| TaskState::ALL.into_iter().find(|state| task_word(*state) == word).ok_or("no such state"))
}
