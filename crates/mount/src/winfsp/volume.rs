use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{
    follow::follow,
    names::{from_wide, path_from_wide, to_wide},
};
use crate::{
    Entry, Kind, TreeError, TreePath,
    vfs::{Hold, Known, Page, Vfs, VfsError},
};

/// What every folder but the root begins with.
const DOTS: [&str; 2] = [".", ".."];
/// Most entries that are looked at for one answer: Windows' own buffers hold some hundreds.
const MAX_ENTRIES: usize = 256;
/// 1970 in Windows' count of time: hundreds of nanoseconds since 1601.
const UNIX_EPOCH_TICKS: i64 = 116_444_736_000_000_000;

/// The tree as Windows asks for it: by paths in UTF-16, with links followed.
pub(super) struct Volume {
    pub(super) vfs: Arc<Vfs>,
}

/// A file or folder that a program has open.
pub(super) struct Opened {
    vfs: Arc<Vfs>,
    path: TreePath,
    pub(super) known: Known,
    /// Its number, if it is a file.
    file: Option<u64>,
    /// What was read last of a folder: it is asked for in smaller parts.
    page: Mutex<Option<Arc<Page>>>,
}

/// A part of a folder.
pub(super) struct Part {
    /// Names with what they are shown as.
    pub(super) entries: Vec<(Vec<u16>, Known)>,
    /// What the next part stands behind; `None` if there is no other.
    pub(super) next: Option<Vec<u16>>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(file) = self.file {
            self.vfs.close(file);
        }
    }
}

impl Opened {
    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// What follows the name `after` in a folder, or its beginning: a page, and the first place in it.
    async fn page(&self, after: Option<&[u8]>) -> Result<(Arc<Page>, u64), VfsError> {
        let known = self.page.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some(page), Some(after)) = (known, after)
            && let Some(place) = page.behind(after)
        {
            return Ok((page, place));
        }
        let page = Arc::new(self.vfs.list(&self.path, 0, after).await?);
        *self.page.lock().unwrap_or_else(PoisonError::into_inner) = Some(page.clone());
        Ok((page, 0))
    }
}

impl Volume {
    /// What is called `name` from the root on: `\a\b`.
    pub(super) async fn look(&self, name: &[u16]) -> Result<Known, VfsError> {
        Ok(follow(&self.vfs, &path_from_wide(name)?).await?.1)
    }

    /// What is called `name` in a folder.
    pub(super) async fn look_in(&self, folder: &Opened, name: &[u16]) -> Result<Known, VfsError> {
        Ok(follow(&self.vfs, &folder.path.child(&from_wide(name)?)?).await?.1)
    }

    /// Opens what is called `name` from the root on; a file's version stays until it is dropped.
    pub(super) async fn open(&self, name: &[u16]) -> Result<Opened, VfsError> {
        let path = path_from_wide(name)?;
        match self.open_at(&path).await {
            // Another version than was looked at a moment ago: that one, then.
            Err(VfsError::Tree(TreeError::Stale)) => self.open_at(&path).await,
            opened => opened,
        }
    }

    async fn open_at(&self, path: &TreePath) -> Result<Opened, VfsError> {
        let (path, known) = follow(&self.vfs, path).await?;
        let file = match known.entry.kind {
            Kind::File => Some(self.vfs.open(known.ino).await?),
            Kind::Folder | Kind::Link { .. } => None,
        };
        Ok(Opened { vfs: self.vfs.clone(), path, known, file, page: Mutex::default() })
    }

    /// Bytes of an open file; fewer than `length` only where it ends.
    pub(super) async fn read(&self, opened: &Opened, offset: u64, length: u32) -> Result<Bytes, VfsError> {
        let file = opened.file.ok_or(TreeError::IsAFolder)?;
        self.vfs.read(file, offset, length).await
    }

    /// What stands behind the name `marker` in an open folder, or from its beginning on. Links that lead to nothing are left out.
    pub(super) async fn list(&self, folder: &Opened, marker: Option<&[u16]>) -> Result<Part, VfsError> {
        self.vfs.in_time(self.part(folder, marker)).await
    }

    async fn part(&self, folder: &Opened, marker: Option<&[u16]>) -> Result<Part, VfsError> {
        if folder.is_file() {
            return Err(TreeError::NotAFolder.into());
        }
        let said = |name: &str| marker.is_some_and(|marker| marker.iter().copied().eq(name.encode_utf16()));
        let dots = match marker {
            _ if folder.path.is_root() => &[][..],
            None => &DOTS[..],
            Some(_) if said(DOTS[0]) => &DOTS[1..],
            Some(_) => &[],
        };
        let after = marker.filter(|_| !DOTS.iter().any(|dots| said(dots)));
        let after = after.map(from_wide).transpose()?;
        let (page, place) = folder.page(after.as_deref()).await?;
        let mut entries: Vec<_> =
            dots.iter().map(|dots| (dots.encode_utf16().collect(), folder.known.clone())).collect();
        let mut ahead = page.from(place);
        let mut next = None;
        for (_, (name, entry)) in ahead.by_ref().take(MAX_ENTRIES) {
            let wide = to_wide(name);
            if let Some(known) = self.shown(&folder.path, name, entry).await? {
                entries.push((wide.clone(), known));
            }
            next = Some(wide);
        }
        let is_last = page.is_last() && ahead.next().is_none();
        Ok(Part { entries, next: next.filter(|_| !is_last) })
    }

    async fn shown(&self, folder: &TreePath, name: &[u8], entry: &Entry) -> Result<Option<Known>, VfsError> {
        let known = self.vfs.learn(folder, name, entry.clone(), Hold::No)?;
        if !matches!(entry.kind, Kind::Link { .. }) {
            return Ok(Some(known));
        }
        match follow(&self.vfs, &folder.child(name)?).await {
            Ok((_, known)) => Ok(Some(known)),
            Err(VfsError::Ending) => Err(VfsError::Ending),
            Err(_) => Ok(None),
        }
    }
}

/// A time in nanoseconds since 1970 as Windows counts; 1601 for earlier ones.
pub(super) fn ticks(ns: i64) -> u64 {
    u64::try_from(ns / 100 + UNIX_EPOCH_TICKS).unwrap_or(0)
}
