use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body};
use gridwell_api::{ApiError, ErrorCode, WindowView};
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, UnixListener},
    sync::Semaphore,
    task::JoinSet,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt as _;

use crate::{
    Backend, DataFolder, Page,
    guard::Guard,
    kin::is_of_a_job,
    routes::{Inside, router},
    window::{self, Window},
};

/// Most connections at once on each listener: many windows and scripts, few enough to bound memory.
const MAX_CONNECTIONS: usize = 256;
/// A connection that does not finish its request's head in this time is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest head of a request, and most bytes that are read ahead of who wants them.
const HEAD_BYTES: usize = 64 * 1024;
/// How long open connections may finish their answer when the door closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// Where the door opens beside the data folder's socket: nowhere unless asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Entrances {
    /// `127.0.0.1:PORT` for programs that show the token in the data folder; 0 picks a free port.
    pub http: Option<u16>,
    /// The window for browsers of this machine.
    pub window: Option<WindowEntrance>,
}

/// The window for browsers.
#[derive(Debug, Clone, Copy)]
pub struct WindowEntrance {
    /// A loopback address; port 0 picks a free one.
    pub address: SocketAddr,
    /// Its pages.
    pub pages: &'static [Page],
}

/// The open door: listeners and connections, until [`Door::close`].
#[derive(Debug)]
pub struct Door {
    socket: PathBuf,
    http: Option<SocketAddr>,
    window: Option<Window>,
    closing: CancellationToken,
    listeners: JoinSet<()>,
    connections: TaskTracker,
}

impl Door {
    /// Listens on the data folder's socket and at the other entrances.
    ///
    /// # Errors
    ///
    /// `data_folder` if the socket cannot be made, `bad_value` for a window at an address that other machines reach,
    /// `listen_failed` if a port is taken.
    pub async fn open(folder: &DataFolder, entrances: Entrances, backend: Arc<dyn Backend>) -> Result<Self, ApiError> {
        let closing = CancellationToken::new();
        let connections = TaskTracker::new();
        let uploads = folder.uploads();
        let inside = Inside { backend, uploads, closing: closing.clone(), connections: connections.clone() };
        let mut listeners = JoinSet::new();
        let mut listen = |listener, app| {
            listeners.spawn(welcome(listener, Hall::new(app, &closing, &connections)));
        };
        let mut window = None;
        if let Some(WindowEntrance { address, pages }) = entrances.window {
            let (listener, address) = bind_loopback(address).await?;
            let owner = folder.token()?;
            let window = window.insert(Window::new(address, &owner));
            listen(listener, window::router(window, owner, pages, router(inside.clone())));
        }
        let owners = router(inside).merge(window::tokens(window.clone()));
        let mut http = None;
        if let Some(port) = entrances.http {
            let (listener, address) = bind_loopback(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
            http = Some(address);
            listen(listener, Guard { token: folder.token()?, window: None }.around(owners.clone()));
        }
        listeners.spawn(welcome(folder.bind()?, Hall::new(owners, &closing, &connections)));
        Ok(Self { socket: folder.socket(), http, window, closing, listeners, connections })
    }

    /// The Unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The loopback address for programs, if one was asked for.
    #[must_use]
    pub const fn http(&self) -> Option<SocketAddr> {
        self.http
    }

    /// A new address of the window for one browser; `None` if the door has no window.
    ///
    /// # Errors
    ///
    /// `data_folder` if the system gives no randomness.
    pub fn window(&self) -> Result<Option<WindowView>, ApiError> {
        self.window.as_ref().map(Window::url).transpose()
    }

    /// Takes no new connection, lets answers finish, ends streams, and removes the socket.
    pub async fn close(mut self) {
        DataFolder::unbind(&self.socket);
        self.closing.cancel();
        while self.listeners.join_next().await.is_some() {}
        self.connections.close();
        if tokio::time::timeout(CLOSE_TIMEOUT, self.connections.wait()).await.is_err() {
            tracing::debug!(open = self.connections.len(), "connections were cut when the door closed");
        }
    }
}

async fn bind_loopback(address: SocketAddr) -> Result<(TcpListener, SocketAddr), ApiError> {
    if !address.ip().is_loopback() {
        let message = format!("'{address}' can be reached by other machines; the door opens on loopback only");
        return Err(ApiError::new(ErrorCode::BadValue, message).help("Try 127.0.0.1 and reach it with 'ssh -L'."));
    }
    let bound = async { TcpListener::bind(address).await.and_then(|listener| Ok((listener.local_addr()?, listener))) };
    match bound.await {
        Ok((address, listener)) => Ok((listener, address)),
        Err(error) => Err(ApiError::new(ErrorCode::ListenFailed, format!("cannot listen on {address}: {error}"))),
    }
}

/// Where connections are served.
#[derive(Clone)]
struct Hall {
    app: Router,
    closing: CancellationToken,
    connections: TaskTracker,
    seats: Arc<Semaphore>,
}

impl Hall {
    fn new(app: Router, closing: &CancellationToken, connections: &TaskTracker) -> Self {
        let seats = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        Self { app, closing: closing.clone(), connections: connections.clone(), seats }
    }
}

/// Whether it was logged that a program of a job was turned away.
static TOLD: AtomicBool = AtomicBool::new(false);

/// Something that people connect to.
trait Entrance: Send + 'static {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// The next connection; `None` for one that may not come in.
    fn next(&self) -> impl Future<Output = io::Result<Option<Self::Stream>>> + Send;
}

impl Entrance for TcpListener {
    type Stream = tokio::net::TcpStream;

    async fn next(&self) -> io::Result<Option<Self::Stream>> {
        self.accept().await.map(|(stream, _)| Some(stream))
    }
}

impl Entrance for UnixListener {
    type Stream = tokio::net::UnixStream;

    async fn next(&self) -> io::Result<Option<Self::Stream>> {
        let (stream, _) = self.accept().await?;
        let credentials = stream.peer_cred()?;
        let asker = credentials.uid();
        if asker != 0 && asker != rustix::process::geteuid().as_raw() {
            tracing::warn!(uid = asker, "another user tried the local door");
            return Ok(None);
        }
        if credentials.pid().is_some_and(is_of_a_job) {
            // It may go on trying.
            if !TOLD.swap(true, Ordering::Relaxed) {
                tracing::warn!(pid = credentials.pid(), "a program of a job tried the local door");
            }
            return Ok(None);
        }
        Ok(Some(stream))
    }
}

async fn welcome<E: Entrance>(entrance: E, hall: Hall) {
    loop {
        let Ok(seat) = Arc::clone(&hall.seats).acquire_owned().await else { return };
        let next = tokio::select! {
            () = hall.closing.cancelled() => return,
            next = entrance.next() => next,
        };
        match next {
            Ok(Some(stream)) => {
                let serving = serve(stream, hall.app.clone(), hall.closing.clone());
                hall.connections.spawn(async move {
                    serving.await;
                    drop(seat);
                });
            }
            Ok(None) => {}
            Err(error) => {
                // Out of descriptors or memory: others must end before the next can come in.
                tracing::warn!(%error, "the local door could not take a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(stream: S, app: Router, closing: CancellationToken) {
    let service = service_fn(move |request: hyper::Request<hyper::body::Incoming>| {
        let app = app.clone();
        async move { Ok::<_, Infallible>(app.oneshot(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = closing.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection at the local door broke");
    }
}
