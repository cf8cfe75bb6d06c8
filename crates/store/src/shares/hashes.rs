use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
};

use gridwell_files::{GROUP_BYTES, Outboard, OutboardBuilder};
use gridwell_model::{BlobId, RelPath, Version};

use super::{Inner, ShareError, SharedFile};

/// Outboards in memory, in bytes: those of 64 GiB of files.
const KEPT_BYTES: usize = 64 * 1024 * 1024;
/// Outboards in memory at most, however small.
const KEPT: usize = 16 * 1024;
/// Read and hashed at once: enough that system calls cost little.
const PIECE_BYTES: usize = 16 * GROUP_BYTES as usize;

/// What is known of the content of files.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    known: Mutex<Known>,
    /// Being read by somebody who waits for nothing else.
    under_way: Mutex<BTreeSet<Version>>,
    making: Mutex<()>,
}

/// Outboards by the version of their file.
#[derive(Debug, Default)]
struct Known {
    outboards: BTreeMap<Version, Arc<Outboard>>,
    /// The latest one last.
    order: VecDeque<Version>,
    bytes: usize,
}

impl Hashes {
    pub(super) fn outboard(&self, version: Version) -> Option<Arc<Outboard>> {
        lock(&self.known).outboards.get(&version).cloned()
    }

    pub(super) fn blob(&self, version: Version) -> Option<BlobId> {
        self.outboard(version).map(|outboard| outboard.root())
    }

    /// True for the first who wants to hash that version; who has done it says [`Hashes::done`].
    pub(super) fn begin(&self, version: Version) -> bool {
        self.outboard(version).is_none() && lock(&self.under_way).insert(version)
    }

    pub(super) fn done(&self, version: Version) {
        lock(&self.under_way).remove(&version);
    }

    fn remember(&self, version: Version, outboard: Outboard) -> Arc<Outboard> {
        let outboard = Arc::new(outboard);
        let mut known = lock(&self.known);
        known.bytes += outboard.as_bytes().len();
        known.order.push_back(version);
        known.outboards.insert(version, Arc::clone(&outboard));
        while known.order.len() > KEPT || known.order.len() > 1 && known.bytes > KEPT_BYTES {
            let oldest = known.order.pop_front().and_then(|oldest| known.outboards.remove(&oldest));
            known.bytes -= oldest.map_or(0, |oldest| oldest.as_bytes().len());
        }
        outboard
    }
}

impl Inner {
    /// The pairs of a file's content. Reads all of it, the first time.
    pub(super) fn outboard(&self, path: RelPath, version: Version) -> Result<Arc<Outboard>, ShareError> {
        if let Some(known) = self.hashes.outboard(version) {
            return Ok(known);
        }
        let file = self.open(path, version)?;
        // One at a time: two would only wait for the same disk, or hash the same.
        let _making = lock(&self.hashes.making);
        match self.hashes.outboard(version) {
            Some(known) => Ok(known),
            None => Ok(self.hashes.remember(version, hash(&file, version)?)),
        }
    }
}

fn hash(file: &SharedFile, version: Version) -> Result<Outboard, ShareError> {
    let (mut builder, mut piece, mut at) = (OutboardBuilder::default(), vec![0; PIECE_BYTES], 0);
    while at < version.size_bytes {
        match file.read_at(&mut piece, at)? {
            0 => return Err(file.changed()),
            read => {
                builder.push(&piece[..read]);
                at += read as u64;
            }
        }
    }
    file.check()?;
    Ok(builder.finish())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds what is known of files")
}
