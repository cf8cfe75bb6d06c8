use clap::{Args, Subcommand};

/// `gridwell limit`
#[derive(Debug, Args)]
pub struct LimitArgs {
    /// What to do
    #[command(subcommand)]
    pub command: LimitCommand,
}

/// Every command of `gridwell limit`.
#[derive(Debug, Subcommand)]
pub enum LimitCommand {
    /// Show the limits of the grid, and who has licences
    #[command(after_help = "Example:\n  gridwell limit list")]
    List,
    /// Let this machine keep a limit: so many licences in use at once, in the whole grid
    #[command(after_help = "Example:\n  gridwell limit set nuke 3\n\nJobs take one with --limit nuke.")]
    Set(LimitSetArgs),
    /// Keep a limit no longer
    #[command(after_help = "Example:\n  gridwell limit remove nuke")]
    Remove(LimitRemoveArgs),
}

/// `gridwell limit set`
#[derive(Debug, Args)]
pub struct LimitSetArgs {
    /// Its name: small letters, digits, '_' and '-'
    pub name: String,
    /// Most licences in use at once
    #[arg(value_name = "LICENCES")]
    pub cap: u32,
}

/// `gridwell limit remove`
#[derive(Debug, Args)]
pub struct LimitRemoveArgs {
    /// Its name
    pub name: String,
}
