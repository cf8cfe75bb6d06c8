mod doctor;
mod files;
mod follow;
mod handover;
mod jobs;
mod layout;
mod lending;
mod limit;
mod links;
mod machines;
mod members;
mod node;
mod pair;
mod sample;
mod wake;

use std::process::ExitCode;

use clap::{CommandFactory as _, Parser as _};
use gridwell_api::{ApiError, ErrorCode};
use gridwell_model::Leaning;
use gridwell_serve::Client;

use crate::{
    args::{Cli, Command, CompletionsArgs},
    input,
    screen::Screen,
};

/// How a command ended that was understood and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Done.
    Done,
    /// A job failed or was cancelled, or a check found something.
    Failed,
    /// No node answers, and that was the finding.
    NoNode,
    /// A person pressed Ctrl-C.
    Interrupted,
}

impl From<End> for ExitCode {
    fn from(end: End) -> Self {
        Self::from(match end {
            End::Done => 0,
            End::Failed => 1,
            End::NoNode => 3,
            // 128 + SIGINT, as shells have it.
            End::Interrupted => 130,
        })
    }
}

/// Runs the program: reads the command line, does what it says, and returns the exit code.
#[must_use]
pub fn run() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let screen = Screen::new(cli.json);
    match carry_out(cli, screen) {
        Ok(exit) => exit,
        Err(error) => {
            screen.fail(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

fn carry_out(cli: Cli, screen: Screen) -> Result<ExitCode, ApiError> {
    match cli.command {
        Command::Runner => Ok(gridwell_exec::runner_main()),
        Command::Sample(args) => sample::run(&args.words).map(ExitCode::from),
        Command::Completions(args) => Ok(completions(&args, screen)),
        Command::Openapi => {
            screen.show_json(&gridwell_serve::openapi());
            Ok(ExitCode::SUCCESS)
        }
        Command::Node(args) => node::run(args, &input::data_folder(cli.data)?, screen).map(ExitCode::from),
        command => {
            let client = Client::new(input::data_folder(cli.data)?);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime =
                runtime.map_err(|error| ApiError::new(ErrorCode::Internal, format!("cannot start: {error}")))?;
            runtime.block_on(ask(command, &client, screen)).map(ExitCode::from)
        }
    }
}

/// Commands that ask a running node.
async fn ask(command: Command, client: &Client, screen: Screen) -> Result<End, ApiError> {
    match command {
        Command::Invite(args) => machines::invite(args, client, screen).await,
        Command::Join(args) => pair::join(args, client, screen).await,
        Command::Pair(args) => pair::pair(args, client, screen).await,
        Command::Members => members::members(client, screen).await,
        Command::Role(args) => members::role(args, client, screen).await,
        Command::Revoke(args) => members::revoke(args, client, screen).await,
        Command::Guest(args) => members::guest(args, client, screen).await,
        Command::Recover(args) => members::recover(args, client, screen).await,
        Command::Machines => machines::machines(client, screen).await,
        Command::Links(args) => links::links(&args, client, screen).await,
        Command::Layout(args) => layout::layout(args, client, screen).await,
        Command::Behaviour(args) => layout::behaviour(args, client, screen).await,
        Command::Link(args) => links::link(args, client, screen).await,
        Command::Wake(args) => wake::wake(args, client, screen).await,
        Command::HandOver(args) => handover::hand_over(args, client, screen).await,
        Command::Share(args) => files::share(args, client, screen).await,
        Command::Files(args) => files::files(args, client, screen).await,
        Command::Mount(args) => files::mount(args, client, screen).await,
        Command::Unmount => files::unmount(client, screen).await,
        Command::Limit(args) => limit::limit(args, client, screen).await,
        Command::Lending(args) => lending::lending(args, client, screen).await,
        Command::Doctor(args) => doctor::doctor(args, client, screen).await,
        Command::Status => machines::status(client, screen).await,
        Command::Ui => machines::ui(client, screen).await,
        Command::Drain => machines::lend(false, client, screen).await,
        Command::Pause(args) => machines::pause(&args, client, screen).await,
        Command::Rename(args) => machines::rename(args, client, screen).await,
        Command::Resume => machines::lend(true, client, screen).await,
        Command::Prefer(args) => machines::lean(args, Leaning::Prefer, client, screen).await,
        Command::KeepOff(args) => machines::lean(args, Leaning::KeepOff, client, screen).await,
        Command::Forgive(args) => machines::forgive(args, client, screen).await,
        Command::Set(args) => machines::tune(args, client, screen).await,
        Command::Label(args) => machines::label(args, client, screen).await,
        Command::Submit(args) => jobs::submit(args, client, screen).await,
        Command::Run(args) => jobs::run(args, client, screen).await,
        Command::Exec(args) => jobs::exec(args, client, screen).await,
        Command::Inspect(args) => jobs::inspect(args, client, screen).await,
        Command::Jobs(args) => jobs::jobs(&args, client, screen).await,
        Command::Job(args) => jobs::job(args, client, screen).await,
        Command::Tasks(args) => jobs::tasks(args, client, screen).await,
        Command::Logs(args) => jobs::logs(args, client, screen).await,
        Command::Results(args) => jobs::results(args, client, screen).await,
        Command::Wait(args) => jobs::wait(args, client, screen).await,
        Command::Cancel(args) => jobs::change(jobs::Change::Cancel, args, client, screen).await,
        Command::Retry(args) => jobs::change(jobs::Change::Retry, args, client, screen).await,
        Command::Hold(args) => jobs::change(jobs::Change::Hold { now: args.now }, args.targets, client, screen).await,
        Command::Release(args) => jobs::change(jobs::Change::Release, args, client, screen).await,
        Command::Land(args) => jobs::land(args, client, screen).await,
        Command::Priority(args) => jobs::priority(args, client, screen).await,
        Command::Activity(args) => jobs::activity(args, client, screen).await,
        Command::Why(args) => jobs::why(args, client, screen).await,
        Command::Node(_) | Command::Openapi | Command::Completions(_) | Command::Runner | Command::Sample(_) => {
            Err(ApiError::bug("this command needs no node"))
        }
    }
}

fn completions(args: &CompletionsArgs, screen: Screen) -> ExitCode {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "gridwell", &mut script);
    screen.print(&script);
    ExitCode::SUCCESS
}
