use std::path::Path;

use super::DraftError;

/// The path as text, absolute (against `folder`), without `.`, `..` and doubled separators.
pub(crate) fn absolute(path: &Path, folder: &str) -> Result<String, DraftError> {
    let text = utf8(path)?;
    Ok(if text.starts_with('/') { normal(text) } else { normal(&format!("{folder}/{text}")) })
}

/// The path as text.
pub(crate) fn utf8(path: &Path) -> Result<&str, DraftError> {
    path.to_str().ok_or_else(|| DraftError::NotUtf8 { shown: path.to_string_lossy().into_owned() })
}

/// Takes `.`, `..` and doubled separators out of an absolute path, by its text alone.
pub(crate) fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// The folder that holds `path`.
pub(crate) fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        Some(("", _)) | None => "/",
        Some((folder, _)) => folder,
    }
}

/// The last part of `path`.
pub(crate) fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The last part of `path` without its last extension.
pub(crate) fn stem(path: &str) -> &str {
    let base = base(path);
    match base.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => base,
    }
}
