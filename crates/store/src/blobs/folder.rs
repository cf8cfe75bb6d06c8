use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use gridwell_files::Outboard;
use gridwell_model::BlobId;

use super::{
    BlobError, BlobHold, BlobLimits, Kept,
    file::{Reference, Stamp, copy, file_error, hash_steady, open_regular, outboard, write_error},
    index::{Index, Place},
    outboards::{self, Outboards},
    stored_path,
};
use crate::{disk, landing::LandingFolders};

/// Parts of blobs nobody went on receiving for this long are removed at start.
const PART_KEPT: Duration = Duration::from_secs(24 * 3_600);

/// The folder behind [`super::Blobs`] and what is known of it. Its methods block.
#[derive(Debug)]
pub(crate) struct Inner {
    folder: PathBuf,
    limits: BlobLimits,
    index: Mutex<Index>,
    temp_count: AtomicU64,
    pub(super) outboards: Outboards,
    pub(crate) landing: LandingFolders,
}

/// A blob opened for reading.
pub(crate) struct Source {
    pub(crate) file: File,
    pub(crate) size_bytes: u64,
    path: PathBuf,
    reference: Option<Reference>,
}

impl Source {
    /// Fails if the user's file behind the blob changed while it was read.
    pub(crate) fn check(&self) -> Result<(), BlobError> {
        self.reference.as_ref().map_or(Ok(()), |reference| reference.check(&self.file))
    }

    /// Fills `bytes` with those from `offset` on, and fails if they may have changed.
    pub(crate) fn read_at(&self, offset: u64, bytes: &mut [u8]) -> Result<(), BlobError> {
        let read = self.file.read_exact_at(bytes, offset);
        self.check()?;
        read.map_err(|error| file_error("read", &self.path, error))
    }
}

impl Inner {
    /// Makes the folders, removes what a dead node left half done, and counts the blobs that are there.
    pub(super) fn open(
        folder: &Path,
        limits: BlobLimits,
        kept: Kept,
        landing: LandingFolders,
        doubtful: bool,
    ) -> io::Result<Self> {
        for part in ["parts", "temp"] {
            DirBuilder::new().recursive(true).mode(0o700).create(folder.join(part))?;
        }
        for entry in fs::read_dir(folder.join("temp"))? {
            fs::remove_file(entry?.path())?;
        }
        remove_old_parts(&folder.join("parts"))?;
        let mut index = Index::new(kept);
        for (_, blob, size_bytes) in stored_files(folder)? {
            index.add_stored(blob, size_bytes, doubtful);
        }
        outboards::sweep(folder, |blob| index.contains(blob))?;
        Ok(Self {
            folder: folder.to_owned(),
            limits,
            index: Mutex::new(index),
            temp_count: AtomicU64::new(0),
            outboards: Outboards::default(),
            landing,
        })
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().expect("nothing panics while it holds the index")
    }

    /// True if some job pins the blob or somebody holds it.
    pub(crate) fn is_needed(&self, blob: BlobId) -> bool {
        self.index().is_needed(blob)
    }

    pub(super) fn part_path(&self, blob: BlobId) -> PathBuf {
        self.folder.join("parts").join(blob.to_string())
    }

    pub(super) fn temp_path(&self) -> PathBuf {
        self.folder.join("temp").join(self.temp_count.fetch_add(1, Ordering::Relaxed).to_string())
    }

    pub(super) fn reference(&self, path: &Path) -> Result<(BlobId, u64), BlobError> {
        let path = std::path::absolute(path).map_err(|error| file_error("read", path, error))?;
        let (mut file, stamp) = open_regular(&path, true)?;
        let blob = hash_steady(&mut file, &path, stamp)?;
        self.index().add_reference(blob, Reference { path, stamp });
        Ok((blob, stamp.size_bytes))
    }

    pub(super) fn put(&self, bytes: &[u8]) -> Result<BlobId, BlobError> {
        let blob = BlobId::of(bytes);
        let size_bytes = bytes.len() as u64;
        self.make_room(size_bytes)?;
        let temp = self.temp_path();
        write_temp(&temp, size_bytes, |file| file.write_all(bytes))?;
        self.place(&temp, blob, size_bytes)?;
        Ok(blob)
    }

    /// Gives a finished file of ours its blob's name.
    pub(super) fn place(&self, from: &Path, blob: BlobId, size_bytes: u64) -> Result<(), BlobError> {
        let to = stored_path(&self.folder, blob);
        let rename = || {
            fs::set_permissions(from, fs::Permissions::from_mode(0o600))?;
            // Under the lock, so that nobody moves the blob away between its appearance and its entry.
            let mut index = self.index();
            fs::rename(from, &to)?;
            index.add_stored(blob, size_bytes, false);
            Ok(())
        };
        let made = match rename() {
            Err(error) if is_missing(&error) => make_parent(&to).and_then(|()| rename()),
            other => other,
        };
        made.map_err(|error| write_error(&to, size_bytes, error))
    }

