//! What the app itself remembers from one start to the next; nobody sets it.

use gridwell_model::Stamp;
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager as _};

use crate::kept::Kept;

/// The two ways of quitting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Quitting {
    /// The window goes; tray and node stay.
    #[default]
    KeepLending,
    /// Everything ends.
    Stop,
}

/// What is remembered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Memory {
    /// The day, where this machine stands, on which it was last told that it lends: `2026-11-25`.
    pub(crate) lending_day: String,
    /// How often that was dismissed, one time after the other.
    pub(crate) lending_dismissed: u32,
    /// How a person quit last: it is offered first.
    pub(crate) quitting: Quitting,
    /// It was said that the app goes on although no panel shows its icon.
    pub(crate) told_without_panel: bool,
    /// A window was opened that draws with the graphics card, and nothing was seen of it.
    pub(crate) unpainted: bool,
}

impl Memory {
    /// Notes that this machine lends; true for the first time that day.
    pub(crate) fn lends_on(&mut self, day: &str) -> bool {
        let first = self.lending_day != day;
        day.clone_into(&mut self.lending_day);
        first
    }
}

/// The day at `at` where this machine stands.
pub(crate) fn day_of(at: Stamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    at.to_zoned(jiff::tz::TimeZone::system()).date().to_string()
}

/// Remembers; what cannot be written is only forgotten.
pub(crate) fn remember(app: &AppHandle, change: impl FnOnce(&mut Memory)) {
    let memory = app.state::<Kept<Memory>>();
    if let Err(error) = memory.change(change) {
        tracing::warn!(%error, file = %memory.file().display(), "what the app remembers was not written");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lending_is_new_once_a_day() {
        let mut memory = Memory::default();
        assert!(memory.lends_on("2026-11-25"));
        assert!(!memory.lends_on("2026-11-25"));
        assert!(memory.lends_on("2026-11-26"));
    }
}
