//! Subscriptions of the page: events of the node, and logs.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use gridwell_api::{ApiError, Event, EventCursor, LogsRequest};
use gridwell_serve::{Client, LogFormat};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tauri::{AppHandle, Manager as _, ipc::Channel};
use tokio_util::sync::CancellationToken;

use crate::house::House;

/// Least time between two messages to a window that is seen and one that has not the focus (ui-spec §12).
const SEEN: Duration = Duration::from_millis(100);
const UNFOCUSED: Duration = Duration::from_secs(1);
/// Most lines of a log in one message, so that a message stays small.
const MOST_LINES: usize = 64;

/// What the page listens to.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Topic {
    /// Everything that happens, after a cursor or from a snapshot on.
    Events {
        /// `STREAM:SEQ`.
        since: Option<String>,
    },
    /// What programs wrote.
    Logs(LogsRequest),
}

/// One message to the page.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// The node lets it in.
    Opened(bool),
    /// What is new, in order.
    Items(Vec<Box<RawValue>>),
    /// Nothing more comes; with the reason if it is none of the page's.
    Ended(Option<ApiError>),
}

/// Every subscription that runs.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    running: Mutex<BTreeMap<u32, CancellationToken>>,
    last: AtomicU32,
}

impl Streams {
    pub(crate) fn start(&self, app: &AppHandle, topic: Topic, channel: Channel<Told>) -> u32 {
        let id = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let stop = CancellationToken::new();
        self.running().insert(id, stop.clone());
        let app = app.clone();
        tauri::async_runtime::spawn(async move {
            let client = app.state::<House>().client().clone();
            let telling = async {
                match topic {
                    Topic::Events { since } => events(&app, &client, since, &channel).await,
                    Topic::Logs(request) => logs(&client, &request, &channel).await,
                }
            };
            let ended = tokio::select! {
                () = stop.cancelled() => None,
                ended = telling => Some(ended.err()),
            };
            if let Some(refusal) = ended {
                let _gone = channel.send(Told::Ended(refusal));
            }
            app.state::<Self>().running().remove(&id);
        });
        id
    }

    pub(crate) fn stop(&self, id: u32) {
        if let Some(stop) = self.running().remove(&id) {
            stop.cancel();
        }
    }

    /// The page is gone: nobody hears them any more.
    pub(crate) fn stop_all(&self) {
        for stop in std::mem::take(&mut *self.running()).into_values() {
            stop.cancel();
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, CancellationToken>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

async fn events(
    app: &AppHandle,
    client: &Client,
    since: Option<String>,
    channel: &Channel<Told>,
) -> Result<(), ApiError> {
    let since = since.as_deref().map(str::parse::<EventCursor>).transpose()?;
    let mut every = pace(app);
    let mut events = client.events(since, every).await?;
    let _gone = channel.send(Told::Opened(true));
    while let Some(batch) = events.next().await? {
        if channel.send(Told::Items(batch.iter().map(raw).collect())).is_err() {
            break;
        }
        while is_hidden(app) {
            tokio::time::sleep(UNFOCUSED).await;
        }
        let wanted = pace(app);
        if wanted != every {
            every = wanted;
            events.pace(every).await?;
        }
    }
    Ok(())
}

/// A window that nobody sees is told nothing.
fn is_hidden(app: &AppHandle) -> bool {
    app.get_webview_window(crate::window::MAIN).is_some_and(|window| window.is_minimized().unwrap_or(false))
}

fn pace(app: &AppHandle) -> Duration {
    let focused = app.get_webview_window(crate::window::MAIN).is_some_and(|window| window.is_focused().unwrap_or(true));
    if focused { SEEN } else { UNFOCUSED }
}

async fn logs(client: &Client, request: &LogsRequest, channel: &Channel<Told>) -> Result<(), ApiError> {
    let mut stream = client.logs(request, LogFormat::Lines).await?;
    let mut rest = Vec::new();
    while let Some(bytes) = stream.next().await? {
        rest.extend_from_slice(&bytes);
        while let Some(lines) = take_lines(&mut rest) {
            if channel.send(Told::Items(lines)).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Takes whole lines from the front, at most [`MOST_LINES`].
fn take_lines(rest: &mut Vec<u8>) -> Option<Vec<Box<RawValue>>> {
    let mut end = 0;
    let mut lines = Vec::new();
    while let Some(length) = rest[end..].iter().position(|byte| *byte == b'\n')
        && lines.len() < MOST_LINES
    {
        lines.extend(serde_json::from_slice::<Box<RawValue>>(&rest[end..end + length]).ok());
        end += length + 1;
    }
    rest.drain(..end);
    (!lines.is_empty()).then_some(lines)
}

fn raw(event: &Event) -> Box<RawValue> {
    serde_json::value::to_raw_value(event).expect("events are plain data")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_came_in_pieces_is_told_once_it_is_whole() {
        let mut rest = b"{\"a\":1}\n{\"b\"".to_vec();
        let texts = |lines: Option<Vec<Box<RawValue>>>| {
            lines.unwrap_or_default().iter().map(|line| line.get().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(texts(take_lines(&mut rest)), ["{\"a\":1}"]);
        assert!(take_lines(&mut rest).is_none());
        rest.extend_from_slice(b":2}\n");
        assert_eq!(texts(take_lines(&mut rest)), ["{\"b\":2}"]);
    }

    #[test]
    fn topics_are_read_as_the_page_writes_them() {
        let topic: Topic = serde_json::from_str(r#"{"events":{"since":null}}"#).unwrap();
        assert!(matches!(topic, Topic::Events { since: None }));
        let topic: Topic = serde_json::from_str(r#"{"logs":{"target":"9k3f.1","follow":true}}"#).unwrap();
        assert!(matches!(topic, Topic::Logs(request) if request.follow));
    }
}
