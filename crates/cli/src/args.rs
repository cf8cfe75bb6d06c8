//! The command line: every command, its options and examples.

use std::{ffi::OsString, net::SocketAddr, path::PathBuf, time::Duration};

use clap::{
    Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use clap_complete::Shell;
use gridwell_model::{LinkPolicy, Sharpness, Strategy, TaskState, Weight};

use crate::text::task_word;

mod pair;

pub use pair::{PairArgs, PairCodeArgs, PairCommand, PairEnterArgs, PairNearbyArgs, PairShowArgs, PairTargetArgs};

/// Pools the machines you own: drop a job, idle machines do the work, results come back.
#[derive(Debug, Parser)]
#[command(
    name = "gridwell",
    version,
    disable_help_subcommand = true,
    after_help = "\
Start here:
  gridwell node &                     a machine of the grid, in the background
  gridwell run kitchen.blend          render it and wait for the frames
  gridwell pair show                  a code that lets another machine in

Exit codes: 0 done, 1 job failed, 2 bad input or usage, 3 no node reachable, 130 interrupted.
The node is found by --data, else GRIDWELL_DATA, else the platform's data folder."
)]
pub struct Cli {
    /// Data folder of the node to use [env: GRIDWELL_DATA]
    #[arg(long, global = true, value_name = "DIR", help_heading = "Everywhere")]
    pub data: Option<PathBuf>,
    /// Print JSON on standard output; its schema is in 'gridwell openapi'
    #[arg(long, global = true, help_heading = "Everywhere")]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run this machine's node in the foreground
    Node(NodeArgs),
    /// Let another machine in, or ask to be let in
    #[command(after_help = "\
Examples:
  gridwell pair show                        on a machine of the grid
  gridwell pair code K7QM-3XTD              on the new one, if it is on the same network
  gridwell pair approve                     if both show the same four words")]
    Pair(PairArgs),
    /// Make a link that lets one other machine ask to be let in, for a day
    #[command(after_help = "\
Examples:
  gridwell invite
  gridwell invite --for 1h --approve-now

Whoever comes with the link waits until somebody here approves it: gridwell pair approve.
With --approve-now you approve whatever machine comes with it, unseen: for scripts.")]
    Invite(InviteArgs),
    /// Join the grid of an invite link: the same as 'gridwell pair enter'
    #[command(after_help = "Example:\n  gridwell join 'gridwell:…'")]
    Join(JoinArgs),
    /// Show the machines of the grid: what they have, what they do
    #[command(after_help = "Examples:\n  gridwell machines\n  gridwell machines --json | jq '.[].name'")]
    Machines,
    /// Show this machine's links to others
    #[command(after_help = "Examples:\n  gridwell links\n  gridwell links --all")]
    Links(LinksArgs),
    /// Pin, forbid or free this machine's link to another one
    #[command(after_help = "\
Examples:
  gridwell link pin quarry
  gridwell link forbid quarry --anyway
  gridwell link auto quarry

A link is forbidden if either machine's owner forbids it.")]
    Link(LinkArgs),
    /// Start a job and print its id
    #[command(after_help = "\
Examples:
  gridwell submit kitchen.blend
  gridwell submit kitchen.blend --frames 1-24 --output ~/frames --needs 'ram > 8 GB'
  gridwell submit film.mp4 --param codec=av1 --prefers 'gpu * 3' --on mill")]
    Submit(SubmitArgs),
    /// Start a job, follow it, and say where its results are
    #[command(after_help = "\
Examples:
  gridwell run kitchen.blend --frames 1-24
  gridwell run template.yaml --param Start=1")]
    Run(SubmitArgs),
    /// Make a job from a command and follow it
    #[command(after_help = "\
Examples:
  gridwell exec -- blender --version
  gridwell exec --array 100 -- ./simulate --seed {}
  gridwell exec --over '*.wav' --outputs '*.flac' -- flac {}
  gridwell exec --over table.csv -- ./fit {name} {rate}
  gridwell exec --detach -- ./long-one

In the command, {} is the item, {.} without extension, {/} its last part, {//} its folder,
{/.} both, {#} its position from 1, and {COLUMN} a column of a table.")]
    Exec(ExecArgs),
    /// List jobs, newest first
    #[command(after_help = "Examples:\n  gridwell jobs\n  gridwell jobs --active")]
    Jobs(JobsArgs),
    /// Show one job in full
    #[command(after_help = "Example:\n  gridwell job k3f7")]
    Job(JobArgs),
    /// List the tasks of a job
    #[command(after_help = "Examples:\n  gridwell tasks k3f7\n  gridwell tasks k3f7 --state failed")]
    Tasks(TasksArgs),
    /// Show what the programs of a job or task wrote
    #[command(after_help = "Examples:\n  gridwell logs last -f\n  gridwell logs k3f7.12")]
    Logs(LogsArgs),
    /// Print where the files lie that a job or task brought home
    #[command(after_help = "\
Examples:
  gridwell results k3f7
  gridwell results last.12 --json
  gridwell results last | grep png | xargs -d '\\n' feh")]
    Results(ResultsArgs),
    /// Wait until jobs have ended
    #[command(after_help = "Examples:\n  gridwell wait k3f7\n  gridwell wait k3f7 9qwe && echo both done")]
    Wait(WaitArgs),
    /// Stop jobs or tasks for good
    #[command(after_help = "Examples:\n  gridwell cancel k3f7\n  gridwell cancel k3f7.12")]
    Cancel(TargetArgs),
    /// Put failed, skipped and cancelled tasks back in the queue
    #[command(after_help = "Examples:\n  gridwell retry k3f7\n  gridwell retry k3f7.12")]
    Retry(TargetArgs),
    /// Start nothing new of jobs or tasks until released
    #[command(after_help = "Example:\n  gridwell hold k3f7")]
    Hold(TargetArgs),
    /// End a hold
    #[command(after_help = "Example:\n  gridwell release k3f7")]
    Release(TargetArgs),
    /// Change a job's priority
    #[command(after_help = "Examples:\n  gridwell priority k3f7 50\n  gridwell priority k3f7 -10")]
    Priority(PriorityArgs),
    /// Explain why a job or task runs where it runs, or does not run
    #[command(after_help = "Examples:\n  gridwell why k3f7\n  gridwell why k3f7.12")]
    Why(WhyArgs),
    /// Show what a file would become, before anything is sent
    #[command(after_help = "Example:\n  gridwell inspect kitchen.blend")]
    Inspect(SubmitArgs),
    /// Show what happened, newest first
    #[command(after_help = "Examples:\n  gridwell activity\n  gridwell activity --job k3f7 -n 5")]
    Activity(ActivityArgs),
    /// Check what works on this machine and say what to do
    #[command(after_help = "Example:\n  gridwell doctor")]
    Doctor,
    /// Show the node itself
    #[command(after_help = "Example:\n  gridwell status")]
    Status,
    /// Take nothing new on this machine and finish what runs
    #[command(after_help = "Example:\n  gridwell drain")]
    Drain,
    /// Lend nothing for a while, then lend again by itself
    #[command(
        after_help = "Examples:\n  gridwell pause\n  gridwell pause 30m\n\nWithout a time: for 1 hour. What runs is finished. Until you say so: gridwell drain."
    )]
    Pause(PauseArgs),
    /// Lend this machine again
    #[command(after_help = "Example:\n  gridwell resume")]
    Resume,
    /// Give this machine another name
    #[command(after_help = "Example:\n  gridwell rename attic")]
    Rename(RenameArgs),
    /// Tune gravity while the grid works, and when this machine is cut off
    #[command(after_help = "\
Examples:
  gridwell set strategy=vertical        fill busy machines first, for jobs that start here
  gridwell set strategy=horizontal      spread them (as usual); direct keeps them here
  gridwell set sharpness=best           always take the machine that pulls most; 4 is usual, 0 draws evenly
  gridwell set weight=2.5               use of this machine counts more: less work comes here
  gridwell set weight=-1                flip this machine alone: the more it is used, the more it pulls
  gridwell set isolated-after=10m       say so when no other machine was reachable for ten minutes; 2m is usual

Kept over restarts. What holds now: gridwell machines --json")]
    Set(SetArgs),
    /// Set or remove labels of this machine
    #[command(after_help = "Examples:\n  gridwell label tier=fast room=attic\n  gridwell label room=")]
    Label(LabelArgs),
    /// Print an address that opens the window in a browser of this machine, once
    #[command(after_help = "\
Example:
  gridwell ui

The node has to be started with --ui. The address opens a session for one browser within ten minutes.")]
    Ui,
    /// Print the OpenAPI description of the local door
    #[command(after_help = "Example:\n  gridwell openapi > gridwell.json")]
    Openapi,
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  gridwell completions bash > ~/.local/share/bash-completion/completions/gridwell"
    )]
    Completions(CompletionsArgs),
    /// Started by a node: runs the programs of one session
    #[command(hide = true)]
    Runner,
    /// Started by a job: the built-in sample renderer
    #[command(hide = true, disable_help_flag = true)]
    Sample(SampleArgs),
}

