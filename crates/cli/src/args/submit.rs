use std::{ffi::OsString, path::PathBuf};

use clap::Args;

use super::values::{key_value, same_or_any, seconds_or_off};

/// What all commands that start jobs share.
#[derive(Debug, Default, Args)]
pub struct JobOptions {
    /// What the job is called
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Folder for results
    #[arg(long, short, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// -100 to 100; higher goes first
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true,
          value_parser = clap::value_parser!(i32).range(-100..=100))]
    pub priority: i32,
    /// A requirement: 'ram > 8 GB', 'gpu', 'tool:blender >= 4.2', 'tier = fast'; may be repeated
    #[arg(long, value_name = "EXPR")]
    pub needs: Vec<String>,
    /// A counted licence that each running task takes; NAME=2 takes two; may be repeated
    #[arg(long = "limit", value_name = "NAME")]
    pub limits: Vec<String>,
    /// A wish: a requirement, then '* STRENGTH' from -5 to 5; may be repeated
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub prefers: Vec<String>,
    /// Only on this machine; may be repeated
    #[arg(long, value_name = "MACHINE")]
    pub on: Vec<String>,
    /// Attempts that may fail by the program's doing before a task has failed; 1 for a single command, else 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub attempts: Option<u32>,
    /// Time without output, work or files read and written after which a program has failed, or off; 10min for renderers
    #[arg(long, value_name = "TIME", value_parser = seconds_or_off)]
    pub stuck_after: Option<u32>,
    /// Run only where the tool is the same version and build, or on any; same for Blender and POV-Ray, else any
    #[arg(long, value_name = "same|any", value_parser = same_or_any)]
    pub look: Option<bool>,
    /// Start held
    #[arg(long)]
    pub hold: bool,
    /// Make everything anew, also what an earlier job made with the same command from the same files
    #[arg(long)]
    pub fresh: bool,
    /// Let results replace whatever has their names; else what is not the grid's own makes them wait
    #[arg(long)]
    pub overwrite: bool,
}

/// `gridwell submit`, `run` and `inspect`
#[derive(Debug, Args)]
pub struct SubmitArgs {
    /// Files or folders
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Frames, such as 1-24, 1-240:2 or 1,5,9-12
    #[arg(long, value_name = "RANGE", allow_hyphen_values = true)]
    pub frames: Option<String>,
    /// A parameter of the job; may be repeated
    #[arg(long = "param", short, value_name = "KEY=VALUE", value_parser = key_value)]
    pub parameters: Vec<(String, String)>,
    /// Everything else
    #[command(flatten)]
    pub options: JobOptions,
}

/// `gridwell exec`
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Run it N times; {} is the index, from 0
    #[arg(long, value_name = "N", conflicts_with = "over")]
    pub array: Option<u64>,
    /// Run it for each item of a range (1-100), a pattern ('*.wav') or a table (list.csv)
    #[arg(long, value_name = "RANGE|GLOB|FILE.csv", allow_hyphen_values = true)]
    pub over: Option<String>,
    /// Files that come home as results; may be repeated
    #[arg(long, value_name = "GLOB")]
    pub outputs: Vec<String>,
    /// Its program leaves checkpoints in the folder $GRIDWELL_CHECKPOINT, and goes on from them on any machine
    #[arg(long)]
    pub checkpoint: bool,
    /// Print the job id and return
    #[arg(long, short)]
    pub detach: bool,
    /// Everything else
    #[command(flatten)]
    pub options: JobOptions,
    /// The command; {} in it stands for the item
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub argv: Vec<OsString>,
}
