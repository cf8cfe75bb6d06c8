use nfs3_server::nfs3_types::nfs3::{fattr3, ftype3, nfsstat3, nfstime3, specdata3};

use crate::{
    Entry, Kind, NameError, Owner, TreeError,
    vfs::{Ino, Known, VfsError},
};

/// What NFS says of an entry.
pub(super) fn attributes(known: &Known, owner: Owner) -> fattr3 {
    let entry = &known.entry;
    let modified = time(entry.modified_ns);
    let size = entry.shown_size_bytes();
    fattr3 {
        type_: match entry.kind {
            Kind::File => ftype3::NF3REG,
            Kind::Folder => ftype3::NF3DIR,
            Kind::Link { .. } => ftype3::NF3LNK,
        },
        mode: entry.mode().into(),
        nlink: 1,
        uid: owner.user,
        gid: owner.group,
        size,
        used: size,
        rdev: specdata3::default(),
        fsid: 0,
        fileid: known.ino.0,
        atime: modified,
        mtime: modified,
        ctime: modified,
    }
}

/// The folder of which only the gate's name is known.
pub(super) fn gate_attributes(owner: Owner) -> fattr3 {
    let known = Known { ino: Ino(u64::MAX), entry: Entry::folder(), lasts: std::time::Duration::ZERO };
    attributes(&known, owner)
}

/// A time in nanoseconds since 1970, as near as NFSv3 can say it: until 2106.
fn time(ns: i64) -> nfstime3 {
    let ns = u64::try_from(ns).unwrap_or(0);
    let seconds = u32::try_from(ns / 1_000_000_000).unwrap_or(u32::MAX);
    nfstime3 { seconds, nseconds: (ns % 1_000_000_000) as u32 }
}

/// The status that a client turns into the number programs see.
///
/// Never `JUKEBOX` ("try again later"): clients then wait for ever, also those that mounted softly.
pub(super) fn status(error: &VfsError) -> nfsstat3 {
    tracing::debug!(%error, "a request failed");
    match error {
        VfsError::Tree(TreeError::NotFound) | VfsError::Name(NameError::NotAName { .. }) => nfsstat3::NFS3ERR_NOENT,
        VfsError::Tree(TreeError::NotAFolder) => nfsstat3::NFS3ERR_NOTDIR,
        VfsError::Tree(TreeError::IsAFolder) => nfsstat3::NFS3ERR_ISDIR,
        VfsError::Tree(TreeError::Denied { .. }) => nfsstat3::NFS3ERR_ACCES,
        VfsError::Tree(TreeError::Stale) | VfsError::Unknown { .. } => nfsstat3::NFS3ERR_STALE,
        VfsError::Name(NameError::TooLong { .. }) => nfsstat3::NFS3ERR_NAMETOOLONG,
        VfsError::IsALink => nfsstat3::NFS3ERR_INVAL,
        VfsError::Tree(TreeError::TooMany) => nfsstat3::NFS3ERR_SERVERFAULT,
        VfsError::Tree(TreeError::Unreachable { .. } | TreeError::TimedOut | TreeError::Unreadable { .. })
        | VfsError::Interrupted
        | VfsError::Ending => nfsstat3::NFS3ERR_IO,
    }
}
