use gridwell_api::{
    ApiError, ErrorCode, EventCursor, FileRequest, FilesPage, FilesRequest, LogPiece, LogsRequest, Picture,
    PictureRequest, Request, Response,
};
use gridwell_preview::Previews;
use gridwell_store::Store;
use gridwell_wire::TreePage;
use tokio::sync::{mpsc, oneshot};

use crate::{
    core::{shown_for, storage},
    events::EventStream,
    pictures::{self, Named, Wanted},
    tree::{OpenFile, Tree, TreeError, file_view, from_text, path_of, shown},
};

/// Pieces of logs, in the order in which they arrived; ends when the target has ended (or at once without `follow`).
pub type LogStream = mpsc::Receiver<LogPiece>;

/// One question at the door.
#[derive(Debug)]
pub(crate) enum Ask {
    Call(Box<Request>, oneshot::Sender<Result<Response, ApiError>>),
    Events(Option<EventCursor>, oneshot::Sender<EventStream>),
    Logs(LogsRequest, oneshot::Sender<Result<LogStream, ApiError>>),
    Find(String, oneshot::Sender<Result<Named, ApiError>>),
}

/// Talks to a running node; cheap to clone.
#[derive(Debug, Clone)]
pub struct NodeHandle {
    pub(crate) asks: mpsc::Sender<Ask>,
    pub(crate) previews: Previews,
    pub(crate) store: Store,
    pub(crate) tree: Tree,
}

fn stopping() -> ApiError {
    ApiError::new(ErrorCode::Stopping, "the node is stopping")
}

impl NodeHandle {
    /// One wish, one answer.
    ///
    /// # Errors
    ///
    /// [`ApiError`] with the reason for a refusal; nothing has changed then.
    pub async fn call(&self, request: Request) -> Result<Response, ApiError> {
        let request = match request {
            Request::Files(request) => return self.files(&request).await,
            Request::File(request) => return self.file(&request).await,
            request => request,
        };
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Call(Box::new(request), answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    async fn files(&self, request: &FilesRequest) -> Result<Response, ApiError> {
        let (path, after) = (path_of(&request.path)?, request.after.as_deref().map(from_text));
        let page = match self.tree.list(&path, after.as_deref()).await {
            // A file is listed as itself.
            Err(TreeError::NotAFolder { .. }) if after.is_none() => {
                TreePage { entries: vec![self.tree.stat(&path).await?], more: false }
            }
            listed => listed?,
        };
        let files = page.entries.iter().map(file_view).collect();
        Ok(Response::Files(FilesPage { path: shown(&path), files, more: page.more }))
    }

    async fn file(&self, request: &FileRequest) -> Result<Response, ApiError> {
        let entry = self.tree.stat(&path_of(&request.path)?).await?;
        Ok(Response::File(Box::new(file_view(&entry))))
    }

    /// Opens a file of the tree, named as in a [`FileRequest`].
    ///
    /// # Errors
    ///
    /// [`ApiError`] if there is no such file, or its machine does not answer.
    pub async fn open_file(&self, path: &str) -> Result<OpenFile, ApiError> {
        Ok(self.tree.open(&path_of(path)?).await?)
    }

    /// Everything that happens, after `cursor` or from a snapshot on.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::Stopping`].
    pub async fn events(&self, cursor: Option<EventCursor>) -> Result<EventStream, ApiError> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Events(cursor, answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())
    }

    /// What programs wrote.
    ///
    /// # Errors
    ///
    /// [`ApiError`] for an unknown job or task.
    pub async fn logs(&self, request: LogsRequest) -> Result<LogStream, ApiError> {
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Logs(request, answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    /// A small picture of a result, or of a file on this machine; a dropped future gives the work up.
    ///
    /// # Errors
    ///
    /// [`ApiError`] for an unknown job or task, and with the reason why there is no picture.
    pub async fn picture(&self, request: PictureRequest) -> Result<Picture, ApiError> {
        let path = match Wanted::of(&request)? {
            Wanted::Path(path) => path,
            Wanted::Target(target) => {
                let (answer, answered) = oneshot::channel();
                self.asks.send(Ask::Find(target.clone(), answer)).await.map_err(|_| stopping())?;
                let (spec, task) = answered.await.map_err(|_| stopping())??;
                let shown = shown_for(&self.store, &spec, task).await.map_err(|error| storage(&error))?;
                shown.ok_or_else(|| pictures::not_a_picture(format!("{target} has no picture yet")))?
            }
        };
        pictures::picture(&self.previews, path, request.size).await
    }
}
