use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, IoSlice},
    ops::Range,
    os::unix::fs::{DirBuilderExt as _, FileExt as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak},
};

use gridwell_files::{GROUP_BYTES, Groups, PAIR_BYTES, Verified, group_count};
use gridwell_model::BlobId;
use rustix::{
    fs::{FallocateFlags, fallocate},
    io::{Errno, pwritev},
};

use super::{
    ObjectError,
    error::{read_error, write_error},
    map::{Map, create, sync_folder_of},
};

/// Pieces that are written with one call: systems take 1,024, a few less are as good.
const MOST_SLICES: usize = 256;
/// Why no lock here is poisoned.
const UNPOISONED: &str = "nothing panics while it holds a piece of content";

/// What is here of one blob: `.data` (its bytes, with holes), `.tree` (its pairs, by number, if it has any) and `.map` (which
/// groups). Its methods block.
///
/// Groups and pairs are written first and read at once; [`Content::sync`] makes them last: bytes, then the map. In the other
/// direction the map comes first, then the hole. So what the map names after a crash is there.
///
/// Locks are taken in the order of the fields.
#[derive(Debug)]
pub(super) struct Content {
    blob: BlobId,
    size_bytes: u64,
    path: PathBuf,
    data: File,
    /// A single group has no pairs.
    tree: Option<File>,
    opened: Arc<Opened>,
    /// What lasts. Held while the disk syncs; nobody who reads or writes waits for that.
    map: Mutex<Map>,
    /// Held by whoever writes bytes or makes holes.
    writing: Mutex<()>,
    here: RwLock<Here>,
}

/// Contents in use. Locked while one is opened or removed, so that nobody opens it twice; before any lock of a content, and never
/// while one is let go.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<BTreeMap<BlobId, Weak<Content>>>);

impl Opened {
    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<BlobId, Weak<Content>>> {
        self.0.lock().expect("nothing panics while it holds the open contents")
    }
}

impl Drop for Content {
    /// Whoever lets it go last takes away files without pieces.
    fn drop(&mut self) {
        if !self.here().present.is_empty() {
            return;
        }
        let mut opened = self.opened.lock();
        // Somebody may have opened it anew by now.
        if opened.get(&self.blob).is_none_or(|known| known.strong_count() == 0) {
            opened.remove(&self.blob);
            if let Err(error) = remove(&self.path) {
                tracing::warn!(blob = %self.blob, %error, "files without pieces were not removed");
            }
        }
    }
}

#[derive(Debug)]
struct Here {
    present: Groups,
    /// Of these, what the map on the disk does not name yet.
    unsynced: Groups,
}

impl Content {
    /// Opens the files at `path`, to which their endings are added, or makes them.
    ///
    /// A size that differs from that of the files is believed if nothing proves theirs: they begin anew then.
    pub(super) fn open(path: &Path, blob: BlobId, size_bytes: u64, opened: Arc<Opened>) -> Result<Self, ObjectError> {
        if size_bytes == 0 && blob != BlobId::of(&[]) {
            return Err(ObjectError::WrongSize { blob, size_bytes });
        }
        let map = Map::load(&map_path(path), blob).map_err(|error| read_error(path, error))?;
        if let Some(map) = &map
            && map.size_bytes() != size_bytes
            && proves_size(map)
        {
            return Err(ObjectError::WrongSize { blob, size_bytes });
        }
        let kept = map.filter(|map| map.size_bytes() == size_bytes && is_backed(path, size_bytes));
        let (map, data, tree) = match kept {
            Some(map) => {
                let open = |path: PathBuf| {
                    OpenOptions::new().read(true).write(true).open(&path).map_err(|error| read_error(&path, error))
                };
                let tree = (tree_bytes(size_bytes) > 0).then(|| open(tree_path(path))).transpose()?;
                (map, open(data_path(path))?, tree)
            }
            None => make(path, blob, size_bytes).map_err(|error| write_error(path, 0, error))?,
        };
        let here = Here { present: map.groups().clone(), unsynced: Groups::new() };
        Ok(Self {
            blob,
            size_bytes,
            path: path.to_owned(),
            data,
            tree,
            opened,
            map: Mutex::new(map),
            writing: Mutex::new(()),
            here: RwLock::new(here),
        })
    }

    pub(super) const fn blob(&self) -> BlobId {
        self.blob
    }

