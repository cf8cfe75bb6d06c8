//! The tree in a folder of Windows, through WinFsp, which its owner installs: it is loaded when it is needed, and not shipped.
//!
//! Never run on Windows. What WinFsp asks is answered by `volume`, which is tested anywhere; `adapter` and `mount` only translate, and are
//! compiled where Windows' types are.

#[cfg(windows)]
mod adapter;
mod follow;
#[cfg(windows)]
mod mount;
mod names;
#[cfg(test)]
mod tests;
mod volume;

use std::{fs, io, path::Path};

use crate::MountError;
#[cfg(windows)]
pub use mount::mount;

/// Makes way for the mount: what holds it is there, and `dir` itself is not.
fn prepare(dir: &Path) -> Result<(), MountError> {
    let failed = |source| MountError::Folder { dir: dir.into(), source };
    fs::create_dir_all(dir.parent().unwrap_or(dir)).map_err(failed)?;
    let mut entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    if entries.next().is_some() {
        return Err(MountError::NotEmpty { dir: dir.into() });
    }
    fs::remove_dir(dir).map_err(failed)
}