/// `gridwell node`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gridwell node
  gridwell node --name mill --listen 0.0.0.0:7766
  gridwell node --data ~/second --listen 127.0.0.1:0 --join 'gridwell:…'
  gridwell node --ui 127.0.0.1:0

Stops cleanly on SIGTERM and Ctrl-C; running jobs continue when it starts again.")]
pub struct NodeArgs {
    /// What people call this machine
    #[arg(long, value_name = "NAME", value_parser = machine_name)]
    pub name: Option<String>,
    /// Address for other machines; port 0 picks a free one; may be repeated
    #[arg(long, value_name = "HOST:PORT")]
    pub listen: Vec<String>,
    /// Join the grid of this invite link first
    #[arg(long, value_name = "LINK")]
    pub join: Option<String>,
    /// Whether to find machines nearby, and to be found by them while a code is shown; on unless it was switched off before
    #[arg(long, value_enum, value_name = "ON|OFF")]
    pub nearby: Option<Switch>,
    /// Label of this machine; may be repeated
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_value)]
    pub label: Vec<(String, String)>,
    /// Cores to lend; all when absent
    #[arg(long, value_name = "CORES", allow_negative_numbers = true, value_parser = cores)]
    pub lend_cores: Option<f32>,
    /// Also open the local door on 127.0.0.1:PORT, for whoever shows the token in the data folder
    #[arg(long, value_name = "PORT")]
    pub http: Option<u16>,
    /// Also show the window in browsers of this machine, at this loopback address; port 0 picks a free one
    #[arg(long, value_name = "HOST:PORT", value_parser = loopback)]
    pub ui: Option<SocketAddr>,
    /// What to log: a level, or filters such as 'info,gridwell_net=debug' [env: GRIDWELL_LOG]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// How to log
    #[arg(long, value_enum, default_value_t)]
    pub log_format: LogStyle,
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes
    On,
    /// No
    Off,
}

