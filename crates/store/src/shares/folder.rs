//! What an operating system says of files, in the words of the tree.

use std::{
    ffi::OsStr,
    fs, io,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{FileExt as _, MetadataExt as _},
    },
    path::{Component, Path},
};

use cap_std::fs::{Dir, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use gridwell_model::{EntryKind, RelPath, TreeEntry, Version};

/// Longest target of a link that is told, in bytes: what Linux accepts.
const MAX_TARGET_BYTES: usize = RelPath::MAX_BYTES;

pub(crate) fn os(path: &RelPath) -> &Path {
    Path::new(OsStr::from_bytes(path.as_bytes()))
}

/// The names in a folder, in their order as bytes.
pub(super) fn names(dir: &Dir) -> io::Result<Vec<Vec<u8>>> {
    let names = dir.entries()?.map(|entry| entry.map(|entry| entry.file_name().as_bytes().to_vec()));
    let mut names = names.collect::<io::Result<Vec<_>>>()?;
    names.sort_unstable();
    Ok(names)
}

/// What `name` in a folder stands for. A link is told as one if it leads to something in the share.
pub(super) fn entry_of(dir: &Dir, name: &[u8]) -> io::Result<TreeEntry> {
    let path = Path::new(OsStr::from_bytes(name));
    let meta = dir.symlink_metadata(path)?;
    let kind = if meta.is_symlink() {
        link_of(dir, path)
    } else if meta.is_dir() {
        EntryKind::Folder
    } else if meta.is_file() {
        let version = Version {
            size_bytes: meta.len(),
            modified_ns: nanos((meta.mtime(), meta.mtime_nsec())),
            changed_ns: nanos((meta.ctime(), meta.ctime_nsec())),
            number: meta.ino(),
        };
        EntryKind::File { version, blob: None, executable: meta.mode() & 0o100 != 0 }
    } else {
        EntryKind::Hidden
    };
    Ok(TreeEntry { name: name.to_vec(), kind, modified_ns: nanos((meta.mtime(), meta.mtime_nsec())) })
}

/// The share itself, as an entry without a name.
pub(super) fn share_itself(dir: &Dir) -> io::Result<TreeEntry> {
    let meta = dir.dir_metadata()?;
    Ok(TreeEntry { name: Vec::new(), kind: EntryKind::Folder, modified_ns: nanos((meta.mtime(), meta.mtime_nsec())) })
}

fn link_of(dir: &Dir, path: &Path) -> EntryKind {
    let Ok(target) = dir.read_link(path) else { return EntryKind::Hidden };
    let bytes = target.as_os_str().as_bytes();
    let relative = target.components().all(|part| matches!(part, Component::Normal(_) | Component::ParentDir));
    // Resolved below the open folder: what leads out of it is an error.
    if relative && bytes.len() <= MAX_TARGET_BYTES && dir.metadata(path).is_ok() {
        EntryKind::Link { target: bytes.to_vec() }
    } else {
        EntryKind::Hidden
    }
}

/// Opens a file for reading; a pipe that nobody writes to is not waited for.
pub(crate) fn open_file(root: &Dir, path: &RelPath) -> io::Result<fs::File> {
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    root.open_with(os(path), &options).map(cap_std::fs::File::into_std)
}

pub(super) fn version_of(meta: &fs::Metadata) -> Version {
    Version {
        size_bytes: meta.len(),
        modified_ns: nanos((meta.mtime(), meta.mtime_nsec())),
        changed_ns: nanos((meta.ctime(), meta.ctime_nsec())),
        number: meta.ino(),
    }
}

pub(super) fn read_at(file: &fs::File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(buffer, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

const fn nanos((secs, nanos): (i64, i64)) -> i64 {
    secs.saturating_mul(1_000_000_000).saturating_add(nanos)
}
