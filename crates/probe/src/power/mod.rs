//! The machine is about to sleep or to be switched off, or has woken.

#[cfg(target_os = "linux")]
mod logind;

use std::{
    ffi::{OsStr, OsString},
    fmt, io,
    os::fd::OwnedFd,
    process::{Command, ExitStatus},
    time::Duration,
};

use futures::future::BoxFuture;

/// Tells when the machine leaves and when it is back.
pub trait Power: Send {
    /// The next news; `None` once nothing more can be heard.
    fn next(&mut self) -> BoxFuture<'_, Option<PowerNews>>;
}

/// What the machine is about to do, or has done.
#[derive(Debug)]
pub enum PowerNews {
    /// It goes, at the latest when the hold's limit is over, at once when nobody holds it any more.
    Leaving(Departure, Hold),
    /// It has woken, or stays after all.
    Back,
}

/// How a machine leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Departure {
    /// It sleeps.
    Sleep,
    /// It is switched off or starts again.
    Shutdown,
}

/// Keeps the machine from leaving until dropped, or until [`Hold::limit`] is over.
pub struct Hold {
    limit: Duration,
    /// Open while the machine is held; absent where the system gave none.
    _inhibitor: Option<OwnedFd>,
}

impl Hold {
    /// How long the machine waits at most.
    #[must_use]
    pub const fn limit(&self) -> Duration {
        self.limit
    }
}

impl Hold {
    /// Holds nothing: for a departure that waits for whoever has this by itself.
    #[must_use]
    pub const fn by_itself(limit: Duration) -> Self {
        Self { limit, _inhibitor: None }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold").field("limit", &self.limit).finish_non_exhaustive()
    }
}

/// Keeps the machine from falling asleep until dropped. Its owner can still switch it off, and close its lid.
pub struct Awake {
    _inhibitor: OwnedFd,
}

impl fmt::Debug for Awake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Awake")
    }
}

/// Asks the system to stay awake.
///
/// # Errors
///
/// One sentence that says who refuses it, or that nobody can be asked.
pub async fn keep_awake() -> Result<Awake, String> {
    #[cfg(target_os = "linux")]
    return match logind::keep_awake().await {
        Ok(inhibitor) => Ok(Awake { _inhibitor: inhibitor }),
        Err(error) => Err(format!("systemd's login manager does not keep it awake: {error}")),
    };
    #[cfg(not(target_os = "linux"))]
    Err("nobody can be asked for that on this system yet".to_owned())
}

/// Program and arguments that send this machine to sleep; nothing where none is known.
///
/// It is the system that decides: the account of a background service may not be allowed to.
#[must_use]
pub fn usual_sleep() -> Vec<OsString> {
    let words: &[&str] = if cfg!(target_os = "linux") {
        &["systemctl", "suspend"]
    } else if cfg!(target_os = "macos") {
        &["pmset", "sleepnow"]
    } else {
        &[]
    };
    words.iter().map(Into::into).collect()
}

/// Why this machine does not sleep.
#[derive(Debug, thiserror::Error)]
pub enum SleepError {
    /// Nobody wrote down how this system is sent to sleep.
    #[error("how this system is sent to sleep is not known here")]
    Unknown,
    /// The program that does it could not be started, or did not end.
    #[error("'{program}' does not run: {source}")]
    NotRun {
        /// Which.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// It says no.
    #[error("'{program}' was refused ({status})")]
    Refused {
        /// Which.
        program: String,
        /// How it ended.
        status: ExitStatus,
    },
}

/// Longest that the program may take; it says no at once, or the machine sleeps.
const SLEEP_PATIENCE: Duration = Duration::from_secs(60);

/// Sends this machine to sleep by `words`, see [`usual_sleep`]; it may be asleep when this returns, or have woken. Blocks its thread.
///
/// # Errors
///
/// [`SleepError`] if it stays awake for sure.
pub fn sleep(words: &[OsString]) -> Result<(), SleepError> {
    let (program, arguments) = words.split_first().ok_or(SleepError::Unknown)?;
    let name = || words.join(OsStr::new(" ")).to_string_lossy().into_owned();
    let mut command = Command::new(program);
    command.args(arguments);
    match crate::ask::end(command, SLEEP_PATIENCE) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(SleepError::Refused { program: name(), status }),
        Err(source) => Err(SleepError::NotRun { program: name(), source }),
    }
}

/// What tells of this machine's power; `None` where nothing does.
pub async fn power() -> Option<Box<dyn Power>> {
    #[cfg(target_os = "linux")]
    match logind::Logind::open().await {
        Ok(logind) => return Some(Box::new(logind)),
        Err(error) => tracing::debug!(%error, "nobody says when this machine sleeps: there is no logind here"),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_says_no_or_is_not_there_is_named() {
        let words = |words: &[&str]| words.iter().map(Into::into).collect::<Vec<OsString>>();
        assert!(sleep(&words(&["true"])).is_ok());
        let refused = sleep(&words(&["sh", "-c", "exit 3"])).unwrap_err().to_string();
        assert_eq!(refused, "'sh -c exit 3' was refused (exit status: 3)");
        let missing = sleep(&words(&["/no/such/program"])).unwrap_err().to_string();
        assert!(missing.starts_with("'/no/such/program' does not run: "), "{missing}");
        assert!(matches!(sleep(&[]), Err(SleepError::Unknown)));
    }
}
