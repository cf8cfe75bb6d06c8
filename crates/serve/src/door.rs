use std::{
    convert::Infallible,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body, middleware};
use gridwell_api::{ApiError, ErrorCode};
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
    Backend, DataFolder,
    guard::guard,
    routes::{Inside, router},
};

/// Most connections at once on each listener: many windows and scripts, few enough to bound memory.
const MAX_CONNECTIONS: usize = 256;
/// A connection that does not finish its request's head in this time is closed.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long open connections may finish their answer when the door closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The open door: listeners and connections, until [`Door::close`].
#[derive(Debug)]
pub struct Door {
    socket: PathBuf,
    tcp: Option<SocketAddr>,
    closing: CancellationToken,
    listeners: JoinSet<()>,
    connections: TaskTracker,
}

impl Door {
    /// Listens on the data folder's socket and, if a port is given, on `127.0.0.1:tcp_port` (0: any free port).
    ///
    /// # Errors
    ///
    /// `data_folder` if the socket cannot be made, `listen_failed` if the port is taken.
    pub async fn open(folder: &DataFolder, tcp_port: Option<u16>, backend: Arc<dyn Backend>) -> Result<Self, ApiError> {
        let closing = CancellationToken::new();
        let connections = TaskTracker::new();
        let app = router(Inside { backend, closing: closing.clone(), connections: connections.clone() });
        let mut listeners = JoinSet::new();
        let mut tcp = None;
        if let Some(port) = tcp_port {
            let listener = bind_loopback(port).await?;
            tcp = listener.local_addr().ok();
            let guarded = app.clone().layer(middleware::from_fn_with_state(Arc::from(folder.token()?), guard));
            listeners.spawn(welcome(listener, Hall::new(guarded, &closing, &connections)));
        }
        let socket = folder.bind()?;
        listeners.spawn(welcome(socket, Hall::new(app, &closing, &connections)));
        Ok(Self { socket: folder.socket(), tcp, closing, listeners, connections })
    }

    /// The Unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The loopback address, if one was asked for.
    #[must_use]
    pub const fn tcp(&self) -> Option<SocketAddr> {
        self.tcp
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

async fn bind_loopback(port: u16) -> Result<TcpListener, ApiError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address)
        .await
        .map_err(|error| ApiError::new(ErrorCode::ListenFailed, format!("cannot listen on {address}: {error}")))
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
        let asker = stream.peer_cred()?.uid();
        if asker == 0 || asker == rustix::process::geteuid().as_raw() {
            return Ok(Some(stream));
        }
        tracing::warn!(uid = asker, "another user tried the local door");
        Ok(None)
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
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
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
