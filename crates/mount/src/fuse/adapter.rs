use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, SystemTime},
};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyDirectory, ReplyDirectoryPlus, ReplyEmpty, ReplyEntry, ReplyLseek,
    ReplyOpen, ReplyXattr, Request,
};
use tokio::runtime::Handle;

use super::caller;
use crate::{
    Entry, Kind, Owner, TreeError,
    vfs::{ATTRIBUTES_LAST, Hold, Ino, Known, Page, Vfs, VfsError},
};

/// Requests that the kernel makes by itself, such as reading ahead; its 12 stall as soon as one machine is slow.
const MAX_BACKGROUND: u16 = 64;
/// From here on the kernel makes fewer.
const CONGESTION: u16 = 48;
/// Most bytes of one request, and most that the kernel reads ahead where it lets us choose.
pub(super) const MAX_REQUEST_BYTES: u32 = 1 << 20;
/// `.` and `..`, which every folder begins with.
const DOTS: [&str; 2] = [".", ".."];
/// In plain listings, for entries that have no number yet: nobody looks at it there, but 0 would hide the entry.
const UNKNOWN_INO: INodeNo = INodeNo(u32::MAX as u64);

/// Speaks FUSE. Every handler only parses and spawns a task that answers, so a session thread never waits.
pub(super) struct Adapter {
    pub(super) vfs: Arc<Vfs>,
    pub(super) runtime: Handle,
    /// Ask for exactly what programs read: nothing cached, nothing ahead.
    pub(super) strict: bool,
    /// Whom everything belongs to.
    pub(super) owner: Owner,
}

impl Adapter {
    /// Answers at once what is at hand: handing it to another thread would cost more. Else lets a task answer, unless whoever asked
    /// ends before.
    fn answer<T: Send>(
        &self,
        request: &Request,
        call: impl Future<Output = Result<T, VfsError>> + Send + 'static,
        reply: impl FnOnce(Result<T, Errno>) + Send + 'static,
    ) {
        let mut call = Box::pin(call);
        let _inside = self.runtime.enter();
        if let Poll::Ready(answer) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return reply(answer.map_err(|error| errno(&error)));
        }
        let caller = request.pid();
        self.runtime.spawn(async move {
            let answer = tokio::select! {
                biased;
                answer = &mut call => answer,
                () = caller::ended(caller) => Err(VfsError::Interrupted),
            };
            reply(answer.map_err(|error| errno(&error)));
        });
    }

    fn open_flags(&self) -> FopenFlags {
        // What is cached under an inode stays right: a new version is a new inode.
        let cache = if self.strict { FopenFlags::FOPEN_DIRECT_IO } else { FopenFlags::FOPEN_KEEP_CACHE };
        cache | FopenFlags::FOPEN_NOFLUSH
    }
}

impl Filesystem for Adapter {
    fn init(&mut self, _: &Request, config: &mut KernelConfig) -> io::Result<()> {
        let wanted = [
            InitFlags::FUSE_PARALLEL_DIROPS,
            InitFlags::FUSE_DO_READDIRPLUS,
            InitFlags::FUSE_READDIRPLUS_AUTO,
            InitFlags::FUSE_AUTO_INVAL_DATA,
            InitFlags::FUSE_CACHE_SYMLINKS,
            // Since Linux 6.6; before, files of a strict mount cannot be mapped.
            InitFlags::FUSE_DIRECT_IO_ALLOW_MMAP,
        ];
        for flag in wanted {
            if config.add_capabilities(flag).is_err() {
                tracing::debug!(?flag, "the kernel does not know it");
            }
        }
        // Each of them answers with the nearest value it takes.
        let ahead = if self.strict { 1 } else { MAX_REQUEST_BYTES };
        if let Err(nearest) = config.set_max_readahead(ahead) {
            config.set_max_readahead(nearest).ok();
        }
        config.set_max_write(MAX_REQUEST_BYTES).ok();
        config.set_max_background(MAX_BACKGROUND).ok();
        config.set_congestion_threshold(CONGESTION).ok();
        Ok(())
    }

