//! A tree in memory that counts what it is asked, and can keep silent.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::pending,
    ops::Bound,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use futures::future::{BoxFuture, FutureExt as _};
use gridwell_mount::{Entry, Kind, Listing, OpenFile, Tree, TreeError, TreePath};

#[derive(Default)]
pub(crate) struct MemoryTree {
    items: Mutex<BTreeMap<Vec<u8>, (Entry, Content)>>,
    silent: Mutex<BTreeSet<Vec<u8>>>,
    versions: AtomicU64,
    pub(crate) asked: Arc<Asked>,
}

/// What the tree was asked for.
#[derive(Default)]
pub(crate) struct Asked {
    pub(crate) stats: AtomicU64,
    pub(crate) lists: AtomicU64,
    pub(crate) opens: AtomicU64,
    pub(crate) reads: AtomicU64,
    pub(crate) bytes: AtomicU64,
}

#[derive(Clone)]
enum Content {
    None,
    Bytes(Bytes),
    /// As many bytes as its entry says, all 0.
    Zeroes,
    /// Reading it never ends.
    Silence,
}

#[expect(dead_code, reason = "each of the programs that share this file uses a part of it")]
impl MemoryTree {
    pub(crate) fn new() -> Self {
        let tree = Self::default();
        tree.put(b"", Entry::folder(), Content::None);
        tree
    }

    pub(crate) fn folder(self, path: &str) -> Self {
        self.put(path.as_bytes(), Entry::folder(), Content::None);
        self
    }

    pub(crate) fn file(self, path: impl AsRef<[u8]>, bytes: impl Into<Bytes>) -> Self {
        self.write(path, bytes);
        self
    }

    pub(crate) fn zeroes(self, path: &str, size_bytes: u64) -> Self {
        self.put(path.as_bytes(), self.entry(size_bytes), Content::Zeroes);
        self
    }

    pub(crate) fn silent_file(self, path: &str) -> Self {
        self.put(path.as_bytes(), self.entry(1 << 20), Content::Silence);
        self
    }

    pub(crate) fn link(self, path: &str, target: &'static str) -> Self {
        let kind = Kind::Link { target: Bytes::from_static(target.as_bytes()) };
        self.put(path.as_bytes(), Entry { kind, ..Entry::folder() }, Content::None);
        self
    }

    /// Makes every question about `path` itself wait for ever.
    pub(crate) fn silence(&self, path: &str) {
        self.silent.lock().unwrap().insert(path.into());
    }

    /// Writes a file, in a new version.
    pub(crate) fn write(&self, path: impl AsRef<[u8]>, bytes: impl Into<Bytes>) {
        let bytes = bytes.into();
        self.put(path.as_ref(), self.entry(bytes.len() as u64), Content::Bytes(bytes));
    }

    pub(crate) fn remove(&self, path: &str) {
        self.items.lock().unwrap().remove(path.as_bytes());
    }

    fn entry(&self, size_bytes: u64) -> Entry {
        let version = self.versions.fetch_add(1, Ordering::Relaxed) + 1;
        Entry { kind: Kind::File, size_bytes, modified_ns: 1_700_000_000_123_456_789, executable: false, version }
    }

    fn put(&self, path: &[u8], entry: Entry, content: Content) {
        self.items.lock().unwrap().insert(path.to_vec(), (entry, content));
    }

    async fn find(&self, path: &TreePath) -> Result<(Entry, Content), TreeError> {
        if self.silent.lock().unwrap().contains(path.as_bytes()) {
            return pending().await;
        }
        self.items.lock().unwrap().get(path.as_bytes()).cloned().ok_or(TreeError::NotFound)
    }
}

impl Tree for MemoryTree {
    fn stat<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Entry, TreeError>> {
        self.asked.stats.fetch_add(1, Ordering::Relaxed);
        async { Ok(self.find(path).await?.0) }.boxed()
    }

    fn list<'a>(&'a self, path: &'a TreePath, after: Option<&'a [u8]>) -> BoxFuture<'a, Result<Listing, TreeError>> {
        self.asked.lists.fetch_add(1, Ordering::Relaxed);
        async move {
            if self.find(path).await?.0.kind != Kind::Folder {
                return Err(TreeError::NotAFolder);
            }
            let items = self.items.lock().unwrap();
            let prefix = if path.is_root() { Vec::new() } else { [path.as_bytes(), b"/"].concat() };
            let first = [&prefix, after.unwrap_or_default()].concat();
            let names =
                items.range((Bound::Excluded(first), Bound::Unbounded)).take_while(|(at, _)| at.starts_with(&prefix));
            let names = names.filter(|(at, _)| !at[prefix.len()..].contains(&b'/'));
            let mut entries: Vec<_> = names
                .map(|(at, (entry, _))| (Bytes::copy_from_slice(&at[prefix.len()..]), entry.clone()))
                .take(1_001)
                .collect();
            let more = entries.len() > 1_000;
            entries.truncate(1_000);
            Ok(Listing { entries, more })
        }
        .boxed()
    }

    fn open<'a>(&'a self, path: &'a TreePath) -> BoxFuture<'a, Result<Arc<dyn OpenFile>, TreeError>> {
        self.asked.opens.fetch_add(1, Ordering::Relaxed);
        async {
            let (entry, content) = self.find(path).await?;
            Ok(Arc::new(MemoryFile { entry, content, asked: self.asked.clone() }) as Arc<dyn OpenFile>)
        }
        .boxed()
    }
}

struct MemoryFile {
    entry: Entry,
    content: Content,
    asked: Arc<Asked>,
}

impl OpenFile for MemoryFile {
    fn entry(&self) -> &Entry {
        &self.entry
    }

    fn read(&self, offset: u64, length: u32) -> BoxFuture<'_, Result<Bytes, TreeError>> {
        static ZEROES: [u8; 1 << 20] = [0; 1 << 20];
        self.asked.reads.fetch_add(1, Ordering::Relaxed);
        self.asked.bytes.fetch_add(length.into(), Ordering::Relaxed);
        let end = self.entry.size_bytes.min(offset + u64::from(length));
        let (from, to) = (offset.min(end) as usize, end as usize);
        match &self.content {
            Content::None => async { Err(TreeError::IsAFolder) }.boxed(),
            Content::Bytes(bytes) => async move { Ok(bytes.slice(from..to)) }.boxed(),
            Content::Zeroes => async move { Ok(Bytes::from_static(&ZEROES[..(to - from).min(1 << 20)])) }.boxed(),
            Content::Silence => pending().boxed(),
        }
    }
}
