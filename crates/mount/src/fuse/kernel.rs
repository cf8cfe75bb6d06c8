//! Attaching a folder to the kernel's FUSE, and letting go of it.
//!
//! fuser could do both, but unmounts by path whatever lies there, gives up on a busy mount, and says why only in words.

use std::{
    ffi::CString,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, IoSliceMut, Read as _},
    mem::MaybeUninit,
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::{fs::DirBuilderExt as _, net::UnixStream},
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::{
    io::Errno,
    ioctl::{Setter, ioctl, opcode},
    mount::{MountFlags, UnmountFlags},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
    process::{getegid, geteuid},
};

use super::mountinfo::{MountedAt, mounted_at};
use crate::MountError;

const DEVICE: &str = "/dev/fuse";
/// What `mount` and `df` show, and how our own dead mounts are known: kind `fuse.gridwell`.
const NAME: &str = "gridwell";
const KIND: &str = "fuse.gridwell";
const HELPER: &str = "fusermount3";
/// How soon a living mount shows that it is one.
const LIFE_SIGN_WITHIN: Duration = Duration::from_secs(2);
/// Most that is kept of what the helper says, in bytes.
const MAX_SAID: u64 = 500;

/// Makes `dir` ready to be mounted on: there, empty, and without a dead mount of ours. Returns its full path.
pub(super) fn prepare(dir: &Path) -> Result<PathBuf, MountError> {
    let made = dir.parent().map_or(Ok(()), make);
    made.map_err(|source| folder_error(dir, source))?;
    let full = full_path(dir).map_err(|source| folder_error(dir, source))?;
    let_go_of_dead(&full)?;
    make(&full).map_err(|source| folder_error(&full, source))?;
    let mut entries = fs::read_dir(&full).map_err(|source| folder_error(&full, source))?;
    if entries.next().is_some() { Err(MountError::NotEmpty { dir: full }) } else { Ok(full) }
}

/// Lets go of a mount of ours at `dir` whose node has died; any other is left alone.
///
/// # Errors
///
/// [`MountError::AlreadyMounted`] if its node lives.
pub(super) fn clean_stale(dir: &Path) -> Result<(), MountError> {
    // What has no full path is not there, and nothing is mounted at it.
    full_path(dir).map_or(Ok(()), |full| let_go_of_dead(&full))
}

fn let_go_of_dead(dir: &Path) -> Result<(), MountError> {
    // A node that died again and again may have left several, one upon the other.
    while let Some(mounted) = at(dir)?.filter(|mounted| mounted.kind == KIND) {
        if !is_dead(dir) {
            return Err(MountError::AlreadyMounted { dir: dir.into() });
        }
        tracing::info!(dir = %dir.display(), "letting go of a mount whose node has died");
        detach(dir, &mounted, true).map_err(|source| folder_error(dir, source))?;
    }
    Ok(())
}

/// Whether nobody serves the mount at `dir` any more. Who is only stopped lives, and is not waited for.
fn is_dead(dir: &Path) -> bool {
    let (answer, answers) = mpsc::channel();
    let dir = dir.to_path_buf();
    // Unlike attributes, this is not answered from what the kernel remembers.
    thread::spawn(move || answer.send(rustix::fs::statfs(&dir).err()));
    answers.recv_timeout(LIFE_SIGN_WITHIN) == Ok(Some(Errno::NOTCONN))
}

/// Mounts at the empty folder `dir`; the kernel's requests are read from the file that is returned.
pub(super) fn attach(dir: &Path) -> Result<(OwnedFd, MountedAt), MountError> {
    let device = OpenOptions::new().read(true).write(true).open(DEVICE);
    let device = OwnedFd::from(device.map_err(|source| MountError::NoFuse { source })?);
    let device = match attach_directly(dir, device.as_fd()) {
        Ok(()) => device,
        Err(Errno::PERM) => attach_with_helper(dir)?,
        Err(error) => return Err(MountError::NotPermitted { dir: dir.into(), said: error.to_string() }),
    };
    let mounted = at(dir)?.ok_or_else(|| folder_error(dir, io::ErrorKind::NotFound.into()))?;
    Ok((device, mounted))
}

/// As root. The kernel answers every wish to write with `EROFS`, and checks rights by the modes we tell.
fn attach_directly(dir: &Path, device: BorrowedFd<'_>) -> Result<(), Errno> {
    let (fd, user, group) = (device.as_raw_fd(), geteuid().as_raw(), getegid().as_raw());
    let options = format!("fd={fd},rootmode=40000,user_id={user},group_id={group},default_permissions");
    let options = CString::new(options).map_err(|_| Errno::INVAL)?;
    let flags = MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOATIME;
    rustix::mount::mount(NAME, dir, KIND, flags, options.as_c_str())
}

