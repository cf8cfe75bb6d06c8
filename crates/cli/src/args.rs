//! The command line: every command, its options and examples.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

mod doctor;
mod files;
mod handover;
mod invite;
mod jobs;
mod layout;
mod lending;
mod limit;
mod link;
mod machine;
mod members;
mod node;
mod pair;
mod set;
mod submit;
mod values;
mod wake;

pub use doctor::DoctorArgs;
pub use files::{
    FilesArgs, FilesCommand, GetArgs, ListArgs, MountArgs, PathArgs, ShareAddArgs, ShareArgs, ShareCommand,
    ShareRemoveArgs, ShareReplicateArgs,
};
pub use handover::HandOverArgs;
pub use invite::{InviteArgs, JoinArgs};
pub use jobs::{
    ActivityArgs, HoldArgs, JobArgs, JobsArgs, LandArgs, LogsArgs, PriorityArgs, ResultsArgs, TargetArgs, TasksArgs,
    WaitArgs, WhyArgs,
};
pub use layout::{BehaviourArgs, BehaviourCommand, LayoutArgs, NamedArgs, PacedArgs};
pub(crate) use lending::say_hours;
pub use lending::{
    Hours, How, IsolationKind, LendingArgs, LendingCommand, LendingPauseArgs, LendingResumeArgs, LendingSetArgs, Part,
    Rung, SleepAfter, WhenKind,
};
pub use limit::{LimitArgs, LimitCommand, LimitRemoveArgs, LimitSetArgs};
pub use link::{LinkAnswer, LinkArgs, LinkCommand, LinkEnd, LinkForbid, LinkLimit, LinkUndo, LinksArgs};
pub use machine::{ForgiveArgs, LabelArgs, LeanArgs, PauseArgs, RenameArgs};
pub use members::{GuestArgs, RecoverArgs, RecoverCommand, RecoverUseArgs, RevokeArgs, RoleArgs};
pub use node::{LogStyle, NodeArgs, Switch};
pub use pair::{PairArgs, PairCodeArgs, PairCommand, PairEnterArgs, PairNearbyArgs, PairShowArgs, PairTargetArgs};
pub use set::{SetArgs, Setting};
pub use submit::{ExecArgs, JobOptions, SubmitArgs};
pub use wake::WakeArgs;

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
    /// Let a machine in as a guest: it may little, and goes by itself
    #[command(after_help = "\
Examples:
  gridwell guest
  gridwell guest --for 2h --role run --role files

Makes a link for one machine. Whoever approves it is told what the guest may do, and for how long.")]
    Guest(GuestArgs),
    /// Show who belongs to the grid, what each may do, and who was revoked
    #[command(after_help = "Examples:\n  gridwell members\n  gridwell members --json")]
    Members,
    /// Give roles to a machine, or take them: run, files, links, admin
    #[command(after_help = "\
Examples:
  gridwell role attic --take links
  gridwell role attic --give admin

run: its jobs may run on other machines. files: it may see what they share. links: it may change their links.
admin: it may let machines in and revoke them. Beyond three admins, making or removing one takes a second admin.")]
    Role(RoleArgs),
    /// Take a machine out of the grid at once
    #[command(after_help = "\
Examples:
  gridwell revoke laptop
  gridwell revoke laptop --yes

Removing an admin takes two admins: say the same at another one's machine. Or use the recovery words: gridwell recover use")]
    Revoke(RevokeArgs),
    /// Make or use the words that recover a grid whose admins are gone
    #[command(after_help = "\
Examples:
  gridwell recover set                      once, and keep the paper
  gridwell recover use --revoke laptop      when nothing else is left")]
    Recover(RecoverArgs),
    /// Show the machines of the grid: what they have, what they do
    #[command(after_help = "Examples:\n  gridwell machines\n  gridwell machines --json | jq '.[].name'")]
    Machines,
    /// Show this machine's links to others
    #[command(after_help = "Examples:\n  gridwell links\n  gridwell links --all")]
    Links(LinksArgs),
    /// Pin, forbid or free this machine's link to another one, or answer who asks
    #[command(after_help = "\
Examples:
  gridwell link pin quarry
  gridwell link forbid quarry --yes
  gridwell link auto quarry
  gridwell link undo
  gridwell link requests
  gridwell link allow attic

A link is forbidden if either machine's owner forbids it.")]
    Link(LinkArgs),
    /// Show or change the shape of the grid's links: mesh, chain, star or sites
    #[command(after_help = "\
Examples:
  gridwell layout
  gridwell layout chain mill quarry attic --preview
  gridwell layout star mill
  gridwell layout sites
  gridwell layout --undo

New links are made before old ones go. Pinned links stay, forbidden ones are not made, and nobody is cut off.
Sites are machines that answer each other within 5 ms, or whose label 'site' is the same (gridwell label site=attic).")]
    Layout(LayoutArgs),
    /// Let programs look for better links of this machine, or only suggest them
    #[command(after_help = "\
Examples:
  gridwell behaviour list
  gridwell behaviour suggest nearest
  gridwell behaviour on nearest")]
    Behaviour(BehaviourArgs),
    /// Let another machine go on with jobs of this one
    #[command(
        name = "handover",
        after_help = "\
Examples:
  gridwell handover kitchen7q
  gridwell handover --all
  gridwell handover --all --to attic

