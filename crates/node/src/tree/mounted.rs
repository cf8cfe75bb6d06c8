//! The tree as `mount` wants it.

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use gridwell_model::{EntryKind, TreeEntry, Version};
use gridwell_mount::{Entry, Kind, Listing, TreeError as Fault, TreePath};

use super::{OpenFile, Tree, TreeError};

/// Shows the tree to the mount; strictly, nothing is read ahead.
#[derive(Debug)]
pub(crate) struct MountedTree {
    pub(crate) tree: Tree,
    pub(crate) strict: bool,
}

impl gridwell_mount::Tree for MountedTree {
    fn stat<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Entry, Fault>> {
        Box::pin(async move { entry(&self.tree.stat(path).await.map_err(fault)?.what).ok_or(Fault::NotFound) })
    }

    fn list<'a>(&'a self, path: &'a TreePath, after: Option<&'a [u8]>) -> BoxFuture<'a, Result<Listing, Fault>> {
        Box::pin(async move {
            let mut after = after.map(<[u8]>::to_vec);
            loop {
                let page = self.tree.list(path, after.as_deref()).await.map_err(fault)?.what;
                let last = page.entries.last().map(|entry| entry.name.clone());
                let shown = page.entries.into_iter().filter_map(|found| Some((entry(&found)?, found.name)));
                let entries: Vec<_> = shown.map(|(entry, name)| (Bytes::from(name), entry)).collect();
                // A page of which nothing is shown is none.
                if !entries.is_empty() || !page.more {
                    return Ok(Listing { entries, more: page.more });
                }
                after = last;
            }
        })
    }

    fn open<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Arc<dyn gridwell_mount::OpenFile>, Fault>> {
        Box::pin(async move {
            let file = self.tree.open(path).await.map_err(fault)?;
            let file = if self.strict { file.strictly() } else { file };
            let entry = entry(file.entry()).ok_or(Fault::NotFound)?;
            Ok(Arc::new(MountedFile { file, entry }) as Arc<dyn gridwell_mount::OpenFile>)
        })
    }
}

/// An open file, as the mount wants it.
struct MountedFile {
    file: OpenFile,
    entry: Entry,
}

impl gridwell_mount::OpenFile for MountedFile {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn read(&self, offset: u64, length: u32) -> BoxFuture<'_, Result<Bytes, Fault>> {
        Box::pin(async move { self.file.read(offset, length.into()).await.map_err(fault) })
    }
}

/// What something is, unless it is not shown.
fn entry(found: &TreeEntry) -> Option<Entry> {
    let plain = Entry { modified_ns: found.modified_ns, ..Entry::folder() };
    match &found.kind {
        EntryKind::File { version, executable, .. } => Some(Entry {
            kind: Kind::File,
            size_bytes: version.size_bytes,
            executable: *executable,
            version: identity(version),
            ..plain
        }),
        EntryKind::Folder => Some(plain),
        EntryKind::Link { target } => Some(Entry { kind: Kind::Link { target: Bytes::from(target.clone()) }, ..plain }),
        EntryKind::Hidden => None,
    }
}

/// A number that no other version has: the first bytes of its hash.
fn identity(version: &Version) -> u64 {
    let bytes = postcard::to_stdvec(version).expect("numbers are plain data");
    let hash = blake3::hash(&bytes);
    u64::from_le_bytes(*hash.as_bytes().first_chunk().expect("a hash has more than eight bytes"))
}

pub(super) fn fault(error: TreeError) -> Fault {
    match error {
        TreeError::Missing { .. } => Fault::NotFound,
        TreeError::NotAFolder { .. } => Fault::NotAFolder,
        TreeError::NotAFile { .. } | TreeError::NoShare { .. } => Fault::IsAFolder,
        TreeError::Changed { .. } => Fault::Stale,
        TreeError::Silent { .. } => Fault::TimedOut,
        error @ (TreeError::Denied { .. } | TreeError::NotPassed { forbidden: true, .. }) => {
            Fault::Denied { why: error.into() }
        }
        error @ (TreeError::NotPassed { .. }
        | TreeError::NotHashed { .. }
        | TreeError::Away { .. }
        | TreeError::Broke { .. }
        | TreeError::Stopping) => Fault::Unreachable { why: error.into() },
        error @ (TreeError::Unreadable { .. }
        | TreeError::Nonsense { .. }
        | TreeError::Wrong { .. }
        | TreeError::Own { .. }
        | TreeError::TooMany { .. }
        | TreeError::NoPart { .. }
        | TreeError::Disk { .. }) => Fault::Unreadable { why: error.into() },
    }
}
