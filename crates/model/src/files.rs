use std::fmt;

use serde::{Deserialize, Serialize};

use crate::BlobId;

/// A file name below some folder, `/`-separated, as bytes because file systems do not promise UTF-8.
///
/// Made only by [`RelPath::new`], so it never leaves its folder.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RelPath(Vec<u8>);

/// Why bytes are not a path below a folder.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RelPathError {
    /// Empty, absolute, with an empty, `.` or `..` part, a zero byte, or over the limits.
    #[error("'{path}' is not a plain path below a folder")]
    NotBelow {
        /// The path, shown lossily.
        path: String,
    },
}

impl RelPath {
    /// Longest path, in bytes: what Linux accepts.
    pub const MAX_BYTES: usize = 4_096;
    /// Longest part, in bytes: what common file systems accept.
    pub const MAX_PART_BYTES: usize = 255;

    /// Checks that `path` stays below its folder.
    ///
    /// # Errors
    ///
    /// [`RelPathError::NotBelow`] otherwise.
    pub fn new(path: impl Into<Vec<u8>>) -> Result<Self, RelPathError> {
        let path = path.into();
        let part_ok = |part: &[u8]| {
            !part.is_empty()
                && part != b"."
                && part != b".."
                && part.len() <= Self::MAX_PART_BYTES
                && !part.contains(&0)
        };
        if path.len() <= Self::MAX_BYTES && path.split(|byte| *byte == b'/').all(part_ok) {
            Ok(Self(path))
        } else {
            Err(RelPathError::NotBelow { path: String::from_utf8_lossy(&path).chars().take(200).collect() })
        }
    }

    /// The path's bytes, `/`-separated.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The folder that it is in; none if that is the one below which it is.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        self.0.iter().rposition(|byte| *byte == b'/').map(|at| Self(self.0[..at].to_vec()))
    }

    /// The path of `name` in the folder that this one names.
    ///
    /// # Errors
    ///
    /// [`RelPathError::NotBelow`] if `name` is no plain name, or the path gets too long.
    pub fn join(&self, name: &[u8]) -> Result<Self, RelPathError> {
        Self::new([self.as_bytes(), b"/", name].concat())
    }

    /// The last part.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.0.rsplit(|byte| *byte == b'/').next().unwrap_or(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelPath {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::<u8>::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RelPath({self})")
    }
}

/// A file a job reads, as it lay at the origin when the job was submitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Absolute path at the origin; path mapping rewrites it elsewhere.
    pub path: String,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Its content.
    pub blob: BlobId,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// A file an attempt made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputFile {
    /// Which of the job's output folders it belongs to.
    pub folder: u32,
    /// Its path below that folder.
    pub path: RelPath,
    /// Size in bytes.
    pub size_bytes: u64,
    /// Its content.
    pub blob: BlobId,
    /// Whether its owner may execute it.
    pub executable: bool,
}

impl OutputFile {
    /// In place of a folder: the blob is a list of output files (postcard of `Vec<OutputFile>`, none of them a list), for
    /// an attempt that made more than a report can name.
    pub const LIST: u32 = u32::MAX;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_never_leaves_its_folder() {
        for bad in ["", "/etc/passwd", "a/../b", "..", ".", "a//b", "a/", "a\0b"] {
            assert!(RelPath::new(bad).is_err(), "{bad:?}");
        }
        assert!(RelPath::new("x".repeat(256)).is_err());
        for good in ["a", "a b/c\nd", "frame_0001.png", "…/ﷺ"] {
            assert!(RelPath::new(good).is_ok(), "{good:?}");
        }
        assert!(RelPath::new(vec![0xff, 0xfe]).is_ok(), "names need not be UTF-8");
    }
}
