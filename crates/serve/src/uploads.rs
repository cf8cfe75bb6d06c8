use std::{
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use axum::{
    Json,
    body::{Body, HttpBody as _},
    extract::State,
};
use futures::StreamExt as _;
use gridwell_api::{ApiError, ErrorCode, UploadRequest, UploadView};
use tokio::io::AsyncWriteExt as _;

use crate::{
    reply::{Asked, Refusal},
    routes::Inside,
    secret,
};

/// Largest file: a long film. Whoever has more gives the path of the file instead of its contents.
const MAX_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// What a disk keeps free for the node's own journal and for everybody else.
const RESERVE_BYTES: u64 = 1024 * 1024 * 1024;
/// A sender that is silent for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Longest name of a file or folder on the systems we run on, in bytes.
const NAME_BYTES: usize = 255;
/// Deepest folder, far beyond any project.
const MAX_DEPTH: usize = 32;

/// Keeps a file that a browser sends, because it has no paths; answers where it lies on this machine.
///
/// Files of one batch lie beside each other under their names. It is there whole or not at all, and stays until a person
/// removes it: results of jobs land beside it.
#[utoipa::path(post, path = "/v1/uploads",
    params(("batch" = String, Query, description = "a name for what is sent together: 8 to 64 of 0-9, a-f and -"),
           ("name" = String, Query, description = "its name, or path below a folder that is sent whole")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, body = UploadView), (status = "default", body = ApiError)))]
pub(crate) async fn upload(
    State(inside): State<Inside>,
    Asked(request): Asked<UploadRequest>,
    body: Body,
) -> Result<Json<UploadView>, Refusal> {
    let path = inside.uploads.join(place(&request)?);
    let folder = path.parent().unwrap_or(&inside.uploads);
    tokio::fs::create_dir_all(folder).await.map_err(|error| unkept(&path, &error))?;
    let size_bytes = body.size_hint().exact().ok_or_else(without_size)?;
    has_room(folder, size_bytes)?;
    let part = Part::beside(&path)?;
    receive(body, size_bytes, &part.path).await?;
    tokio::fs::rename(&part.path, &path).await.map_err(|error| unkept(&path, &error))?;
    Ok(Json(UploadView { path: path.display().to_string() }))
}

/// Where a file goes below the folder of all uploads; never out of it.
fn place(UploadRequest { batch, name }: &UploadRequest) -> Result<PathBuf, ApiError> {
    let is_batch =
        (8..=64).contains(&batch.len()) && batch.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
    let parts: Vec<&str> = name.split('/').collect();
    if is_batch && parts.len() <= MAX_DEPTH && parts.iter().copied().all(is_name) {
        return Ok([batch.as_str()].into_iter().chain(parts).collect());
    }
    Err(ApiError::new(ErrorCode::BadValue, format!("'{name}' of '{batch}' cannot be the name of a file here")))
}

fn is_name(part: &str) -> bool {
    !matches!(part, "" | "." | "..") && part.len() <= NAME_BYTES && !part.chars().any(char::is_control)
}

fn has_room(folder: &Path, size_bytes: u64) -> Result<(), ApiError> {
    if size_bytes > MAX_BYTES {
        let message = format!("a file of {size_bytes} bytes is too large to be sent; at most {MAX_BYTES}");
        return Err(ApiError::new(ErrorCode::TooLarge, message).help("Type its path instead: then nothing is copied."));
    }
    let disk = rustix::fs::statvfs(folder).map_err(|error| unkept(folder, &error.into()))?;
    let free_bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free_bytes >= size_bytes.saturating_add(RESERVE_BYTES) {
        return Ok(());
    }
    let message = format!("'{}' has {free_bytes} bytes free, too few for {size_bytes} more", folder.display());
    Err(ApiError::new(ErrorCode::DiskFull, message).help("Make room, or type the path of the file instead."))
}

/// Writes exactly `size_bytes`, which are on the disk afterwards.
async fn receive(body: Body, size_bytes: u64, path: &Path) -> Result<(), ApiError> {
    let refuse = |error: io::Error| unkept(path, &error);
    let mut options = tokio::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).await.map_err(refuse)?;
    let (mut stream, mut received_bytes) = (body.into_data_stream(), 0);
    while received_bytes < size_bytes {
        let next = tokio::time::timeout(SILENCE, stream.next()).await;
        let Ok(Some(Ok(chunk))) = next else {
            let message = format!("the file broke off after {received_bytes} of {size_bytes} bytes");
            return Err(ApiError::new(ErrorCode::BadRequest, message).help("Send it again."));
        };
        file.write_all(&chunk).await.map_err(refuse)?;
        received_bytes += chunk.len() as u64;
    }
    file.sync_all().await.map_err(refuse)
}

fn without_size() -> ApiError {
    ApiError::new(ErrorCode::BadRequest, "a file must say how long it is, with Content-Length")
}

fn unkept(path: &Path, error: &io::Error) -> ApiError {
    let code = if error.kind() == io::ErrorKind::StorageFull { ErrorCode::DiskFull } else { ErrorCode::DataFolder };
    ApiError::new(code, format!("cannot keep '{}': {error}", path.display()))
}

/// A file on its way: removed when it does not become whole.
struct Part {
    path: PathBuf,
}

impl Part {
    fn beside(path: &Path) -> Result<Self, ApiError> {
        let name = format!(".{}.part", &secret::new()?[..16]);
        Ok(Self { path: path.with_file_name(name) })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It is not there when it became whole.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(batch: &str, name: &str) -> Option<PathBuf> {
        place(&UploadRequest { batch: batch.into(), name: name.into() }).ok()
    }

    #[test]
    fn a_name_stays_below_its_batch() {
        assert_eq!(placed("0a-ff-00", "My Scene ü.blend"), Some("0a-ff-00/My Scene ü.blend".into()));
        assert_eq!(placed("0a-ff-00", "shot/tex/wood.png"), Some("0a-ff-00/shot/tex/wood.png".into()));
        for name in ["", "/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a\0b", "a\nb", &"x".repeat(256)] {
            assert_eq!(placed("0a-ff-00", name), None, "{name:?}");
        }
        assert_eq!(placed("0a-ff-00", &vec!["a"; MAX_DEPTH + 1].join("/")), None);
        for batch in ["", "..", "../0a-ff-00", "0a-ff", "token000", &"a".repeat(65)] {
            assert_eq!(placed(batch, "a"), None, "{batch:?}");
        }
    }
}
