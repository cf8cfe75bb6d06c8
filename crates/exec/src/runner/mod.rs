//! The runner: one small process that runs a session from its first environment to its folder's end.
//!
//! One thread, no lock, no allocation that a program could drive: it waits for its node, the running program and time
//! at once, and does one thing after the other.

mod access;
mod action;
mod autogroup;
mod confine;
mod directive;
mod freeze;
mod link;
mod network;
mod output;
mod pulse;
mod secrets;
mod settle;
mod soften;
mod spawn;
mod usage;
mod variables;
mod watch;
mod yielding;

use std::{
    env, fs, io,
    os::fd::BorrowedFd,
    path::{Path, PathBuf},
    process::ExitCode,
};

use gridwell_model::{ActionEnd, ActionPlan, EnvironmentPlan, SessionPlan};
use rustix::{
    io::{FdFlags, fcntl_setfd},
    process::{getpid, set_child_subreaper, setsid},
};

pub use self::access::confinement;
pub(crate) use self::access::{SYSTEM, cards};
use self::{
    action::{Outcome, Role, Stage},
    confine::confine,
    link::{Link, Next, Opening},
    spawn::not_started,
    variables::Variables,
    yielding::Yielding,
};
use crate::{
    event::{Problem, SessionEvent, Yield},
    folder,
};

/// Runs a session's programs; what the hidden runner sub-command calls.
///
/// Speaks with its node over standard input and output. Returns when the session has closed or the node is gone; nothing
/// that it started runs then. Must be called before the process has other threads.
#[must_use]
pub fn runner_main() -> ExitCode {
    let Ok(mut link) = prepare() else { return ExitCode::FAILURE };
    let Some(opening) = link.open() else { return ExitCode::SUCCESS };
    let Opening { plan, self_program, cgroup } = opening;
    if let Err(error) = folder::make(&plan.folder) {
        give_up(&mut link, format!("the session folder {} could not be made: {error}", plan.folder.display()));
        return ExitCode::SUCCESS;
    }
    match begin(&plan, &self_program, cgroup, &mut link) {
        Ok(stage) => Session::new(plan, self_program, link, stage).live(),
        Err(error) => {
            let _ = folder::remove(&plan.folder);
            give_up(&mut link, format!("the session could not be prepared: {error}"));
        }
    }
    ExitCode::SUCCESS
}

fn begin(plan: &SessionPlan, self_program: &Path, cgroup: Option<PathBuf>, link: &mut Link) -> io::Result<Stage> {
    let yielding = Yielding::new(cgroup, plan.limits, plan.access.is_some());
    if let Some(confinement) = confine(plan, self_program, &yielding.cgroup_files())? {
        link.say(SessionEvent::Confined(confinement));
    }
    Stage::new(plan, yielding)
}

fn give_up(link: &mut Link, reason: String) {
    link.say(SessionEvent::OpenFailed { environment: None, end: not_started(reason, false) });
    link.give_back_queue();
    link.say(SessionEvent::Closed { problems: Vec::new() });
    link.send_all();
}

/// Leaves the node's terminal and its share of the processor, becomes the reaper of everything below and keeps inherited
/// descriptors from it.
fn prepare() -> io::Result<Link> {
    // Refused only to who leads a process group already, as its node never lets it. To go on would be to soften the node.
    setsid()?;
    set_child_subreaper(Some(getpid()))?;
    let open: Vec<i32> = fs::read_dir("/proc/self/fd")?
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|fd| *fd > 2)
        .collect();
    for fd in open {
        #[expect(unsafe_code, reason = "inherited descriptors have no owner in this process to borrow from")]
        // SAFETY: the number is only passed to fcntl; if it was closed meanwhile (the listing itself was), fcntl fails
        // with EBADF. No other thread runs that could reuse it.
        let fd = unsafe { BorrowedFd::borrow_raw(fd) };
        let _ = fcntl_setfd(fd, FdFlags::CLOEXEC);
    }
    Link::new()
}

