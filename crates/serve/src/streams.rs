use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    extract::{
        Path, State, WebSocketUpgrade,
        ws::{Message, WebSocket, rejection::WebSocketUpgradeRejection},
    },
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use gridwell_api::{ApiError, ErrorCode, Event, EventCursor, LogPiece, LogsRequest};
use gridwell_model::{TaskKey, TaskRef};
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    pending::Waiting,
    reply::{Asked, Refusal},
    routes::Inside,
};

/// Most events taken in at once: as many as may wait for a listener in the node.
const BATCH_EVENTS: usize = 1_024;
/// Longest time between two messages that a listener may ask for.
const LONGEST_EVERY_MS: u64 = 10_000;

/// Where a listener wants to begin, and how often it wants to hear.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Since {
    since: Option<String>,
    every: u64,
}

/// Numbered events, as a WebSocket of JSON arrays of Event.
///
/// Without `since`, or when too much was missed, the first event is a snapshot. The socket closes when a listener does
/// not keep up; it then comes back with the cursor `STREAM:SEQ` of what it has. With `every` there are so many
/// milliseconds between two messages, and what newer events make old is left out; a text message with another number
/// changes that.
#[utoipa::path(get, path = "/v1/events",
    params(("since" = Option<String>, Query, description = "STREAM:SEQ, the run of the node and the last number heard"),
           ("every" = Option<u64>, Query, description = "least milliseconds between two messages, at most 10,000")),
    responses((status = 101, description = "messages are JSON arrays of Event", body = Vec<Event>),
              (status = "default", body = ApiError)))]
pub(crate) async fn events(
    State(inside): State<Inside>,
    Asked(since): Asked<Since>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refusal> {
    let cursor = since.since.as_deref().map(str::parse::<EventCursor>).transpose()?;
    let upgrade = upgrade.map_err(|_| ApiError::new(ErrorCode::BadRequest, "events need a WebSocket"))?;
    let events = inside.backend.events(cursor).await?;
    let open = inside.connections.token();
    let telling = async move |socket| {
        tell(socket, events, since.every, inside.closing).await;
        drop(open);
    };
    Ok(upgrade.on_upgrade(telling).into_response())
}

async fn tell(socket: WebSocket, mut events: mpsc::Receiver<Arc<Event>>, every_ms: u64, closing: CancellationToken) {
    let every_ms = AtomicU64::new(every_ms);
    let (mut sink, mut heard) = socket.split();
    let waiting = Waiting::default();
    // Taken in while a message is on its way: what is replaced meanwhile is never sent.
    let collect = async {
        let mut batch = Vec::new();
        while events.recv_many(&mut batch, BATCH_EVENTS).await > 0 {
            if !waiting.add(batch.drain(..)) {
                return;
            }
        }
        waiting.end();
        std::future::pending::<()>().await;
    };
    let send = async {
        // A burst is one large message: who asked for a pace gets no more messages than that.
        while let Some(batch) = waiting.next().await {
            let events: Vec<&Event> = batch.iter().map(AsRef::as_ref).collect();
            let Ok(text) = serde_json::to_string(&events) else { return };
            if sink.send(Message::Text(text.into())).await.is_err() {
                return;
            }
            match every_ms.load(Ordering::Relaxed) {
                0 => {}
                millis => tokio::time::sleep(Duration::from_millis(millis.min(LONGEST_EVERY_MS))).await,
            }
        }
    };
    // All that a listener says is how often it wants to hear from here on; pings are answered by the library.
    let leave = async {
        while let Some(Ok(message)) = heard.next().await {
            if let Some(millis) = message.to_text().ok().and_then(|text| text.parse().ok()) {
                every_ms.store(millis, Ordering::Relaxed);
            }
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = collect => {}
        () = send => {}
        () = leave => return,
    }
    let _ = sink.send(Message::Close(None)).await;
}

/// How logs are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    /// Bytes as they came; for a whole job with a heading where the task changes.
    #[default]
    Text,
    /// One JSON `LogPiece` a line.
    Lines,
}

/// What of the logs is wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct LogQuery {
    follow: bool,
    after: u64,
    tail: u64,
    format: Format,
}

