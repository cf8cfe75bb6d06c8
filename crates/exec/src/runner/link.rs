use std::{
    collections::VecDeque,
    io,
    os::fd::BorrowedFd,
    path::PathBuf,
    time::{Duration, Instant},
};

use gridwell_model::{ActionPlan, SessionPlan};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{Errno, read, write},
    stdio::{stdin, stdout},
};

use crate::{
    event::{SessionEvent, Yield},
    exec::Which,
    frame::{self, FrameError, Frames},
    protocol::ToRunner,
};

/// Events of quick tasks wait this long for company; the first one after a pause does not wait.
const FLUSH_EVERY: Duration = Duration::from_millis(5);

/// Events are put into a frame at this size even if more could follow.
const SEAL_BYTES: usize = 64 * 1024;

/// With this much unsent, programs' output is left in their pipe until the node has read.
const UNSENT_BYTES: usize = 256 * 1024;

/// Read from the node at once.
const READ_BYTES: usize = 64 * 1024;

/// What waiting for a program brought.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ready {
    pub(crate) output: bool,
    pub(crate) ended: bool,
}

/// A running program, as far as waiting is concerned.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Awaited<'a> {
    pub(crate) output: BorrowedFd<'a>,
    pub(crate) process: BorrowedFd<'a>,
    pub(crate) deadline: Option<Instant>,
}

/// A wish to stop what runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StopWish {
    pub(crate) notice_limit: Option<Duration>,
}

/// What a session begins with.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) plan: SessionPlan,
    pub(crate) self_program: PathBuf,
    pub(crate) cgroup: Option<PathBuf>,
}

/// What the session does next.
#[derive(Debug)]
pub(crate) enum Next {
    Task(u64, ActionPlan),
    Yield(Yield),
    Close,
}

/// The runner's end of the pipes to its node: commands in, events out. Never blocks except to wait.
#[derive(Debug)]
pub(crate) struct Link {
    commands: BorrowedFd<'static>,
    reports: BorrowedFd<'static>,
    frames: Frames,
    open: Option<Opening>,
    queue: VecDeque<(u64, ActionPlan)>,
    closing: bool,
    /// The node is gone, or talked nonsense: nothing is left to do but to clean up.
    gone: bool,
    /// The action that runs: `Some(None)` for one of an environment.
    running: Option<Option<u64>>,
    stop: Option<StopWish>,
    yields: VecDeque<Yield>,
    events: Vec<SessionEvent>,
    event_bytes: usize,
    unsent: Vec<u8>,
    sent: usize,
    flushed: Option<Instant>,
    buffer: Vec<u8>,
}

impl Link {
    pub(crate) fn new() -> io::Result<Self> {
        Self::over(stdin(), stdout())
    }

    fn over(commands: BorrowedFd<'static>, reports: BorrowedFd<'static>) -> io::Result<Self> {
        for pipe in [commands, reports] {
            fcntl_setfl(pipe, fcntl_getfl(pipe)? | OFlags::NONBLOCK)?;
        }
        Ok(Self {
            commands,
            reports,
            frames: Frames::default(),
            open: None,
            queue: VecDeque::new(),
            closing: false,
            gone: false,
            running: None,
            stop: None,
            yields: VecDeque::new(),
            events: Vec::new(),
            event_bytes: 0,
            unsent: Vec::new(),
            sent: 0,
            flushed: None,
            buffer: vec![0; READ_BYTES],
        })
    }

    /// Waits for the plan; `None` if the node goes away first.
    pub(crate) fn open(&mut self) -> Option<Opening> {
        while self.open.is_none() && !self.gone {
            self.wait(None);
        }
        self.open.take()
    }

    /// Waits for something to do, while frozen not for tasks. Whoever has started to leave asks no more.
    pub(crate) fn next(&mut self, is_frozen: bool) -> Next {
        loop {
            if self.closing || self.gone {
                return Next::Close;
            }
            if let Some(wish) = self.take_yield() {
                return Next::Yield(wish);
            }
            let next = if is_frozen || self.is_congested() { None } else { self.queue.pop_front() };
            match next {
                Some((tag, action)) => return Next::Task(tag, action),
                None => self.wait(None),
            };
        }
    }

