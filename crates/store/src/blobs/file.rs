use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use gridwell_files::{Outboard, OutboardBuilder};
use gridwell_model::BlobId;
use rustix::fs::{OFlags, ioctl_ficlone};

use super::BlobError;
use crate::disk;

/// Bytes read at once while hashing: large enough for BLAKE3's widest instructions, small enough for the cache.
const HASH_BUFFER_BYTES: usize = 256 * 1024;

/// What a file looked like: while nothing of it changes, its bytes are taken to be the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(super) size_bytes: u64,
    pub(super) mtime_ns: i64,
    pub(super) device: u64,
    pub(super) inode: u64,
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size_bytes: metadata.len(),
            mtime_ns: metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec()),
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

/// A file of the user that a blob's bytes are read from, and what it looked like when it was hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) path: PathBuf,
    pub(super) stamp: Stamp,
}

impl Reference {
    /// Opens the file if it still looks the same.
    pub(super) fn open(&self) -> Result<File, BlobError> {
        let changed = || BlobError::Changed { path: self.path.clone() };
        let metadata = std::fs::metadata(&self.path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => changed(),
            _ => file_error("read", &self.path, error),
        })?;
        if Stamp::of(&metadata) != self.stamp {
            return Err(changed());
        }
        let file = File::open(&self.path).map_err(|error| file_error("read", &self.path, error))?;
        self.check(&file)?;
        Ok(file)
    }

    /// Fails if the open file looks different now.
    pub(super) fn check(&self, file: &File) -> Result<(), BlobError> {
        let metadata = file.metadata().map_err(|error| file_error("read", &self.path, error))?;
        if Stamp::of(&metadata) == self.stamp { Ok(()) } else { Err(BlobError::Changed { path: self.path.clone() }) }
    }
}

/// Opens a regular file and says what it looks like. `follow` allows the path's last part to be a link.
pub(super) fn open_regular(path: &Path, follow: bool) -> Result<(File, Stamp), BlobError> {
    // Opening a pipe would wait for its other end.
    let flags = if follow { OFlags::NONBLOCK } else { OFlags::NONBLOCK | OFlags::NOFOLLOW };
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path);
    let file = opened.map_err(|error| match error.raw_os_error().map(rustix::io::Errno::from_raw_os_error) {
        Some(rustix::io::Errno::LOOP | rustix::io::Errno::NXIO) => BlobError::NotAFile { path: path.to_owned() },
        _ => file_error("read", path, error),
    })?;
    regular(file, path)
}

/// An open file and what it looks like, if it is a regular one.
pub(super) fn regular(file: File, path: &Path) -> Result<(File, Stamp), BlobError> {
    let metadata = file.metadata().map_err(|error| file_error("read", path, error))?;
    if metadata.is_file() {
        Ok((file, Stamp::of(&metadata)))
    } else {
        Err(BlobError::NotAFile { path: path.to_owned() })
    }
}

/// Hashes an open file to its end, and fails if it changed meanwhile.
pub(crate) fn hash_steady(file: &mut File, path: &Path, before: Stamp) -> Result<BlobId, BlobError> {
    let (blob, size_bytes) = hash(file).map_err(|error| file_error("read", path, error))?;
    let after = file.metadata().map_err(|error| file_error("read", path, error))?;
    if size_bytes == before.size_bytes && Stamp::of(&after) == before {
        Ok(blob)
    } else {
        Err(BlobError::Changed { path: path.to_owned() })
    }
}

fn hash(file: &mut File) -> io::Result<(BlobId, u64)> {
    let mut hasher = blake3::Hasher::new();
    let size_bytes = hash_into(file, &mut hasher)?;
    Ok((BlobId(*hasher.finalize().as_bytes()), size_bytes))
}

/// Feeds the rest of `file` to `hasher`; returns the number of bytes.
pub(super) fn hash_into(file: &mut File, hasher: &mut blake3::Hasher) -> io::Result<u64> {
    read_to_end(file, |bytes| _ = hasher.update(bytes))
}

/// Hashes the rest of `file`, and keeps the hashes of its parts.
pub(super) fn outboard(file: &mut File) -> io::Result<Outboard> {
    let mut builder = OutboardBuilder::default();
    read_to_end(file, |bytes| builder.push(bytes))?;
    Ok(builder.finish())
}

/// Hands the rest of `file` to `take`, piece by piece; returns the number of bytes.
fn read_to_end(file: &mut File, mut take: impl FnMut(&[u8])) -> io::Result<u64> {
    let mut buffer = vec![0; HASH_BUFFER_BYTES];
    let mut size_bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok(size_bytes),
            Ok(count) => {
                take(&buffer[..count]);
                size_bytes += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Copies a whole file: shared extents where the file system can (Linux `FICLONE`), bytes otherwise.
pub(crate) fn copy(from: &mut File, to: &mut File) -> io::Result<()> {
    if ioctl_ficlone(&*to, &*from).is_ok() {
        return Ok(());
    }
    io::copy(from, to).map(drop)
}

pub(super) fn file_error(tried: &'static str, path: &Path, source: io::Error) -> BlobError {
    BlobError::File { tried, path: path.to_owned(), source }
}

/// As [`file_error`], but tells a full disk apart.
pub(super) fn write_error(path: &Path, needed_bytes: u64, source: io::Error) -> BlobError {
    if disk::is_full(&source) {
        let folder = path.parent().unwrap_or(path).to_owned();
        BlobError::NoRoom { needed_bytes, free_bytes: disk::free_bytes(&folder).unwrap_or(0), folder }
    } else {
        file_error("write", path, source)
    }
}
