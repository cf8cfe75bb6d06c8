//! The mount answers system calls as the folder itself does; what would write is refused.
//!
//! The calls are those that pjdfstest makes without writing (<https://github.com/pjd/pjdfstest>, `tests/`), which itself needs a
//! file system that it may write to.

use std::{
    ffi::OsStr,
    fs,
    io::Read as _,
    os::unix::{
        ffi::OsStrExt as _,
        fs::{PermissionsExt, symlink},
    },
    path::Path,
    process::Command,
};

use rustix::{
    fs::{self as calls, Access, AtFlags, CWD, FileType, Mode, OFlags, SeekFrom, Timespec, Timestamps, XattrFlags},
    io::{Errno, Result, pread},
};

use crate::{
    mounts::Tree,
    shares::{GROUP_BYTES, shared, until_shown},
    support::Grid,
};

/// A call, and what it gives in words that are the same wherever the same lies.
type Read = (&'static str, fn(&Path) -> Result<String>);
type Write = (&'static str, fn(&Path) -> Result<()>);

/// The longest name that Linux takes, in bytes. Source: limits.h, `NAME_MAX`.
const LONGEST_NAME: usize = 255;

const READS: &[Read] = &[
    ("a file", |at| look(at, "file")),
    ("an empty file", |at| look(at, "empty")),
    ("a program", |at| look(at, "run")),
    ("a link", |at| look(at, "link")),
    ("a file by a link", |at| Ok(format!("{}", calls::stat(at.join("link"))?.st_size))),
    ("a folder by a link", |at| open(at, "to folder/in", OFlags::RDONLY)),
    ("nothing", |at| look(at, "nothing")),
    ("below a file", |at| look(at, "file/x")),
    ("a file as a folder", |at| look(at, "file/")),
    ("below nothing", |at| look(at, "nothing/x")),
    ("a name without end", |at| look(at, &"n".repeat(LONGEST_NAME + 1))),
    ("a path without end", |at| look(at, &"folder/../".repeat(500))),
    ("the folder above", |at| look(at, "folder/../file")),
    ("itself", |at| look(at, "folder/././in")),
    ("a link's aim", |at| aim(at, "link")),
    ("no link's aim", |at| aim(at, "file")),
    ("a folder's aim", |at| aim(at, "folder")),
    ("open", |at| open(at, "file", OFlags::RDONLY)),
    ("open by a link", |at| open(at, "link", OFlags::RDONLY)),
    ("open no link", |at| open(at, "link", OFlags::RDONLY | OFlags::NOFOLLOW)),
    ("open nothing", |at| open(at, "nothing", OFlags::RDONLY)),
    ("open a file as a folder", |at| open(at, "file", OFlags::RDONLY | OFlags::DIRECTORY)),
    ("read a folder", |at| open(at, "folder", OFlags::RDONLY)),
    ("open below a file", |at| open(at, "file/x", OFlags::RDONLY)),
    ("open the longest name", |at| open(at, &"n".repeat(LONGEST_NAME), OFlags::RDONLY)),
    ("look without opening", |at| {
        Ok(format!("{}", calls::fstat(calls::open(at.join("file"), OFlags::PATH, Mode::empty())?)?.st_size))
    }),
    ("read the end", |at| read(at, GROUP_BYTES as u64 + 3)),
    ("read at the end", |at| read(at, GROUP_BYTES as u64 + 7)),
    ("read past the end", |at| read(at, 1 << 40)),
    ("read before the beginning", |at| read(at, u64::MAX)),
    ("read nothing", |at| Ok(format!("{}", pread(file(at)?, &mut [0; 0], 3)?))),
    ("the end", |at| seek(at, SeekFrom::End(-1))),
    ("past the end", |at| seek(at, SeekFrom::End(9))),
    ("before the beginning", |at| seek(at, SeekFrom::End(-(1 << 40)))),
    ("the first hole", |at| seek(at, SeekFrom::Hole(0))),
    ("data past the end", |at| seek(at, SeekFrom::Data(1 << 40))),
    ("a folder's names", |at| list(at, "")),
    ("an empty folder's names", |at| list(at, "none")),
    ("a file's names", |at| list(at, "file")),
    ("may read", |at| may(at, "file", Access::READ_OK)),
    ("may not run", |at| may(at, "file", Access::EXEC_OK)),
    ("may run", |at| may(at, "run", Access::EXEC_OK)),
    ("may enter", |at| may(at, "folder", Access::EXEC_OK)),
    ("may nothing", |at| may(at, "nothing", Access::EXISTS)),
    ("make what is there", |at| open(at, "file", OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL)),
    ("make a folder that is there", |at| calls::mkdir(at.join("folder"), Mode::RWXU).map(|()| String::new())),
    ("a program's words", |at| {
        let said =
            Command::new(at.join("run")).output().map_err(|error| Errno::from_io_error(&error).expect("a call"))?;
        Ok(String::from_utf8_lossy(&said.stdout).into_owned())
    }),
];

const WRITES: &[Write] = &[
    ("write", |at| change(at, "file", OFlags::WRONLY)),
    ("read and write", |at| change(at, "file", OFlags::RDWR)),
    ("append", |at| change(at, "file", OFlags::WRONLY | OFlags::APPEND)),
    ("empty", |at| change(at, "file", OFlags::WRONLY | OFlags::TRUNC)),
    ("make a file", |at| change(at, "new", OFlags::WRONLY | OFlags::CREATE)),
    ("make a file that is there", |at| change(at, "file", OFlags::WRONLY | OFlags::CREATE)),
    ("make a folder", |at| calls::mkdir(at.join("new"), Mode::RWXU)),
    ("make a pipe", |at| calls::mknodat(CWD, at.join("new"), FileType::Fifo, Mode::RWXU, 0)),
    ("make a link", |at| calls::symlink("file", at.join("new"))),
    ("make a second name", |at| calls::link(at.join("file"), at.join("new"))),
    ("remove a file", |at| calls::unlink(at.join("file"))),
    ("remove a folder", |at| calls::rmdir(at.join("none"))),
    ("rename", |at| calls::rename(at.join("file"), at.join("new"))),
    ("replace", |at| calls::rename(at.join("file"), at.join("empty"))),
    ("permit", |at| calls::chmod(at.join("file"), Mode::RWXU)),
    ("give away", |at| calls::chown(at.join("file"), Some(calls::Uid::from_raw(1)), None)),
    ("date", |at| {
        let now = Timespec { tv_sec: 1, tv_nsec: 0 };
        let times = Timestamps { last_access: now, last_modification: now };
        calls::utimensat(CWD, at.join("file"), &times, AtFlags::empty())
    }),
    ("note", |at| calls::setxattr(at.join("file"), "user.note", b"x", XattrFlags::empty())),
    ("may write", |at| calls::access(at.join("file"), Access::WRITE_OK)),
];

#[test]
fn a_mounted_folder_answers_calls_as_the_folder_itself() {
    let grid = Grid::of(&["mill", "quarry"]);
    let folder = shared(&grid, 0);
    made(&folder);
    until_shown(&grid.peers[1], "/mill/projects");
    let tree = Tree::of(&grid, &grid.peers[1], &[]);
    let there = tree.at("mill/projects");

    for (what, call) in READS {
        assert_eq!(call(&there), call(&folder), "{what}");
    }
    for (what, call) in WRITES {
        assert_eq!(call(&there), Err(Errno::ROFS), "{what}");
    }
}

fn made(folder: &Path) {
    fs::write(folder.join("file"), vec![b'f'; GROUP_BYTES + 7]).expect("a file");
    fs::write(folder.join("empty"), "").expect("a file");
    fs::write(folder.join("run"), "#!/bin/sh\necho it ran\n").expect("a file");
    fs::set_permissions(folder.join("run"), PermissionsExt::from_mode(0o755)).expect("a program");
    fs::create_dir(folder.join("none")).expect("a folder");
    fs::create_dir(folder.join("folder")).expect("a folder");
    fs::write(folder.join("folder/in"), "in").expect("a file");
    symlink("folder/in", folder.join("link")).expect("a link");
    symlink("folder", folder.join("to folder")).expect("a link");
    let names: [&[u8]; 6] =
        [b"-rf", b" ", b"two\nlines", b"not \xff text", "größe 木".as_bytes(), &[b'n'; LONGEST_NAME]];
    for name in names {
        fs::write(folder.join(OsStr::from_bytes(name)), name).expect("a file");
    }
}

/// What lies there. Who owns it and who may is the mount's own to say; so is how a folder is laid out.
fn look(at: &Path, name: &str) -> Result<String> {
    let found = calls::lstat(at.join(name))?;
    let kind = FileType::from_raw_mode(found.st_mode);
    let size = if kind == FileType::Directory { 0 } else { found.st_size };
    Ok(format!(
        "{kind:?} of {size} bytes at {}.{:09}, runs: {}",
        found.st_mtime,
        found.st_mtime_nsec,
        found.st_mode & 0o100
    ))
}

fn aim(at: &Path, name: &str) -> Result<String> {
    Ok(format!("{:?}", calls::readlink(at.join(name), Vec::new())?))
}

/// Opens something and reads all of it.
fn open(at: &Path, name: &str, flags: OFlags) -> Result<String> {
    let mut file = fs::File::from(calls::open(at.join(name), flags, Mode::RWXU)?);
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(|error| Errno::from_io_error(&error).expect("a call"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn file(at: &Path) -> Result<std::os::fd::OwnedFd> {
    calls::open(at.join("file"), OFlags::RDONLY, Mode::empty())
}

fn read(at: &Path, offset: u64) -> Result<String> {
    let mut bytes = [0; 9];
    let count = pread(file(at)?, &mut bytes, offset)?;
    Ok(format!("{:?}", &bytes[..count]))
}

fn seek(at: &Path, to: SeekFrom) -> Result<String> {
    Ok(calls::seek(file(at)?, to)?.to_string())
}

/// All names of a folder with their kinds, sorted, twice: the second time after going back to the beginning.
fn list(at: &Path, name: &str) -> Result<String> {
    let mut folder = calls::Dir::new(calls::open(at.join(name), OFlags::RDONLY, Mode::empty())?)?;
    let word = |entry: calls::DirEntry| format!("{:?} {:?}", entry.file_type(), entry.file_name());
    let mut once = || -> Result<Vec<String>> {
        let mut names = folder.by_ref().map(|entry| entry.map(word)).collect::<Result<Vec<_>>>()?;
        folder.rewind();
        names.sort();
        Ok(names)
    };
    let (first, second) = (once()?, once()?);
    assert_eq!(first, second);
    Ok(first.join("\n"))
}

fn may(at: &Path, name: &str, what: Access) -> Result<String> {
    calls::access(at.join(name), what).map(|()| String::new())
}

fn change(at: &Path, name: &str, flags: OFlags) -> Result<()> {
    calls::open(at.join(name), flags, Mode::RWXU).map(|_| ())
}
