//! Names of files as texts: file systems do not promise UTF-8, JSON does.

use std::fmt::Write as _;

use gridwell_api::{ApiError, ErrorCode, FileView, TreeKind};
use gridwell_model::{EntryKind, TreeEntry};
use gridwell_mount::TreePath;
use gridwell_preview::{Extent, Region};

use super::parse;

/// A name or path as a text, from which [`from_text`] makes the same bytes: a byte that is not UTF-8 is written `%XX`, and so is a
/// `%` before two such digits.
pub(crate) fn to_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter == '%' && hex(&bytes[at + 1..]).is_some() {
                text.push_str("%25");
            } else {
                text.push(letter);
            }
            at += letter.len_utf8();
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "%{byte:02X}");
            at += 1;
        }
    }
    text
}

/// The bytes of a name or path that [`to_text`] wrote.
pub(crate) fn from_text(text: &str) -> Vec<u8> {
    let (text, mut bytes, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while at < text.len() {
        let escaped = (text[at] == b'%').then(|| hex(&text[at + 1..])).flatten();
        bytes.push(escaped.unwrap_or(text[at]));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    bytes
}

/// The byte that two capital hexadecimal digits write.
fn hex(digits: &[u8]) -> Option<u8> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    Some(digit(*digits.first()?)? << 4 | digit(*digits.get(1)?)?)
}

/// The part of a picture that a person's program names: `X,Y,WIDTH,HEIGHT`.
///
/// # Errors
///
/// `bad_value` if it is none.
pub(crate) fn region_of(text: &str) -> Result<Region, ApiError> {
    let numbers: Vec<Option<u32>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers[..] {
        [Some(x), Some(y), Some(width), Some(height)] => Ok(Region { x, y, extent: Extent::new(width, height) }),
        _ => Err(ApiError::new(ErrorCode::BadValue, format!("'{text}' is no part of a picture"))
            .help("write X,Y,WIDTH,HEIGHT in pixels, such as 0,0,640,480")),
    }
}

/// The path that a person's program names.
///
/// # Errors
///
/// `bad_value` if it leads nowhere.
pub(crate) fn path_of(text: &str) -> Result<TreePath, ApiError> {
    parse(&from_text(text)).map_err(|_| {
        ApiError::new(ErrorCode::BadValue, format!("'{text}' is no path of the tree"))
            .help("paths begin with a machine and a share, as in /mill/projects")
    })
}

pub(crate) fn file_view(entry: &TreeEntry) -> FileView {
    let mut view = FileView {
        name: to_text(&entry.name),
        kind: TreeKind::Hidden,
        size_bytes: entry.size_bytes(),
        modified_ms: entry.modified_ns / 1_000_000,
        executable: false,
        target: None,
        blob: None,
        online: true,
        known_bytes: None,
        outdated: false,
        here_bytes: None,
        kept: false,
        fetching: false,
    };
    match &entry.kind {
        EntryKind::File { blob, executable, .. } => {
            (view.kind, view.blob, view.executable) = (TreeKind::File, *blob, *executable);
        }
        EntryKind::Folder => view.kind = TreeKind::Folder,
        EntryKind::Link { target } => (view.kind, view.target) = (TreeKind::Link, Some(to_text(target))),
        EntryKind::Hidden => {}
    }
    view
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_a_text_of_its_own() {
        for (bytes, text) in [
            (&b"100%.png"[..], "100%.png"),
            (b"50%25.png", "50%2525.png"),
            (b"%2f", "%2f"),
            (b"caf\xe9", "caf%E9"),
            (b"\xff%FF", "%FF%25FF"),
            ("渲染%".as_bytes(), "渲染%"),
        ] {
            assert_eq!(to_text(bytes), text);
            assert_eq!(from_text(text), bytes);
        }
    }
}
