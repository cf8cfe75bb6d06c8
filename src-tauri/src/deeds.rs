//! What the tray menu and notifications can do.

use gridwell_api::{MachineView, Request, SetRequest};
use gridwell_model::JobId;
use tauri::{AppHandle, Manager as _};
use tauri_plugin_opener::OpenerExt as _;

use crate::{house::House, opening::Wish, quitting, window};

/// How long a pause lasts that nobody chose a time for.
pub(crate) const PAUSE_SECS: u64 = 3_600;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Deed {
    /// Show the window as it is.
    Show,
    /// Show a screen, by its address: `#/jobs/ID`.
    ShowScreen(String),
    /// Show a folder with results in the file manager.
    OpenFolder(String),
    /// Pause lending for so many seconds.
    PauseFor(u64),
    /// Finish what runs, then lend no more.
    Pause,
    Resume,
    /// Quit, once it is known how.
    Quit,
}

impl Deed {
    pub(crate) fn show_job(job: JobId) -> Self {
        Self::ShowScreen(format!("#/jobs/{job}"))
    }
}

/// Does it; what fails is logged, because nobody waits for an answer.
pub(crate) fn carry_out(app: &AppHandle, deed: Deed) {
    match deed {
        Deed::Show => window::show(app, None),
        Deed::ShowScreen(route) => window::show(app, Some(Wish::Open { route })),
        Deed::OpenFolder(folder) => {
            if let Err(error) = app.opener().open_path(folder, None::<&str>) {
                tracing::warn!(%error, "the folder with the results was not opened");
            }
        }
        Deed::PauseFor(secs) => set(app, SetRequest { pause_secs: Some(secs), ..SetRequest::default() }),
        Deed::Pause => set(app, SetRequest { lend: Some(false), ..SetRequest::default() }),
        Deed::Resume => set(app, SetRequest { lend: Some(true), pause_secs: Some(0), ..SetRequest::default() }),
        Deed::Quit => quitting::ask(app),
    }
}

/// Asks the node of this machine; a node that is away shows in the icon.
fn set(app: &AppHandle, request: SetRequest) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let client = app.state::<House>().client().clone();
        if let Err(error) = client.ask::<MachineView>(&Request::Set(request)).await {
            tracing::warn!(%error, "the node did not take a choice made outside the window");
        }
    });
}
