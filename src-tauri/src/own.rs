//! What a person chose for the app on this machine; what they chose for the machine is the node's.

use std::{
    fs,
    io::Write as _,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use gridwell_api::{ApiError, ErrorCode};
use serde::{Deserialize, Serialize};
use tauri::{AppHandle, Manager as _};
use tauri_plugin_autostart::ManagerExt as _;

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
pub(crate) struct Own {
    file: PathBuf,
    chosen: Mutex<OwnSettings>,
}

impl Own {
    /// Reads the file; one that is missing or damaged means the defaults.
    pub(crate) fn load(file: PathBuf) -> Self {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let chosen = serde_json::from_str(&text).unwrap_or_default();
        Self { file, chosen: Mutex::new(chosen) }
    }

    pub(crate) fn get(&self) -> OwnSettings {
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set(&self, app: &AppHandle, settings: OwnSettings) -> Result<(), ApiError> {
        if settings.autostart != self.get().autostart {
            let manager = app.autolaunch();
            let changed = if settings.autostart { manager.enable() } else { manager.disable() };
            changed.map_err(|error| kept_not(&format!("the start with the session was not changed: {error}")))?;
        }
        self.keep(settings).map_err(|error| kept_not(&format!("{}: {error}", self.file.display())))
    }

    fn keep(&self, settings: OwnSettings) -> std::io::Result<()> {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(folder) = self.file.parent() {
            fs::create_dir_all(folder)?;
        }
        // Whole or not at all: a torn file would lose every choice.
        let fresh = self.file.with_extension("new");
        let mut out = fs::File::create(&fresh)?;
        out.write_all(&serde_json::to_vec_pretty(&settings)?)?;
        out.sync_all()?;
        fs::rename(&fresh, &self.file)?;
        *chosen = settings;
        Ok(())
    }
}

fn kept_not(message: &str) -> ApiError {
    ApiError::new(ErrorCode::DataFolder, message)
}

/// The choices, from wherever the app is known.
pub(crate) fn chosen(app: &AppHandle) -> OwnSettings {
    app.state::<Own>().get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_survive_and_damage_means_defaults() {
        let folder = std::env::temp_dir().join(format!("gridwell-own-{}", std::process::id()));
        let file = folder.join("desktop.json");
        let own = Own::load(file.clone());
        assert_eq!(own.get(), OwnSettings::default());
        own.keep(OwnSettings { keep_running: false, ..OwnSettings::default() }).unwrap();
        assert!(!Own::load(file.clone()).get().keep_running);
        fs::write(&file, "{").unwrap();
        assert_eq!(Own::load(file).get(), OwnSettings::default());
        fs::remove_dir_all(folder).unwrap();
    }
}