/// A session that is being run.
#[derive(Debug)]
struct Session {
    plan: SessionPlan,
    self_program: PathBuf,
    link: Link,
    stage: Stage,
    variables: Variables,
    /// How many environments are entered.
    entered: usize,
    problems: Vec<Problem>,
}

impl Session {
    fn new(plan: SessionPlan, self_program: PathBuf, link: Link, stage: Stage) -> Self {
        let variables = Variables::new(env::vars_os(), &plan.folder, &plan.variables);
        Self { plan, self_program, link, stage, variables, entered: 0, problems: Vec::new() }
    }

    /// From the first environment to the folder's end.
    fn live(mut self) {
        if self.enter_all() {
            self.run_tasks();
        }
        self.link.give_back_queue();
        self.exit_all();
        self.remove_folder();
        self.link.give_back_queue();
        self.link.say(SessionEvent::Closed { problems: self.problems });
        self.link.send_all();
    }

    /// Enters the environments in order; false if one failed.
    fn enter_all(&mut self) -> bool {
        for at in 0..self.plan.environments.len() {
            let EnvironmentPlan { name, variables, enter, .. } = self.plan.environments[at].clone();
            self.variables.push(&variables);
            self.entered += 1;
            let Some(enter) = enter else { continue };
            let outcome = self.run(&enter, Role::Enter);
            self.variables.change(outcome.changes);
            if !is_success(&outcome.end) {
                self.link.say(SessionEvent::OpenFailed { environment: Some(name), end: outcome.end });
                return false;
            }
        }
        self.link.say(SessionEvent::Opened);
        true
    }

    /// Runs tasks until the node closes the session, or one of them ends it.
    fn run_tasks(&mut self) {
        loop {
            match self.link.next(self.stage.yielding.is_frozen()) {
                Next::Task(tag, action) => {
                    let Outcome { end, run_micros, .. } = self.run(&action, Role::Task(tag));
                    let goes_on = is_success(&end);
                    self.link.say(SessionEvent::Ended { tag, end, run_micros });
                    if !goes_on {
                        return;
                    }
                }
                Next::Yield(wish) => self.link.say(self.stage.yielding.obey(wish)),
                Next::Close => return,
            }
        }
    }

    /// Leaves what was entered, in reverse. Nobody is left to leave for when the node is gone.
    fn exit_all(&mut self) {
        while self.entered > 0 {
            self.entered -= 1;
            let EnvironmentPlan { name, exit, .. } = self.plan.environments[self.entered].clone();
            if let Some(exit) = exit.filter(|_| !self.link.is_gone()) {
                let end = self.run(&exit, Role::Exit).end;
                if !is_success(&end) {
                    self.problems.push(Problem::Exit { environment: name, end });
                }
            }
            self.variables.pop();
        }
    }

    fn remove_folder(&mut self) {
        if let Err(error) = folder::remove(&self.plan.folder) {
            let reason = format!("{} could not be removed: {error}", self.plan.folder.display());
            self.problems.push(Problem::Folder { reason });
        }
    }

    fn run(&mut self, action: &ActionPlan, role: Role) -> Outcome {
        self.link.begin(match role {
            Role::Task(tag) => Some(tag),
            Role::Enter | Role::Exit => None,
        });
        self.await_thaw();
        let surroundings = (self.plan.folder.as_path(), self.self_program.as_path(), &self.variables);
        let outcome = self.stage.run(action, role, surroundings, &mut self.link);
        self.link.end();
        outcome
    }

    /// Nothing starts in a frozen session until it is thawed: by its node, or because it ends.
    fn await_thaw(&mut self) {
        while self.stage.yielding.is_frozen() && !self.link.is_ending() {
            self.link.wait(None);
            while let Some(wish) = self.link.take_yield() {
                self.link.say(self.stage.yielding.obey(wish));
            }
        }
        if self.stage.yielding.is_frozen() {
            self.link.say(self.stage.yielding.obey(Yield::Thaw));
        }
    }
}

const fn is_success(end: &ActionEnd) -> bool {
    matches!(end, ActionEnd::Exited { code: 0 })
}
