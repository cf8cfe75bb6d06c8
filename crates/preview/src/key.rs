use std::{fmt, os::unix::ffi::OsStrExt as _};

use crate::{Content, Size, Source, file::Identity, kind::Kind};

/// Changes whenever the same file gives another picture than before.
const VERSION: u8 = 1;
/// In the place of a kind of file.
const CONTENT: u8 = 3;

/// Names a preview: what of, in which state of the file, how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key([u8; 32]);

impl Key {
    pub(crate) fn new(source: &Source, identity: &Identity, size: Size) -> Self {
        let kind: u8 = match source.kind() {
            Kind::Picture => 0,
            Kind::Film => 1,
            Kind::Blend => 2,
        };
        let Identity { size_bytes, modified, changed, inode } = identity;
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[VERSION, kind]).update(&size.side().to_le_bytes()).update(&size_bytes.to_le_bytes());
        for time in [modified, changed] {
            hasher.update(&time.0.to_le_bytes()).update(&time.1.to_le_bytes());
        }
        hasher.update(&inode.0.to_le_bytes()).update(&inode.1.to_le_bytes());
        // Last, because it alone has no fixed length.
        hasher.update(source.path().as_os_str().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }

    /// Names a preview of content that lies in no file.
    pub(crate) fn of_content<R>(content: &Content<R>, size: Size) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&[VERSION, CONTENT]).update(&size.side().to_le_bytes()).update(&content.size_bytes.to_le_bytes());
        hasher.update(content.tag.as_bytes()).update(&[0]).update(content.path.as_os_str().as_bytes());
        Self(*hasher.finalize().as_bytes())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Half of it is plenty for a name.
        self.0[..16].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
