//! Views: the files of a folder as one, and a part of a picture. Nothing is made beforehand, and nothing is read but what is wanted.

use std::{
    ffi::OsStr,
    io::{self, BufReader, Read, Seek, SeekFrom},
    os::unix::ffi::OsStrExt as _,
    path::PathBuf,
    sync::{Arc, Mutex as Cell, PoisonError},
};

use bytes::Bytes;
use gridwell_model::{EntryKind, RelPath, TreeEntry, Version};
use gridwell_mount::TreePath;
use gridwell_preview::{Content as Shown, Kind, Region, kind_of};
use tokio::{runtime::Handle, sync::Mutex};

use super::{OpenFile, Place, ShareAt, Tree, TreeError, open, shown};

/// Most files that are read as one.
const MOST_FILES: usize = 10_000;
/// What a picture is read in, in bytes: the unit that is fetched and proven.
const BLOCK_BYTES: usize = 64 * 1024;

/// How something of the tree is read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TreeView {
    /// A file.
    #[default]
    Whole,
    /// The files of a folder as one.
    Joined,
    /// A part of a picture, as a PNG: `X,Y,WIDTH,HEIGHT` in pixels.
    Region(String),
}

/// Content that is read.
#[derive(Debug)]
pub enum Content {
    /// One file.
    File(OpenFile),
    /// The files of a folder.
    Joined(Box<Joined>),
    /// What was made of a file.
    Made(Bytes),
}

/// The files of a folder as one; each is open while it is read.
#[derive(Debug)]
pub struct Joined {
    tree: Tree,
    share: ShareAt,
    parts: Vec<Part>,
    /// Where each part ends.
    ends: Vec<u64>,
    open: Mutex<Option<(usize, Arc<OpenFile>)>>,
}

#[derive(Debug)]
struct Part {
    path: TreePath,
    below: RelPath,
    entry: TreeEntry,
    version: Version,
}

impl Content {
    /// How much it is.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        match self {
            Self::File(file) => file.entry().size_bytes(),
            Self::Joined(joined) => joined.ends.last().copied().unwrap_or(0),
            Self::Made(bytes) => bytes.len() as u64,
        }
    }

    /// A text that no other version of it has.
    #[must_use]
    pub fn tag(&self) -> String {
        match self {
            Self::File(file) => file.tag(),
            Self::Joined(joined) => joined.tag(),
            Self::Made(bytes) => blake3::hash(bytes).to_hex()[..32].to_owned(),
        }
    }

    /// Up to `bytes` bytes from `offset` on, at most [`OpenFile::MAX_READ_BYTES`]; fewer at the end of each file, none at the end of all.
    ///
    /// # Errors
    ///
    /// As [`OpenFile::read`].
    pub async fn read(&self, offset: u64, bytes: u64) -> Result<Bytes, TreeError> {
        match self {
            Self::File(file) => file.read(offset, bytes).await,
            Self::Joined(joined) => joined.read(offset, bytes).await,
            Self::Made(made) => {
                let from = usize::try_from(offset).unwrap_or(usize::MAX).min(made.len());
                let most = usize::try_from(bytes.min(OpenFile::MAX_READ_BYTES)).unwrap_or(usize::MAX);
                Ok(made.slice(from..from.saturating_add(most).min(made.len())))
            }
        }
    }
}

impl Joined {
    fn tag(&self) -> String {
        let mut hash = blake3::Hasher::new();
        for part in &self.parts {
            hash.update(part.path.as_bytes());
            hash.update(open::tag(part.version).as_bytes());
        }
        hash.finalize().to_hex()[..32].to_owned()
    }

    async fn read(&self, offset: u64, bytes: u64) -> Result<Bytes, TreeError> {
        let number = self.ends.partition_point(|end| *end <= offset);
        let Some(part) = self.parts.get(number) else { return Ok(Bytes::new()) };
        let file = self.opened(number, part).await?;
        let begin = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        file.read(offset - begin, bytes).await
    }

    async fn opened(&self, number: usize, part: &Part) -> Result<Arc<OpenFile>, TreeError> {
        let mut open = self.open.lock().await;
        if let Some((_, file)) = open.as_ref().filter(|(known, _)| *known == number) {
            return Ok(Arc::clone(file));
        }
        let (path, below) = (part.path.clone(), part.below.clone());
        let found = (part.entry.clone(), part.version);
        let file = OpenFile::open(self.tree.clone(), path, self.share.clone(), below, found).await?;
        let file = Arc::new(file.strictly());
        *open = Some((number, Arc::clone(&file)));
        Ok(file)
    }
}

