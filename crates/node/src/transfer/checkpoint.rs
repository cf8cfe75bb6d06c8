//! A run's checkpoint folder as one piece of bytes, and back.
//!
//! The piece: the length of a list (four bytes, little endian), the list (postcard of `Vec<Entry>`), then the content of each file
//! in its order.

use std::{
    ffi::OsStr,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    os::unix::{
        ffi::OsStrExt as _,
        fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
};

use gridwell_model::{Checkpoint, JobId, PeerId, RelPath, format_bytes};
use gridwell_store::{BlobError, BlobHold};
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::Errno,
};
use serde::{Deserialize, Serialize};

use super::{
    SessionPlace, Transfer, TransferError,
    collect::{CollectError, rel, walk},
};

/// Most files of one checkpoint; one that saves more packs them.
const MAX_FILES: usize = 10_000;

/// Longest list, in bytes: what so many usual names take, several times over.
const MAX_LIST_BYTES: u32 = 4 << 20;

/// How often a folder is read again whose program changes it meanwhile, before the next word of its program is waited for.
const TRIES: u32 = 3;

/// Names of files that are not whole yet end so.
const UNFINISHED: [&[u8]; 2] = [b".part", b".tmp"];

/// Why a checkpoint was not taken or could not be gone on from.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CheckpointError {
    #[error(transparent)]
    Look(#[from] CollectError),
    #[error("it has {files} files; at most {MAX_FILES} are kept")]
    TooMany { files: usize },
    #[error("it has {}; at most {} are kept", format_bytes(*size_bytes), format_bytes(Checkpoint::MAX_BYTES))]
    TooLarge { size_bytes: u64 },
    #[error("its program changed it while it was read")]
    Changed,
    #[error("cannot {tried} '{}': {source}", path.display())]
    File { tried: &'static str, path: PathBuf, source: io::Error },
    #[error("it is no checkpoint, or a damaged one")]
    Unreadable,
    #[error(transparent)]
    Blob(#[from] BlobError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error("the folder could not be looked at: {reason}")]
    Gone { reason: String },
}

/// One file in the list.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    path: RelPath,
    size_bytes: u64,
    executable: bool,
}

/// One file in the folder, as it is told from another version of itself.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    entry: Entry,
    file: PathBuf,
    inode: u64,
    changed: (i64, i64),
}

impl Transfer {
    /// Takes what stands in a session's checkpoint folder into the store; nothing if that is empty.
    ///
    /// `name` is one that no other piece of the session has.
    pub(crate) async fn take_checkpoint(
        &self,
        place: &SessionPlace,
        name: &str,
    ) -> Result<Option<(BlobHold, u64)>, CheckpointError> {
        let (folder, name) = (place.checkpoint(), rel(Path::new(name))?);
        let piece = place.root().join(OsStr::from_bytes(name.as_bytes()));
        if !blocking(move || pack_whole(&folder, &piece)).await? {
            return Ok(None);
        }
        Ok(Some(self.blobs.adopt(place.root(), &name).await?))
    }

    /// Empties a session's checkpoint folder and fills it with what its run goes on from.
    ///
    /// # Errors
    ///
    /// Whatever kept it from being filled; it is empty then.
    pub(crate) async fn bring_checkpoint(
        &self,
        place: &SessionPlace,
        from: Option<(Checkpoint, PeerId)>,
        job: JobId,
    ) -> Result<(), CheckpointError> {
        let folder = place.checkpoint();
        let emptied = folder.clone();
        blocking(move || empty(&emptied)).await?;
        let Some((checkpoint, steward)) = from else { return Ok(()) };
        if checkpoint.size_bytes > Checkpoint::MAX_BYTES {
            return Err(CheckpointError::TooLarge { size_bytes: checkpoint.size_bytes });
        }
        let hold = self.blobs.hold(checkpoint.blob);
        self.bring(checkpoint.blob, checkpoint.size_bytes, job, steward).await?;
        let (piece, _) = self.blobs.open_blob(checkpoint.blob).await?;
        let unpacked = blocking(move || {
            unpack(piece, &folder).inspect_err(|_| {
                // What is not whole must not be gone on from.
                let _ = empty(&folder);
            })
        });
        let unpacked = unpacked.await;
        self.blobs.discard(hold).await?;
        unpacked
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CheckpointError> + Send + 'static,
) -> Result<T, CheckpointError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(CheckpointError::Gone { reason: error.to_string() }))
}

fn failed(tried: &'static str, path: &Path) -> impl FnOnce(io::Error) -> CheckpointError {
    move |source| CheckpointError::File { tried, path: path.to_owned(), source }
}

fn empty(folder: &Path) -> Result<(), CheckpointError> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("empty", folder)(error)),
        _ => {}
    }
    fs::create_dir_all(folder).map_err(failed("make", folder))
}

