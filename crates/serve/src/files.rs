//! Content of files of the tree, whole or in part, for players and scripts.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use gridwell_api::ApiError;
use gridwell_node::{Content, OpenFile, TreeError, TreeView};
use serde::Deserialize;

use crate::{reply::Refusal, routes::Inside};

/// Blocks that are read ahead of whoever takes them: the next is on its way while one is sent.
const AHEAD: usize = 4;

/// Another view of what lies at a path.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct View {
    /// The files of the folder as one.
    #[serde(default)]
    joined: bool,
    /// A part of the picture.
    region: Option<String>,
}

/// A file of the tree; `Range` asks for a part of it. What cannot be read is refused as long as nothing was sent.
#[utoipa::path(get, path = "/v1/tree/{path}",
    params(("path" = String, Path, description = "machine/share/…, written as in FilesRequest"),
           ("joined" = Option<bool>, Query, description = "the files of a folder as one, in the order of their names: what `cat FOLDER/*` writes"),
           ("region" = Option<String>, Query, description = "a part of an OpenEXR or TIFF picture, as a PNG: X,Y,WIDTH,HEIGHT in pixels"),
           ("Range" = Option<String>, Header, description = "one range of bytes")),
    responses((status = 200, content((Vec<u8> = "application/octet-stream"))),
              (status = 206, content((Vec<u8> = "application/octet-stream"))),
              (status = 416, description = "the range begins behind the end"),
              (status = "default", body = ApiError)))]
pub(crate) async fn file(
    method: Method,
    State(inside): State<Inside>,
    Path(path): Path<String>,
    Query(view): Query<View>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let view = match view {
        View { region: Some(region), .. } => TreeView::Region(region),
        View { joined: true, .. } => TreeView::Joined,
        _ => TreeView::Whole,
    };
    let file = inside.backend.open(&path, view).await?;
    let kind = if matches!(file, Content::Made(_)) { "image/png" } else { "application/octet-stream" };
    let size = file.size_bytes();
    let tag = format!("\"{}\"", file.tag());
    // A part of another version is of no use to whoever has the rest of this one.
    let same = headers.get(header::IF_RANGE).is_none_or(|named| *named == tag);
    let wanted = headers.get(header::RANGE).filter(|_| same).and_then(|range| part(range.to_str().ok()?, size));
    let of = [
        (header::ACCEPT_RANGES, "bytes".to_owned()),
        (header::ETAG, tag),
        (header::CONTENT_TYPE, kind.to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    let content = async |from, until| match method {
        // Its answer has no body: reading for it would be for nothing.
        Method::HEAD => Ok(Body::empty()),
        _ => content(file, from, until).await,
    };
    Ok(match wanted {
        None => (of, [(header::CONTENT_LENGTH, size.to_string())], content(0, size).await?).into_response(),
        Some(Part::Bytes { from, until }) => {
            let about = [
                (header::CONTENT_RANGE, format!("bytes {from}-{}/{size}", until - 1)),
                (header::CONTENT_LENGTH, (until - from).to_string()),
            ];
            (StatusCode::PARTIAL_CONTENT, of, about, content(from, until).await?).into_response()
        }
        Some(Part::Behind) => {
            let about = [(header::CONTENT_RANGE, format!("bytes */{size}"))];
            (StatusCode::RANGE_NOT_SATISFIABLE, of, about).into_response()
        }
    })
}

/// What is asked of a file.
#[derive(Debug, PartialEq, Eq)]
enum Part {
    /// These bytes, at least one.
    Bytes { from: u64, until: u64 },
    /// What lies behind its end.
    Behind,
}

/// The part that one range names; several, or none that can be read, mean the whole file. Source: RFC 9110, section 14.
fn part(range: &str, size: u64) -> Option<Part> {
    let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, until) = match (from.trim(), to.trim()) {
        ("", last) => (size.saturating_sub(last.parse().ok()?), size),
        (from, "") => (from.parse().ok()?, size),
        (from, to) => (from.parse().ok()?, to.parse::<u64>().ok()?.saturating_add(1).min(size)),
    };
    match from < until {
        true => Some(Part::Bytes { from, until }),
        false if from >= size => Some(Part::Behind),
        false => None,
    }
}

/// The bytes, block by block, once the first is there; a file that cannot be read on after it breaks the answer off.
///
/// # Errors
///
/// [`Refusal`] if nothing of it can be read.
async fn content(file: Content, from: u64, until: u64) -> Result<Body, Refusal> {
    let file = Arc::new(file);
    let block = OpenFile::MAX_READ_BYTES;
    let begins = (from..until).step_by(block as usize);
    let blocks = begins.map(move |at| {
        let file = Arc::clone(&file);
        async move {
            let (end, mut at, mut parts) = (until.min(at + block), at, Vec::new());
            while at < end {
                let part = file.read(at, end - at).await;
                let part = part.inspect_err(|error| tracing::debug!(%error, "a file was not sent to its end"))?;
                if part.is_empty() {
                    break;
                }
                at += part.len() as u64;
                parts.push(Ok::<_, TreeError>(part));
            }
            Ok(stream::iter(parts))
        }
    });
    let mut parts = Box::pin(stream::iter(blocks).buffered(AHEAD).try_flatten());
    let first = parts.try_next().await.map_err(ApiError::from)?;
    Ok(Body::from_stream(stream::iter(first.map(Ok)).chain(parts)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_range_names_a_part_of_the_file() {
        let bytes = |from, until| Some(Part::Bytes { from, until });
        for (range, named) in [
            ("bytes=0-", bytes(0, 100)),
            ("bytes=10-19", bytes(10, 20)),
            ("bytes=90-1000", bytes(90, 100)),
            ("bytes=-5", bytes(95, 100)),
            ("bytes=-500", bytes(0, 100)),
            ("bytes=100-", Some(Part::Behind)),
            ("bytes=20-10", None),
            ("bytes=0-1,5-6", None),
            ("bytes=x-", None),
            ("lines=0-1", None),
        ] {
            assert_eq!(part(range, 100), named, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Some(Part::Behind));
    }
}