/// As anybody else: the helper may mount, and sends the open device through its standard input, a socket.
fn attach_with_helper(dir: &Path) -> Result<OwnedFd, MountError> {
    let failed = |source| MountError::Session { source };
    let (ours, theirs) = UnixStream::pair().map_err(failed)?;
    let options = format!("ro,nosuid,nodev,noatime,default_permissions,fsname={NAME},subtype={NAME}");
    let mut helper = Command::new(HELPER)
        .args(["-o", &options, "--"])
        .arg(dir)
        .env("_FUSE_COMMFD", "0")
        .stdin(OwnedFd::from(theirs))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| if error.kind() == io::ErrorKind::NotFound { MountError::NoHelper } else { failed(error) })?;
    let device = receive_file(&ours).map_err(failed)?;
    let mut said = String::new();
    if let Some(words) = helper.stderr.take() {
        words.take(MAX_SAID).read_to_string(&mut said).ok();
    }
    helper.wait().map_err(failed)?;
    device.ok_or_else(|| MountError::NotPermitted { dir: dir.into(), said: said.trim().into() })
}

/// The file that the other end sends with one byte; `None` if it ends without.
fn receive_file(socket: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut attached = RecvAncillaryBuffer::new(&mut space);
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut attached, RecvFlags::CMSG_CLOEXEC)?;
    let files = attached.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(files) => Some(files),
        _ => None,
    });
    Ok(files.flatten().next())
}

/// Lets the kernel read so much ahead in files of a mount that runs. Only root may say so.
pub(super) fn read_ahead(mounted: &MountedAt, bytes: u32) -> io::Result<()> {
    fs::write(format!("/sys/class/bdi/{}/read_ahead_kb", mounted.device), (bytes / 1024).to_string())
}

/// Lets go of `mounted` at `dir`, if it is still what is on top there. Lazily: it disappears now, and ends when the last
/// file in it is closed.
pub(super) fn detach(dir: &Path, mounted: &MountedAt, lazily: bool) -> io::Result<()> {
    if mounted_at(dir)?.as_ref() != Some(mounted) {
        return Ok(());
    }
    let flags = if lazily { UnmountFlags::DETACH } else { UnmountFlags::empty() };
    match rustix::mount::unmount(dir, flags | UnmountFlags::NOFOLLOW) {
        Err(Errno::PERM) => {}
        result => return Ok(result?),
    }
    let mut helper = Command::new(HELPER);
    helper.args(["-u", "-q"]).args(lazily.then_some("-z")).arg("--").arg(dir);
    let status = helper.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    // The helper does not say why; what a user can be refused here is a busy mount.
    if status.success() { Ok(()) } else { Err(Errno::BUSY.into()) }
}

/// Whether session threads may each have a device file of their own, so that they need not queue for one.
///
/// Not everywhere: some sandboxes refuse it, and fuser would then end the session (huggingface/hf-mount#174).
#[expect(unsafe_code, reason = "the standard library knows no ioctl")]
pub(super) fn can_clone(device: BorrowedFd<'_>) -> bool {
    let Ok(other) = File::options().read(true).write(true).open(DEVICE) else { return false };
    let Ok(number) = u32::try_from(device.as_raw_fd()) else { return false };
    // SAFETY: `FUSE_DEV_IOC_CLONE` is `_IOR(229, 0, uint32_t)` and reads one u32 (linux/fuse.h); it writes nothing.
    unsafe { ioctl(&other, Setter::<{ opcode::read::<u32>(229, 0) }, u32>::new(number)) }.is_ok()
}

/// `dir` without links and `..`, except that its last part is not looked at: a dead mount cannot be.
fn full_path(dir: &Path) -> io::Result<PathBuf> {
    let dir = std::path::absolute(dir)?;
    let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    Ok(parent.canonicalize()?.join(name))
}

/// Makes a folder and those above it, for this user only, unless they are there.
fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

fn at(dir: &Path) -> Result<Option<MountedAt>, MountError> {
    mounted_at(dir).map_err(|source| folder_error(dir, source))
}

fn folder_error(dir: &Path, source: io::Error) -> MountError {
    MountError::Folder { dir: dir.into(), source }
}