The other machine counts and places from then on; 'gridwell job JOB' says whether it is safe to leave. Results it gets meanwhile
wait there and come here when this machine is back, which then has the job again."
    )]
    HandOver(HandOverArgs),
    /// Show or change counted licences: how many programs of a kind run at once
    #[command(after_help = "\
Examples:
  gridwell limit set nuke 3
  gridwell exec --limit nuke --over '*.nk' -- nuke -x {}
  gridwell limit list

The machine on which a limit is set keeps it for the whole grid: no program starts without its licence.")]
    Limit(LimitArgs),
    /// Show or change when and how much this machine lends
    #[command(
        after_help = "Examples:\n  gridwell lending\n  gridwell lending set --when idle --after 5m\n  gridwell lending explain"
    )]
    Lending(LendingArgs),
    /// Show folders of this machine to others, or list those that are shown
    #[command(after_help = "\
Examples:
  gridwell share add ~/projects
  gridwell share list
  gridwell share remove projects")]
    Share(ShareArgs),
    /// Look at what machines share, and copy from it
    #[command(after_help = "\
Examples:
  gridwell files ls
  gridwell files ls /mill/projects
  gridwell files get /mill/projects/kitchen.blend

All machines see one tree: /MACHINE/SHARE/… A byte of a name that is not UTF-8 is written %XX.")]
    Files(FilesArgs),
    /// Show what machines share as a folder of this machine, for every program
    #[command(after_help = "\
Examples:
  gridwell mount                      in the folder Gridwell of your home
  gridwell mount /tmp/grid --strict

Programs open the files as any others. What they read comes when they read it, and is kept for the next time. Nothing
is written there. After a restart it is mounted again.")]
    Mount(MountArgs),
    /// Show it no more
    #[command(after_help = "Example:\n  gridwell unmount")]
    Unmount,
    /// Wake a machine that sleeps
    #[command(after_help = "\
Examples:
  gridwell wake attic

A machine beside it on its network sends the packet: this one, or any other that can be reached. It must have been told to wake
by it (wake-on-LAN), mostly in its firmware, and have been in the grid before.")]
    Wake(WakeArgs),
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
  gridwell exec --checkpoint -- ./longer-one

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
    /// Bring home the results that wait because other files have their names
    #[command(after_help = "\
Examples:
  gridwell land k3f7              try again: what was in the way was moved
  gridwell land k3f7 --overwrite
  gridwell land k3f7 --beside     as 'name (2).png'")]
    Land(LandArgs),
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
    #[command(
        after_help = "Examples:\n  gridwell hold k3f7\n  gridwell hold k3f7 --now      also what runs, with what it has"
    )]
    Hold(HoldArgs),
    /// End a hold
    #[command(after_help = "Example:\n  gridwell release k3f7")]
    Release(TargetArgs),
    /// Change a job's priority
    #[command(after_help = "Examples:\n  gridwell priority k3f7 50\n  gridwell priority k3f7 -10")]
    Priority(PriorityArgs),
    /// Explain why a job or task runs where it runs, or does not run
    #[command(after_help = "Examples:\n  gridwell why k3f7\n  gridwell why k3f7.12")]
    Why(WhyArgs),
    /// Show what a file would become, what it reads, and what is missing of that
    #[command(after_help = "Example:\n  gridwell inspect kitchen.blend")]
    Inspect(SubmitArgs),
    /// Show what happened, newest first
    #[command(after_help = "Examples:\n  gridwell activity\n  gridwell activity --job k3f7 -n 5")]
    Activity(ActivityArgs),
    /// Check what works here, or why another machine is not seen, and say what to do
    #[command(
        after_help = "Examples:\n  gridwell doctor\n  gridwell doctor quarry            why quarry is seen from here, or not\n  gridwell doctor quarry --report   the same, to be sent to somebody who helps"
    )]
    Doctor(DoctorArgs),
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
  gridwell set copies=20GiB             keep copies of larger files of others' jobs, which then go on without them
  gridwell set share-copies=100GiB      keep copies of shared files here up to so much; half of the free disk is usual

Kept over restarts. What holds now: gridwell machines --json")]
    Set(SetArgs),
    /// Draw jobs that start here to some machines rather than to others
    #[command(after_help = "\
Examples:
  gridwell prefer render-01             it pulls 2.7 times as strongly; gridwell why says so
  gridwell prefer render-01 --clear     as all others again")]
    Prefer(LeanArgs),
    /// Keep tasks of jobs that start here off some machines
    #[command(after_help = "\
Examples:
  gridwell keep-off old-imac            what runs there is finished
  gridwell keep-off old-imac --clear    as all others again

For one job: --on. On the machine itself, for everybody: gridwell drain")]
    KeepOff(LeanArgs),
    /// Forget that programs failed on a machine
    #[command(after_help = "\
Examples:
  gridwell forgive render-01            it is offered everything again by jobs of this machine
  gridwell forgive render-01 blender    only blender

Who is sick: gridwell machines. It is forgiven with time, too")]
    Forgive(ForgiveArgs),
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
