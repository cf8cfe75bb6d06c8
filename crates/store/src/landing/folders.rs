use std::{
    collections::{BTreeSet, VecDeque},
    ffi::{OsStr, OsString},
    fs, io,
    os::unix::{
        ffi::{OsStrExt as _, OsStringExt as _},
        fs::{OpenOptionsExt as _, PermissionsExt as _},
    },
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use gridwell_model::BlobId;
use rusqlite::{Connection, params};

/// Ends the name of a file that is still being written.
const TEMP_SUFFIX: &str = "gridwell";

/// Bytes of the result's name that its temporary name repeats: leaves room for the rest within 255.
const TEMP_NAME_BYTES: usize = 200;

/// Most places of which it is noted what lands there: those that wait to be written down are far fewer.
const MOST_NOTED: usize = 4_096;

/// Folders in which a crash may leave partial files, and the names these have.
#[derive(Debug)]
pub(crate) struct LandingFolders {
    known: Mutex<BTreeSet<PathBuf>>,
    /// Tells this data folder's partial files from those of other nodes.
    tag: String,
    count: AtomicU64,
    /// Rights that the user's mask leaves to new files.
    allowed_mode: u32,
    /// What was to land where, newest at the end: several tasks of a job may make a file of the same name.
    noted: Mutex<VecDeque<(PathBuf, BlobId)>>,
}

impl LandingFolders {
    /// Removes the partial files that a dead node of this data folder left in the `kept` folders.
    pub(crate) fn open(data_dir: &Path, kept: &[PathBuf]) -> io::Result<Self> {
        let hash = blake3::hash(std::path::absolute(data_dir)?.as_os_str().as_bytes());
        let tag = hash.to_hex()[..6].to_owned();
        for folder in kept {
            if let Err(error) = remove_partial_files(folder, &tag) {
                // The folder may be gone, or on a disk that is not here today: nothing depends on it.
                tracing::debug!(folder = %folder.display(), %error, "could not look for partial files");
            }
        }
        let allowed_mode = allowed_mode(data_dir)?;
        Ok(Self { known: Mutex::default(), tag, count: AtomicU64::new(0), allowed_mode, noted: Mutex::default() })
    }

    /// Rights of a landed file: what a program of this user would give it.
    pub(super) fn mode(&self, executable: bool) -> u32 {
        let wanted = if executable { 0o777 } else { 0o666 };
        wanted & self.allowed_mode
    }

    pub(super) fn knows(&self, folder: &Path) -> bool {
        self.known.lock().expect("nothing panics while it holds the folders").contains(folder)
    }

    pub(super) fn add(&self, folder: &Path) {
        self.known.lock().expect("nothing panics while it holds the folders").insert(folder.to_owned());
    }

    /// Notes what is about to land at a path.
    pub(super) fn note(&self, path: &Path, blob: BlobId) {
        let mut noted = self.noted.lock().expect("nothing panics while it holds the notes");
        if noted.len() == MOST_NOTED {
            noted.pop_front();
        }
        noted.push_back((path.to_owned(), blob));
    }

    /// True if that was noted.
    pub(super) fn noted(&self, path: &Path, blob: BlobId) -> bool {
        let noted = self.noted.lock().expect("nothing panics while it holds the notes");
        noted.iter().any(|(of, what)| *what == blob && of == path)
    }

    /// A hidden name no other file has: `.NAME.TAG-COUNT.gridwell`.
    pub(super) fn temp_name(&self, name: &[u8]) -> Vec<u8> {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        let name = &name[..name.len().min(TEMP_NAME_BYTES)];
        [b".", name, format!(".{}-{count}.{TEMP_SUFFIX}", self.tag).as_bytes()].concat()
    }
}

fn remove_partial_files(folder: &Path, tag: &str) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if is_partial(&entry.file_name(), tag) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// True for names that [`LandingFolders::temp_name`] makes under `tag`.
fn is_partial(name: &OsStr, tag: &str) -> bool {
    let mut parts = name.as_bytes().rsplit(|byte| *byte == b'.');
    let suffix = parts.next();
    let count =
        parts.next().and_then(|part| part.strip_prefix(tag.as_bytes())).and_then(|part| part.strip_prefix(b"-"));
    suffix == Some(TEMP_SUFFIX.as_bytes())
        && count.is_some_and(|count| !count.is_empty() && count.iter().all(u8::is_ascii_digit))
        && name.as_bytes().starts_with(b".")
}

/// Finds the rights that the user's mask leaves, by making a file: the mask itself can only be read by changing it.
fn allowed_mode(data_dir: &Path) -> io::Result<u32> {
    let path = data_dir.join("mask");
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o777).open(&path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    fs::remove_file(&path)?;
    Ok(mode)
}

pub(super) fn keep_folder(connection: &Connection, folder: &Path) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO landing_folder (path) VALUES (?1)")?
        .execute(params![folder.as_os_str().as_bytes()])?;
    Ok(())
}

pub(crate) fn kept_folders(connection: &Connection) -> rusqlite::Result<Vec<PathBuf>> {
    connection
        .prepare("SELECT path FROM landing_folder")?
        .query_map([], |row| Ok(OsString::from_vec(row.get(0)?).into()))?
        .collect()
}

pub(crate) fn remove_folders(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM landing_folder", [])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_partial_files_are_recognised() {
        for ours in [".frame.png.abc123-0.gridwell", "..abc123-17.gridwell"] {
            assert!(is_partial(OsStr::new(ours), "abc123"), "{ours}");
        }
        for other in
            ["frame.png", ".frame.png.fff000-0.gridwell", "x.abc123-0.gridwell", ".x.abc123-.gridwell", "gridwell"]
        {
            assert!(!is_partial(OsStr::new(other), "abc123"), "{other}");
        }
    }
}
