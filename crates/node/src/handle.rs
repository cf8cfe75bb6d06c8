use std::path::Path;

use gridwell_api::{
    ApiError, ErrorCode, EventCursor, FileFetchRequest, FilePinRequest, FilePutRequest, LogPiece, LogsRequest, Picture,
    PictureRequest, Request, Response,
};
use gridwell_mount::TreePath;
use gridwell_preview::Previews;
use gridwell_store::Store;
use tokio::sync::{mpsc, oneshot};

use crate::{
    core::{shown_for, storage},
    events::EventStream,
    pictures::{self, Named, Wanted},
    tree::{Content, Tree, TreeView, from_text, path_of, region_of},
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
            Request::Files(request) => {
                let after = request.after.as_deref().map(from_text);
                return Ok(Response::Files(self.tree.page(&path_of(&request.path)?, after.as_deref()).await?));
            }
            Request::File(request) => return self.file(&path_of(&request.path)?).await,
            Request::FilePin(FilePinRequest { path, on }) => {
                return Ok(Response::File(Box::new(self.tree.pin(&path_of(&path)?, on).await?)));
            }
            Request::FileFetch(request) => return self.fetch(&request).await,
            Request::FileFree(request) => return Ok(Response::Freed(self.tree.free(&path_of(&request.path)?).await?)),
            Request::FileWhere(request) => {
                return Ok(Response::Places(self.tree.places(&path_of(&request.path)?).await?));
            }
            Request::FilePut(request) => return self.put(&request).await,
            Request::FileVerify(request) => {
                return Ok(Response::Verified(self.tree.verify(&path_of(&request.path)?).await?));
            }
            request => request,
        };
        let (answer, answered) = oneshot::channel();
        self.asks.send(Ask::Call(Box::new(request), answer)).await.map_err(|_| stopping())?;
        answered.await.map_err(|_| stopping())?
    }

    async fn file(&self, path: &TreePath) -> Result<Response, ApiError> {
        Ok(Response::File(Box::new(self.tree.look_at(path).await?)))
    }

    async fn put(&self, request: &FilePutRequest) -> Result<Response, ApiError> {
        let at = self.tree.put(Path::new(&request.from), &path_of(&request.to)?, request.overwrite).await?;
        self.file(&at).await
    }

    async fn fetch(&self, request: &FileFetchRequest) -> Result<Response, ApiError> {
        let (path, tree) = (path_of(&request.path)?, self.tree.clone());
        tree.look_at(&path).await?;
        let wanted = path.clone();
        // It goes on whatever becomes of the asker.
        let fetch = tokio::spawn(async move {
            let fetched = tree.fetch_whole(&wanted).await;
            if let Err(error) = &fetched {
                tracing::debug!(%error, "something was not fetched whole");
            }
            fetched
        });
        if request.wait {
            fetch.await.map_err(|_| stopping())??;
        }
        self.file(&path).await
    }

    /// Opens a file of the tree, named as in a [`gridwell_api::FileRequest`], or another view of what lies there. Nothing is read ahead of
    /// what is wanted.
    ///
    /// # Errors
    ///
    /// [`ApiError`] if there is no such thing, or its machine does not answer.
    pub async fn open(&self, path: &str, view: TreeView) -> Result<Content, ApiError> {
        let path = path_of(path)?;
        Ok(match view {
            TreeView::Whole => Content::File(self.tree.open(&path).await?.strictly()),
            TreeView::Joined => Content::Joined(Box::new(self.tree.open_joined(&path).await?)),
            TreeView::Region(region) => Content::Made(self.tree.region(&path, region_of(&region)?).await?),
        })
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
            Wanted::File(file) => {
                return pictures::picture_in(&self.tree, &self.previews, &path_of(&file)?, request.size).await;
            }
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
