use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use gridwell_model::{ActionEnd, ActionPlan, CancelPlan, FilePlan, SessionPlan};
use rustix::{
    fs::{OFlags, fcntl_setfl},
    io::{Errno, read},
    pipe::{PipeFlags, pipe_with},
    process::{
        Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, kill_process_group, pidfd_open, pidfd_send_signal, waitpid,
    },
};

use super::{
    link::{Awaited, Link},
    output::{Changes, Output},
    pulse::Pulse,
    secrets::Secrets,
    spawn::{self, Lookups, Surroundings, not_started},
    variables::Variables,
    watch::Watch,
    yielding::{Mark, Yielding},
};
use crate::{
    event::{SessionEvent, Yield},
    folder, processes,
};

/// Read from a program at once.
const READ_BYTES: usize = 64 * 1024;

/// Tells a program that it will be killed, and when. Source: Open Job Description 2023-09, "NOTIFY_THEN_TERMINATE".
const CANCEL_INFO: &str = "cancel_info.json";

/// Whose action it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Task(u64),
    Enter,
    Exit,
}

/// How an action went.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) end: ActionEnd,
    pub(crate) run_micros: u64,
    pub(crate) changes: Changes,
}

/// What actions of one session share.
#[derive(Debug)]
pub(crate) struct Stage {
    input: OwnedFd,
    /// One pipe for all actions: both streams of each, in order. We hold its writing end too, so it never ends; that a
    /// program has ended, its handle tells.
    pipe: (OwnedFd, OwnedFd),
    buffer: Vec<u8>,
    secrets: Secrets,
    lookups: Lookups,
    /// How far it makes room, and how long it stood still.
    pub(crate) yielding: Yielding,
    watch: Watch,
    /// How long its programs may show no sign of life.
    stuck_after: Option<Duration>,
    /// What the session may write to one file; going past it would end this process too.
    file_bytes: Option<u64>,
}

/// Why a program is being stopped, and when it will be killed.
#[derive(Debug)]
struct Stopping {
    end: ActionEnd,
    kill_at: Instant,
    killed: bool,
}

impl Stopping {
    fn is_due(&self) -> bool {
        !self.killed && self.kill_at <= Instant::now()
    }
}

impl Stage {
    pub(crate) fn new(session: &SessionPlan, yielding: Yielding) -> io::Result<Self> {
        let input = std::fs::File::open("/dev/null")?.into();
        Ok(Self {
            input,
            pipe: output_pipe()?,
            buffer: vec![0; READ_BYTES],
            secrets: Secrets::default(),
            lookups: Lookups::default(),
            watch: Watch::new(session.limits, yielding.hold().cloned(), &session.folder),
            yielding,
            stuck_after: session.stuck_after,
            file_bytes: session.limits.disk_bytes,
        })
    }

    /// Runs an action to its end, and makes sure that nothing it started is left.
    pub(crate) fn run(
        &mut self,
        plan: &ActionPlan,
        role: Role,
        (folder, self_program, variables): (&Path, &Path, &Variables),
        link: &mut Link,
    ) -> Outcome {
        let mut outcome = Outcome { end: ActionEnd::Cancelled, run_micros: 0, changes: Changes::new() };
        if let Err(end) = write_files(&plan.files, folder, self.file_bytes) {
            outcome.end = end;
            return outcome;
        }
        let started = self.yielding.mark();
        let (input, output, birth) = (&self.input, &self.pipe.1, self.yielding.birth());
        let surroundings = Surroundings { folder, self_program, variables, input, output, birth };
        let pid = match spawn::spawn(plan, &surroundings, &mut self.lookups) {
            Ok(pid) => pid,
            Err(end) => {
                outcome.end = end;
                return outcome;
            }
        };
        let tag = match role {
            Role::Task(tag) => Some(tag),
            Role::Enter | Role::Exit => None,
        };
        if let Some(tag) = tag {
            link.say(SessionEvent::Started { tag, pid: pid.as_raw_nonzero().get().cast_unsigned() });
        }
        let mut output = Output::new(tag, role == Role::Enter);
        let stopped = self.watch(pid, plan, started, folder, &mut output, link);
        let stopped = stopped.or_else(|| self.watch.held_back().map(|reason| ActionEnd::Exceeded { reason }));
        outcome.run_micros = u64::try_from(self.yielding.ran_since(started).as_micros()).unwrap_or(u64::MAX);
        let status = end_group(pid);
        let all_gone = processes::end_descendants();
        if stopped.is_some() && self.yielding.is_frozen() {
            link.say(self.yielding.obey(Yield::Thaw));
        }
        self.drain(&mut output, link);
        if !all_gone {
            self.renew_pipe(link);
        }
        outcome.end = stopped.unwrap_or_else(|| ended(status, output.fail.take()));
        outcome.changes = output.changes;
        outcome
    }

