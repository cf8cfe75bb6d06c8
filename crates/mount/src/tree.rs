use std::{error::Error, sync::Arc};

use bytes::Bytes;
use futures::future::BoxFuture;

use crate::{NameError, TreePath, path};

/// The namespace that is shown as a file system: every machine's shares and every job's files.
///
/// Its calls may wait for other machines but never block a thread. Each is dropped when its deadline has passed, when
/// whoever asked is gone, or when the mount ends.
pub trait Tree: Send + Sync + 'static {
    /// What lies at `path`. Moves no content.
    fn stat<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Entry, TreeError>>;

    /// The entries of the folder `path` behind the name `after`, or from its first one. Moves no content.
    fn list<'a>(&'a self, path: &'a TreePath, after: Option<&'a [u8]>) -> BoxFuture<'a, Result<Listing, TreeError>>;

    /// The file at `path` in its present version. Moves no content.
    fn open<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Arc<dyn OpenFile>, TreeError>>;
}

/// One version of a file, for as long as somebody holds it.
pub trait OpenFile: Send + Sync {
    /// What it was when it was opened.
    fn entry(&self) -> &Entry;

    /// Its bytes from `offset` on: `length` of them, or fewer where it ends.
    ///
    /// # Errors
    ///
    /// [`TreeError::Stale`] once this version cannot be had any more; never bytes of another one.
    fn read(&self, offset: u64, length: u32) -> BoxFuture<'_, Result<Bytes, TreeError>>;
}

/// What is known of a file, folder or symbolic link without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Which of the three it is.
    pub kind: Kind,
    /// Size in bytes; 0 for all but files.
    pub size_bytes: u64,
    /// When its content changed last, in nanoseconds since 1970 (UTC).
    pub modified_ns: i64,
    /// Whether it may be run as a program.
    pub executable: bool,
    /// Identity of a file's content: another content at the same path has another one. Means nothing for the rest.
    pub version: u64,
}

/// What an entry is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link {
        /// What it names, as its owner wrote it.
        target: Bytes,
    },
}

/// A part of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// Names with what they are, sorted by name as bytes, each name once; at most [`Listing::MAX_ENTRIES`].
    pub entries: Vec<(Bytes, Entry)>,
    /// Whether there are more behind the last one.
    pub more: bool,
}

/// What comes beneath [`TreeError`]: the tree's own error.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why the tree could not answer.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// Nothing lies at the path.
    #[error("nothing lies there")]
    NotFound,
    /// A folder was asked for.
    #[error("not a folder")]
    NotAFolder,
    /// A file was asked for.
    #[error("a folder")]
    IsAFolder,
    /// Its owner does not let this machine see it.
    #[error("its owner does not allow it")]
    Denied {
        /// What was not allowed.
        #[source]
        why: Cause,
    },
    /// The version that was opened is gone.
    #[error("this version is gone")]
    Stale,
    /// No machine that has it can be reached.
    #[error("no machine that has it can be reached")]
    Unreachable {
        /// What was tried.
        #[source]
        why: Cause,
    },
    /// No answer came in time.
    #[error("no answer in time")]
    TimedOut,
    /// A limit on open files or known entries is reached.
    #[error("too many open files or known entries")]
    TooMany,
    /// It was reached, but cannot be read or makes no sense.
    #[error("it cannot be read")]
    Unreadable {
        /// What is wrong with it.
        #[source]
        why: Cause,
    },
}

impl Entry {
    /// A folder of which nothing else is known.
    #[must_use]
    pub fn folder() -> Self {
        Self { kind: Kind::Folder, size_bytes: 0, modified_ns: 0, executable: false, version: 0 }
    }

    /// Its rights: everybody may read, nobody may write.
    pub(crate) fn mode(&self) -> u16 {
        match self.kind {
            Kind::File if !self.executable => 0o444,
            Kind::File | Kind::Folder => 0o555,
            Kind::Link { .. } => 0o777,
        }
    }

    /// The size that programs are told: a link's is that of its target's name.
    pub(crate) fn shown_size_bytes(&self) -> u64 {
        if let Kind::Link { target } = &self.kind { target.len() as u64 } else { self.size_bytes }
    }

    /// True if whoever read `other` would read the same here.
    pub(crate) fn is_same_content(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::File, Kind::File) => self.version == other.version,
            (mine, others) => mine == others,
        }
    }
}

impl Listing {
    /// Most entries in one part: about 1 MiB with long names.
    pub const MAX_ENTRIES: usize = 4_096;

    /// Checks what a listing promises; only then does asking for the next part come to an end.
    pub(crate) fn check(&self, after: Option<&[u8]>) -> Result<(), ListingError> {
        let count = self.entries.len();
        if count > Self::MAX_ENTRIES {
            return Err(ListingError::TooLong { count });
        }
        if count == 0 && self.more {
            return Err(ListingError::NoProgress);
        }
        let mut last = after.unwrap_or_default();
        for (name, _) in &self.entries {
            path::check_name(name)?;
            if name.as_ref() <= last {
                return Err(ListingError::NotSorted);
            }
            last = name;
        }
        Ok(())
    }
}

/// What is wrong with a listing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ListingError {
    #[error("{count} entries in one part of a folder")]
    TooLong { count: usize },
    #[error("a part of a folder without entries, and more behind it")]
    NoProgress,
    #[error("names of a folder out of order")]
    NotSorted,
    #[error(transparent)]
    BadName(#[from] NameError),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(names: &[&'static str], more: bool) -> Listing {
        let entry = |name: &&'static str| (Bytes::from_static(name.as_bytes()), Entry::folder());
        Listing { entries: names.iter().map(entry).collect(), more }
    }

    #[test]
    fn a_listing_that_would_never_end_or_names_what_is_no_name_is_refused() {
        assert_eq!(listing(&["a", "b"], true).check(None), Ok(()));
        assert_eq!(listing(&[], false).check(Some(b"z")), Ok(()));
        assert_eq!(listing(&[], true).check(None), Err(ListingError::NoProgress));
        assert_eq!(listing(&["b"], false).check(Some(b"b")), Err(ListingError::NotSorted));
        assert_eq!(listing(&["a", "a"], false).check(None), Err(ListingError::NotSorted));
        assert_eq!(listing(&["../x"], false).check(None), Err(NameError::NotAName { length: 4 }.into()));
        let many = vec!["x"; Listing::MAX_ENTRIES + 1];
        assert_eq!(listing(&many, false).check(None), Err(ListingError::TooLong { count: 4_097 }));
    }
}
