//! Messages through the library for systems without a session bus; buttons are for systems that have one.

use tauri::{AppHandle, Builder, Wry};
use tauri_plugin_notification::NotificationExt as _;
use tokio::sync::mpsc;

use super::Message;

pub(crate) fn plug(builder: Builder<Wry>) -> Builder<Wry> {
    builder.plugin(tauri_plugin_notification::init())
}

/// Shows messages until nobody sends any more.
pub(super) async fn run(app: AppHandle, mut inlet: mpsc::Receiver<Message>) {
    while let Some(Message { title, body, .. }) = inlet.recv().await {
        if let Err(error) = app.notification().builder().title(title).body(body).show() {
            tracing::debug!(%error, "the desktop took no notification");
        }
    }
}
