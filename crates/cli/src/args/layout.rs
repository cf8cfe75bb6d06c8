use std::time::Duration;

use clap::{Args, Subcommand, builder::TypedValueParser as _};
use gridwell_model::LayoutKind;

/// `gridwell layout`
#[derive(Debug, Args)]
pub struct LayoutArgs {
    /// The shape: mesh, chain, star or sites; without one, what holds is shown
    #[arg(value_name = "SHAPE", value_parser = clap::builder::PossibleValuesParser::new(["mesh", "chain", "star", "sites"])
        .map(|word| word.parse::<LayoutKind>().expect("one of the words")))]
    pub kind: Option<LayoutKind>,
    /// Machines of a chain in their order; the middle of a star
    #[arg(value_name = "MACHINE", requires = "kind")]
    pub machines: Vec<String>,
    /// Only show which links would come and go
    #[arg(long, requires = "kind")]
    pub preview: bool,
    /// Go back to the layout before
    #[arg(long, conflicts_with = "kind")]
    pub undo: bool,
}

/// `gridwell behaviour`
#[derive(Debug, Args)]
pub struct BehaviourArgs {
    /// What to do
    #[command(subcommand)]
    pub command: BehaviourCommand,
}

/// Every command of `gridwell behaviour`.
#[derive(Debug, Subcommand)]
pub enum BehaviourCommand {
    /// Show the behaviours, what they may do and what they suggest
    #[command(after_help = "Example:\n  gridwell behaviour list")]
    List,
    /// Let a behaviour change this machine's links by itself
    #[command(after_help = "Examples:\n  gridwell behaviour on nearest\n  gridwell behaviour on walk --every 1h")]
    On(PacedArgs),
    /// Let a behaviour only say what it would do
    #[command(after_help = "Example:\n  gridwell behaviour suggest nearest")]
    Suggest(PacedArgs),
    /// Stop a behaviour; links stay as they are
    #[command(after_help = "Example:\n  gridwell behaviour off nearest")]
    Off(NamedArgs),
    /// Let a behaviour look once, now, and do what it finds
    #[command(after_help = "Example:\n  gridwell behaviour once walk")]
    Once(NamedArgs),
    /// Do what a behaviour suggests
    #[command(after_help = "Example:\n  gridwell behaviour accept nearest")]
    Accept(NamedArgs),
    /// Do not do what a behaviour suggests
    #[command(after_help = "Example:\n  gridwell behaviour dismiss nearest")]
    Dismiss(NamedArgs),
}

/// A behaviour and its pace.
#[derive(Debug, Args)]
pub struct PacedArgs {
    /// nearest or walk
    #[arg(value_name = "NAME")]
    pub name: String,
    /// How often it looks at the map, such as 1m; all its patience is counted in that
    #[arg(long, value_name = "TIME", value_parser = gridwell_model::parse_duration)]
    pub every: Option<Duration>,
}

/// A behaviour.
#[derive(Debug, Args)]
pub struct NamedArgs {
    /// nearest or walk
    #[arg(value_name = "NAME")]
    pub name: String,
}
