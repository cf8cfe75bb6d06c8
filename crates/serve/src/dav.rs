//! The tree as WebDAV, only to be read: for players, file managers and tools that know no other way. Source: RFC 4918, class 1.
//!
//! Links are left out: WebDAV has no word for them, and what they lead to stands in its own place.

use std::{
    fmt::Write as _,
    time::{Duration, UNIX_EPOCH},
};

use axum::{
    Json,
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response as Answer},
};
use futures::{StreamExt as _, stream};
use gridwell_api::{ApiError, ErrorCode, FileRequest, FileView, FilesPage, FilesRequest, Request, Response, TreeKind};
use httpdate::HttpDate;

use crate::{
    client::encoded,
    files::{self, View},
    reply::Refusal,
    routes::Inside,
};

/// Where the tree stands.
pub(crate) const ROOT: &str = "/v1/dav";

/// The start of 9999 in milliseconds since 1970; later dates have no form.
const YEAR_9999_MS: u64 = 253_370_764_800_000;

const METHODS: &str = "OPTIONS, GET, HEAD, PROPFIND";
const HEAD: &str = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:multistatus xmlns:D=\"DAV:\">";
const TAIL: &str = "</D:multistatus>";
/// Whoever wants all of a tree at once asks folder by folder (RFC 4918, section 9.1).
const TOO_DEEP: &str =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\"><D:propfind-finite-depth/></D:error>";

/// The top: the machines.
pub(crate) async fn top(method: Method, inside: State<Inside>, headers: HeaderMap) -> Result<Answer, Refusal> {
    answer(method, inside, String::new(), headers).await
}

/// Something in the tree.
pub(crate) async fn below(
    method: Method,
    inside: State<Inside>,
    Path(path): Path<String>,
    headers: HeaderMap,
) -> Result<Answer, Refusal> {
    answer(method, inside, path, headers).await
}

async fn answer(method: Method, inside: State<Inside>, path: String, headers: HeaderMap) -> Result<Answer, Refusal> {
    let answer = match method.as_str() {
        "GET" | "HEAD" => files::file(method, inside, Path(path), Query(View::default()), headers).await,
        "PROPFIND" => properties(&inside, path.trim_end_matches('/'), headers.get("depth")).await,
        "OPTIONS" => Ok((methods(), [("dav", "1")]).into_response()),
        _ => {
            let error = ApiError::new(ErrorCode::NotAllowed, "files of other machines are only read here");
            Ok((methods(), Refusal(error)).into_response())
        }
    };
    match answer {
        // Programs ask for names that may not be there, and know this answer.
        Err(Refusal(error)) if error.code == ErrorCode::MissingFile => {
            Ok((StatusCode::NOT_FOUND, Json(error)).into_response())
        }
        answer => answer,
    }
}

fn methods() -> [(header::HeaderName, &'static str); 1] {
    [(header::ALLOW, METHODS)]
}

/// What something is, and with depth 1 also what is in it: page by page, once the first is there.
async fn properties(inside: &Inside, path: &str, depth: Option<&HeaderValue>) -> Result<Answer, Refusal> {
    let kind = [(header::CONTENT_TYPE, "application/xml; charset=utf-8")];
    let members = match depth.map(HeaderValue::as_bytes) {
        Some(b"0") => false,
        Some(b"1") => true,
        _ => return Ok((StatusCode::FORBIDDEN, kind, TOO_DEEP).into_response()),
    };
    let itself = match path {
        "" => None,
        path => Some(look(inside, path).await?),
    };
    let mut first = HEAD.to_owned();
    described(&mut first, path, itself.as_ref());
    let is_folder = itself.is_none_or(|file| file.kind == TreeKind::Folder);
    if !members || !is_folder {
        first.push_str(TAIL);
        return Ok((StatusCode::MULTI_STATUS, kind, first).into_response());
    }
    let page = list(inside, path, None).await?;
    let next = listed(&mut first, path, &page);
    let rest = stream::unfold(next, {
        let (inside, path) = (inside.clone(), path.to_owned());
        move |next| more(inside.clone(), path.clone(), next)
    });
    let body = Body::from_stream(stream::iter([Ok(first)]).chain(rest));
    Ok((StatusCode::MULTI_STATUS, kind, body).into_response())
}

/// The page behind the name `after`; one that cannot be had breaks the answer off, so that nobody takes a part for all of it.
async fn more(
    inside: Inside,
    path: String,
    after: Option<String>,
) -> Option<(Result<String, ApiError>, Option<String>)> {
    let after = after?;
    let mut text = String::new();
    match list(&inside, &path, Some(after)).await {
        Ok(page) => {
            let next = listed(&mut text, &path, &page);
            Some((Ok(text), next))
        }
        Err(error) => Some((Err(error), None)),
    }
}

/// Writes a page, and the end behind the last one; returns the name behind which there is more.
fn listed(out: &mut String, path: &str, page: &FilesPage) -> Option<String> {
    for file in page.files.iter().filter(|file| matches!(file.kind, TreeKind::File | TreeKind::Folder)) {
        described(out, &format!("{path}/{}", file.name), Some(file));
    }
    let last = page.files.last().filter(|_| page.more).map(|last| last.name.clone());
    if last.is_none() {
        out.push_str(TAIL);
    }
    last
}

/// Writes what something is; the top is nothing that anybody could describe.
fn described(out: &mut String, path: &str, file: Option<&FileView>) {
    let is_folder = file.is_none_or(|file| file.kind == TreeKind::Folder);
    out.push_str("<D:response><D:href>");
    out.push_str(ROOT);
    for part in path.split('/').filter(|part| !part.is_empty()) {
        let _ = write!(out, "/{}", encoded(part));
    }
    // Folders end so, that names in them can be put behind.
    out.push_str(if is_folder { "/" } else { "" });
    out.push_str("</D:href><D:propstat><D:prop>");
    match file {
        Some(file) if !is_folder => {
            let _ = write!(out, "<D:resourcetype/><D:getcontentlength>{}</D:getcontentlength>", file.size_bytes);
        }
        _ => out.push_str("<D:resourcetype><D:collection/></D:resourcetype>"),
    }
    if let Some(modified) = file.and_then(modified) {
        let _ = write!(out, "<D:getlastmodified>{modified}</D:getlastmodified>");
    }
    out.push_str("</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>");
}

/// When its content changed, where that is known and such a date can be written.
fn modified(file: &FileView) -> Option<HttpDate> {
    let ms = u64::try_from(file.modified_ms).ok().filter(|ms| (1..YEAR_9999_MS).contains(ms))?;
    Some(HttpDate::from(UNIX_EPOCH + Duration::from_millis(ms)))
}

async fn look(inside: &Inside, path: &str) -> Result<FileView, ApiError> {
    match inside.backend.call(Request::File(FileRequest { path: path.to_owned() })).await? {
        Response::File(file) => Ok(*file),
        _ => Err(ApiError::bug("a file is described by something else")),
    }
}

async fn list(inside: &Inside, path: &str, after: Option<String>) -> Result<FilesPage, ApiError> {
    match inside.backend.call(Request::Files(FilesRequest { path: path.to_owned(), after })).await? {
        Response::Files(page) => Ok(page),
        _ => Err(ApiError::bug("a folder is listed by something else")),
    }
}
