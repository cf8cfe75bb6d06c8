use std::{io, path::Path};

use super::LandError;
use crate::disk;

/// Room that a folder must have beyond what is announced, in bytes: for names and small surprises.
const SLACK_BYTES: u64 = 1024 * 1024;

/// Checks that results can land in `folder`: it exists or can be made, takes new files, and has room for `needed_bytes`.
/// Leaves nothing behind. Blocks.
///
/// # Errors
///
/// One [`LandError`] per cause, each naming the path.
pub fn check_folder(folder: &Path, needed_bytes: u64) -> Result<(), LandError> {
    let error_at = |path: &Path, error: io::Error| LandError::from_io(path, needed_bytes, error);
    let folder = std::path::absolute(folder).map_err(|error| error_at(folder, error))?;
    let existing = nearest_existing(&folder)?;
    if !existing.is_dir() {
        return Err(LandError::NotAFolder { path: existing.to_owned() });
    }
    // Only trying tells the truth: rights, read-only mounts, quotas.
    tempfile::Builder::new()
        .prefix(".")
        .suffix(".gridwell")
        .tempfile_in(existing)
        .map_err(|error| error_at(existing, disk::bare(error)))?;
    let free_bytes = disk::free_bytes(existing).map_err(|error| error_at(existing, error))?;
    if free_bytes < needed_bytes.saturating_add(SLACK_BYTES) {
        return Err(LandError::Full { path: folder, needed_bytes, free_bytes });
    }
    Ok(())
}

/// The folder itself if it exists, otherwise the nearest one above.
fn nearest_existing(folder: &Path) -> Result<&Path, LandError> {
    for path in folder.ancestors() {
        match std::fs::metadata(path) {
            Ok(_) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A link to nowhere has a name but nothing behind it: no folder can be made there.
                if path.is_symlink() {
                    return Err(LandError::NotAFolder { path: path.to_owned() });
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {}
            Err(error) => return Err(LandError::from_io(path, 0, error)),
        }
    }
    Ok(folder)
}