    /// Opens a blob; bytes that a hard crash may have spoiled are checked first.
    pub(crate) fn open_source(&self, blob: BlobId) -> Result<Source, BlobError> {
        loop {
            let place = self.index().find(blob).ok_or(BlobError::Missing { blob })?;
            match place {
                Place::Stored { doubtful } => {
                    if let Some(source) = self.open_stored(blob, doubtful)? {
                        return Ok(source);
                    }
                }
                Place::Referenced(reference) => {
                    let file = reference.open()?;
                    let (size_bytes, path) = (reference.stamp.size_bytes, reference.path.clone());
                    return Ok(Source { file, size_bytes, path, reference: Some(reference) });
                }
            }
        }
    }

    /// Opens a stored blob's file; `None` after it turned out to be gone or spoiled, which the index knows then.
    fn open_stored(&self, blob: BlobId, doubtful: bool) -> Result<Option<Source>, BlobError> {
        let path = stored_path(&self.folder, blob);
        let (mut file, stamp) = match open_regular(&path, false) {
            Err(BlobError::File { source, .. }) if is_missing(&source) => {
                self.forget_if_gone(blob, &path);
                return Ok(None);
            }
            other => other?,
        };
        if doubtful {
            if hash_steady(&mut file, &path, stamp)? != blob {
                tracing::warn!(%blob, "a blob was spoiled when the machine went down; it is removed");
                self.remove(blob)?;
                return Ok(None);
            }
            self.index().trust(blob);
            io::Seek::rewind(&mut file).map_err(|error| file_error("read", &path, error))?;
        }
        Ok(Some(Source { file, size_bytes: stamp.size_bytes, path, reference: None }))
    }

    /// Drops the entry of a blob whose file somebody else removed; keeps it if the blob came back meanwhile.
    fn forget_if_gone(&self, blob: BlobId, path: &Path) {
        let mut index = self.index();
        if !path.exists() {
            index.remove_stored(blob);
        }
    }

    pub(super) fn materialise(&self, blob: BlobId, destination: &Path, executable: bool) -> Result<(), BlobError> {
        let mut source = self.open_source(blob)?;
        if let Some(parent) = destination.parent() {
            fs::create_dir_all(parent).map_err(|error| write_error(parent, source.size_bytes, error))?;
        }
        let mode = if executable { 0o700 } else { 0o600 };
        let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(destination);
        let mut file = opened.map_err(|error| write_error(destination, source.size_bytes, error))?;
        let copied = copy(&mut source.file, &mut file)
            .map_err(|error| write_error(destination, source.size_bytes, error))
            .and_then(|()| source.check());
        if copied.is_err() {
            // The first error says what went wrong; what cannot be removed goes with the session's folder.
            let _ = fs::remove_file(destination);
        }
        copied
    }

    /// Renames a stored blob to `to` and remembers it there; false if it is not stored or lies on another file system.
    ///
    /// `rename` does it, so that the caller decides what happens to a file that is there already.
    pub(crate) fn move_out(
        &self,
        blob: BlobId,
        to: &Path,
        mode: u32,
        rename: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<bool> {
        let from = stored_path(&self.folder, blob);
        let mut index = self.index();
        match index.find(blob) {
            Some(Place::Stored { doubtful: false }) => {}
            _ => return Ok(false),
        }
        let file = match File::open(&from) {
            Err(error) if is_missing(&error) => return Ok(false),
            other => other?,
        };
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        match rename(&from) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => return Ok(false),
            other => other?,
        }
        index.remove_stored(blob);
        index.add_reference(blob, Reference { path: to.to_owned(), stamp: Stamp::of(&file.metadata()?) });
        Ok(true)
    }

    /// Flushes a stored blob's bytes to the disk, before it moves.
    pub(crate) fn sync_stored(&self, blob: BlobId) -> io::Result<()> {
        match File::open(stored_path(&self.folder, blob)) {
            Err(error) if is_missing(&error) => Ok(()),
            other => other?.sync_all(),
        }
    }

    /// Removes a blob; returns whether it was a reference.
    pub(crate) fn remove(&self, blob: BlobId) -> Result<bool, BlobError> {
        let mut index = self.index();
        self.remove_stored(&mut index, blob)?;
        Ok(index.remove_reference(blob))
    }

    /// Lets go of a blob, and removes it unless somebody else needs it. References that nobody pins are kept in memory only.
    pub(super) fn discard(&self, hold: BlobHold) -> Result<(), BlobError> {
        let blob = hold.blob();
        drop(hold);
        let mut index = self.index();
        if !index.is_needed(blob) {
            self.remove_stored(&mut index, blob)?;
            index.remove_reference(blob);
        }
        Ok(())
    }