impl Tree {
    /// The files of a folder as one, in the order of their names as bytes: what `cat FOLDER/*` writes. As there, names that begin with a dot are
    /// left out; so are folders and links.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is no such folder, its machine does not answer, or it holds too many files.
    pub(crate) async fn open_joined(&self, path: &TreePath) -> Result<Joined, TreeError> {
        let roots = self.roots.borrow().clone();
        let Place::Share(share, rest) = self.place(path, &roots).await? else {
            return Err(TreeError::NoShare { path: shown(path) });
        };
        let (mut parts, mut ends, mut end, mut after) = (Vec::new(), Vec::new(), 0_u64, None);
        loop {
            let page = self.list(path, after.as_deref()).await?.what;
            after = page.entries.last().map(|entry| entry.name.clone());
            for entry in page.entries {
                let EntryKind::File { version, .. } = entry.kind else { continue };
                if entry.name.starts_with(b".") {
                    continue;
                }
                if parts.len() == MOST_FILES {
                    return Err(TreeError::TooMany { path: shown(path), most: MOST_FILES });
                }
                let below = match &rest {
                    Some(rest) => rest.join(&entry.name),
                    None => RelPath::new(entry.name.clone()),
                };
                let (Ok(path), Ok(below)) = (path.child(&entry.name), below) else { continue };
                end = end.saturating_add(version.size_bytes);
                parts.push(Part { path, below, entry, version });
                ends.push(end);
            }
            if !page.more {
                return Ok(Joined { tree: self.clone(), share, parts, ends, open: Mutex::default() });
            }
        }
    }

    /// A picture or scene, to be read for a preview. Of a scene only the blocks are read that hold its own small picture.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if there is no such file, or its machine does not answer.
    pub(crate) async fn shown(&self, path: &TreePath) -> Result<(Shown<Blocks>, Failed), TreeError> {
        let name = PathBuf::from(OsStr::from_bytes(path.as_bytes()));
        let file = self.open(path).await?;
        let file = if kind_of(&name) == Some(Kind::Blend) { file.strictly() } else { file };
        let (tag, size_bytes) = (file.tag(), file.entry().size_bytes());
        let (reader, failed) = Blocks::of(file);
        Ok((Shown { path: name, tag, size_bytes, reader }, failed))
    }

    /// A part of a picture, as a PNG; only the blocks that hold it are read.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if the file cannot be read, or has no such part.
    pub(crate) async fn region(&self, path: &TreePath, region: Region) -> Result<Bytes, TreeError> {
        let file = self.open(path).await?.strictly();
        let one_of_few = Arc::clone(&self.drawing).acquire_owned().await.map_err(|_| TreeError::Stopping)?;
        let (blocks, failed) = Blocks::of(file);
        let drawn = tokio::task::spawn_blocking(move || {
            // Also once nobody waits for it any more: it goes on to its end.
            let _one_of_few = one_of_few;
            region.read(BufReader::with_capacity(BLOCK_BYTES, blocks)).map_err(|error| (failed.take(), error))
        });
        match drawn.await {
            Ok(Ok(png)) => Ok(png.into()),
            Ok(Err((Some(error), _))) => Err(error),
            Ok(Err((None, error))) => Err(TreeError::NoPart { path: shown(path), why: error.to_string() }),
            Err(_) => Err(TreeError::NoPart { path: shown(path), why: "the decoder gave up on it".to_owned() }),
        }
    }
}

/// A file of the tree as decoders read: one block after the other, each waited for.
#[derive(Debug)]
pub(crate) struct Blocks {
    file: OpenFile,
    at: u64,
    runtime: Handle,
    failed: Failed,
}

/// Why reading blocks failed: decoders wrap and lose the errors of their readers.
#[derive(Debug, Clone, Default)]
pub(crate) struct Failed(Arc<Cell<Option<TreeError>>>);

impl Failed {
    pub(crate) fn take(&self) -> Option<TreeError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Blocks {
    /// Reads in the runtime that calls this, from threads outside of it.
    fn of(file: OpenFile) -> (Self, Failed) {
        let failed = Failed::default();
        (Self { file, at: 0, runtime: Handle::current(), failed: failed.clone() }, failed)
    }
}

impl Read for Blocks {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.runtime.block_on(self.file.read(self.at, buffer.len() as u64)).map_err(|error| {
            let told = io::Error::other(error.to_string());
            *self.failed.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
            told
        })?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

impl Seek for Blocks {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let size = self.file.entry().size_bytes();
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => size.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
