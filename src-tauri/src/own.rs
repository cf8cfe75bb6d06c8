//! What a person chose for the app on this machine; what they chose for the machine is the node's.

use std::path::PathBuf;

use gridwell_api::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_autostart::ManagerExt as _;

use crate::kept::Kept;

/// Choices of the app.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct OwnSettings {
    /// Closing the window leaves tray and node running.
    pub(crate) keep_running: bool,
    /// Start with the session, in the tray.
    pub(crate) autostart: bool,
    /// Draw with the graphics card where there is one.
    pub(crate) acceleration: bool,
    /// Tell when a job is done.
    pub(crate) notify_done: bool,
    /// Tell when a job has failed tasks, or needs a person.
    pub(crate) notify_problem: bool,
    /// Tell when this machine starts to lend.
    pub(crate) notify_lending: bool,
}

impl Default for OwnSettings {
    fn default() -> Self {
        Self {
            keep_running: true,
            autostart: false,
            acceleration: true,
            notify_done: true,
            notify_problem: true,
            notify_lending: true,
        }
    }
}

/// The choices, kept in a file of the data folder.
#[derive(Debug)]
pub(crate) struct Own(Kept<OwnSettings>);

impl Own {
    pub(crate) fn load(file: PathBuf) -> Self {
        Self(Kept::load(file))
    }

    pub(crate) fn get(&self) -> OwnSettings {
        self.0.get()
    }

    pub(crate) fn set(&self, app: &AppHandle, settings: OwnSettings) -> Result<(), ApiError> {
        if settings.autostart != self.get().autostart {
            let manager = app.autolaunch();
            let changed = if settings.autostart { manager.enable() } else { manager.disable() };
            changed.map_err(|error| kept_not(&format!("the start with the session was not changed: {error}")))?;
        }
        self.change(|chosen| *chosen = settings)
    }

    /// Changes what the system need not hear of.
    pub(crate) fn change(&self, change: impl FnOnce(&mut OwnSettings)) -> Result<(), ApiError> {
        self.0.change(change).map_err(|error| kept_not(&format!("{}: {error}", self.0.file().display())))
    }
}

fn kept_not(message: &str) -> ApiError {
    ApiError::new(ErrorCode::DataFolder, message)
}

/// The choices, from wherever the app is known.
pub(crate) fn chosen(app: &AppHandle) -> OwnSettings {
    app.state::<Own>().get()
}
