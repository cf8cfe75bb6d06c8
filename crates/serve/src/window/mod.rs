//! The window for browsers: its pages, sessions opened with one-time tokens, and the door behind them.

mod pages;
mod sessions;
mod tokens;

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
    routing::post,
};
use gridwell_api::{ApiError, ErrorCode, SessionRequest, SessionView, WindowView};
use tower::ServiceExt as _;

pub use pages::Page;

use crate::{
    guard::{self, Guard},
    reply::{Body, Refusal},
    secret::Known,
};
use pages::Pages;
use sessions::{SESSION_LIFE, Session, Sessions};
use tokens::Tokens;

/// The window at its address.
#[derive(Debug, Clone)]
pub(crate) struct Window {
    address: SocketAddr,
    tokens: Arc<Tokens>,
    sessions: Sessions,
}

impl Window {
    pub(crate) fn new(address: SocketAddr, owner: &Known) -> Self {
        Self { address, tokens: Arc::default(), sessions: Sessions::new(owner) }
    }

    /// An address that opens a session once.
    pub(crate) fn url(&self) -> Result<WindowView, ApiError> {
        let token = self.tokens.make(Instant::now())?;
        Ok(WindowView { url: format!("http://{}/#token={token}", self.address) })
    }

    /// Opens a session with a token.
    pub(crate) fn open(&self, token: &str) -> Result<Session, ApiError> {
        self.tokens.take(token, Instant::now())?;
        self.sessions.open(SystemTime::now())
    }

    /// The cookie's name. Cookies know no ports: several windows on one machine need names of their own.
    pub(crate) fn cookie(&self) -> String {
        format!("gridwell-{}", self.address.port())
    }

    /// Whether a request shows both halves of a session.
    pub(crate) fn admits(&self, request: &Request, key: &str) -> bool {
        let name = self.cookie();
        let cookies = request.headers().get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let mut pairs = cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let cookie = pairs.find(|(found, _)| *found == name).map(|(_, value)| value);
        cookie.is_some_and(|cookie| self.sessions.admits(cookie, key, SystemTime::now()))
    }
}

/// Pages for everybody, a session for whoever has a token, and `door` for whoever has a session or the owner's token.
pub(crate) fn router(window: &Window, token: Known, pages: &[Page], door: Router) -> Router {
    let pages = Pages::new(pages);
    let sessions = post(open).layer(middleware::from_fn(guard::own_page_only)).with_state(window.clone());
    let door = Guard { token, window: Some(window.clone()) }.around(door);
    // A route with a rest of the path in it would be one parameter too many for the door's own routes.
    let others = async move |request: Request| {
        if request.uri().path().starts_with("/v1/") {
            return door.oneshot(request).await.into_response();
        }
        pages.answer(&request)
    };
    Router::new()
        .route("/v1/session", sessions)
        .fallback(others)
        .layer(middleware::from_fn(guard::loopback_only))
        .layer(middleware::from_fn(shield))
}

/// What only the owner may ask: a new address of the window.
pub(crate) fn tokens(window: Option<Window>) -> Router {
    Router::new().route("/v1/ui-tokens", post(token)).with_state(window)
}

/// A new address of the window for browsers; only over the socket and with the owner's token.
#[utoipa::path(post, path = "/v1/ui-tokens",
    responses((status = 200, body = WindowView), (status = "default", body = ApiError)))]
pub(crate) async fn token(State(window): State<Option<Window>>) -> Result<Json<WindowView>, Refusal> {
    let window = window.ok_or_else(|| {
        ApiError::new(ErrorCode::WrongState, "this node has no window for browsers")
            .help("Start it with 'gridwell node --ui 127.0.0.1:0'.")
    })?;
    Ok(Json(window.url()?))
}

/// Opens a browser's session; the cookie comes with the answer.
#[utoipa::path(post, path = "/v1/session", request_body = SessionRequest,
    responses((status = 200, body = SessionView), (status = "default", body = ApiError)))]
pub(crate) async fn open(
    State(window): State<Window>,
    Body(request): Body<SessionRequest>,
) -> Result<Response, Refusal> {
    let Session { cookie, key } = window.open(&request.token)?;
    let (name, life) = (window.cookie(), SESSION_LIFE.as_secs());
    let cookie = format!("{name}={cookie}; Path=/; Max-Age={life}; HttpOnly; SameSite=Strict");
    Ok(([(header::SET_COOKIE, cookie)], Json(SessionView { key })).into_response())
}

/// What a page may do: load its own files and talk to its own address, nothing else.
const CONTENT_SECURITY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; \
    img-src 'self' blob:; font-src 'self'; connect-src 'self'; object-src 'none'; frame-src 'none'; \
    frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// Tells the browser to keep other pages out of this one and its answers.
async fn shield(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", CONTENT_SECURITY),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