    /// Notes that an action begins: stop wishes are for it from now on.
    pub(crate) fn begin(&mut self, tag: Option<u64>) {
        self.running = Some(tag);
        self.stop = None;
    }

    pub(crate) fn end(&mut self) {
        self.running = None;
    }

    /// Takes the latest wish to stop what runs.
    pub(crate) fn take_stop(&mut self) -> Option<StopWish> {
        self.stop.take()
    }

    /// Takes the oldest wish to make room.
    pub(crate) fn take_yield(&mut self) -> Option<Yield> {
        self.yields.pop_front()
    }

    /// Somebody wants what runs, or the session, to end.
    pub(crate) fn is_ending(&self) -> bool {
        self.closing || self.gone || self.stop.is_some()
    }

    /// Ends the session as if the node had asked for it.
    pub(crate) fn close(&mut self) {
        self.closing = true;
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Answers every queued task as not run.
    pub(crate) fn give_back_queue(&mut self) {
        for (tag, _) in std::mem::take(&mut self.queue) {
            self.say(SessionEvent::NotRun { tag });
        }
    }

    /// Puts an event on its way.
    pub(crate) fn say(&mut self, event: SessionEvent) {
        self.event_bytes += match &event {
            SessionEvent::Output { bytes, .. } => bytes.len() + 16,
            _ => 32,
        };
        self.events.push(event);
        if self.event_bytes >= SEAL_BYTES {
            self.seal();
        }
    }

    /// Waits until everything said has been sent, or the node is gone.
    pub(crate) fn send_all(&mut self) {
        self.flush();
        while !self.unsent.is_empty() && !self.gone {
            self.wait(None);
        }
    }

    /// Waits for commands, for room to send, and for the program; sends what is due. Returns also for no reason, and
    /// at once when it is here that the node turns out to be gone.
    pub(crate) fn wait(&mut self, program: Option<Awaited<'_>>) -> Ready {
        let was_gone = self.gone;
        let now = Instant::now();
        let due = (!self.events.is_empty()).then(|| self.flushed.map_or(now, |flushed| flushed + FLUSH_EVERY));
        if due.is_some_and(|due| due <= now) || (program.is_none() && !self.events.is_empty()) {
            self.flush();
        }
        if self.gone && (!was_gone || program.is_none()) {
            // Nobody is left to wake us, and the caller does not know yet.
            return Ready::default();
        }
        let due = due.filter(|_| !self.events.is_empty());
        let wake = [due, program.and_then(|program| program.deadline)].into_iter().flatten().min();

        let sending = if self.unsent.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let reading = if self.is_congested() { PollFlags::empty() } else { PollFlags::IN };
        let (input, output) = (self.commands, self.reports);
        let fds = &mut [
            PollFd::from_borrowed_fd(input, PollFlags::IN),
            PollFd::from_borrowed_fd(output, sending),
            PollFd::from_borrowed_fd(program.map_or(input, |program| program.output), reading),
            PollFd::from_borrowed_fd(program.map_or(input, |program| program.process), PollFlags::IN),
        ];
        // A closed pipe is always ready, so a node that is gone is no longer asked.
        let first = if self.gone { 2 } else { 0 };
        let last = if program.is_some() { 4 } else { 2 };
        let timeout = wake.map(|wake| timespec(wake.saturating_duration_since(now)));
        if let Err(error) = poll(&mut fds[first..last], timeout.as_ref()) {
            // Interrupted: the caller comes back. Anything else cannot happen with valid descriptors.
            self.gone |= error != Errno::INTR;
            return Ready::default();
        }
        let [commands, room, output, ended] = fds.each_ref().map(|fd| fd.revents());
        if !commands.is_empty() && !self.gone {
            self.listen();
        }
        self.gone |= room.contains(PollFlags::ERR);
        if room.contains(PollFlags::OUT) {
            self.send();
        }
        Ready { output: program.is_some() && !output.is_empty(), ended: program.is_some() && !ended.is_empty() }
    }

    /// Output is left in its pipe until the node has read.
    pub(crate) fn is_congested(&self) -> bool {
        !self.gone && self.unsent.len() - self.sent + self.event_bytes > UNSENT_BYTES
    }

    /// Reads every command that has come.
    fn listen(&mut self) {
        loop {
            let got = match read(self.commands, &mut self.buffer) {
                Ok(0) => 0,
                Ok(got) => got,
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => continue,
                Err(_) => 0,
            };
            self.frames.push(&self.buffer[..got]);
            if got == 0 || self.follow().is_err() {
                self.gone = true;
                return;
            }
            if got < READ_BYTES {
                return;
            }
        }
    }

    fn follow(&mut self) -> Result<(), FrameError> {
        while let Some(command) = self.frames.next()? {
            match command {
                ToRunner::Open { plan, self_program, cgroup } => {
                    self.open = Some(Opening { plan: *plan, self_program, cgroup });
                }
                ToRunner::Run(batch) => self.queue.extend(batch),
                ToRunner::Stop { which, notice_limit } => self.stop(&which, notice_limit),
                ToRunner::Yield(wish) => self.yields.push_back(wish),
                ToRunner::Close => self.closing = true,
            }
        }
        Ok(())
    }

    fn stop(&mut self, which: &Which, notice_limit: Option<Duration>) {
        let meant = |tag: u64| match which {
            Which::All => true,
            Which::Tags(tags) => tags.contains(&tag),
        };
        if self.running.is_some_and(|tag| tag.map_or(*which == Which::All, meant)) {
            self.stop = Some(StopWish { notice_limit });
        }
        let (stopped, kept): (VecDeque<_>, _) =
            std::mem::take(&mut self.queue).into_iter().partition(|(tag, _)| meant(*tag));
        self.queue = kept;
        for (tag, _) in stopped {
            self.say(SessionEvent::NotRun { tag });
        }
    }

    fn flush(&mut self) {
        self.seal();
        self.flushed = Some(Instant::now());
        self.send();
    }

    /// Makes a frame of what was said.
    fn seal(&mut self) {
        if !self.events.is_empty() {
            // Events are bounded one by one and in sum; should that ever break, the node learns by silence.
            self.gone |= frame::encode(&self.events, &mut self.unsent).is_err();
            self.events.clear();
            self.event_bytes = 0;
        }
    }

    fn send(&mut self) {
        while self.sent < self.unsent.len() && !self.gone {
            match write(self.reports, &self.unsent[self.sent..]) {
                Ok(sent) => self.sent += sent,
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                Err(_) => self.gone = true,
            }
        }
        self.unsent.clear();
        self.sent = 0;
    }
}

fn timespec(duration: Duration) -> Timespec {
    // A microsecond more, so that a deadline has surely passed after waiting for it.
    let duration = duration + Duration::from_micros(1);
    Timespec { tv_sec: duration.as_secs().cast_signed(), tv_nsec: i64::from(duration.subsec_nanos()) }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd as _, OwnedFd};

