//! The one window: made when it is wanted, destroyed when it is closed.

use tauri::{AppHandle, Emitter as _, Manager as _, WebviewUrl, WebviewWindowBuilder};

use crate::{
    opening::{Waiting, Wish},
    own::chosen,
    platform,
};

/// Its label, to which the rights in `capabilities/main.json` belong.
pub(crate) const MAIN: &str = "main";

const SIZE: (f64, f64) = (1280.0, 800.0);
const LEAST_SIZE: (f64, f64) = (900.0, 600.0);

/// Shows the window, made anew if it was closed, and tells it what is wished.
pub(crate) fn show(app: &AppHandle, wish: Option<Wish>) {
    if let Some(wish) = wish {
        app.state::<Waiting>().push(wish);
    }
    if let Some(window) = app.get_webview_window(MAIN) {
        let _ = window.unminimize();
        let _ = window.show();
        let _ = window.set_focus();
        hand_over(app);
        return;
    }
    if let Err(error) = make(app) {
        tracing::error!(%error, "the window could not be opened");
    }
}

fn make(app: &AppHandle) -> tauri::Result<()> {
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Gridwell")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST_SIZE.0, LEAST_SIZE.1)
        .build()?;
    platform::after_window(&window, chosen(app).acceleration);
    Ok(())
}

/// Hands what waits to the page, once it listens.
pub(crate) fn hand_over(app: &AppHandle) {
    let Some(window) = app.get_webview_window(MAIN) else { return };
    for wish in app.state::<Waiting>().take() {
        if let Err(error) = window.emit("command", wish) {
            tracing::warn!(%error, "the window did not hear a command");
        }
    }
}

/// The desktop changed its colours.
pub(crate) fn tell_appearance(app: &AppHandle) {
    let app = app.clone();
    tauri::async_runtime::spawn(async move {
        let appearance = platform::appearance().await;
        let _ = app.emit("command", Wish::Appearance { appearance });
    });
}