/// Writes a folder into `piece`, as it stood at one moment; false if nothing stands in it.
fn pack_whole(folder: &Path, piece: &Path) -> Result<bool, CheckpointError> {
    let mut tries = TRIES;
    loop {
        match pack(folder, piece) {
            Err(CheckpointError::Changed) if tries > 1 => tries -= 1,
            done => return done,
        }
    }
}

fn pack(folder: &Path, piece: &Path) -> Result<bool, CheckpointError> {
    let seen = look(folder)?;
    if seen.is_empty() {
        return Ok(false);
    }
    let mut out = io::BufWriter::new(File::create(piece).map_err(failed("write", piece))?);
    let list: Vec<&Entry> = seen.iter().map(|seen| &seen.entry).collect();
    let list = postcard::to_stdvec(&list).expect("a list of files is plain data");
    let length = u32::try_from(list.len()).ok().filter(|length| *length <= MAX_LIST_BYTES);
    let length = length.ok_or(CheckpointError::TooMany { files: seen.len() })?;
    out.write_all(&length.to_le_bytes()).and_then(|()| out.write_all(&list)).map_err(failed("write", piece))?;
    for Seen { entry, file, .. } in &seen {
        let source = open_below(folder, &entry.path).map_err(|error| moved_or("read", file, error))?;
        let copied = io::copy(&mut source.take(entry.size_bytes), &mut out).map_err(failed("copy", file))?;
        if copied != entry.size_bytes {
            return Err(CheckpointError::Changed);
        }
    }
    out.flush().map_err(failed("write", piece))?;
    // A set of files counts only as it stood at one moment.
    if look(folder)? == seen { Ok(true) } else { Err(CheckpointError::Changed) }
}

/// Opens a file below a folder and follows no link on the way: its program may put one there at any moment, to have read what it may not
/// read itself.
fn open_below(folder: &Path, path: &RelPath) -> Result<File, Errno> {
    let within = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut parts = path.as_bytes().split(|byte| *byte == b'/').peekable();
    let mut at = openat(CWD, folder, within | OFlags::DIRECTORY, Mode::empty())?;
    while let Some(part) = parts.next() {
        let kind = if parts.peek().is_some() { OFlags::DIRECTORY } else { OFlags::empty() };
        at = openat(&at, part, within | kind, Mode::empty())?;
    }
    Ok(at.into())
}

/// Every whole file, in the order of names.
fn look(folder: &Path) -> Result<Vec<Seen>, CheckpointError> {
    let (mut seen, mut size_bytes, mut vanished) = (Vec::new(), 0_u64, false);
    walk(folder, Path::new(""), 0, &mut |path, file| {
        let path = rel(path)?;
        if UNFINISHED.iter().any(|end| path.as_bytes().ends_with(end)) {
            return Ok(());
        }
        let Ok(meta) = fs::symlink_metadata(&file) else {
            vanished = true;
            return Ok(());
        };
        size_bytes = size_bytes.saturating_add(meta.len());
        let entry = Entry { path, size_bytes: meta.len(), executable: meta.permissions().mode() & 0o100 != 0 };
        seen.push(Seen { entry, file, inode: meta.ino(), changed: (meta.ctime(), meta.ctime_nsec()) });
        Ok(())
    })?;
    if vanished {
        return Err(CheckpointError::Changed);
    }
    if seen.len() > MAX_FILES {
        return Err(CheckpointError::TooMany { files: seen.len() });
    }
    if size_bytes > Checkpoint::MAX_BYTES - u64::from(MAX_LIST_BYTES) - 4 {
        return Err(CheckpointError::TooLarge { size_bytes });
    }
    Ok(seen)
}

/// What its program took away, or put a link in its place.
fn moved_or(tried: &'static str, path: &Path, error: Errno) -> CheckpointError {
    match error {
        Errno::NOENT | Errno::NOTDIR | Errno::LOOP => CheckpointError::Changed,
        _ => failed(tried, path)(error.into()),
    }
}

