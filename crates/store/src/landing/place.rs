use std::{
    ffi::OsStr,
    fs::{File, OpenOptions, Permissions},
    io,
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::{
            ffi::OsStrExt as _,
            fs::{OpenOptionsExt as _, PermissionsExt as _},
        },
    },
    path::{Path, PathBuf},
};

use gridwell_model::{BlobId, RelPath};
use rustix::{
    fs::{AtFlags, CWD, FileType, Mode, OFlags, RenameFlags},
    io::Errno,
};

use super::{LandError, Overwrite};
use crate::blobs::{Stamp, copy, hash_steady};

/// Rights of folders made on the way, before the user's mask.
const FOLDER_MODE: u32 = 0o777;

/// What has a result's name already.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    /// Nothing.
    Nothing,
    /// A file with the result's own content.
    Same,
    /// A file that landed here and still is what it was then.
    Ours(Stamp),
    /// Something that may go, whatever it is.
    Anything,
}

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

    /// Looks at what has the name already, and whether the content `result` may have it; `noted` knows what landed there just now.
    pub(super) fn look(
        &self,
        result: Option<BlobId>,
        overwrite: Overwrite,
        noted: impl Fn(BlobId) -> bool,
    ) -> Result<Found, LandError> {
        let failed = |error: io::Error| LandError::from_io(&self.path, 0, error);
        let exists = || LandError::Exists { path: self.path.clone() };
        let kind = match rustix::fs::statat(&self.folder, self.name.as_slice(), AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => FileType::from_raw_mode(stat.st_mode),
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(error) => return Err(failed(error.into())),
        };
        let ours = match overwrite {
            _ if kind == FileType::Directory => return Err(LandError::IsAFolder { path: self.path.clone() }),
            Overwrite::Replace => return Ok(Found::Anything),
            Overwrite::Own(_) if kind != FileType::RegularFile => return Err(exists()),
            Overwrite::Own(ours) => ours,
        };
        // Only its bytes tell whose it is: times can be set, and copies keep them.
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::openat(&self.folder, self.name.as_slice(), flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Found::Nothing),
            Err(_) => return Err(exists()),
        };
        let mut file = File::from(file);
        let stamp = Stamp::of(&file.metadata().map_err(failed)?);
        match hash_steady(&mut file, &self.path, stamp).ok() {
            Some(found) if result == Some(found) => {
                // Later steps are shown what came since the job was submitted; who owns the file may forbid to touch it.
                let _ = file.metadata().and_then(|metadata| file.set_permissions(metadata.permissions()));
                Ok(Found::Same)
            }
            Some(found) if ours == Some(found) || noted(found) => Ok(Found::Ours(stamp)),
            // Also what somebody writes to just now.
            _ => Err(exists()),
        }
    }

    /// Gives the file `from` this name, in the place of what was found; `aside` is a name that nobody else uses.
    pub(super) fn rename_from(&self, from: &Path, found: Found, aside: &[u8]) -> io::Result<()> {
        self.rename(CWD.as_fd(), from.as_os_str().as_bytes(), found, aside)
    }

    fn rename(&self, folder: BorrowedFd<'_>, from: &[u8], found: Found, aside: &[u8]) -> io::Result<()> {
        match found {
            Found::Anything => Ok(rustix::fs::renameat(folder, from, &self.folder, self.name.as_slice())?),
            Found::Nothing | Found::Same => self.rename_new(folder, from, &self.name),
            Found::Ours(stamp) => {
                self.set_aside(stamp, aside)?;
                let renamed = self.rename_new(folder, from, &self.name);
                // Without its name what was ours is of no use to anybody.
                if renamed.is_ok() || self.take_back(aside).is_err() {
                    rustix::fs::unlinkat(&self.folder, aside, AtFlags::empty())?;
                }
                renamed
            }
        }
    }

    /// Moves what has the name to where nobody looks for it, and looks at it once more there: what came meanwhile goes back.
    fn set_aside(&self, stamp: Stamp, aside: &[u8]) -> io::Result<()> {
        rustix::fs::renameat(&self.folder, self.name.as_slice(), &self.folder, aside)?;
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let moved = rustix::fs::openat(&self.folder, aside, flags, Mode::empty()).map(File::from);
        if moved.is_ok_and(|file| file.metadata().is_ok_and(|metadata| Stamp::of(&metadata) == stamp)) {
            return Ok(());
        }
        self.take_back(aside)?;
        Err(Errno::EXIST.into())
    }

    /// Gives what was set aside its name again, unless somebody else has that by now.
    fn take_back(&self, aside: &[u8]) -> io::Result<()> {
        self.rename_new(self.folder.as_fd(), aside, &self.name)
    }

    /// Renames to a name that nothing has; [`Errno::EXIST`] if something does.
    fn rename_new(&self, folder: BorrowedFd<'_>, from: &[u8], to: &[u8]) -> io::Result<()> {
        match rustix::fs::renameat_with(folder, from, &self.folder, to, RenameFlags::NOREPLACE) {
            // Some network file systems cannot rename like that; a second name cannot replace anything either.
            Err(Errno::INVAL | Errno::NOSYS) => {}
            other => return Ok(other?),
        }
        match rustix::fs::linkat(folder, from, &self.folder, to, AtFlags::empty()) {
            Ok(()) => Ok(rustix::fs::unlinkat(folder, from, AtFlags::empty())?),
            // And some have no second names: an empty file takes the name first.
            Err(Errno::PERM | Errno::NOTSUP | Errno::NOSYS) => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
                drop(rustix::fs::openat(&self.folder, to, flags, Mode::from_raw_mode(0o600))?);
                Ok(rustix::fs::renameat(folder, from, &self.folder, to)?)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Moves a regular file here; false if it lies on another file system.
    pub(super) fn move_file(&self, from: &Path, mode: u32, found: Found, aside: &[u8]) -> io::Result<bool> {
        let nofollow = OFlags::NOFOLLOW.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(nofollow).open(from)?;
        file.set_permissions(Permissions::from_mode(mode))?;
        file.sync_all()?;
        match self.rename_from(from, found, aside) {
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
    /// Gives it the result's name, in the place of what was found.
    pub(super) fn publish(self, found: Found, aside: &[u8]) -> Result<(), LandError> {
        self.place
            .rename(self.place.folder.as_fd(), &self.name, found, aside)
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A place named `x`, and a file `from` that is to get that name.
    fn fixture(there: &[u8]) -> (tempfile::TempDir, Place, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let place = Place::open(root.path(), &RelPath::new("x").unwrap()).unwrap();
        std::fs::write(root.path().join("x"), there).unwrap();
        let from = root.path().join("from");
        std::fs::write(&from, "result").unwrap();
        (root, place, from)
    }

    fn lie(root: &tempfile::TempDir) -> Vec<(String, String)> {
        let entries = std::fs::read_dir(root.path()).unwrap().map(Result::unwrap);
        let mut all: Vec<_> = entries
            .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read_to_string(entry.path()).unwrap()))
            .collect();
        all.sort();
        all
    }

    #[test]
    fn what_takes_the_name_after_it_was_looked_at_stays() {
        let (root, place, from) = fixture(b"theirs");
        let refused = place.rename_from(&from, Found::Nothing, b".aside").unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(lie(&root), [("from".into(), "result".into()), ("x".into(), "theirs".into())]);
    }

    #[test]
    fn what_takes_the_place_of_ours_after_it_was_looked_at_stays() {
        let (root, place, from) = fixture(b"ours");
        let found = place.look(None, Overwrite::Own(Some(BlobId::of(b"ours"))), |_| false).unwrap();
        assert!(matches!(found, Found::Ours(_)));
        std::fs::write(root.path().join("new"), "theirs").unwrap();
        std::fs::rename(root.path().join("new"), root.path().join("x")).unwrap();

        let refused = place.rename_from(&from, found, b".aside").unwrap_err();

        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(lie(&root), [("from".into(), "result".into()), ("x".into(), "theirs".into())]);
    }

    #[test]
    fn ours_makes_way() {
        let (root, place, from) = fixture(b"ours");
        let found = place.look(None, Overwrite::Own(Some(BlobId::of(b"ours"))), |_| false).unwrap();
        place.rename_from(&from, found, b".aside").unwrap();
        assert_eq!(lie(&root), [("x".into(), "result".into())]);
    }
}
