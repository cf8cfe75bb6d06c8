use std::sync::Arc;

use futures::future::BoxFuture;
use gridwell_api::{ApiError, Event, EventCursor, LogPiece, LogsRequest, Picture, PictureRequest, Request, Response};
use gridwell_node::{Content, NodeHandle, TreeView};
use tokio::sync::mpsc;

/// Whoever answers at the door: the node.
pub trait Backend: Send + Sync + 'static {
    /// Answers one wish.
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, ApiError>>;

    /// Tells everything after `since`, or starts with a snapshot.
    ///
    /// A listener that does not keep up loses its channel; it comes back with the cursor of the last event it has.
    fn events(&self, since: Option<EventCursor>) -> BoxFuture<'_, Result<mpsc::Receiver<Arc<Event>>, ApiError>>;

    /// Sends what tasks' programs wrote; the channel closes when all is sent and, if asked to follow, all has ended.
    fn logs(&self, request: LogsRequest) -> BoxFuture<'_, Result<mpsc::Receiver<LogPiece>, ApiError>>;

    /// Makes a small picture of a result or of a file here; a dropped future gives the work up.
    fn picture(&self, request: PictureRequest) -> BoxFuture<'_, Result<Picture, ApiError>>;

    /// Opens a file of the tree, or another view of what lies there.
    fn open<'a>(&'a self, path: &'a str, view: TreeView) -> BoxFuture<'a, Result<Content, ApiError>>;
}

impl Backend for NodeHandle {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, ApiError>> {
        Box::pin(Self::call(self, request))
    }

    fn events(&self, since: Option<EventCursor>) -> BoxFuture<'_, Result<mpsc::Receiver<Arc<Event>>, ApiError>> {
        Box::pin(Self::events(self, since))
    }

    fn logs(&self, request: LogsRequest) -> BoxFuture<'_, Result<mpsc::Receiver<LogPiece>, ApiError>> {
        Box::pin(Self::logs(self, request))
    }

    fn picture(&self, request: PictureRequest) -> BoxFuture<'_, Result<Picture, ApiError>> {
        Box::pin(Self::picture(self, request))
    }

    fn open<'a>(&'a self, path: &'a str, view: TreeView) -> BoxFuture<'a, Result<Content, ApiError>> {
        Box::pin(Self::open(self, path, view))
    }
}