    fn remove_stored(&self, index: &mut Index, blob: BlobId) -> Result<(), BlobError> {
        if !index.remove_stored(blob) {
            return Ok(());
        }
        let path = stored_path(&self.folder, blob);
        self.outboards.forget(&path, blob);
        match fs::remove_file(&path) {
            Err(error) if !is_missing(&error) => Err(file_error("remove", &path, error)),
            _ => Ok(()),
        }
    }

    /// The pairs of a blob, made now unless they are known.
    pub(super) fn outboard(&self, blob: BlobId) -> Result<Arc<Outboard>, BlobError> {
        if let Some(known) = self.outboards.recent(blob) {
            return Ok(known);
        }
        let _making = self.outboards.making();
        if let Some(known) = self.outboards.recent(blob) {
            return Ok(known);
        }
        let mut source = self.open_source(blob)?;
        let kept = outboards::kept_path(&stored_path(&self.folder, blob));
        let outboard = match outboards::load(&kept, blob, source.size_bytes) {
            Some(outboard) => outboard,
            None => self.make_outboard(blob, &mut source, &kept)?,
        };
        Ok(self.outboards.remember(outboard))
    }

    fn make_outboard(&self, blob: BlobId, source: &mut Source, kept: &Path) -> Result<Outboard, BlobError> {
        let outboard = outboard(&mut source.file).map_err(|error| file_error("read", &source.path, error))?;
        source.check()?;
        if outboard.root() != blob {
            return Err(BlobError::WrongBytes { blob });
        }
        if source.size_bytes > outboards::KEPT_FROM_BYTES {
            let (temp, pairs) = (self.temp_path(), outboard.as_bytes());
            // Not synced: it is checked when it is loaded.
            write_temp(&temp, pairs.len() as u64, |file| file.write_all(pairs))?;
            let placed = make_parent(kept).and_then(|()| fs::rename(&temp, kept));
            placed.map_err(|error| file_error("write", kept, error))?;
        }
        Ok(outboard)
    }

    /// Evicts until `needed_bytes` more fit, and refuses them if the disk's last bytes would go.
    pub(super) fn make_room(&self, needed_bytes: u64) -> Result<(), BlobError> {
        let free = || disk::free_bytes(&self.folder).map_err(|error| file_error("read", &self.folder, error));
        let victims = self.index().victims(needed_bytes, free()?, &self.limits);
        for blob in &victims {
            self.evict(*blob)?;
        }
        if !victims.is_empty() {
            tracing::info!(count = victims.len(), "evicted blobs that nobody needs");
        }
        let free_bytes = free()?;
        if free_bytes < self.limits.floor_bytes.saturating_add(needed_bytes) {
            return Err(BlobError::NoRoom { folder: self.folder.clone(), needed_bytes, free_bytes });
        }
        Ok(())
    }

    /// Removes a stored blob unless somebody needs it by now.
    fn evict(&self, blob: BlobId) -> Result<(), BlobError> {
        let mut index = self.index();
        if index.is_needed(blob) { Ok(()) } else { self.remove_stored(&mut index, blob) }
    }
}

/// Writes a new file of ours, and removes it again if that fails.
pub(super) fn write_temp(
    temp: &Path,
    size_bytes: u64,
    write: impl FnOnce(&mut File) -> io::Result<()>,
) -> Result<(), BlobError> {
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(temp).and_then(|mut file| write(&mut file));
    written.map_err(|error| {
        // Left over, it goes at the next start.
        let _ = fs::remove_file(temp);
        write_error(temp, size_bytes, error)
    })
}

fn make_parent(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path.parent().unwrap_or(path))
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound
}

fn remove_old_parts(parts: &Path) -> io::Result<()> {
    let now = SystemTime::now();
    for entry in fs::read_dir(parts)? {
        let entry = entry?;
        let age = now.duration_since(entry.metadata()?.modified()?).unwrap_or_default();
        if age > PART_KEPT {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Every stored blob with its size in bytes, the one written longest ago first. Files with other names are left alone.
fn stored_files(folder: &Path) -> io::Result<Vec<(SystemTime, BlobId, u64)>> {
    let mut files = Vec::new();
    for prefix in fs::read_dir(folder)? {
        let prefix = prefix?;
        if prefix.file_name().len() != 2 || !prefix.file_type()?.is_dir() {
            continue;
        }
        for entry in fs::read_dir(prefix.path())? {
            let entry = entry?;
            let Some(blob) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let metadata = entry.metadata()?;
            files.push((metadata.modified()?, blob, metadata.len()));
        }
    }
    files.sort_unstable();
    Ok(files)
}
