use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::{BlobId, PeerId, ShareId};

/// What people call a shared folder: one part of a path, the same on every operating system.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "string"))]
#[serde(try_from = "String", into = "String")]
pub struct ShareName(String);

/// Why a text names no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareNameError {
    /// Empty, too long, `.` or `..`, or with characters that some file system refuses.
    #[error(
        "'{text}' cannot be the name of a share: it takes 1 to {most} bytes without control characters and / \\ : * ? \" < > |, and \
         neither begins nor ends with a space or a dot",
        most = ShareName::MAX_BYTES
    )]
    Unusable {
        /// The text, cut to 80 characters.
        text: String,
    },
}

impl ShareName {
    /// Longest name, in bytes: it has to fit into a line.
    pub const MAX_BYTES: usize = 64;

    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`ShareNameError::Unusable`].
    pub fn new(text: impl Into<String>) -> Result<Self, ShareNameError> {
        let text = text.into();
        let edge = |letter: char| letter == ' ' || letter == '.';
        let usable = !text.is_empty()
            && text.len() <= Self::MAX_BYTES
            && text.chars().all(Self::takes)
            && !text.starts_with(edge)
            && !text.ends_with(edge);
        if usable { Ok(Self(text)) } else { Err(ShareNameError::Unusable { text: text.chars().take(80).collect() }) }
    }

    /// True for what a name may hold anywhere: what every file system can write.
    #[must_use]
    pub fn takes(letter: char) -> bool {
        !letter.is_control() && !r#"/\:*?"<>|"#.contains(letter)
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ShareName {
    type Error = ShareNameError;

    fn try_from(text: String) -> Result<Self, ShareNameError> {
        Self::new(text)
    }
}

impl FromStr for ShareName {
    type Err = ShareNameError;

    fn from_str(text: &str) -> Result<Self, ShareNameError> {
        Self::new(text)
    }
}

impl From<ShareName> for String {
    fn from(name: ShareName) -> Self {
        name.0
    }
}

impl fmt::Display for ShareName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who sees a share, besides its owner.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Audience {
    /// Every machine that may see shared files.
    #[default]
    Everyone,
    /// Of these, the named ones only.
    Machines(BTreeSet<PeerId>),
}

impl Audience {
    /// True if `peer`, which may see shared files at all, sees this share.
    #[must_use]
    pub fn includes(&self, peer: PeerId) -> bool {
        match self {
            Self::Everyone => true,
            Self::Machines(machines) => machines.contains(&peer),
        }
    }
}

/// A share, as its owner tells of it to those who see it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ShareReport {
    /// Which.
    pub share: ShareId,
    /// What people call it.
    pub name: ShareName,
}

impl ShareReport {
    /// Most shares of one machine: their names fit into one message.
    pub const MAX: usize = 256;
}

/// Which content a file had: files of the same version have the same content, as far as the owner's file system tells.
/// Source: files.md §4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Size in bytes.
    pub size_bytes: u64,
    /// When its content changed, in nanoseconds since 1970; a program may set that as it likes.
    pub modified_ns: i64,
    /// When anything about it changed, in nanoseconds since 1970; only the file system sets it.
    pub changed_ns: i64,
    /// The file system's number of the file.
    pub number: u64,
}

/// What a name in a folder of the tree stands for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum EntryKind {
    /// Bytes.
    File {
        /// Which content.
        version: Version,
        /// Its hash, where that is known already.
        blob: Option<BlobId>,
        /// Whether its owner may execute it.
        executable: bool,
    },
    /// More names.
    Folder,
    /// Another name in the same share: a path relative to the folder that the link is in.
    Link {
        /// That path, as bytes.
        target: Vec<u8>,
    },
    /// What is not shown to others: a device, a socket, a link that leads out of the share.
    Hidden,
}

/// One name in a folder of the tree.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TreeEntry {
    /// The last part of its path, as bytes because file systems do not promise UTF-8.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// When its content changed, in nanoseconds since 1970.
    pub modified_ns: i64,
}

impl TreeEntry {
    /// Bytes of content; 0 for everything but files.
    #[must_use]
    pub const fn size_bytes(&self) -> u64 {
        match &self.kind {
            EntryKind::File { version, .. } => version.size_bytes,
            EntryKind::Folder | EntryKind::Link { .. } | EntryKind::Hidden => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_called_what_every_file_system_can_write() {
        for good in ["projects", "Ann's scenes", "渲染", "a.b"] {
            assert!(ShareName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "..", " a", "a ", "a.", "a/b", "a\\b", "c:", "a\nb", &"x".repeat(65)] {
            assert!(ShareName::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_share_for_some_machines_is_not_seen_by_others() {
        let some = Audience::Machines(BTreeSet::from([PeerId([1; 32])]));
        assert!(some.includes(PeerId([1; 32])) && !some.includes(PeerId([2; 32])));
        assert!(Audience::Everyone.includes(PeerId([2; 32])));
    }
}