/// What tasks' programs wrote, streamed.
#[utoipa::path(get, path = "/v1/jobs/{target}/logs",
    params(("target" = String, Path, description = "JOB, JOB.INDEX or JOB.STEP.INDEX"),
           ("follow" = Option<bool>, Query, description = "stay until the target has ended"),
           ("after" = Option<u64>, Query, description = "bytes to skip; for one task only"),
           ("tail" = Option<u64>, Query, description = "only about the last so many bytes"),
           ("format" = Option<String>, Query, description = "'text' (bytes as they came) or 'lines' (a JSON LogPiece a line)")),
    responses((status = 200, content((String = "text/plain"), (LogPiece = "application/x-ndjson"))),
              (status = "default", body = ApiError)))]
pub(crate) async fn logs(
    State(inside): State<Inside>,
    Path(target): Path<String>,
    Asked(query): Asked<LogQuery>,
) -> Result<Response, Refusal> {
    let one_task = target.parse::<TaskRef>().map_err(ApiError::from)?.task.is_some();
    let request = LogsRequest { target, follow: query.follow, after: query.after, tail: query.tail };
    let pieces = inside.backend.logs(request).await?;
    let kind = match query.format {
        Format::Text => "text/plain; charset=utf-8",
        Format::Lines => "application/x-ndjson",
    };
    let writer = Writer { format: query.format, one_task, last: None };
    let stream =
        futures::stream::unfold((pieces, writer, inside.closing), async |(mut pieces, mut writer, closing)| {
            let piece = tokio::select! {
                () = closing.cancelled() => None,
                piece = pieces.recv() => piece,
            }?;
            let bytes = writer.write(piece);
            Some((Ok::<_, Infallible>(bytes), (pieces, writer, closing)))
        });
    Ok(([(header::CONTENT_TYPE, kind)], Body::from_stream(stream)).into_response())
}

/// Turns pieces of several tasks into one stream.
struct Writer {
    format: Format,
    one_task: bool,
    last: Option<(TaskKey, u32)>,
}

impl Writer {
    fn write(&mut self, piece: LogPiece) -> Bytes {
        if self.format == Format::Lines {
            let mut line = serde_json::to_vec(&piece).unwrap_or_default();
            line.push(b'\n');
            return line.into();
        }
        let source = Some((piece.task, piece.attempt));
        if self.one_task || self.last == source {
            return piece.bytes.into();
        }
        let gap = if self.last.is_some() { "\n" } else { "" };
        self.last = source;
        let again = if piece.attempt > 1 { format!(", attempt {}", piece.attempt) } else { String::new() };
        // Who reads from the start on hears of output before anybody tells whose it is.
        let machine = if piece.machine.is_empty() { String::new() } else { format!(" on {}", piece.machine) };
        let mut text = format!("{gap}==> {}{machine}{again} <==\n", piece.label).into_bytes();
        text.extend_from_slice(&piece.bytes);
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(index: u32, attempt: u32, text: &str) -> LogPiece {
        LogPiece {
            task: TaskKey { step: 0, index },
            label: format!("frame {index}"),
            machine: "mill".into(),
            attempt,
            offset: 0,
            bytes: text.as_bytes().to_vec(),
        }
    }

    #[test]
    fn a_jobs_log_has_a_heading_where_the_task_changes() {
        let mut writer = Writer { format: Format::Text, one_task: false, last: None };
        let pieces = [piece(1, 1, "a"), piece(1, 1, "b"), piece(2, 2, "c")];
        let text: Vec<u8> = pieces.into_iter().flat_map(|piece| writer.write(piece)).collect();
        assert_eq!(
            String::from_utf8(text).unwrap(),
            "==> frame 1 on mill <==\nab\n==> frame 2 on mill, attempt 2 <==\nc"
        );
    }

    #[test]
    fn one_tasks_log_is_its_bytes_alone() {
        let mut writer = Writer { format: Format::Text, one_task: true, last: None };
        let raw = LogPiece { bytes: vec![0xff, 0], ..piece(1, 1, "") };
        assert_eq!(&writer.write(raw)[..], &[0xff, 0]);
    }
}