    fn lookup(&self, request: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let (vfs, owner, name) = (self.vfs.clone(), self.owner, name.as_bytes().to_vec());
        let call = async move {
            match vfs.lookup(Ino(parent.0), &name, Hold::Yes).await {
                // The kernel remembers for as long that there is nothing.
                Err(VfsError::Tree(TreeError::NotFound)) => Ok(None),
                found => found.map(Some),
            }
        };
        self.answer(request, call, move |answer| match answer {
            Ok(Some(known)) => reply.entry(&known.lasts, &attributes(&known, owner), GENERATION),
            Ok(None) => reply.entry(&ATTRIBUTES_LAST, &nothing(owner), GENERATION),
            Err(error) => reply.error(error),
        });
    }

    fn forget(&self, _: &Request, ino: INodeNo, count: u64) {
        self.vfs.forget(Ino(ino.0), count);
    }

    fn getattr(&self, request: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        let (vfs, owner) = (self.vfs.clone(), self.owner);
        let call = async move { vfs.attributes(Ino(ino.0)).await };
        self.answer(request, call, move |answer| match answer {
            Ok(known) => reply.attr(&known.lasts, &attributes(&known, owner)),
            Err(error) => reply.error(error),
        });
    }

    fn readlink(&self, _: &Request, ino: INodeNo, reply: ReplyData) {
        match self.vfs.target(Ino(ino.0)) {
            Ok(target) => reply.data(&target),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn open(&self, request: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        let (vfs, flags) = (self.vfs.clone(), self.open_flags());
        let call = async move { vfs.open(Ino(ino.0)).await };
        self.answer(request, call, move |answer| match answer {
            Ok(handle) => reply.opened(FileHandle(handle), flags),
            Err(error) => reply.error(error),
        });
    }

    fn read(
        &self,
        request: &Request,
        _: INodeNo,
        handle: FileHandle,
        offset: u64,
        length: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let vfs = self.vfs.clone();
        let call = async move { vfs.read(handle.0, offset, length).await };
        self.answer(request, call, move |answer| match answer {
            Ok(bytes) => reply.data(&bytes),
            Err(error) => reply.error(error),
        });
    }

    fn release(
        &self,
        _: &Request,
        _: INodeNo,
        handle: FileHandle,
        _: OpenFlags,
        _: Option<LockOwner>,
        _: bool,
        reply: ReplyEmpty,
    ) {
        self.vfs.close(handle.0);
        reply.ok();
    }

    fn opendir(&self, _: &Request, ino: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        match self.vfs.open_folder(Ino(ino.0)) {
            Ok(handle) => reply.opened(FileHandle(handle), FopenFlags::empty()),
            Err(error) => reply.error(errno(&error)),
        }
    }

    fn readdir(&self, request: &Request, ino: INodeNo, handle: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let vfs = self.vfs.clone();
        let (dots, index) = places(offset);
        let call = async move { vfs.page(handle.0, index).await };
        self.answer(request, call, move |answer| match answer {
            Ok(page) => {
                let dots = dots.map(|(next, name)| (ino, next, FileType::Directory, name.as_bytes()));
                let entries =
                    page.from(index).map(|(at, (name, entry))| (UNKNOWN_INO, next_offset(at), kind(entry), &name[..]));
                for (ino, next, kind, name) in dots.chain(entries) {
                    if reply.add(ino, next, kind, OsStr::from_bytes(name)) {
                        break;
                    }
                }
                reply.ok();
            }
            Err(error) => reply.error(error),
        });
    }

    fn readdirplus(
        &self,
        request: &Request,
        ino: INodeNo,
        handle: FileHandle,
        offset: u64,
        mut reply: ReplyDirectoryPlus,
    ) {
        let (vfs, owner) = (self.vfs.clone(), self.owner);
        let (dots, index) = places(offset);
        let call = {
            let vfs = vfs.clone();
            async move { vfs.page(handle.0, index).await }
        };
        self.answer(request, call, move |answer| {
            let filled = answer.and_then(|page| {
                let mut part = PlusReply { vfs: &vfs, owner, folder: Ino(ino.0), reply: &mut reply };
                part.fill(dots, &page, index).map_err(|error| errno(&error))
            });
            match filled {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(error),
            }
        });
    }

    fn releasedir(&self, _: &Request, _: INodeNo, handle: FileHandle, _: OpenFlags, reply: ReplyEmpty) {
        self.vfs.close(handle.0);
        reply.ok();
    }

    // `ENOSYS` makes the kernel answer these by itself from now on.

    fn getxattr(&self, _: &Request, _: INodeNo, _: &OsStr, _: u32, reply: ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }

    fn listxattr(&self, _: &Request, _: INodeNo, _: u32, reply: ReplyXattr) {
        reply.error(Errno::ENOSYS);
    }

    fn lseek(&self, _: &Request, _: INodeNo, _: FileHandle, _: i64, _: i32, reply: ReplyLseek) {
        reply.error(Errno::ENOSYS);
    }
}

/// A listing with attributes that is being filled; the kernel holds every entry it gets, but not the dots.
struct PlusReply<'a> {
    vfs: &'a Vfs,
    owner: Owner,
    folder: Ino,
    reply: &'a mut ReplyDirectoryPlus,
}

impl PlusReply<'_> {
    fn fill(
        &mut self,
        dots: impl Iterator<Item = (u64, &'static str)>,
        page: &Page,
        index: u64,
    ) -> Result<(), VfsError> {
        let path = self.vfs.path(self.folder)?;
        let folder = Known { ino: self.folder, entry: Entry::folder(), lasts: Duration::ZERO };
        for (next, name) in dots {
            if self.add(&folder, next, name.as_bytes()) {
                return Ok(());
            }
        }
        for (at, (name, entry)) in page.from(index) {
            let known = self.vfs.learn(&path, name, entry.clone(), Hold::Yes)?;
            if self.add(&known, next_offset(at), name) {
                self.vfs.forget(known.ino, 1);
                break;
            }
        }
        Ok(())
    }

    /// True if it did not fit any more.
    fn add(&mut self, known: &Known, next: u64, name: &[u8]) -> bool {
        let (ino, name) = (INodeNo(known.ino.0), OsStr::from_bytes(name));
        self.reply.add(ino, next, name, &known.lasts, &attributes(known, self.owner), GENERATION)
    }
}

/// Numbers of inodes are never given out twice.
const GENERATION: Generation = Generation(0);

/// What a kernel's place in a folder means: the dots from there on, each with the place behind it, and the place of the
/// first entry.
fn places(offset: u64) -> (impl Iterator<Item = (u64, &'static str)> + Send, u64) {
    let dots = (1..).zip(DOTS).skip(usize::try_from(offset).unwrap_or(usize::MAX));
    (dots, offset.saturating_sub(DOTS.len() as u64))
}

/// The kernel's place behind entry `index`.
fn next_offset(index: u64) -> u64 {
    index + DOTS.len() as u64 + 1
}

fn errno(error: &VfsError) -> Errno {
    if let VfsError::Tree(TreeError::TimedOut) = error {
        tracing::warn!("the tree did not answer a program in time");
    } else {
        tracing::debug!(%error, "a request failed");
    }
    Errno::from_i32(error.errno().raw_os_error())
}

fn kind(entry: &Entry) -> FileType {
    match entry.kind {
        Kind::File => FileType::RegularFile,
        Kind::Folder => FileType::Directory,
        Kind::Link { .. } => FileType::Symlink,
    }
}

fn attributes(known: &Known, owner: Owner) -> FileAttr {
    let entry = &known.entry;
    let size = entry.shown_size_bytes();
    let modified = time(entry.modified_ns);
    FileAttr {
        ino: INodeNo(known.ino.0),
        size,
        blocks: size.div_ceil(512),
        atime: modified,
        mtime: modified,
        ctime: modified,
        crtime: modified,
        kind: kind(entry),
        perm: entry.mode(),
        nlink: 1,
        uid: owner.user,
        gid: owner.group,
        rdev: 0,
        blksize: 4_096,
        flags: 0,
    }
}

/// The answer for a name that is not there: inode 0.
fn nothing(owner: Owner) -> FileAttr {
    let known = Known { ino: Ino(0), entry: Entry::folder(), lasts: ATTRIBUTES_LAST };
    attributes(&known, owner)
}

/// A time in nanoseconds since 1970.
fn time(ns: i64) -> SystemTime {
    let distance = Duration::from_nanos(ns.unsigned_abs());
    if ns >= 0 { SystemTime::UNIX_EPOCH + distance } else { SystemTime::UNIX_EPOCH - distance }
}