/// Writes the files of a piece into an empty folder.
fn unpack(piece: File, folder: &Path) -> Result<(), CheckpointError> {
    let size_bytes = piece.metadata().map_err(failed("read", folder))?.len();
    let mut piece = io::BufReader::new(piece);
    let mut length = [0; 4];
    piece.read_exact(&mut length).map_err(|_| CheckpointError::Unreadable)?;
    let length = u32::from_le_bytes(length);
    if length > MAX_LIST_BYTES || u64::from(length) + 4 > size_bytes {
        return Err(CheckpointError::Unreadable);
    }
    let mut list = vec![0; length as usize];
    piece.read_exact(&mut list).map_err(|_| CheckpointError::Unreadable)?;
    let list: Vec<Entry> = postcard::from_bytes(&list).map_err(|_| CheckpointError::Unreadable)?;
    let promised = list.iter().try_fold(u64::from(length) + 4, |sum, entry| sum.checked_add(entry.size_bytes));
    if promised != Some(size_bytes) || list.len() > MAX_FILES {
        return Err(CheckpointError::Unreadable);
    }
    for Entry { path, size_bytes, executable } in list {
        use std::os::unix::ffi::OsStrExt as _;
        let file = folder.join(std::ffi::OsStr::from_bytes(path.as_bytes()));
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent).map_err(failed("make", parent))?;
        }
        let mode = if executable { 0o700 } else { 0o600 };
        let mut options = File::options();
        let mut out = options.write(true).create_new(true).mode(mode).open(&file).map_err(failed("write", &file))?;
        let copied = io::copy(&mut piece.by_ref().take(size_bytes), &mut out).map_err(failed("write", &file))?;
        if copied != size_bytes {
            return Err(CheckpointError::Unreadable);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(folder: &Path) -> Vec<u8> {
        let piece = folder.with_extension("piece");
        assert!(pack_whole(folder, &piece).unwrap());
        fs::read(piece).unwrap()
    }

    fn unpacked(bytes: &[u8]) -> Result<tempfile::TempDir, CheckpointError> {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("piece"), bytes).unwrap();
        let folder = temp.path().join("to");
        fs::create_dir(&folder).unwrap();
        unpack(File::open(temp.path().join("piece")).unwrap(), &folder).map(|()| temp)
    }

    #[test]
    fn what_stands_in_a_folder_stands_in_the_next_one_but_for_what_is_not_whole() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("from");
        fs::create_dir_all(folder.join("a/b")).unwrap();
        fs::write(folder.join("a/b/state"), "half way").unwrap();
        fs::write(folder.join("empty"), "").unwrap();
        fs::write(folder.join("state.part"), "ha").unwrap();
        std::os::unix::fs::symlink("/etc/passwd", folder.join("link")).unwrap();
        fs::set_permissions(folder.join("empty"), fs::Permissions::from_mode(0o755)).unwrap();
        let to = unpacked(&packed(&folder)).unwrap();
        let to = to.path().join("to");
        assert_eq!(fs::read_to_string(to.join("a/b/state")).unwrap(), "half way");
        assert_eq!(fs::metadata(to.join("empty")).unwrap().permissions().mode() & 0o777, 0o700);
        assert!(!to.join("state.part").exists() && !to.join("link").exists());
    }

    #[test]
    fn a_link_in_the_place_of_a_file_or_a_folder_is_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        let (folder, secret) = (temp.path().join("from"), temp.path().join("secret"));
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::create_dir(&secret).unwrap();
        fs::write(secret.join("key"), "secret").unwrap();
        fs::write(folder.join("a/key"), "mine").unwrap();
        let path = RelPath::new("a/key").unwrap();
        assert_eq!(io::read_to_string(open_below(&folder, &path).unwrap()).unwrap(), "mine");

        fs::rename(folder.join("a"), folder.join("b")).unwrap();
        std::os::unix::fs::symlink(&secret, folder.join("a")).unwrap();
        std::os::unix::fs::symlink(secret.join("key"), folder.join("key")).unwrap();
        for path in ["a/key", "key"] {
            let error = open_below(&folder, &RelPath::new(path).unwrap()).unwrap_err();
            assert!(matches!(moved_or("read", &folder, error), CheckpointError::Changed), "{path}");
        }
    }

    #[test]
    fn an_empty_folder_and_one_that_is_not_there_are_no_checkpoint() {
        let temp = tempfile::tempdir().unwrap();
        let piece = temp.path().join("piece");
        assert!(!pack_whole(&temp.path().join("none"), &piece).unwrap());
        fs::create_dir(temp.path().join("some")).unwrap();
        fs::write(temp.path().join("some/x.tmp"), "x").unwrap();
        assert!(!pack_whole(&temp.path().join("some"), &piece).unwrap());
    }

    #[test]
    fn equal_folders_are_equal_pieces() {
        let temp = tempfile::tempdir().unwrap();
        for name in ["one", "two"] {
            fs::create_dir(temp.path().join(name)).unwrap();
            fs::write(temp.path().join(name).join("n"), "41").unwrap();
        }
        assert_eq!(packed(&temp.path().join("one")), packed(&temp.path().join("two")));
    }

    #[test]
    fn a_piece_that_ends_early_or_late_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("from");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("state"), "half way").unwrap();
        let whole = packed(&folder);
        for cut in 0..whole.len() {
            assert!(matches!(unpacked(&whole[..cut]), Err(CheckpointError::Unreadable)), "{cut}");
        }
        assert!(unpacked(&[&whole[..], b"x"].concat()).is_err());
    }

    #[test]
    fn a_damaged_list_writes_nothing_elsewhere() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("from");
        fs::create_dir_all(folder.join("a")).unwrap();
        fs::write(folder.join("a/state"), "half way").unwrap();
        let whole = packed(&folder);
        let list = whole.len() - "half way".len();
        for (at, value) in (0..list).flat_map(|at| [b'/', b'.', 0, 0xff].map(|value| (at, value))) {
            let mut bytes = whole.clone();
            bytes[at] = value;
            if let Ok(temp) = unpacked(&bytes) {
                assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2, "byte {at} is {value}");
            }
        }
    }
}
