use clap::{Args, Subcommand};

use super::values::{BytesOrOff, bytes_or_off};

/// `gridwell links`
#[derive(Debug, Args)]
pub struct LinksArgs {
    /// Also links between other machines, as those tell of them
    #[arg(long, short)]
    pub all: bool,
}

/// `gridwell link`
#[derive(Debug, Args)]
pub struct LinkArgs {
    /// What to do
    #[command(subcommand)]
    pub command: LinkCommand,
}

/// Every command of `gridwell link`.
#[derive(Debug, Subcommand)]
pub enum LinkCommand {
    /// Keep the link always, and try without end while it is down
    #[command(after_help = "\
Example:
  gridwell link pin quarry

A machine without the role 'links' asks the owner of the other one first: gridwell link requests")]
    Pin(LinkEnd),
    /// End the link at once and never make it again
    #[command(after_help = "Examples:\n  gridwell link forbid quarry\n  gridwell link forbid quarry --yes")]
    Forbid(LinkForbid),
    /// Let the grid decide; takes back what was asked
    #[command(after_help = "Example:\n  gridwell link auto quarry")]
    Auto(LinkEnd),
    /// Limit the files that go over the link, each way
    #[command(after_help = "\
Examples:
  gridwell link limit quarry 5MB
  gridwell link limit quarry off

The other end may limit them, too; the lower limit holds. Jobs, logs and messages are not limited. For all links together:
gridwell lending set --network 20MB")]
    Limit(LinkLimit),
    /// Show what became of links of this machine, and who changed them
    #[command(after_help = "Example:\n  gridwell link history")]
    History,
    /// Go back behind a change of this machine: the newest, or the one of that number
    #[command(after_help = "Examples:\n  gridwell link undo\n  gridwell link undo 12\n  gridwell link undo 12 --yes")]
    Undo(LinkUndo),
    /// Show what owners of machines ask each other
    #[command(after_help = "Example:\n  gridwell link requests")]
    Requests,
    /// Let another machine pin its link to this one
    #[command(after_help = "Examples:\n  gridwell link allow attic\n  gridwell link allow attic --always")]
    Allow(LinkAnswer),
    /// Do not let another machine pin its link to this one
    #[command(after_help = "Examples:\n  gridwell link decline attic\n  gridwell link decline attic --always")]
    Decline(LinkAnswer),
}

/// The other end of a link.
#[derive(Debug, Args)]
pub struct LinkEnd {
    /// The other machine: its name, or the first letters of its id
    pub machine: String,
}

/// `gridwell link limit`
#[derive(Debug, Args)]
pub struct LinkLimit {
    /// The other machine: its name, or the first letters of its id
    pub machine: String,
    /// Most bytes a second, or 'off'
    #[arg(value_name = "SIZE", value_parser = bytes_or_off)]
    pub limit: BytesOrOff,
}

/// `gridwell link forbid`
#[derive(Debug, Args)]
pub struct LinkForbid {
    /// The other machine: its name, or the first letters of its id
    pub machine: String,
    /// Also when it cuts machines off from this one
    #[arg(long, visible_alias = "yes")]
    pub anyway: bool,
}

/// `gridwell link undo`
#[derive(Debug, Args)]
pub struct LinkUndo {
    /// Its number, as 'gridwell link history' shows it
    #[arg(value_name = "NUMBER")]
    pub id: Option<u64>,
    /// Also over what somebody else changed since, and when it cuts machines off
    #[arg(long, visible_alias = "yes")]
    pub anyway: bool,
}

/// `gridwell link allow` and `gridwell link decline`
#[derive(Debug, Args)]
pub struct LinkAnswer {
    /// The machine that asks: its name, or the first letters of its id
    pub machine: String,
    /// Answer what it asks later so, too, unseen
    #[arg(long)]
    pub always: bool,
}
