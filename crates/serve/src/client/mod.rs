mod address;
mod streams;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use gridwell_api::{ApiError, ErrorCode, EventCursor, LogsRequest, Picture, PictureRequest, Request, WindowView};
use gridwell_node::TreeView;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Response,
    body::{Body as _, Incoming},
    client::conn::http1,
    header,
};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;

use crate::folder;
use address::Address;
pub(crate) use address::encoded;
pub use streams::{ByteStream, EventStream, LogFormat};

/// Longest answer the client reads: far above any page, far below memory.
const ANSWER_BYTES: usize = 256 * 1024 * 1024;

/// What a picture may be: what every page can show, and nothing that a page would run.
const PICTURES: [&str; 3] = ["image/webp", "image/jpeg", "image/png"];

/// A person's program at the door of the node that owns a data folder.
#[derive(Debug, Clone)]
pub struct Client {
    data: PathBuf,
}

impl Client {
    /// A client for the node of `data`; nothing is sent yet.
    #[must_use]
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self { data: data.into() }
    }

    /// A client for the node of `data`, after checking that one listens.
    ///
    /// # Errors
    ///
    /// `no_node` if none does, `forbidden` if it is somebody else's.
    pub async fn connect(data: &Path) -> Result<Self, ApiError> {
        folder::connect(data).await?;
        Ok(Self::new(data))
    }

    /// The data folder of the node it talks to.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Asks, and reads the answer as `T`: the content of the [`gridwell_api::Response`] that the request names.
    ///
    /// # Errors
    ///
    /// What the node refuses with, `no_node`, or `internal` if the answer is not a `T`.
    pub async fn ask<T: DeserializeOwned>(&self, request: &Request) -> Result<T, ApiError> {
        self.answer(&Address::of(request)).await
    }

    /// A new address of the node's window, for one browser of this machine.
    ///
    /// # Errors
    ///
    /// `wrong_state` if the node has no window, or `no_node`.
    pub async fn window(&self) -> Result<WindowView, ApiError> {
        self.answer(&Address::of_window()).await
    }

    async fn answer<T: DeserializeOwned>(&self, address: &Address) -> Result<T, ApiError> {
        let body = whole(self.send(address).await?).await?;
        serde_json::from_slice(&body).map_err(|error| {
            ApiError::new(
                ErrorCode::OtherVersion,
                format!("the node's answer to {} is unreadable: {error}", address.path),
            )
            .help("The node may be of another version than this program: restart it.")
        })
    }

    /// Listens to everything after `since`; starts with a snapshot when absent or too old. At least `every` lies between
    /// two batches, and what newer events make old is left out of them.
    ///
    /// # Errors
    ///
    /// What the node refuses with, or `no_node`.
    pub async fn events(&self, since: Option<EventCursor>, every: Duration) -> Result<EventStream, ApiError> {
        EventStream::open(folder::connect(&self.data).await?, since, every).await
    }

    /// Reads what tasks' programs wrote.
    ///
    /// # Errors
    ///
    /// What the node refuses with, or `no_node`.
    pub async fn logs(&self, request: &LogsRequest, format: LogFormat) -> Result<ByteStream, ApiError> {
        let response = self.send(&Address::of_logs(request, format)).await?;
        Ok(ByteStream::new(response.into_body()))
    }

    /// Fetches a small picture of a result or of a file on the node's machine.
    ///
    /// # Errors
    ///
    /// What the node refuses with, `no_node`, or `other_version` if the answer is no picture.
    pub async fn picture(&self, request: &PictureRequest) -> Result<Picture, ApiError> {
        let response = self.send(&Address::of_picture(request)).await?;
        let named = response.headers().get(header::CONTENT_TYPE).cloned();
        let mime = PICTURES.into_iter().find(|mime| named.as_ref().is_some_and(|named| named == mime));
        let mime = mime.ok_or_else(|| ApiError::new(ErrorCode::OtherVersion, "the node's answer is no picture"))?;
        Ok(Picture { mime, bytes: whole(response).await?.into() })
    }

    /// Reads a file of the tree from its start; also says how many bytes it has.
    ///
    /// # Errors
    ///
    /// What the node refuses with, or `no_node`.
    pub async fn file(&self, path: &str, view: &TreeView) -> Result<(u64, ByteStream), ApiError> {
        let response = self.send(&Address::of_file(path, view)).await?;
        let size = response.body().size_hint().exact();
        let size =
            size.ok_or_else(|| ApiError::new(ErrorCode::OtherVersion, "the node did not say how long the file is"))?;
        Ok((size, ByteStream::new(response.into_body())))
    }

    /// Sends one request on a connection of its own and returns a good answer's head.
    async fn send(&self, address: &Address) -> Result<Response<Incoming>, ApiError> {
        let stream = folder::connect(&self.data).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| broken(&error))?;
        // Ends with the sender and the answer's body.
        tokio::spawn(connection);
        let request = hyper::Request::builder()
            .method(address.method.clone())
            .uri(&address.path)
            .header(header::HOST, "localhost")
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(address.body.clone())))
            .map_err(|error| ApiError::bug(format!("cannot ask for {}: {error}", address.path)))?;
        let response = sender.send_request(request).await.map_err(|error| broken(&error))?;
        if response.status().is_success() { Ok(response) } else { Err(refusal(response).await) }
    }
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, ApiError> {
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
    body.map(http_body_util::Collected::to_bytes)
        .map_err(|error| ApiError::new(ErrorCode::Stopping, format!("the node's answer broke off: {error}")))
}

async fn refusal(response: Response<Incoming>) -> ApiError {
    let status = response.status();
    match whole(response).await {
        Ok(body) => serde_json::from_slice(&body)
            .unwrap_or_else(|_| ApiError::bug(format!("the node refused with status {status} and no reason"))),
        Err(error) => error,
    }
}

fn broken(error: &hyper::Error) -> ApiError {
    ApiError::new(ErrorCode::Stopping, format!("the node closed the connection: {error}"))
        .help("It may have just stopped; start it with 'gridwell node'.")
}
