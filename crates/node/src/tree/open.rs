use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use bytes::Bytes;
use gridwell_files::{AheadMode, ReadAhead};
use gridwell_model::{EntryKind, RelPath, TreeEntry, Version};
use gridwell_mount::TreePath;
use gridwell_store::{ObjectError, SharedFile};

use super::{
    ShareAt, Tree, TreeError,
    fetching::Fetching,
    origin::{Origin, PATIENCE, SharedAt},
    shown,
    unproven::Unproven,
};

/// How often the owner of a file that is not hashed yet is asked whether it is.
const ASK_AGAIN: Duration = Duration::from_secs(1);
/// How often it is, for a file that is fetched whole: an hour hashes some terabytes.
const ASKED_TIMES: u32 = 3_600;

/// An open file of the tree, of one version.
#[derive(Debug)]
pub struct OpenFile {
    path: TreePath,
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
    There(Box<There>),
}

/// A file of another machine.
#[derive(Debug)]
struct There {
    tree: Tree,
    at: Arc<SharedAt>,
    ahead: Mutex<ReadAhead>,
    unproven: Unproven,
    proven: tokio::sync::Mutex<Proven>,
}

/// Whether what comes can be proven.
#[derive(Debug)]
enum Proven {
    /// Its hash is not known (any news at that time); it may be by now.
    NotYet(Option<Instant>),
    /// It is: pieces are verified, and kept for the next reader.
    By(Arc<Fetching>),
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
        let whose = path.clone();
        let executable = matches!(entry.kind, EntryKind::File { executable: true, .. });
        let source = match &share.local {
            Some(local) => {
                let opened = async {
                    let (folder, rest) = local.place_of(rest).await?;
                    folder.open(rest, version).await
                };
                Source::Here(Arc::new(opened.await.map_err(|error| TreeError::of_share(&path, &error))?))
            }
            None => Source::There(Box::new(There {
                ahead: Mutex::new(ReadAhead::new(version.size_bytes, AheadMode::Adaptive)),
                tree,
                at: Arc::new(SharedAt { path, share, rest, version, executable }),
                unproven: Unproven::default(),
                proven: tokio::sync::Mutex::new(Proven::NotYet(None)),
            })),
        };
        Ok(Self { path: whose, entry, version, source })
    }

    /// A text that no other version of it has.
    #[must_use]
    pub fn tag(&self) -> String {
        tag(self.version)
    }

    /// Reads exactly what is asked for from now on, and nothing ahead.
    #[must_use]
    pub fn strictly(self) -> Self {
        if let Source::There(there) = &self.source {
            *there.ahead() = ReadAhead::new(self.version.size_bytes, AheadMode::Off);
        }
        self
    }

    /// What it was when it was opened.
    #[must_use]
    pub const fn entry(&self) -> &TreeEntry {
        &self.entry
    }

    /// Brings all of it here.
    pub(super) async fn fetch_whole(&self) -> Result<(), TreeError> {
        match &self.source {
            Source::Here(_) => Ok(()),
            Source::There(there) => there.fetch_whole().await,
        }
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
                let read = read.await.map_err(|_| TreeError::Stopping)?;
                read.map_err(|error| TreeError::of_share(&self.path, &error))
            }
            Source::There(there) => there.read(offset, bytes).await,
        }
    }
}

pub(super) fn tag(version: Version) -> String {
    let Version { size_bytes, modified_ns, changed_ns, number } = version;
    format!("{size_bytes:x}-{modified_ns:x}-{changed_ns:x}-{number:x}")
}

impl There {
    /// Fetches all of it; its owner hashes it first.
    async fn fetch_whole(&self) -> Result<(), TreeError> {
        for _ in 0..ASKED_TIMES {
            if let Some(fetching) = self.fetching().await? {
                match fetching.bring_whole(&self.tree, &self.origin()).await {
                    // Its owner has started again, or forgot it for others.
                    Err(TreeError::NotHashed { .. }) => {
                        *self.proven.lock().await = Proven::NotYet(Some(Instant::now()));
                    }
                    brought => return brought,
                }
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        Err(TreeError::NotHashed { path: shown(&self.at.path) })
    }

    async fn read(&self, offset: u64, bytes: u64) -> Result<Bytes, TreeError> {
        if let Some(fetching) = self.fetching().await? {
            let ahead = self.ahead().on_read(offset, bytes, fetching.speed()).ahead;
            match fetching.read(&self.tree, &self.origin(), (offset, bytes), &ahead).await {
                // Its owner has started again, or forgot it for others.
                Err(TreeError::NotHashed { .. }) => {
                    *self.proven.lock().await = Proven::NotYet(Some(Instant::now()));
                }
                read => return read,
            }
        }
        let _waits = self.tree.fetchings.turns.wait();
        let ahead = self.ahead().on_read(offset, bytes, self.unproven.speed()).ahead;
        let read = self.unproven.read(&self.tree, &self.at, offset..offset + bytes, &ahead);
        tokio::time::timeout(PATIENCE, read).await.unwrap_or_else(|_| Err(self.at.share.silent(PATIENCE)))
    }

    fn origin(&self) -> Origin {
        Origin::Shared(Arc::clone(&self.at))
    }

    /// Who fetches the file's content by its hash, once that is known.
    async fn fetching(&self) -> Result<Option<Arc<Fetching>>, TreeError> {
        let mut proven = self.proven.lock().await;
        let asked = match &*proven {
            Proven::By(fetching) => return Ok(Some(Arc::clone(fetching))),
            Proven::NotYet(asked) => *asked,
        };
        if asked.is_some_and(|asked| asked.elapsed() < ASK_AGAIN) {
            return Ok(None);
        }
        let blob = self.at.ask_blob(&self.tree).await;
        // Also if that fails: whoever else waits for it does not ask once more.
        *proven = Proven::NotYet(Some(Instant::now()));
        let blob = match blob {
            // What is here of it can be read all the same.
            Err(error) if error.may_pass() => Some(self.tree.remembered_blob(&self.at).await.ok_or(error)?),
            blob => blob?,
        };
        let Some(blob) = blob else { return Ok(None) };
        match self.tree.fetchings.of(&self.tree, &self.origin(), blob).await {
            Ok(fetching) => {
                self.tree.remember(&self.at, blob);
                *proven = Proven::By(Arc::clone(&fetching));
                self.unproven.forget();
                Ok(Some(fetching))
            }
            // Somebody says that this content has another size: who is right is not known yet.
            Err(ObjectError::WrongSize { .. }) => Ok(None),
            Err(error) => Err(TreeError::of_disk(&error)),
        }
    }

    fn ahead(&self) -> std::sync::MutexGuard<'_, ReadAhead> {
        self.ahead.lock().expect("nothing panics while it plans reads")
    }
}
