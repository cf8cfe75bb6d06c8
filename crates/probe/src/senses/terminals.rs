use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use gridwell_courtesy::{IdleSource, Reading};

use super::{Around, Sense, Unavailable};

/// Terminals looked at in one go.
const MOST_TERMINALS: usize = 1_024;

/// Terminals of everybody, also over SSH: one that was read from has had input, to within the 8 s that the kernel blurs.
///
/// Source: `tty_update_time` of Linux, as `w` uses it.
pub(super) struct Terminals(PathBuf);

impl Terminals {
    /// `devices` is `/dev`.
    pub(super) fn open(devices: &Path) -> Result<Self, Unavailable> {
        let terminals = Self(devices.join("pts"));
        if terminals.0.is_dir() { Ok(terminals) } else { Err(Unavailable::Missing { what: "terminal" }) }
    }

    /// How long nobody has typed in any; nothing without a terminal.
    fn idle(&self, now: SystemTime) -> Option<Duration> {
        let terminals =
            fs::read_dir(&self.0).ok()?.flatten().filter(|entry| is_terminal(&entry.file_name().to_string_lossy()));
        let touched =
            terminals.take(MOST_TERMINALS).filter_map(|entry| entry.metadata().ok()?.accessed().ok()).max()?;
        Some(now.duration_since(touched).unwrap_or_default())
    }
}

/// They have numbers; `ptmx` makes new ones.
fn is_terminal(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit())
}

impl Sense for Terminals {
    fn read(&mut self, _around: &Around<'_>) -> Result<Option<Reading>, Unavailable> {
        let idle = self.idle(SystemTime::now());
        Ok(idle.map(|idle| Reading::Idle { source: IdleSource::Terminal, idle }))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{File, FileTimes};

    use super::*;

    #[test]
    fn the_terminal_that_was_typed_in_last_counts() {
        let temp = tempfile::tempdir().unwrap();
        assert!(Terminals::open(temp.path()).is_err());
        fs::create_dir(temp.path().join("pts")).unwrap();
        let terminals = Terminals::open(temp.path()).unwrap();
        let now = SystemTime::now();
        assert_eq!(terminals.idle(now), None);
        for (name, seconds) in [("0", 90), ("7", 30), ("ptmx", 1)] {
            let file = File::create(temp.path().join("pts").join(name)).unwrap();
            file.set_times(FileTimes::new().set_accessed(now - Duration::from_secs(seconds))).unwrap();
        }
        assert_eq!(terminals.idle(now), Some(Duration::from_secs(30)));
        assert_eq!(terminals.idle(now - Duration::from_secs(60)), Some(Duration::ZERO), "the clock was set back");
    }
}
