use std::{
    ffi::OsStr,
    fs::{File, OpenOptions, Permissions},
    io,
    os::{
        fd::OwnedFd,
        unix::{
            ffi::OsStrExt as _,
            fs::{OpenOptionsExt as _, PermissionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use gridwell_model::RelPath;
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags},
    io::Errno,
};

use super::{LandError, Overwrite};
use crate::blobs::copy;

/// Rights of folders made on the way, before the user's mask.
const FOLDER_MODE: u32 = 0o777;

/// The name a result is to have, in a folder that is open: nobody can swap the folder for a link any more.
#[derive(Debug)]
pub(super) struct Place {
    folder: OwnedFd,
    folder_path: PathBuf,
    path: PathBuf,
    name: Vec<u8>,
}

impl Place {
    /// Makes and opens the folders on the way from `folder` to `path`, following links in `folder` only.
    pub(super) fn open(folder: &Path, path: &RelPath) -> Result<Self, LandError> {
        let mut folder_path = std::path::absolute(folder).map_err(|error| LandError::from_io(folder, 0, error))?;
        let error_at = |path: &Path, error: io::Error| LandError::from_io(path, 0, error);
        std::fs::create_dir_all(&folder_path).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => LandError::NotAFolder { path: folder_path.clone() },
            _ => error_at(&folder_path, error),
        })?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let mut open = rustix::fs::openat(CWD, &folder_path, flags, Mode::empty())
            .map_err(|error| error_at(&folder_path, error.into()))?;
        let name = path.name();
        let parents = &path.as_bytes()[..path.as_bytes().len() - name.len()];
        for part in parents.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            folder_path.push(OsStr::from_bytes(part));
            open = enter(&open, part, &folder_path)?;
        }
        let path = folder_path.join(OsStr::from_bytes(name));
        Ok(Self { folder: open, folder_path, path, name: name.to_vec() })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder_path
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn name(&self) -> &[u8] {
        &self.name
    }

    /// Fails early where the rename could not succeed.
    pub(super) fn check_free(&self, overwrite: Overwrite) -> Result<(), LandError> {
        match rustix::fs::statat(&self.folder, self.name.as_slice(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) if FileType::from_raw_mode(stat.st_mode) == FileType::Directory => {
                Err(LandError::IsAFolder { path: self.path.clone() })
            }
            Ok(_) if overwrite == Overwrite::Refuse => Err(LandError::Exists { path: self.path.clone() }),
            Ok(_) | Err(Errno::NOENT) => Ok(()),
            Err(error) => Err(LandError::from_io(&self.path, 0, error.into())),
        }
    }

    /// Gives the file `from` this name.
    pub(super) fn rename_from(&self, from: &Path, overwrite: Overwrite) -> io::Result<()> {
        self.rename(CWD, from.as_os_str().as_bytes(), overwrite)
    }

    fn rename(&self, folder: impl std::os::fd::AsFd, from: &[u8], overwrite: Overwrite) -> io::Result<()> {
        let to = self.name.as_slice();
        match overwrite {
            Overwrite::Replace => rustix::fs::renameat(folder, from, &self.folder, to)?,
            Overwrite::Refuse => {
                match rustix::fs::renameat_with(&folder, from, &self.folder, to, RenameFlags::NOREPLACE) {
                    // Some network file systems cannot rename like that; a second name cannot replace anything either.
                    Err(Errno::INVAL | Errno::NOSYS) => {
                        rustix::fs::linkat(&folder, from, &self.folder, to, AtFlags::empty())?;
                        rustix::fs::unlinkat(folder, from, AtFlags::empty())?;
                    }
                    other => other?,
                }
            }
        }
        Ok(())
    }

    /// Moves a regular file here; false if it lies on another file system.
    pub(super) fn move_file(&self, from: &Path, mode: u32, overwrite: Overwrite) -> io::Result<bool> {
        let nofollow = OFlags::NOFOLLOW.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(nofollow).open(from)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        match self.rename_from(from, overwrite) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => Ok(false),
            other => other.map(|()| true),
        }
    }

    /// Writes all of `source` to the disk, beside the result.
    pub(super) fn write_temp(
        &self,
        name: &[u8],
        mode: u32,
        source: &mut File,
        size_bytes: u64,
    ) -> Result<TempFile<'_>, LandError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let failed = |error: io::Error| LandError::from_io(&self.path, size_bytes, error);
        let file = rustix::fs::openat(&self.folder, name, flags, Mode::from_raw_mode(mode))
            .map_err(|error| failed(error.into()))?;
        let temp = TempFile { place: self, name: name.to_vec() };
        let mut file = File::from(file);
        copy(source, &mut file).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(temp)
    }

    /// Flushes the name itself to the disk.
    pub(super) fn sync_folder(&self) -> Result<(), LandError> {
        match rustix::fs::fsync(&self.folder) {
            // Some file systems have nothing to flush in a folder.
            Ok(()) | Err(Errno::INVAL) => Ok(()),
            Err(error) => Err(LandError::from_io(&self.folder_path, 0, error.into())),
        }
    }
}

/// A file of ours beside a result, gone when dropped.
pub(super) struct TempFile<'place> {
    place: &'place Place,
    name: Vec<u8>,
}

impl TempFile<'_> {
    /// Gives it the result's name.
    pub(super) fn publish(self, overwrite: Overwrite) -> Result<(), LandError> {
        self.place
            .rename(&self.place.folder, &self.name, overwrite)
            .map_err(|error| LandError::from_io(&self.place.path, 0, error))?;
        self.place.sync_folder()
    }
}

impl Drop for TempFile<'_> {
    fn drop(&mut self) {
        // Not there any more once published. What cannot be removed now goes at the next start.
        let _ = rustix::fs::unlinkat(&self.place.folder, self.name.as_slice(), AtFlags::empty());
    }
}

/// Opens the folder `part` of `parent`, making it if it is not there. Never follows a link.
fn enter(parent: &OwnedFd, part: &[u8], path: &Path) -> Result<OwnedFd, LandError> {
    match rustix::fs::mkdirat(parent, part, Mode::from_raw_mode(FOLDER_MODE)) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(LandError::from_io(path, 0, error.into())),
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(parent, part, flags, Mode::empty()).map_err(|error| {
        let is_link = rustix::fs::statat(parent, part, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink);
        if is_link {
            LandError::ThroughLink { path: path.to_owned() }
        } else {
            LandError::from_io(path, 0, error.into())
        }
    })
}