    /// Waits for the program's end, passing its output on and stopping it when its time is over, when it gives no sign of
    /// life, when somebody asks or when the node is gone. Returns the end if it was stopped.
    fn watch(
        &mut self,
        pid: Pid,
        plan: &ActionPlan,
        started: Mark,
        folder: &Path,
        output: &mut Output,
        link: &mut Link,
    ) -> Option<ActionEnd> {
        let timeout_at = |yielding: &Yielding| yielding.ends_at(started, plan.timeout?);
        let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
            return Some(not_started("this system's kernel has no process handles (Linux 5.3 or later)".into(), false));
        };
        let mut stopping: Option<Stopping> = None;
        let mut pulse = Pulse::new(self.stuck_after, started);
        loop {
            let deadline = match &stopping {
                // What stands still uses no more than before.
                None if self.yielding.is_frozen() => None,
                None => [timeout_at(&self.yielding), self.watch.due(), pulse.due()].into_iter().flatten().min(),
                Some(stopping) => (!stopping.killed).then_some(stopping.kill_at),
            };
            let awaited = Awaited { output: self.pipe.0.as_fd(), process: process.as_fd(), deadline };
            let ready = link.wait(Some(awaited));
            if ready.output {
                self.read_once(output, link);
                pulse.beat(&self.yielding);
            } else if link.is_congested() {
                // It may wait for us.
                pulse.beat(&self.yielding);
            }
            if ready.ended {
                return stopping.map(|stopping| stopping.end);
            }
            while let Some(wish) = link.take_yield() {
                link.say(self.yielding.obey(wish));
            }
            let now = Instant::now();
            let was_stopping = stopping.is_some();
            if stopping.is_none()
                && !self.yielding.is_frozen()
                && let Some(reason) = self.watch.look(now)
            {
                stopping = Some(begin_stop(pid, CancelPlan::Terminate, None, ActionEnd::Exceeded { reason }, folder));
            } else if let Some(wish) = link.take_stop() {
                stopping = Some(stop_sooner(stopping, pid, plan.cancel, wish.notice_limit, folder));
            } else if stopping.is_none() && timeout_at(&self.yielding).is_some_and(|at| at <= now) {
                stopping = Some(begin_stop(pid, plan.cancel, None, ActionEnd::TimedOut, folder));
            } else if stopping.is_none()
                && !self.yielding.is_frozen()
                && let Some(silent) = pulse.look(now, &self.yielding)
            {
                stopping = Some(begin_stop(pid, plan.cancel, None, ActionEnd::Stuck { silent }, folder));
            } else if link.is_gone() && stopping.as_ref().is_none_or(|stopping| stopping.kill_at > now) {
                stopping = Some(begin_stop(pid, CancelPlan::Terminate, None, ActionEnd::Cancelled, folder));
            }
            if !was_stopping && self.yielding.is_frozen() && stopping.as_ref().is_some_and(|stop| stop.kill_at > now) {
                // It has time to end in order, which it cannot while it stands still.
                link.say(self.yielding.obey(Yield::Thaw));
            }
            if let Some(stopping) = stopping.as_mut().filter(|stopping| stopping.is_due()) {
                // The group first, as one; then the leader, should it have left its group.
                let _ = kill_process_group(pid, Signal::KILL);
                let _ = pidfd_send_signal(&process, Signal::KILL);
                stopping.killed = true;
            }
        }
    }

    /// Passes on what lies in the pipe. Its writers are dead (or hang in the kernel), so this ends.
    fn drain(&mut self, output: &mut Output, link: &mut Link) {
        while self.read_once(output, link) {}
        output.finish(&mut self.secrets, &mut |event| link.say(event));
    }

    fn read_once(&mut self, output: &mut Output, link: &mut Link) -> bool {
        match read(&self.pipe.0, &mut self.buffer) {
            Ok(got) if got > 0 => {
                output.take(&self.buffer[..got], &mut self.secrets, &mut |event| link.say(event));
                true
            }
            Err(Errno::INTR) => true,
            _ => false,
        }
    }

    /// Keeps the output of a process that would not die out of later actions.
    fn renew_pipe(&mut self, link: &mut Link) {
        match output_pipe() {
            Ok(pipe) => self.pipe = pipe,
            Err(_) => link.close(),
        }
    }
}

