use std::{
    ffi::CString,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    },
    path::{Component, Path},
};

use gridwell_model::FilePlan;
use rustix::{
    fs::{AtFlags, CWD, Dir, Mode, OFlags, chmodat, fchmod, openat, renameat, unlinkat},
    io::Errno,
};

/// Names looked at before deleting starts over; bounds memory for folders with millions of files.
const NAMES_AT_ONCE: usize = 4_096;

/// Makes a session's folder, for this user only; it must not exist yet.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    if let Some(parent) = folder.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    DirBuilder::new().mode(0o700).create(folder)
}

/// Writes a file of an action, for this user only, in place of what is there; never through a link at its place.
///
/// # Errors
///
/// [`io::ErrorKind::InvalidInput`] if it does not lie inside `folder`.
pub(crate) fn write(file: &FilePlan, folder: &Path) -> io::Result<()> {
    let inside = file.path.strip_prefix(folder).map_err(|_| io::ErrorKind::InvalidInput)?;
    let plain = inside.components().all(|part| matches!(part, Component::Normal(_)));
    if !plain || inside.as_os_str().is_empty() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if let Some(parent) = file.path.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
    }
    match fs::remove_file(&file.path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mode = if file.executable { 0o700 } else { 0o600 };
    let mut written = OpenOptions::new().write(true).create_new(true).mode(mode).open(&file.path)?;
    written.write_all(file.text.as_bytes())
}

/// Removes `folder` and everything in it; links are removed, never followed. A folder that is not there is fine.
///
/// Works without recursion and with two descriptors however deep the tree is: sub-folders of a sub-folder are first
/// moved up into `folder`. Rights that forbid deleting are changed; they are ours to change.
///
/// # Errors
///
/// The first error, once nothing more can be deleted.
pub(crate) fn remove(folder: &Path) -> io::Result<()> {
    let root = match open_dir(CWD, folder) {
        Ok(root) => root,
        Err(Errno::NOENT) => return Ok(()),
        Err(Errno::NOTDIR | Errno::LOOP) => return fs::remove_file(folder),
        Err(error) => return Err(error.into()),
    };
    let mut moved = 0;
    loop {
        let names = names(root.as_fd())?;
        if names.is_empty() {
            return fs::remove_dir(folder);
        }
        let results: Vec<_> = names.iter().map(|name| remove_entry(root.as_fd(), name, &mut moved)).collect();
        if results.iter().all(Result::is_err) {
            return results.into_iter().collect::<Result<(), _>>().map_err(Into::into);
        }
    }
}

/// Removes one entry of `root`. A folder among it may leave its own sub-folders behind in `root`, under new names.
fn remove_entry(root: BorrowedFd<'_>, name: &CString, moved: &mut u64) -> Result<(), Errno> {
    match unlinkat(root, name, AtFlags::empty()) {
        Err(Errno::ISDIR | Errno::PERM) => {}
        other => return other,
    }
    let dir = open_dir(root, name)?;
    loop {
        let names = names(dir.as_fd())?;
        if names.is_empty() {
            return unlinkat(root, name, AtFlags::REMOVEDIR);
        }
        for inner in names {
            match unlinkat(&dir, &inner, AtFlags::empty()) {
                Err(Errno::ISDIR | Errno::PERM) => move_up(dir.as_fd(), &inner, root, moved)?,
                other => other?,
            }
        }
    }
}

fn move_up(from: BorrowedFd<'_>, name: &CString, root: BorrowedFd<'_>, moved: &mut u64) -> Result<(), Errno> {
    loop {
        *moved += 1;
        match renameat(from, name, root, format!(".removing-{moved}")) {
            Err(Errno::EXIST | Errno::NOTEMPTY | Errno::NOTDIR) => {}
            // Moving a folder rewrites its "..": without the right to write it, that is refused.
            Err(Errno::ACCESS) => {
                chmodat(from, name, Mode::RWXU, AtFlags::empty())?;
                return renameat(from, name, root, format!(".removing-{moved}"));
            }
            other => return other,
        }
    }
}

/// Opens a folder, never through a link, and makes it writable.
fn open_dir(at: BorrowedFd<'_>, path: impl rustix::path::Arg + Copy) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let dir = match openat(at, path, flags, Mode::empty()) {
        Err(Errno::ACCESS) => {
            chmodat(at, path, Mode::RWXU, AtFlags::empty())?;
            openat(at, path, flags, Mode::empty())?
        }
        other => other?,
    };
    // A foreign folder (a mount point) may refuse this and still be deletable.
    let _ = fchmod(&dir, Mode::RWXU);
    Ok(dir)
}

fn names(dir: BorrowedFd<'_>) -> Result<Vec<CString>, Errno> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let entry = entry?;
        if !matches!(entry.file_name().to_bytes(), b"." | b"..") {
            names.push(entry.file_name().to_owned());
        }
        if names.len() == NAMES_AT_ONCE {
            break;
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn read_only_folders_links_and_many_files_go_but_link_targets_stay() {
        let temp = tempfile::tempdir().unwrap();
        let (keep, folder) = (temp.path().join("keep"), temp.path().join("session"));
        fs::create_dir(&keep).unwrap();
        fs::write(keep.join("file"), "kept").unwrap();
        make(&folder).unwrap();
        fs::create_dir_all(folder.join("a/b")).unwrap();
        (0..5_000).for_each(|n| fs::write(folder.join(format!("a/b/{n}")), "").unwrap());
        symlink(&keep, folder.join("a/link")).unwrap();
        symlink("nowhere", folder.join("dangling")).unwrap();
        for dir in ["a/b", "a"] {
            fs::set_permissions(folder.join(dir), fs::Permissions::from_mode(0o000)).unwrap();
        }

        remove(&folder).unwrap();

        assert!(!folder.exists());
        assert_eq!(fs::read_to_string(keep.join("file")).unwrap(), "kept");
    }

    #[test]
    fn a_tree_deeper_than_any_path_goes() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("session");
        make(&folder).unwrap();
        let mut at = open_dir(CWD, &folder).unwrap();
        for _ in 0..3_000 {
            rustix::fs::mkdirat(&at, "deeper", Mode::RWXU).unwrap();
            at = open_dir(at.as_fd(), "deeper").unwrap();
        }
        remove(&folder).unwrap();
        assert!(!folder.exists());
    }

    #[test]
    fn a_link_in_place_of_the_folder_is_removed_and_not_followed() {
        let temp = tempfile::tempdir().unwrap();
        fs::create_dir(temp.path().join("keep")).unwrap();
        symlink(temp.path().join("keep"), temp.path().join("link")).unwrap();
        remove(&temp.path().join("link")).unwrap();
        assert!(temp.path().join("keep").exists());
        assert!(!temp.path().join("link").exists());
    }

    #[test]
    fn files_outside_the_folder_are_not_written() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("session");
        make(&folder).unwrap();
        for path in [temp.path().join("out"), folder.join("../out"), folder.clone()] {
            let file = FilePlan { path, text: "x".into(), executable: false };
            assert_eq!(write(&file, &folder).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    fn a_file_replaces_a_link_instead_of_writing_through_it() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("session");
        make(&folder).unwrap();
        fs::write(temp.path().join("victim"), "safe").unwrap();
        symlink(temp.path().join("victim"), folder.join("script")).unwrap();
        let file = FilePlan { path: folder.join("script"), text: "new".into(), executable: true };
        write(&file, &folder).unwrap();
        assert_eq!(fs::read_to_string(temp.path().join("victim")).unwrap(), "safe");
        assert_eq!(fs::metadata(folder.join("script")).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
