use std::{collections::BTreeMap, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use gridwell_api::{ApiError, ErrorCode};

use crate::reply::Refusal;

/// A file of the window, as it is built into the program.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// Its path below the window's address: `assets/index-4f3a.js`. `index.html` is also the window itself.
    pub path: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// Vite names what is below this folder by its content: it never changes.
const NAMED_BY_CONTENT: &str = "assets/";

/// Every page by its path. Nothing is read from a disk, so that no path leads anywhere else.
#[derive(Debug, Clone)]
pub(super) struct Pages {
    pages: Arc<BTreeMap<&'static str, Kept>>,
}

#[derive(Debug)]
struct Kept {
    bytes: &'static [u8],
    kind: &'static str,
    tag: HeaderValue,
    cached: &'static str,
}

impl Pages {
    pub(super) fn new(pages: &[Page]) -> Self {
        let kept = pages.iter().map(|page| (page.path, Kept::new(page)));
        Self { pages: Arc::new(kept.collect()) }
    }

    pub(super) fn answer(&self, request: &Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return Refusal(ApiError::new(ErrorCode::NotAllowed, "pages can only be read")).into_response();
        }
        let path = request.uri().path().trim_start_matches('/');
        let path = if path.is_empty() { "index.html" } else { path };
        match self.pages.get(path) {
            Some(page) => page.answer(request.headers()),
            None => Refusal(ApiError::new(ErrorCode::NotFound, "the window has no such page")).into_response(),
        }
    }
}

impl Kept {
    fn new(Page { path, bytes }: &Page) -> Self {
        let tag = HeaderValue::from_str(&format!("\"{}\"", blake3::hash(bytes).to_hex()));
        let cached = if path.starts_with(NAMED_BY_CONTENT) {
            "private, max-age=31536000, immutable"
        } else {
            "private, no-cache"
        };
        Self { bytes, kind: kind(path), tag: tag.expect("hex is plain text"), cached }
    }

    fn answer(&self, headers: &HeaderMap) -> Response {
        let about = [(header::ETAG, self.tag.clone()), (header::CACHE_CONTROL, HeaderValue::from_static(self.cached))];
        if headers.get(header::IF_NONE_MATCH) == Some(&self.tag) {
            return (StatusCode::NOT_MODIFIED, about).into_response();
        }
        (about, [(header::CONTENT_TYPE, self.kind)], self.bytes).into_response()
    }
}

fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("webp") => "image/webp",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
