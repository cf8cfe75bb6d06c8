//! The one window: made when it is wanted, destroyed when it is closed.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use tauri::{AppHandle, Emitter as _, Manager as _, WebviewUrl, WebviewWindowBuilder};

use crate::{
    house::House,
    kept::Kept,
    memory::{Memory, remember},
    opening::{Waiting, Wish},
    own::{Own, chosen},
    platform,
    streams::Streams,
};

/// Its label, to which the rights in `capabilities/main.json` belong.
pub(crate) const MAIN: &str = "main";

const SIZE: (f64, f64) = (1280.0, 800.0);
/// A window that was closed sooner may have had no time to show anything: that says nothing about the graphics card.
const SEEN_BY: Duration = Duration::from_secs(5);
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
    app.state::<Waiting>().set_listens(false);
    let accelerated = may_accelerate(app);
    let window = WebviewWindowBuilder::new(app, MAIN, WebviewUrl::App("index.html".into()))
        .title("Gridwell")
        .inner_size(SIZE.0, SIZE.1)
        .min_inner_size(LEAST_SIZE.0, LEAST_SIZE.1)
        .center()
        .prevent_overflow()
        // What the page keeps belongs to the data folder, too.
        .data_directory(app.state::<House>().client().data().join("window"))
        .build()?;
    let accelerated = platform::after_window(&window, accelerated);
    app.state::<Drawn>().opened(Instant::now());
    if accelerated {
        remember(app, |memory| memory.unpainted = true);
    }
    Ok(())
}

/// Whether the graphics card may draw. If nothing was seen of the last window that it drew, it draws no more until a
/// person switches it on again, and the window says so.
fn may_accelerate(app: &AppHandle) -> bool {
    let wanted = chosen(app).acceleration;
    if !wanted || !app.state::<Kept<Memory>>().get().unpainted {
        return wanted;
    }
    tracing::warn!("the last window showed nothing: the graphics card draws no more");
    if let Err(error) = app.state::<Own>().change(|settings| settings.acceleration = false) {
        tracing::warn!(%error, "the way of drawing was not kept");
    }
    remember(app, |memory| memory.unpainted = false);
    app.state::<Waiting>().push(Wish::Unaccelerated);
    false
}

/// The page was seen.
pub(crate) fn painted(app: &AppHandle) {
    if app.state::<Kept<Memory>>().get().unpainted {
        remember(app, |memory| memory.unpainted = false);
    }
}

/// Closes the window without a question.
pub(crate) fn close(app: &AppHandle) {
    if let Some(window) = app.get_webview_window(MAIN)
        && let Err(error) = window.destroy()
    {
        tracing::warn!(%error, "the window was not closed");
    }
}

/// The window is gone, and the page with it.
pub(crate) fn gone(app: &AppHandle) {
    app.state::<Streams>().stop_all();
    app.state::<Waiting>().set_listens(false);
    if app.state::<Drawn>().is_younger_than(SEEN_BY, Instant::now()) {
        painted(app);
    }
}

/// When the window was opened.
#[derive(Debug, Default)]
pub(crate) struct Drawn(Mutex<Option<Instant>>);

impl Drawn {
    fn opened(&self, now: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }

    fn is_younger_than(&self, age: Duration, now: Instant) -> bool {
        let opened = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        opened.is_some_and(|opened| now.duration_since(opened) < age)
    }
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