/// How the node logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogStyle {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// `gridwell invite`
#[derive(Debug, Args)]
pub struct InviteArgs {
    /// How long the link stays good, such as 30m or 2h
    #[arg(long = "for", value_name = "TIME", allow_negative_numbers = true, value_parser = invite_time)]
    pub ttl: Option<Duration>,
    /// Approve the machine that comes with it now, unseen, so that nobody is asked later
    #[arg(long)]
    pub approve_now: bool,
}

/// `gridwell join`
#[derive(Debug, Args)]
pub struct JoinArgs {
    /// The link that 'gridwell invite' printed on the other machine
    pub link: String,
}

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
    /// What is wanted of the link
    #[arg(value_enum)]
    pub wish: LinkWord,
    /// The other machine: its name, or the first letters of its id
    pub machine: String,
    /// Also when it cuts machines off from this one
    #[arg(long)]
    pub anyway: bool,
}

/// What people may want of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LinkWord {
    /// Keep it always, and try without end while it is down
    Pin,
    /// End it at once and never make it again
    Forbid,
    /// Let the grid decide
    Auto,
}

impl From<LinkWord> for LinkPolicy {
    fn from(word: LinkWord) -> Self {
        match word {
            LinkWord::Pin => Self::Pinned,
            LinkWord::Forbid => Self::Forbidden,
            LinkWord::Auto => Self::Automatic,
        }
    }
}

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
    /// A wish: a requirement, then '* STRENGTH' from -5 to 5; may be repeated
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub prefers: Vec<String>,
    /// Only on this machine; may be repeated
    #[arg(long, value_name = "MACHINE")]
    pub on: Vec<String>,
    /// Attempts that may fail by the program's doing before a task has failed; 1 for a single command, else 3
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub attempts: Option<u32>,
    /// Start held
    #[arg(long)]
    pub hold: bool,
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

