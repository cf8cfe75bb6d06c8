use std::time::Duration;

use bytes::Bytes;
use futures::{SinkExt as _, StreamExt as _};
use gridwell_api::{ApiError, ErrorCode, Event, EventCursor};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::net::UnixStream;
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};

/// How logs are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// Bytes as they came; for a whole job with a heading where the task changes.
    #[default]
    Text,
    /// One JSON `LogPiece` a line.
    Lines,
}

/// Bytes, piece by piece as they come.
#[derive(Debug)]
pub struct ByteStream {
    body: Incoming,
}

impl ByteStream {
    pub(super) const fn new(body: Incoming) -> Self {
        Self { body }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// `stopping` if the node went away in between.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        loop {
            match self.body.frame().await {
                Some(Ok(frame)) => {
                    if let Ok(bytes) = frame.into_data() {
                        return Ok(Some(bytes));
                    }
                }
                Some(Err(error)) => return Err(gone(&error.to_string())),
                None => return Ok(None),
            }
        }
    }
}

/// Events of a node, in order.
#[derive(Debug)]
pub struct EventStream {
    socket: Box<WebSocketStream<UnixStream>>,
}

impl EventStream {
    pub(super) async fn open(
        stream: UnixStream,
        since: Option<EventCursor>,
        every: Duration,
    ) -> Result<Self, ApiError> {
        let since = since.map(|cursor| format!("&since={cursor}")).unwrap_or_default();
        let address = format!("ws://localhost/v1/events?every={}{since}", every.as_millis());
        match tokio_tungstenite::client_async(address, stream).await {
            Ok((socket, _)) => Ok(Self { socket: Box::new(socket) }),
            Err(tungstenite::Error::Http(response)) => {
                let body = response.body().as_deref().unwrap_or_default();
                Err(serde_json::from_slice(body).unwrap_or_else(|_| gone(&response.status().to_string())))
            }
            Err(error) => Err(gone(&error.to_string())),
        }
    }

    /// From here on at least `every` lies between two batches.
    ///
    /// # Errors
    ///
    /// `stopping` if the connection broke.
    pub async fn pace(&mut self, every: Duration) -> Result<(), ApiError> {
        let told = self.socket.send(tungstenite::Message::text(every.as_millis().to_string())).await;
        told.map_err(|error| gone(&error.to_string()))
    }

    /// The next events; `None` when the node ended the stream: come back with the cursor of the last one.
    ///
    /// # Errors
    ///
    /// `stopping` if the connection broke.
    pub async fn next(&mut self) -> Result<Option<Vec<Event>>, ApiError> {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => {
                    return serde_json::from_str(&text).map(Some).map_err(|error| {
                        ApiError::new(ErrorCode::OtherVersion, format!("the node's events are unreadable: {error}"))
                    });
                }
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(gone(&error.to_string())),
            }
        }
    }

    /// Says goodbye.
    pub async fn close(mut self) {
        let _ = self.socket.close().await;
        let _ = self.socket.flush().await;
    }
}

fn gone(why: &str) -> ApiError {
    ApiError::new(ErrorCode::Stopping, format!("the node ended the connection: {why}"))
}
