//! Leaving: what stays is the person's choice.

use tauri::{AppHandle, Manager as _};

use crate::{
    house::House,
    kept::Kept,
    memory::{Memory, Quitting, remember},
    opening::{Waiting, Wish},
    own::chosen,
    platform, window,
};

/// Quits: asks how, where that makes a difference.
pub(crate) fn ask(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        // A node that is not ours goes on anyway; and a page that never came cannot be asked.
        if !app.state::<House>().is_own().await || app.state::<Waiting>().asks_in_vain() {
            return app.exit(0);
        }
        let last = app.state::<Kept<Memory>>().get().quitting;
        window::show(&app, Some(Wish::Quit { closing: false, last }));
    });
}

/// Does what was chosen, and remembers it.
pub(crate) fn chose(app: &AppHandle, quitting: Quitting) {
    remember(app, |memory| memory.quitting = quitting);
    match quitting {
        Quitting::Stop => app.exit(0),
        Quitting::KeepLending => window::close(app),
    }
}

/// True if the window stays for now: the first time that nothing would be left to see of the app, it says so
/// (ui-spec §9).
pub(crate) fn asks_first(app: &AppHandle) -> bool {
    let memory = app.state::<Kept<Memory>>().get();
    if memory.told_without_panel || !chosen(app).keep_running || !app.state::<Waiting>().listens() {
        return false;
    }
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        if platform::has_panel().await {
            return window::close(&app);
        }
        remember(&app, |memory| memory.told_without_panel = true);
        window::show(&app, Some(Wish::Quit { closing: true, last: memory.quitting }));
    });
    true
}