/// `gridwell jobs`
#[derive(Debug, Args)]
pub struct JobsArgs {
    /// Leave out jobs that have ended
    #[arg(long, short)]
    pub active: bool,
    /// Most jobs to list; 0 for all
    #[arg(long, short = 'n', value_name = "N", default_value_t = 50)]
    pub limit: u32,
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

/// `gridwell label`
#[derive(Debug, Args)]
pub struct LabelArgs {
    /// Labels to set; an empty value removes one
    #[arg(required = true, value_name = "KEY=VALUE", value_parser = key_value)]
    pub labels: Vec<(String, String)>,
}

/// `gridwell set`
#[derive(Debug, Args)]
pub struct SetArgs {
    /// strategy=horizontal|vertical|direct, sharpness=0…32|best, weight=-100…100, isolated-after=TIME
    #[arg(required = true, value_name = "NAME=VALUE", value_parser = setting)]
    pub settings: Vec<Setting>,
}

/// One part of how gravity is tuned.
#[derive(Debug, Clone, Copy)]
pub enum Setting {
    /// How machines are chosen for jobs that start here.
    Strategy(Strategy),
    /// How sharply the one that pulls most is favoured.
    Sharpness(Sharpness),
    /// How use of this machine counts.
    Weight(Weight),
    /// For how long no other machine may be reachable before people hear of it.
    IsolatedAfter(Duration),
}

fn setting(text: &str) -> Result<Setting, String> {
    let (name, value) = text.split_once('=').ok_or("write it as NAME=VALUE, like strategy=vertical")?;
    match name {
        "strategy" => value.parse().map(Setting::Strategy).map_err(|error| error.to_string()),
        "sharpness" => value.parse().map(Setting::Sharpness).map_err(|error| error.to_string()),
        "weight" => value.parse().map(Setting::Weight).map_err(|error| error.to_string()),
        "isolated-after" => {
            gridwell_model::parse_duration(value).map(Setting::IsolatedAfter).map_err(|error| error.to_string())
        }
        _ => Err(format!("nothing is called '{name}' here: strategy, sharpness, weight and isolated-after are")),
    }
}

/// `gridwell completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// `gridwell sample`
#[derive(Debug, Args)]
pub struct SampleArgs {
    /// Passed on as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub words: Vec<String>,
}

/// Reads a task's state by its word, which is also the one in JSON.
fn task_state() -> impl TypedValueParser<Value = TaskState> {
    PossibleValuesParser::new(TaskState::ALL.map(task_word))
        .try_map(|word| TaskState::ALL.into_iter().find(|state| task_word(*state) == word).ok_or("no such state"))
}

/// Longest life of an invite, as the node has it: a week.
const MAX_INVITE: Duration = Duration::from_hours(168);

/// Reads how long an invite stays good.
fn invite_time(text: &str) -> Result<Duration, String> {
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    match time {
        time if time < Duration::from_secs(1) => Err("an invite stays good for at least 1 s".to_owned()),
        time if time > MAX_INVITE => Err("an invite stays good for at most 168 h, a week".to_owned()),
        time => Ok(time),
    }
}

/// Longest pause, as the node has it.
const MAX_PAUSE: Duration = Duration::from_hours(31 * 24);

/// Reads how long a pause lasts.
fn pause_time(text: &str) -> Result<Duration, String> {
    let time = gridwell_model::parse_duration(text).map_err(|error| error.to_string())?;
    match time {
        time if time < Duration::from_secs(1) => {
            Err("a pause lasts at least 1 s; end one with: gridwell resume".to_owned())
        }
        time if time > MAX_PAUSE => Err("a pause lasts at most 31 days; until you say so: gridwell drain".to_owned()),
        time => Ok(time),
    }
}

/// Longest name of a machine, in characters.
const NAME_CHARS: usize = 64;

/// Reads a name that fits into a line.
fn machine_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    if name.is_empty() || name.chars().count() > NAME_CHARS || name.chars().any(char::is_control) {
        return Err(format!("a name has 1 to {NAME_CHARS} characters, none of them control characters"));
    }
    Ok(name.to_owned())
}

