use std::time::Duration;

use clap::Args;

use super::values::{key_value, machine_name};

/// `gridwell pause`
#[derive(Debug, Args)]
pub struct PauseArgs {
    /// For how long, such as 30m or 2h; at most 31 days
    #[arg(value_name = "TIME", default_value = "1h", allow_negative_numbers = true, value_parser = pause_time)]
    pub time: Duration,
}

/// `gridwell rename`
#[derive(Debug, Args)]
pub struct RenameArgs {
    /// The new name
    #[arg(value_name = "NAME", value_parser = machine_name)]
    pub name: String,
}

/// `gridwell prefer` and `gridwell keep-off`
#[derive(Debug, Args)]
pub struct LeanArgs {
    /// Names of machines, or the beginnings of their ids
    #[arg(required = true, value_name = "MACHINE")]
    pub machines: Vec<String>,
    /// Treat them as all others again
    #[arg(long)]
    pub clear: bool,
}

/// `gridwell forgive`
#[derive(Debug, Args)]
pub struct ForgiveArgs {
    /// Name of the machine, or the beginning of its id
    #[arg(value_name = "MACHINE")]
    pub machine: String,
    /// Only this program; all when absent
    #[arg(value_name = "PROGRAM")]
    pub program: Option<String>,
}

/// `gridwell label`
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// Labels to set; an empty value removes one
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub labels: Vec<(String, String)>,
}

/// Longest pause, as the node has it.
const MAX_PAUSE: Duration = Duration::from_hours(31 * 24);

/// Reads how long a pause lasts.
pub(super) fn pause_time(text: &str) -> Result<Duration, String> {
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    match time {
        time if time < Duration::from_secs(1) => {
            Err("a pause lasts at least 1 s; end one with: gridwell resume".to_owned())
        }
        time if time > MAX_PAUSE => Err("a pause lasts at most 31 days; until you say so: gridwell drain".to_owned()),
        time => Ok(time),
    }
}
