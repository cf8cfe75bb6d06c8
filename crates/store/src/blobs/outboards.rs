use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
};

use gridwell_files::Outboard;
use gridwell_model::BlobId;

/// Outboards of larger blobs are kept on the disk, in bytes of the blob: smaller ones are hashed again as fast.
pub(super) const KEPT_FROM_BYTES: u64 = 1024 * 1024;

/// Outboards in memory, in bytes: those of 64 GiB of blobs.
const RECENT_BYTES: usize = 64 * 1024 * 1024;

/// Outboards in memory at most, however small.
const RECENT: usize = 1_024;

/// The outboards that were used last.
#[derive(Debug, Default)]
pub(super) struct Outboards {
    /// The latest one last.
    recent: Mutex<VecDeque<Arc<Outboard>>>,
    making: Mutex<()>,
}

impl Outboards {
    /// The outboard of a blob if it is in memory.
    pub(super) fn recent(&self, blob: BlobId) -> Option<Arc<Outboard>> {
        let mut recent = self.lock();
        let at = recent.iter().position(|outboard| outboard.root() == blob)?;
        let found = recent.remove(at)?;
        recent.push_back(Arc::clone(&found));
        Some(found)
    }

    /// The right to make one. One at a time: two would only wait for the same disk, or make the same.
    pub(super) fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock().expect("nothing panics while it makes an outboard")
    }

    pub(super) fn remember(&self, outboard: Outboard) -> Arc<Outboard> {
        let outboard = Arc::new(outboard);
        let mut recent = self.lock();
        recent.push_back(Arc::clone(&outboard));
        let bytes = |recent: &VecDeque<Arc<Outboard>>| recent.iter().map(|one| one.as_bytes().len()).sum::<usize>();
        while recent.len() > RECENT || recent.len() > 1 && bytes(&recent) > RECENT_BYTES {
            recent.pop_front();
        }
        outboard
    }

    /// Forgets the outboard of a blob that lies at `stored`, on the disk too.
    pub(super) fn forget(&self, stored: &Path, blob: BlobId) {
        self.lock().retain(|outboard| outboard.root() != blob);
        // There may be none; one that stays goes at the next start.
        let _ = fs::remove_file(kept_path(stored));
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Outboard>>> {
        self.recent.lock().expect("nothing panics while it holds the outboards")
    }
}

/// Where the outboard of a blob is kept that lies, or would lie, at `stored`.
pub(super) fn kept_path(stored: &Path) -> PathBuf {
    stored.with_extension("tree")
}

/// Reads a kept outboard; `None` if there is none, or it is not right.
pub(super) fn load(kept: &Path, blob: BlobId, size_bytes: u64) -> Option<Outboard> {
    let bytes = fs::read(kept).ok()?;
    Outboard::from_bytes(blob, size_bytes, &bytes)
        .inspect_err(|error| tracing::warn!(%blob, %error, "a kept outboard is spoiled; it is made anew"))
        .ok()
}

/// Removes every kept outboard whose blob is not here.
pub(super) fn sweep(folder: &Path, is_here: impl Fn(BlobId) -> bool) -> io::Result<()> {
    for prefix in fs::read_dir(folder)? {
        let prefix = prefix?;
        if prefix.file_name().len() != 2 || !prefix.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(prefix.path())? {
            let path = entry?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            let blob = stem.filter(|_| path.extension().is_some_and(|ending| ending == "tree"));
            if blob.and_then(|blob| blob.parse().ok()).is_some_and(|blob| !is_here(blob)) {
                fs::remove_file(path)?;
            }
        }
    }
    Ok(())
}