/// Reads a number of cores, whole or not.
fn cores(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(cores) if cores.is_finite() && cores > 0.0 => Ok(cores),
        _ => Err("write a number above 0, such as 4 or 1.5".to_owned()),
    }
}

/// Reads an address that only programs of this machine reach.
fn loopback(text: &str) -> Result<SocketAddr, String> {
    match text.parse::<SocketAddr>() {
        Ok(address) if address.ip().is_loopback() => Ok(address),
        Ok(_) => Err("other machines would reach it; write 127.0.0.1:PORT and use 'ssh -L' from elsewhere".to_owned()),
        Err(_) => Err("write 127.0.0.1:PORT, or port 0 for any free one".to_owned()),
    }
}

/// Reads `KEY=VALUE`; the value may be empty or hold further `=`.
fn key_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("write KEY=VALUE".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn parse(line: &str) -> Result<Command, clap::Error> {
        Cli::try_parse_from(line.split(' ')).map(|cli| cli.command)
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_visible_command_shows_an_example() {
        for command in Cli::command().get_subcommands().filter(|command| !command.is_hide_set()) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains("Example") && help.contains("gridwell"), "{}", command.get_name());
        }
    }

    #[test]
    fn a_command_after_the_dashes_is_kept_as_it_is() {
        let Ok(Command::Exec(exec)) = parse("gridwell exec --array 3 -- tool --json -x {}") else {
            panic!("exec was not understood");
        };
        assert_eq!(exec.argv, ["tool", "--json", "-x", "{}"]);
        assert_eq!(exec.array, Some(3));
    }

    #[test]
    fn negative_numbers_and_equals_signs_are_values() {
        let Ok(Command::Submit(submit)) = parse("gridwell submit a --priority -5 --param k=a=b --prefers gpu*-3")
        else {
            panic!("submit was not understood");
        };
        assert_eq!(submit.options.priority, -5);
        assert_eq!(submit.parameters, [("k".to_owned(), "a=b".to_owned())]);
        assert!(matches!(parse("gridwell priority k3f7 -10"), Ok(Command::Priority(it)) if it.priority == -10));
    }

    #[test]
    fn bad_usage_exits_with_2() {
        for line in [
            "gridwell",
            "gridwell fly",
            "gridwell submit",
            "gridwell submit a --param novalue",
            "gridwell submit a --priority 101",
            "gridwell exec ls",
            "gridwell exec --array 3 --over 1-3 -- ls",
            "gridwell invite --for soon",
            "gridwell invite --for 0s",
            "gridwell invite --for 169h",
            "gridwell pair",
            "gridwell pair code",
            "gridwell pair show --for 11m",
            "gridwell pause soon",
            "gridwell pause 0s",
            "gridwell pause 32d",
            "gridwell rename",
            "gridwell rename \n",
            "gridwell activity -n 0",
            "gridwell node --name \n",
            "gridwell node --lend-cores -1",
            "gridwell priority k3f7",
            "gridwell tasks k3f7 --state asleep",
            "gridwell link pin",
            "gridwell link cut quarry",
        ] {
            assert_eq!(parse(line).unwrap_err().exit_code(), 2, "{line}");
        }
    }
}
