use std::sync::Arc;

use bytes::Bytes;
use gridwell_model::{EntryKind, RelPath, TreeEntry, Version};
use gridwell_store::SharedFile;
use gridwell_wire::TreeWish;
use tokio::io::AsyncReadExt as _;

use super::{ShareAt, Tree, TreeError, TreePath};

/// An open file of the tree, of one version.
#[derive(Debug)]
pub struct OpenFile {
    entry: TreeEntry,
    version: Version,
    source: Source,
}

/// Where its bytes come from.
#[derive(Debug)]
enum Source {
    /// The file itself.
    Here(Arc<SharedFile>),
    /// The machine whose file it is.
    Owner(Box<Owner>),
}

/// A file of another machine.
#[derive(Debug)]
struct Owner {
    tree: Tree,
    path: TreePath,
    share: ShareAt,
    /// Its path below the share.
    rest: RelPath,
    version: Version,
}

impl OpenFile {
    /// Most bytes that one read gives: the largest unit that is fetched at once (files.md §2).
    pub const MAX_READ_BYTES: u64 = 1024 * 1024;

    pub(super) async fn open(
        tree: Tree,
        path: TreePath,
        share: ShareAt,
        rest: RelPath,
        (entry, version): (TreeEntry, Version),
    ) -> Result<Self, TreeError> {
        let source = match &share.folder {
            Some(folder) => Source::Here(Arc::new(folder.open(rest, version).await?)),
            None => Source::Owner(Box::new(Owner { tree, path, share, rest, version })),
        };
        Ok(Self { entry, version, source })
    }

    /// What it was when it was opened.
    #[must_use]
    pub const fn entry(&self) -> &TreeEntry {
        &self.entry
    }

    /// Up to `bytes` bytes from `offset` on, at most [`Self::MAX_READ_BYTES`]; fewer only at the end of the file.
    ///
    /// # Errors
    ///
    /// [`TreeError::Changed`] if its content is another one now, else why it cannot be read.
    pub async fn read(&self, offset: u64, bytes: u64) -> Result<Bytes, TreeError> {
        let left = self.version.size_bytes.saturating_sub(offset);
        let bytes = bytes.min(left).min(Self::MAX_READ_BYTES);
        if bytes == 0 {
            return Ok(Bytes::new());
        }
        match &self.source {
            Source::Here(file) => {
                let file = Arc::clone(file);
                let read = tokio::task::spawn_blocking(move || {
                    let mut buffer = vec![0; bytes as usize];
                    let read = file.read_at(&mut buffer, offset)?;
                    buffer.truncate(read);
                    Ok(Bytes::from(buffer))
                });
                read.await.map_err(|_| TreeError::Stopping)?
            }
            Source::Owner(owner) => owner.read(offset, bytes).await,
        }
    }
}

impl Owner {
    async fn read(&self, offset: u64, bytes: u64) -> Result<Bytes, TreeError> {
        let Self { tree, path, share, rest, version } = self;
        let wish = TreeWish::Read { path: rest.clone(), version: *version, offset, bytes };
        let mut fetched = tree.fetch(path, share, wish).await?;
        if fetched.bytes != bytes {
            return Err(share.nonsense());
        }
        let mut buffer = Vec::with_capacity(bytes as usize);
        match fetched.read_to_end(&mut buffer).await {
            Ok(_) => Ok(buffer.into()),
            // Its machine breaks off when the file changes under it: asked again, it says so.
            Err(error) => Err(match tree.stat(path).await {
                Ok(TreeEntry { kind: EntryKind::File { version: now, .. }, .. }) if now == *version => {
                    share.broke(&error)
                }
                Ok(_) => TreeError::Changed { path: path.to_string() },
                Err(error) => error,
            }),
        }
    }
}