fn output_pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let pipe = pipe_with(PipeFlags::CLOEXEC)?;
    // Only our end: programs expect to write to a pipe that blocks.
    fcntl_setfl(&pipe.0, OFlags::NONBLOCK)?;
    Ok(pipe)
}

fn write_files(files: &[FilePlan], folder: &Path, limit: Option<u64>) -> Result<(), ActionEnd> {
    for file in files {
        if limit.is_some_and(|limit| file.text.len() as u64 > limit) {
            let reason = format!("the file {} is larger than the session may write", file.path.display());
            return Err(not_started(reason, false));
        }
        folder::write(file, folder).map_err(|error| {
            not_started(format!("the file {} could not be written: {error}", file.path.display()), false)
        })?;
    }
    Ok(())
}

/// Stops a program because somebody asks; one that is being stopped already gets less time, never more.
fn stop_sooner(
    stopping: Option<Stopping>,
    pid: Pid,
    plan: CancelPlan,
    notice_limit: Option<Duration>,
    folder: &Path,
) -> Stopping {
    let Some(before) = stopping else {
        return begin_stop(pid, plan, notice_limit, ActionEnd::Cancelled, folder);
    };
    let limit_at = notice_limit.map(|limit| Instant::now() + limit);
    if before.killed || limit_at.is_none_or(|at| at >= before.kill_at) {
        return before;
    }
    begin_stop(pid, plan, notice_limit, before.end, folder)
}

/// Asks a program to stop, or lets it be killed at once.
fn begin_stop(pid: Pid, plan: CancelPlan, notice_limit: Option<Duration>, end: ActionEnd, folder: &Path) -> Stopping {
    let notice = match plan {
        CancelPlan::Terminate => Duration::ZERO,
        CancelPlan::Notify { notice } => notice_limit.map_or(notice, |limit| limit.min(notice)),
    };
    if !notice.is_zero() {
        // A program that is not told still gets its signal and its time.
        let _ = write_cancel_info(folder, notice);
        let _ = kill_process_group(pid, Signal::TERM);
    }
    Stopping { end, kill_at: Instant::now() + notice, killed: false }
}

fn write_cancel_info(folder: &Path, notice: Duration) -> io::Result<()> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + notice;
    let at = jiff::Timestamp::from_second(since_epoch.as_secs().cast_signed()).map_err(io::Error::other)?;
    let text = format!("{{\"NotifyEnd\":\"{at}\"}}\n");
    folder::write(&FilePlan { path: folder.join(CANCEL_INFO), text, executable: false }, folder)
}

/// Kills what is left of an ended program's group, then reaps the program. In this order: until it is reaped its id,
/// which is also the group's, cannot be used again.
fn end_group(pid: Pid) -> Option<WaitStatus> {
    let _ = kill_process_group(pid, Signal::KILL);
    loop {
        match waitpid(Some(pid), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            other => return other.ok().flatten().map(|(_, status)| status),
        }
    }
}

fn ended(status: Option<WaitStatus>, fail: Option<String>) -> ActionEnd {
    if let Some(reason) = fail {
        return ActionEnd::SaidFail { reason };
    }
    let code = status.and_then(WaitStatus::exit_status);
    let signal = status.and_then(WaitStatus::terminating_signal);
    match (code, signal) {
        (Some(code), _) => ActionEnd::Exited { code },
        (None, Some(signal)) => ActionEnd::Signalled { signal },
        (None, None) => not_started("the program's end could not be told".to_owned(), false),
    }
}