    pub(super) const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) fn present(&self) -> Groups {
        self.here().present.clone()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.here().present.contains_all(0..group_count(self.size_bytes))
    }

    pub(super) fn unsynced_bytes(&self) -> u64 {
        self.here().unsynced.bytes(self.size_bytes)
    }

    /// Fills `buffer` with the bytes from `offset` on; returns how many there are before the end of the blob.
    pub(super) fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<usize, ObjectError> {
        let end = offset.saturating_add(buffer.len() as u64).min(self.size_bytes);
        let count = end.saturating_sub(offset) as usize;
        // Held while reading, so that nobody makes a hole here meanwhile.
        let here = self.here();
        if let Some(missing) = Groups::of_bytes(offset..end).runs().find_map(|run| here.present.first_missing(run)) {
            return Err(self.missing(missing));
        }
        let read = self.data.read_exact_at(&mut buffer[..count], offset);
        read.map_err(|error| read_error(&data_path(&self.path), error))?;
        Ok(count)
    }

    /// Reads the pair of this number into `pair`. It is right if it lies above a group that is here.
    pub(super) fn read_pair(&self, number: u64, pair: &mut [u8]) -> Result<(), ObjectError> {
        let tree = self.tree.as_ref().ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof));
        let read = tree.and_then(|tree| tree.read_exact_at(pair, number * PAIR_BYTES));
        read.map_err(|error| read_error(&tree_path(&self.path), error))
    }

    /// Writes parts in the order in which they were verified. `came` hears which groups were not here before, in the moment
    /// from which on they are. Returns from how many unsynced bytes to how many that led.
    pub(super) fn write(&self, parts: &[Verified], came: impl FnOnce(&Groups)) -> Result<Range<u64>, ObjectError> {
        let _writing = self.writing();
        let (mut pairs, mut groups, mut new) = (Vec::new(), Vec::new(), Groups::new());
        for part in parts {
            match part {
                Verified::Pair { number, pair, .. } => pairs.push((number * PAIR_BYTES, pair.as_slice())),
                Verified::Group { number, bytes, .. } if !self.here().present.contains(*number) => {
                    groups.push((number * GROUP_BYTES, &bytes[..]));
                    new.insert(*number..number + 1);
                }
                Verified::Group { .. } => {}
            }
        }
        let tree = self.tree.as_ref().map(|tree| (tree, tree_path(&self.path), pairs));
        for (file, path, pieces) in tree.into_iter().chain([(&self.data, data_path(&self.path), groups)]) {
            let bytes = pieces.iter().map(|(_, piece)| piece.len() as u64).sum();
            write_pieces(file, pieces).map_err(|error| write_error(&path, bytes, error))?;
        }
        let mut here = self.here_mut();
        let unsynced_bytes = here.unsynced.bytes(self.size_bytes);
        for run in new.runs() {
            here.present.insert(run.clone());
            here.unsynced.insert(run);
        }
        came(&new);
        Ok(unsynced_bytes..here.unsynced.bytes(self.size_bytes))
    }

    /// Makes what was written last; returns when it does. `lost` hears which groups are here no more because that failed.
    pub(super) fn sync(&self, lost: impl FnOnce(&Groups)) -> Result<(), ObjectError> {
        let mut map = self.map();
        let groups = std::mem::take(&mut self.here_mut().unsynced);
        if groups.is_empty() {
            return Ok(());
        }
        let bytes = groups.bytes(self.size_bytes);
        let pairs = self.tree.as_ref().map_or(Ok(()), File::sync_data);
        if let Err(error) = pairs.and_then(|()| self.data.sync_data()) {
            // The system may have thrown away what it could not write, and would say that all is well the next time.
            let mut here = self.here_mut();
            here.present = here.present.difference(&groups);
            lost(&groups);
            return Err(write_error(&data_path(&self.path), bytes, error));
        }
        map.add(&groups).map_err(|error| {
            let mut here = self.here_mut();
            here.unsynced = here.unsynced.union(&groups);
            write_error(&map_path(&self.path), bytes, error)
        })
    }

    /// Takes `groups` away and gives their room back, unless `is_needed`; returns what went.
    pub(super) fn evict(&self, groups: &Groups, is_needed: impl FnOnce() -> bool) -> Result<Groups, ObjectError> {
        let mut map = self.map();
        let gone = {
            let mut here = self.here_mut();
            // Asked under the lock: whoever needs the blob says so before it looks at what is here.
            if is_needed() {
                return Ok(Groups::new());
            }
            let gone = here.present.intersection(groups);
            here.present = here.present.difference(&gone);
            here.unsynced = here.unsynced.difference(&gone);
            gone
        };
        map.remove(&gone).map_err(|error| {
            let mut here = self.here_mut();
            here.present = here.present.union(&gone);
            here.unsynced = here.unsynced.union(&gone.difference(map.groups()));
            write_error(&map_path(&self.path), 0, error)
        })?;
        let _writing = self.writing();
        // Some may have come back meanwhile. Nobody reads the rest: who began before they went has ended.
        let here = self.here_mut();
        for run in gone.difference(&here.present).runs() {
            let (start, length) = (run.start * GROUP_BYTES, (run.end - run.start) * GROUP_BYTES);
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            if let Err(error) = fallocate(&self.data, flags, start, length) {
                // Not here any more, but their room comes back only with that of the whole file.
                tracing::warn!(blob = %self.blob, %error, "could not make a hole in a file of pieces");
            }
        }
        Ok(gone)
    }

    /// Opens all of the blob as a file for reading.
    pub(super) fn open_whole(&self) -> Result<File, ObjectError> {
        if let Some(missing) = self.here().present.first_missing(0..group_count(self.size_bytes)) {
            return Err(self.missing(missing));
        }
        let path = data_path(&self.path);
        File::open(&path).map_err(|error| read_error(&path, error))
    }

    fn missing(&self, group: u64) -> ObjectError {
        ObjectError::Missing { blob: self.blob, group }
    }

    fn map(&self) -> MutexGuard<'_, Map> {
        self.map.lock().expect(UNPOISONED)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().expect(UNPOISONED)
    }

    fn here(&self) -> RwLockReadGuard<'_, Here> {
        self.here.read().expect(UNPOISONED)
    }

    fn here_mut(&self) -> RwLockWriteGuard<'_, Here> {
        self.here.write().expect(UNPOISONED)
    }
}

