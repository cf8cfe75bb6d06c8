//! What a run left is taken in.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use globset::{Glob, GlobSet, GlobSetBuilder};
use gridwell_model::{BlobId, JobSpec, OutputFile, RelPath};
use gridwell_store::{BlobError, BlobHold};

use super::{SessionPlace, Transfer};

/// Most files one run of a program may leave: a film's pictures are far below, a runaway program is far above.
pub(super) const MAX_OUTPUTS: usize = 10_000;

/// Longest list of outputs that travels in the report itself, in bytes; a longer one becomes a blob of its own.
const REPORTED_BYTES: usize = 16 * 1024;

/// Deepest folder below an output folder that is looked into.
const MAX_DEPTH: usize = 32;

impl Transfer {
    /// Takes what a run left in its stand-in folders (and what matches the job's patterns) into the store.
    pub(crate) async fn collect(&self, spec: &JobSpec, place: &SessionPlace) -> Result<Collected, CollectError> {
        let folders = spec.output_folders.len();
        let patterns = patterns(&spec.output_globs)?;
        let (place, root) = (place.clone(), place.root().to_owned());
        let found = tokio::task::spawn_blocking(move || find(&place, folders, &patterns));
        let found = found.await.unwrap_or_else(|error| Err(CollectError::Gone { reason: error.to_string() }))?;
        let (mut outputs, mut blobs) = (Vec::with_capacity(found.len()), Vec::with_capacity(found.len()));
        for Found { folder, path, file, executable } in found {
            let below = rel(file.strip_prefix(&root).unwrap_or(&file))?;
            let (hold, size_bytes) = self.blobs.adopt(&root, &below).await?;
            outputs.push(OutputFile { folder, path, size_bytes, blob: hold.blob(), executable });
            blobs.push(hold);
        }
        let list = postcard::to_stdvec(&outputs).expect("a list of files is plain data");
        if list.len() > REPORTED_BYTES {
            let (path, size_bytes) = (RelPath::new("list").expect("a plain name"), list.len() as u64);
            let blob = BlobId::of(&list);
            blobs.push(self.blobs.hold(blob));
            self.blobs.put(list).await?;
            outputs = vec![OutputFile { folder: OutputFile::LIST, path, size_bytes, blob, executable: false }];
        }
        Ok(Collected { outputs, blobs })
    }
}

/// What a run left.
#[derive(Debug)]
pub(crate) struct Collected {
    /// What is reported.
    pub(crate) outputs: Vec<OutputFile>,
    /// Everything that is held for the steward.
    pub(crate) blobs: Vec<BlobHold>,
}

/// Why a run's outputs were not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CollectError {
    #[error("the run left more than {MAX_OUTPUTS} files; pack them into one, or write fewer")]
    TooMany,
    #[error("'{path}' is not a file name that can travel")]
    BadName { path: String },
    #[error("cannot read '{path}': {source}")]
    Unreadable { path: String, source: io::Error },
    #[error("'{pattern}' is not a pattern")]
    BadPattern { pattern: String },
    #[error("the outputs could not be looked at: {reason}")]
    Gone { reason: String },
    #[error(transparent)]
    Blob(#[from] BlobError),
}

pub(super) struct Found {
    folder: u32,
    path: RelPath,
    pub(super) file: PathBuf,
    executable: bool,
}

fn patterns(globs: &[String]) -> Result<GlobSet, CollectError> {
    let bad = |pattern: &str| CollectError::BadPattern { pattern: pattern.to_owned() };
    let mut set = GlobSetBuilder::new();
    for pattern in globs {
        set.add(Glob::new(pattern).map_err(|_| bad(pattern))?);
    }
    set.build().map_err(|_| bad(&globs.join(", ")))
}

pub(super) fn find(place: &SessionPlace, folders: usize, patterns: &GlobSet) -> Result<Vec<Found>, CollectError> {
    let mut found = Vec::new();
    for position in 0..folders {
        walk(&place.output(position), Path::new(""), 0, &mut |path, file| {
            take(&mut found, position as u32, path, file)
        })?;
    }
    if !patterns.is_empty() {
        walk(&place.work(), Path::new(""), 0, &mut |path, file| {
            if patterns.is_match(path) { take(&mut found, 0, path, file) } else { Ok(()) }
        })?;
    }
    Ok(found)
}

fn take(found: &mut Vec<Found>, folder: u32, path: &Path, file: PathBuf) -> Result<(), CollectError> {
    use std::os::unix::fs::PermissionsExt as _;
    if found.len() == MAX_OUTPUTS {
        return Err(CollectError::TooMany);
    }
    let executable = fs::symlink_metadata(&file).is_ok_and(|meta| meta.permissions().mode() & 0o100 != 0);
    found.push(Found { folder, path: rel(path)?, file, executable });
    Ok(())
}

/// A path as it travels.
pub(super) fn rel(path: &Path) -> Result<RelPath, CollectError> {
    use std::os::unix::ffi::OsStrExt as _;
    RelPath::new(path.as_os_str().as_bytes())
        .map_err(|_| CollectError::BadName { path: path.to_string_lossy().into_owned() })
}

/// Calls `each` with every regular file below `folder`, in the order of names; links are not followed.
pub(super) fn walk(
    folder: &Path,
    below: &Path,
    depth: usize,
    each: &mut dyn FnMut(&Path, PathBuf) -> Result<(), CollectError>,
) -> Result<(), CollectError> {
    let unreadable = |source| CollectError::Unreadable { path: folder.to_string_lossy().into_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unreadable)?,
    };
    let mut entries: Vec<_> = entries.collect::<Result<_, _>>().map_err(unreadable)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let kind = entry.file_type().map_err(unreadable)?;
        let path = below.join(entry.file_name());
        if kind.is_dir() && depth < MAX_DEPTH {
            walk(&entry.path(), &path, depth + 1, each)?;
        } else if kind.is_file() {
            each(&path, entry.path())?;
        }
    }
    Ok(())
}
