//! Programs that are asked something: started, heard within limits, and ended with all they started.

use std::{
    io::{self, Read as _},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// What of a program's output is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Its results alone.
    Standard,
    /// Its complaints too: some programs tell their version there.
    Both,
}

/// How often is looked whether somebody still waits.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What a program writes, at most `limit_bytes` of it; it has ended when this returns.
///
/// # Errors
///
/// What keeps it from starting; [`io::ErrorKind::TimedOut`] if it is not done after `patience`;
/// [`io::ErrorKind::Interrupted`] once `wanted` says no.
pub(crate) fn answer(
    mut command: Command,
    output: Output,
    patience: Duration,
    limit_bytes: u64,
    wanted: &dyn Fn() -> bool,
) -> io::Result<Vec<u8>> {
    let (reader, writer) = io::pipe()?;
    command.stdin(Stdio::null());
    match output {
        Output::Standard => command.stderr(Stdio::null()),
        Output::Both => command.stderr(writer.try_clone()?),
    };
    command.stdout(writer);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    // Its ends of the pipe must close here, or the answer never ends.
    drop(command);
    let (send, receive) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = reader.take(limit_bytes).read_to_end(&mut bytes);
        // Nobody waits any more for a program that was too slow.
        let _ = send.send(read.map(|_| bytes));
    });
    let start = Instant::now();
    let answer = loop {
        match receive.recv_timeout(LOOK_EVERY.min(patience)) {
            Ok(answer) => break answer,
            Err(_) if start.elapsed() >= patience => break Err(io::ErrorKind::TimedOut.into()),
            Err(mpsc::RecvTimeoutError::Timeout) if wanted() => {}
            Err(_) => break Err(io::ErrorKind::Interrupted.into()),
        }
    };
    kill_group(&child);
    // It may have ended by itself, which is what we want.
    let _ = child.kill();
    child.wait()?;
    answer
}

/// Runs a program that says nothing; it has ended when this returns.
///
/// # Errors
///
/// What keeps it from starting; [`io::ErrorKind::TimedOut`] if it is not done after `patience`.
pub(crate) fn end(mut command: Command, patience: Duration) -> io::Result<ExitStatus> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let start = Instant::now();
    while start.elapsed() < patience {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        thread::sleep(LOOK_EVERY);
    }
    kill_group(&child);
    child.wait()?;
    Err(io::ErrorKind::TimedOut.into())
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    // Not reaped yet, so the number still names its group.
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
}

#[cfg(not(unix))]
fn kill_group(_child: &Child) {}
