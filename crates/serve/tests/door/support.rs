use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use gridwell_api::{
    ApiError, CodeShown, ErrorCode, Event, EventBody, EventCursor, EventRing, InviteView, LogPiece, LogsRequest,
    Picture, PictureRequest, Replay, Request, Response, Snapshot, SubmittedView, TaskPage,
};
use gridwell_model::{Incarnation, JobId, Stamp, TaskKey};
use gridwell_serve::{Backend, Client, Content, DataFolder, Door, Entrances, Page, TreeView, WindowEntrance};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpStream, UnixStream},
    sync::mpsc,
};

pub(crate) const STREAM: Incarnation = Incarnation([7; 8]);
const JOB: JobId = JobId([7; 10]);
const PAGES: &[Page] = &[
    Page { path: "index.html", bytes: b"<!doctype html><title>Gridwell</title>" },
    Page { path: "assets/index-4f3a.js", bytes: b"export {};" },
];

/// A node that remembers what it was asked.
pub(crate) struct FakeNode {
    pub(crate) asked: Mutex<Vec<Request>>,
    ring: Mutex<EventRing>,
    pub(crate) listeners: Mutex<Vec<mpsc::Sender<Arc<Event>>>>,
    followers: Mutex<Vec<mpsc::Sender<LogPiece>>>,
}

impl Default for FakeNode {
    fn default() -> Self {
        Self {
            asked: Mutex::default(),
            ring: Mutex::new(EventRing::new(STREAM, 10)),
            listeners: Mutex::default(),
            followers: Mutex::default(),
        }
    }
}

impl FakeNode {
    pub(crate) fn shared() -> Arc<dyn Backend> {
        Arc::new(Self::default())
    }

    pub(crate) fn push(&self, count: u8) {
        for number in 0..count {
            self.ring.lock().unwrap().push(EventBody::JobRemoved(JobId([number; 10])));
        }
    }
}

impl Backend for FakeNode {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, ApiError>> {
        let answer = match &request {
            Request::Why(target) if target.target == "nope" => return Box::pin(async { Err(unknown_job()) }),
            Request::Tasks(_) => Response::Tasks(TaskPage { job: JOB, total: 3, tasks: Vec::new() }),
            Request::Submit(_) => Response::Submitted(SubmittedView { jobs: Vec::new(), warnings: Vec::new() }),
            _ => Response::Invite(InviteView { link: "gridwell:x".into(), expires: Stamp(9) }),
        };
        self.asked.lock().unwrap().push(request);
        Box::pin(async { Ok(answer) })
    }

    fn open<'a>(&'a self, path: &'a str, _: TreeView) -> BoxFuture<'a, Result<Content, ApiError>> {
        Box::pin(async move { Err(ApiError::new(ErrorCode::MissingFile, format!("there is nothing at '{path}'"))) })
    }

    fn picture(&self, request: PictureRequest) -> BoxFuture<'_, Result<Picture, ApiError>> {
        let answer = match request.size {
            0 => Err(ApiError::new(ErrorCode::NotAPicture, "there is none")),
            _ => Ok(Picture { mime: "image/webp", bytes: format!("{request:?}").into_bytes() }),
        };
        Box::pin(async { answer })
    }

    fn events(&self, since: Option<EventCursor>) -> BoxFuture<'_, Result<mpsc::Receiver<Arc<Event>>, ApiError>> {
        let (sender, receiver) = mpsc::channel(16);
        let first = match self.ring.lock().unwrap().replay(since) {
            Replay::Missed(events) => events,
            Replay::Snapshot { seq } => {
                let empty = Snapshot {
                    stream: STREAM,
                    machines: vec![],
                    links: vec![],
                    jobs: vec![],
                    pairings: vec![],
                    code: CodeShown::default(),
                    asks: vec![],
                };
                vec![Arc::new(Event { seq, body: EventBody::Snapshot(Box::new(empty)) })]
            }
        };
        first.into_iter().for_each(|event| sender.try_send(event).unwrap());
        self.listeners.lock().unwrap().push(sender);
        Box::pin(async { Ok(receiver) })
    }

    fn logs(&self, request: LogsRequest) -> BoxFuture<'_, Result<mpsc::Receiver<LogPiece>, ApiError>> {
        let (sender, receiver) = mpsc::channel(1);
        let piece = LogPiece {
            task: TaskKey { step: 0, index: 0 },
            label: "task 0".into(),
            machine: "mill".into(),
            attempt: 1,
            offset: 0,
            bytes: b"line\n".to_vec(),
        };
        sender.try_send(piece).unwrap();
        if request.follow {
            self.followers.lock().unwrap().push(sender);
        }
        Box::pin(async { Ok(receiver) })
    }
}

/// An open door over a made-up node, in a folder of its own.
pub(crate) struct House {
    pub(crate) temp: tempfile::TempDir,
    _folder: DataFolder,
    pub(crate) node: Arc<FakeNode>,
    pub(crate) door: Door,
}

impl House {
    /// The door with loopback TCP for whoever has the token, and with the window.
    pub(crate) async fn open() -> Self {
        let (temp, address) = (tempfile::tempdir().unwrap(), ([127, 0, 0, 1], 0).into());
        Self::open_in(temp, Arc::default(), address).await
    }

    pub(crate) async fn open_in(temp: tempfile::TempDir, node: Arc<FakeNode>, address: SocketAddr) -> Self {
        let folder = DataFolder::lock(temp.path()).unwrap();
        let entrances = Entrances { http: Some(0), window: Some(WindowEntrance { address, pages: PAGES }) };
        let door = Door::open(&folder, entrances, node.clone()).await.unwrap();
        Self { temp, _folder: folder, node, door }
    }

    pub(crate) async fn close(self) -> (tempfile::TempDir, Arc<FakeNode>) {
        self.door.close().await;
        (self.temp, self.node)
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(self.temp.path())
    }

    /// What the socket answers to a request, word for word.
    pub(crate) async fn raw(&self, text: &str) -> String {
        said(UnixStream::connect(self.door.socket()).await.unwrap(), text).await
    }

    /// The same over loopback TCP.
    pub(crate) async fn raw_at(address: SocketAddr, text: &str) -> String {
        said(TcpStream::connect(address).await.unwrap(), text).await
    }

    /// Says something and leaves in the middle of it; done when the door has noticed.
    pub(crate) async fn hang_up_at(address: SocketAddr, text: &str) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        stream.shutdown().await.unwrap();
        let _ = stream.read_to_end(&mut Vec::new()).await;
    }

    /// The head of what loopback TCP answers, when the connection stays open.
    pub(crate) async fn head_at(address: SocketAddr, text: &str) -> String {
        let mut stream = BufReader::new(TcpStream::connect(address).await.unwrap());
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).await.unwrap() > 0, "it ended after {head}");
        }
        head
    }
}

async fn said(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: &str) -> String {
    let _ = stream.write_all(text.as_bytes()).await;
    let mut answer = Vec::new();
    // A refused request may end in a reset: what was answered before counts.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) fn unknown_job() -> ApiError {
    ApiError::new(ErrorCode::UnknownJob, "there is no job 'nope'").help("List jobs with 'gridwell jobs'.")
}
