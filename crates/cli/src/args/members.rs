use std::time::Duration;

use clap::{Args, Subcommand};
use gridwell_model::Role;

/// `gridwell role`
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// Its name, or the first letters of its id
    pub machine: String,
    /// Roles that it gets: run, files, links, admin
    #[arg(long, value_name = "ROLE", num_args = 1.., required_unless_present = "take")]
    pub give: Vec<Role>,
    /// Roles that it loses
    #[arg(long, value_name = "ROLE", num_args = 1..)]
    pub take: Vec<Role>,
}

/// `gridwell revoke`
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// Its name, or the first letters of its id; this machine's own leaves the grid
    pub machine: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// `gridwell guest`
#[derive(Debug, Args)]
pub struct GuestArgs {
    /// How long the guest may stay once it is let in, such as 8h
    #[arg(long = "for", value_name = "TIME", default_value = "8h", value_parser = stay)]
    pub stay: Duration,
    /// What it may do on other machines; run when none is named
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<Role>,
}

/// `gridwell recover`
#[derive(Debug, Args)]
pub struct RecoverArgs {
    /// What to do
    #[command(subcommand)]
    pub command: RecoverCommand,
}

/// Every command of `gridwell recover`.
#[derive(Debug, Subcommand)]
pub enum RecoverCommand {
    /// Say whether the grid has recovery words
    #[command(
        after_help = "Example:\n  gridwell recover show\n\nThe words themselves are shown once, when they are made, and kept nowhere."
    )]
    Show,
    /// Make 24 words that recover the grid, and show them this once
    #[command(after_help = "\
Example:
  gridwell recover set

Write them on paper. Words made before are not good any more. Where there are several admins, another one has to confirm:
gridwell recover confirm")]
    Set,
    /// Confirm the words that another admin made
    #[command(after_help = "Example:\n  gridwell recover confirm")]
    Confirm,
    /// Make this machine an admin by the words, and revoke machines with them
    #[command(after_help = "\
Examples:
  gridwell recover use
  gridwell recover use --revoke laptop < words.txt

The words are typed, or read from standard input: never an argument, which other programs could see.")]
    Use(RecoverUseArgs),
}

/// `gridwell recover use`
#[derive(Debug, Args)]
pub struct RecoverUseArgs {
    /// Machines to revoke, admins too
    #[arg(long, value_name = "MACHINE")]
    pub revoke: Vec<String>,
}

/// Reads how long a guest stays.
fn stay(text: &str) -> Result<Duration, String> {
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    if time < Duration::from_secs(1) { Err("a guest stays for at least 1 s".to_owned()) } else { Ok(time) }
}