/// Writes pieces of a file, each at its offset; neighbours together.
fn write_pieces(file: &File, mut pieces: Vec<(u64, &[u8])>) -> io::Result<()> {
    pieces.sort_unstable_by_key(|(offset, _)| *offset);
    for run in pieces.chunk_by(|(offset, piece), (next, _)| offset + piece.len() as u64 == *next) {
        let mut slices: Vec<_> = run.iter().map(|(_, piece)| IoSlice::new(piece)).collect();
        let (mut rest, mut offset) = (slices.as_mut_slice(), run[0].0);
        while !rest.is_empty() {
            let most = rest.len().min(MOST_SLICES);
            match pwritev(file, &rest[..most], offset) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    IoSlice::advance_slices(&mut rest, written);
                    offset += written as u64;
                }
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(())
}

/// Makes files without pieces, in place of any that were there.
fn make(path: &Path, blob: BlobId, size_bytes: u64) -> io::Result<(Map, File, Option<File>)> {
    // It must not outlive what it names.
    if remove_file(&map_path(path))? {
        sync_folder_of(path)?;
    }
    let data = match create(&data_path(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(path))?;
            create(&data_path(path))?
        }
        made => made?,
    };
    data.set_len(size_bytes)?;
    let tree = (tree_bytes(size_bytes) > 0).then(|| create(&tree_path(path))).transpose()?;
    if let Some(tree) = &tree {
        tree.set_len(tree_bytes(size_bytes))?;
    }
    Ok((Map::create(&map_path(path), blob, size_bytes)?, data, tree))
}

/// Removes the files at `path`, the map first: it must not outlive what it names.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    if remove_file(&map_path(path))? {
        sync_folder_of(path)?;
    }
    remove_file(&data_path(path))?;
    remove_file(&tree_path(path))?;
    remove_file(&new_map_path(path))?;
    Ok(())
}

/// Removes a file; false if there was none.
fn remove_file(path: &Path) -> io::Result<bool> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        other => other.map(|()| true),
    }
}

/// True if the bytes and pairs that a map names can be there.
fn is_backed(path: &Path, size_bytes: u64) -> bool {
    let has = |path: PathBuf, bytes: u64| fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == bytes);
    let tree_bytes = tree_bytes(size_bytes);
    has(data_path(path), size_bytes) && (tree_bytes == 0 || has(tree_path(path), tree_bytes))
}

/// Only bytes of the right size have the last group's hash.
fn proves_size(map: &Map) -> bool {
    group_count(map.size_bytes()).checked_sub(1).is_some_and(|last| map.groups().contains(last))
}

fn tree_bytes(size_bytes: u64) -> u64 {
    group_count(size_bytes).saturating_sub(1) * PAIR_BYTES
}

fn data_path(path: &Path) -> PathBuf {
    path.with_extension("data")
}

fn tree_path(path: &Path) -> PathBuf {
    path.with_extension("tree")
}

/// A map that is being written anew.
fn new_map_path(path: &Path) -> PathBuf {
    path.with_extension("map.new")
}

pub(super) fn map_path(path: &Path) -> PathBuf {
    path.with_extension("map")
}

#[cfg(test)]
mod tests;
