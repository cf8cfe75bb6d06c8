//! The machine is about to sleep or to be switched off, or has woken.

#[cfg(target_os = "linux")]
mod logind;

use std::{fmt, os::fd::OwnedFd, time::Duration};

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

/// What tells of this machine's power; `None` where nothing does.
pub async fn power() -> Option<Box<dyn Power>> {
    #[cfg(target_os = "linux")]
    match logind::Logind::open().await {
        Ok(logind) => return Some(Box::new(logind)),
        Err(error) => tracing::debug!(%error, "nobody says when this machine sleeps: there is no logind here"),
    }
    None
}
