use std::time::Duration;

use clap::{Args, Subcommand};
use gridwell_api::PairShowRequest;

/// `gridwell pair`
#[derive(Debug, Args)]
pub struct PairArgs {
    /// What to do
    #[command(subcommand)]
    pub command: PairCommand,
}

/// Every command of `gridwell pair`.
#[derive(Debug, Subcommand)]
pub enum PairCommand {
    /// Show a code, a link and a QR code that let one machine in, and wait for it
    #[command(after_help = "\
Examples:
  gridwell pair show
  gridwell pair show --for 2m
  gridwell pair show --json

On a terminal it waits for the machine and asks whether to let it in; Ctrl-C takes the code back.
Elsewhere it prints and returns: see who came with 'gridwell pair list', and approve it.")]
    Show(PairShowArgs),
    /// Take back the code and the link that are shown
    #[command(after_help = "Example:\n  gridwell pair hide")]
    Hide,
    /// Ask to be let in with the code that another machine shows
    #[command(after_help = "\
Examples:
  gridwell pair code K7QM-3XTD
  gridwell pair code K7QM-3XTD --at 192.168.1.20:7766

A code allows one guess: after a wrong one it is not good any more. A slip of the finger is noticed before that.")]
    Code(PairCodeArgs),
    /// Ask to be let in with a link
    #[command(after_help = "\
Examples:
  gridwell pair enter 'gridwell://pair/…'
  gridwell pair enter 'gridwell://pair/…' --at studio.example.org:7766")]
    Enter(PairEnterArgs),
    /// Show machines on the same network that show a code
    #[command(after_help = "\
Examples:
  gridwell pair nearby
  gridwell pair nearby --off

While it shows a code, a machine tells its network that somebody at its address does, under a random name. It tells neither
its own name nor its grid. With --off it tells nothing and looks for nobody.")]
    Nearby(PairNearbyArgs),
    /// Let a machine in that shows the same four words
    #[command(after_help = "Examples:\n  gridwell pair approve\n  gridwell pair approve attic")]
    Approve(PairTargetArgs),
    /// Do not let a machine in; where this one asks to be let in, give up
    #[command(after_help = "Examples:\n  gridwell pair reject\n  gridwell pair reject attic")]
    Reject(PairTargetArgs),
    /// Show who waits to be let in, with the four words, and how the last ones ended
    #[command(after_help = "Examples:\n  gridwell pair list\n  gridwell pair list --json")]
    List,
}

/// `gridwell pair show`
#[derive(Debug, Args)]
pub struct PairShowArgs {
    /// How long the code stays good, such as 2m; at most 10m, which is usual
    #[arg(long = "for", value_name = "TIME", allow_negative_numbers = true, value_parser = code_time)]
    pub ttl: Option<Duration>,
}

/// `gridwell pair code`
#[derive(Debug, Args)]
pub struct PairCodeArgs {
    /// Eight letters and digits; case, blanks and dashes do not matter
    pub code: String,
    /// Address of the machine that shows it, as it prints it; the one nearby that shows a code when absent
    #[arg(long, value_name = "HOST:PORT")]
    pub at: Option<String>,
}

/// `gridwell pair enter`
#[derive(Debug, Args)]
pub struct PairEnterArgs {
    /// The link that 'gridwell pair show' or 'gridwell invite' printed on the other machine
    pub link: String,
    /// Another address of that machine, tried before those in the link
    #[arg(long, value_name = "HOST:PORT")]
    pub at: Option<String>,
}

/// `gridwell pair nearby`
#[derive(Debug, Args)]
pub struct PairNearbyArgs {
    /// Look for others, and be found by them
    #[arg(long, conflicts_with = "off")]
    pub on: bool,
    /// Neither look for others nor be found by them
    #[arg(long)]
    pub off: bool,
}

/// `gridwell pair approve` and `gridwell pair reject`
#[derive(Debug, Args)]
pub struct PairTargetArgs {
    /// Its name, the first letters of its id, or its number in the list; may be left out when one machine waits
    #[arg(value_name = "MACHINE", default_value = "", hide_default_value = true)]
    pub machine: String,
}

/// Reads how long a code stays good.
fn code_time(text: &str) -> Result<Duration, String> {
    let most = Duration::from_secs(PairShowRequest::MAX_SECS);
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    match time {
        time if time < Duration::from_secs(1) => Err("a code stays good for at least 1 s".to_owned()),
        time if time > most => Err(format!("a code stays good for at most {} min", most.as_secs() / 60)),
        time => Ok(time),
    }
}
