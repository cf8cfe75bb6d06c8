//! Runners as processes of this node, and the one that waits for the next session.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    path::Path,
    process::{ExitStatus, Stdio},
    sync::Mutex,
    time::Duration,
};

use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    time::timeout,
};

use crate::exec::lock;

/// The variable that marks every process of a session with its folder, so that leftovers of a killed runner are found.
pub(crate) const MARK: &str = "GRIDWELL_SESSION";

/// How long a runner may take to kill its programs and remove its folder before it is killed itself. With the sweep
/// that follows, a shutdown stays within 2 s.
const GRACE: Duration = Duration::from_millis(1_200);

/// A runner, and the pipes to it.
#[derive(Debug)]
pub(crate) struct Runner {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Runner {
    /// Starts one, marked with its session's folder or with the folder of all of them.
    ///
    /// # Errors
    ///
    /// A sentence that names the program.
    pub(crate) fn start(program: &Path, args: &[OsString], mark: &Path) -> Result<Self, String> {
        let refuse = |error: io::Error| format!("the runner {} could not be started: {error}", program.display());
        let mut command = Command::new(program);
        command.args(args).env_clear().envs(passed_on()).env(MARK, mark).current_dir("/");
        // It leaves our terminal itself, out of reach of its interrupt: an interrupted node still closes its sessions in order.
        // Not killed on drop: a runner that loses its node cleans up by itself, which a killed one could not.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(refuse)?;
        match (child.stdin.take(), child.stdout.take()) {
            (Some(stdin), Some(stdout)) => Ok(Self { child, stdin, stdout }),
            _ => Err(refuse(io::ErrorKind::BrokenPipe.into())),
        }
    }

    /// Apart: the process, and what is read and written meanwhile.
    pub(crate) fn apart(self) -> (Process, ChildStdin, ChildStdout) {
        (Process(self.child), self.stdin, self.stdout)
    }
}

/// A runner's process.
#[derive(Debug)]
pub(crate) struct Process(Child);

impl Process {
    /// Waits for a runner whose pipe is closed or whose work is done; kills it when it takes too long.
    pub(crate) async fn end(&mut self) -> Option<ExitStatus> {
        if let Ok(status) = timeout(GRACE, self.0.wait()).await {
            return status.ok();
        }
        if let Err(error) = self.0.kill().await {
            tracing::error!(%error, "a session's runner could not be killed");
        }
        self.0.try_wait().ok().flatten()
    }
}

/// A runner that waits for the next session: to start one takes longer than all else that opens a session.
#[derive(Debug, Default)]
pub(crate) struct Spare(Mutex<Option<Runner>>);

impl Spare {
    /// The one that waits, if it still does.
    pub(crate) fn take(&self) -> Option<Runner> {
        let mut runner = lock(&self.0).take()?;
        matches!(runner.child.try_wait(), Ok(None)).then_some(runner)
    }

    /// Has one wait, if none does.
    pub(crate) fn renew(&self, runner: &[OsString], sessions_dir: &Path) {
        let mut spare = lock(&self.0);
        let Some((program, args)) = runner.split_first().filter(|_| spare.is_none()) else { return };
        match Runner::start(Path::new(program), args, sessions_dir) {
            Ok(runner) => *spare = Some(runner),
            // The next session tries again, and says it.
            Err(reason) => tracing::debug!(reason, "no runner waits for the next session"),
        }
    }

    /// Ends the one that waits.
    pub(crate) async fn end(&self) {
        let Some(runner) = lock(&self.0).take() else { return };
        let (mut process, stdin, _stdout) = runner.apart();
        drop(stdin);
        process.end().await;
    }
}

/// The variables of this process that programs may see; everything else (tokens, sockets, sessions) stays here.
fn passed_on() -> impl Iterator<Item = (OsString, OsString)> {
    env::vars_os().filter(|(name, _)| is_passed_on(name))
}

fn is_passed_on(name: &OsStr) -> bool {
    const NAMES: [&str; 6] = ["PATH", "HOME", "LANG", "TZ", "USER", "LOGNAME"];
    name.to_str().is_some_and(|name| NAMES.contains(&name) || name.starts_with("LC_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_listed_variables_reach_programs() {
        for name in ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "USER"] {
            assert!(is_passed_on(OsStr::new(name)), "{name}");
        }
        for name in ["AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK", "GRIDWELL_DATA", "LD_PRELOAD", "PATHS"] {
            assert!(!is_passed_on(OsStr::new(name)), "{name}");
        }
    }
}