    use rustix::pipe::pipe;

    use super::*;

    /// A link to a node that has just died: nobody reads what is said, though the commands' pipe is still open.
    fn orphaned() -> (Link, OwnedFd) {
        let (commands, node) = pipe().expect("a pipe");
        let (nobody, reports) = pipe().expect("a pipe");
        drop(nobody);
        let kept = |end: OwnedFd| -> &'static OwnedFd { Box::leak(Box::new(end)) };
        (Link::over(kept(commands).as_fd(), kept(reports).as_fd()).expect("a link"), node)
    }

    #[test]
    fn a_runner_whose_last_words_find_nobody_closes() {
        let (mut link, _node) = orphaned();
        link.say(SessionEvent::NotRun { tag: 1 });
        assert!(matches!(link.next(false), Next::Close));
        link.say(SessionEvent::NotRun { tag: 2 });
        link.send_all();
        assert!(link.is_gone());
    }

    #[test]
    fn a_quiet_program_does_not_hide_that_the_node_is_gone() {
        let (mut link, _node) = orphaned();
        let (output, _program) = pipe().expect("a pipe");
        let (process, _lives) = pipe().expect("a pipe");
        link.say(SessionEvent::NotRun { tag: 1 });
        let awaited = Awaited { output: output.as_fd(), process: process.as_fd(), deadline: None };
        let ready = link.wait(Some(awaited));
        assert!(link.is_gone() && !ready.output && !ready.ended);
    }
}
