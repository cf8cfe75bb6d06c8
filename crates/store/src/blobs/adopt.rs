//! A file that a program left moves into the store.
//!
//! Whose program wrote it may still run, and put a link in the place of the file or of a folder above it at any moment. So names are followed
//! below the program's folder only, and what is hashed is what already lies in a folder of ours.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use cap_std::{ambient_authority, fs::Dir};
use gridwell_model::RelPath;

use super::{
    BlobError, BlobHold,
    file::{Stamp, copy, file_error, hash_steady, open_regular, regular},
    folder::{Inner, write_temp},
};
use crate::shares::{open_file, os};

impl Inner {
    /// See [`super::Blobs::adopt`].
    pub(super) fn adopt(self: &Arc<Self>, folder: &Path, path: &RelPath) -> Result<(BlobHold, u64), BlobError> {
        let shown = folder.join(os(path));
        let failed = |tried: &'static str| {
            let shown = shown.clone();
            move |error| file_error(tried, &shown, error)
        };
        let ours = self.temp_path();
        let (above, name) = (ours.parent().unwrap_or(&ours), ours.file_name().unwrap_or_default());
        let from = Dir::open_ambient_dir(folder, ambient_authority()).map_err(failed("read"))?;
        let to = Dir::open_ambient_dir(above, ambient_authority()).map_err(failed("read"))?;
        match from.rename(os(path), &to, name) {
            Ok(()) => self.keep(&ours, &shown).inspect_err(|_| {
                // Left over, it goes at the next start.
                let _ = to.rename(name, &from, os(path));
            }),
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let (file, stamp) = regular(open_file(&from, path).map_err(failed("read"))?, &shown)?;
                let kept = self.keep_copy(file, stamp, &shown)?;
                from.remove_file(os(path)).map_err(failed("remove"))?;
                Ok(kept)
            }
            Err(error) => Err(failed("read")(error)),
        }
    }

    /// Keeps a file that lies among ours, under its own name no more.
    fn keep(self: &Arc<Self>, ours: &Path, shown: &Path) -> Result<(BlobHold, u64), BlobError> {
        let (mut file, stamp) = open_regular(ours, false).map_err(|error| named(error, shown))?;
        let links = file.metadata().map_err(|error| file_error("read", shown, error))?.nlink();
        // A second name of the same file would let a program write into the blob later.
        if links > 1 {
            let kept = self.keep_copy(file, stamp, shown)?;
            fs::remove_file(ours).map_err(|error| file_error("remove", ours, error))?;
            return Ok(kept);
        }
        let blob = hash_steady(&mut file, shown, stamp)?;
        // Before it is stored: what somebody else's bytes need room for next may be this.
        let hold = BlobHold::new(self, blob);
        self.make_room(0)?;
        self.place(ours, blob, stamp.size_bytes)?;
        Ok((hold, stamp.size_bytes))
    }

    /// Keeps the bytes of an open file in one of its own.
    fn keep_copy(self: &Arc<Self>, mut file: File, stamp: Stamp, shown: &Path) -> Result<(BlobHold, u64), BlobError> {
        self.make_room(stamp.size_bytes)?;
        let temp = self.temp_path();
        write_temp(&temp, stamp.size_bytes, |to| copy(&mut file, to))?;
        let kept = self.keep_if_steady(&temp, &file, stamp, shown);
        if kept.is_err() {
            // Left over, it goes at the next start.
            let _ = fs::remove_file(&temp);
        }
        kept
    }

    fn keep_if_steady(
        self: &Arc<Self>,
        temp: &Path,
        file: &File,
        stamp: Stamp,
        shown: &Path,
    ) -> Result<(BlobHold, u64), BlobError> {
        let after = file.metadata().map_err(|error| file_error("read", shown, error))?;
        if Stamp::of(&after) != stamp {
            return Err(BlobError::Changed { path: shown.to_owned() });
        }
        self.keep(temp, shown)
    }
}

/// The same, said of the name that people know.
fn named(error: BlobError, shown: &Path) -> BlobError {
    let path = PathBuf::from(shown);
    match error {
        BlobError::NotAFile { .. } => BlobError::NotAFile { path },
        BlobError::File { tried, source, .. } => BlobError::File { tried, path, source },
        other => other,
    }
}
