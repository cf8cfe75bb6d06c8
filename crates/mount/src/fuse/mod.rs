//! The tree in a folder, through the kernel's FUSE.

mod adapter;
mod caller;
mod invalidate;
mod kernel;
mod mountinfo;

use std::{
    os::fd::AsFd as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};

use fuser::{Config, Session, SessionACL};
use rustix::io::Errno;
use tokio::runtime::Handle;

use crate::{MountError, MountOptions, Mounted, Owner, Tree, TreePath, mounted, vfs::Vfs};
use adapter::Adapter;
use invalidate::Invalidations;
use mountinfo::MountedAt;

/// Threads that take requests from the kernel; more did not make it faster.
const MAX_THREADS: usize = 4;
/// How long programs have to close their files before the mount goes without them.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is tried meanwhile.
const TRY_EVERY: Duration = Duration::from_millis(50);
/// How long the session's threads have to end; with files still open they end when those are closed.
const SESSION_ENDS_IN: Duration = Duration::from_secs(1);

/// Shows `tree` in the folder `dir`, which is made if need be and must be empty. A mount of ours that died there is removed.
///
/// Blocks until the kernel has taken it, some milliseconds; `runtime` answers its requests and needs threads of its own.
///
/// # Errors
///
/// [`MountError`] says in one sentence what is in the way.
pub fn mount(tree: Arc<dyn Tree>, dir: &Path, options: &MountOptions, runtime: &Handle) -> Result<Mounted, MountError> {
    let dir = kernel::prepare(dir)?;
    let (device, mounted_at) = kernel::attach(&dir)?;
    let threads = thread::available_parallelism().map_or(1, usize::from).min(MAX_THREADS);
    let clone_fd = threads > 1 && kernel::can_clone(device.as_fd());
    let vfs = Arc::new(Vfs::new(tree, options.deadlines()));
    let adapter = Adapter { vfs: vfs.clone(), runtime: runtime.clone(), strict: options.strict, owner: Owner::this() };
    let mut config = Config::default();
    config.n_threads = Some(threads);
    config.clone_fd = clone_fd;
    let served = Session::from_fd(adapter, device, SessionACL::Owner, config).and_then(|session| {
        let invalidations = Invalidations::start(vfs.clone(), session.notifier())?;
        Ok((invalidations, serve(session)?))
    });
    // What it greeted with is at most what it does by itself, 128 KiB. Large requests cost both sides less.
    if served.is_ok()
        && !options.strict
        && let Err(error) = kernel::read_ahead(&mounted_at, adapter::MAX_REQUEST_BYTES)
    {
        tracing::debug!(%error, "the kernel reads ahead what it does by itself");
    }
    match served {
        Ok((invalidations, ended)) => {
            Ok(Mounted::new(dir.clone(), Fuse { dir, mounted_at, vfs, invalidations, ended }))
        }
        Err(source) => {
            kernel::detach(&dir, &mounted_at, true).ok();
            Err(MountError::Session { source })
        }
    }
}

/// Runs `session` on threads of its own; the channel closes when it has ended.
fn serve(session: Session<Adapter>) -> std::io::Result<mpsc::Receiver<()>> {
    let (alive, ended) = mpsc::channel::<()>();
    thread::Builder::new().name("mount-session".into()).spawn(move || {
        if let Err(error) = session.run() {
            tracing::error!(%error, "the mount's session broke");
        }
        drop(alive);
    })?;
    Ok(ended)
}

/// Lets go of a mount of ours at `dir` whose node has died. [`mount`] does it by itself.
///
/// # Errors
///
/// [`MountError::AlreadyMounted`] if its node lives; [`MountError::Folder`] if the kernel refuses.
pub fn clean_stale(dir: &Path) -> Result<(), MountError> {
    kernel::clean_stale(dir)
}

/// A mount that the kernel has taken.
struct Fuse {
    dir: PathBuf,
    mounted_at: MountedAt,
    vfs: Arc<Vfs>,
    invalidations: Invalidations,
    ended: mpsc::Receiver<()>,
}

impl mounted::Session for Fuse {
    fn invalidate(&self, path: &TreePath) {
        self.vfs.doubt(path);
        self.invalidations.push(path.clone());
    }
}

impl Drop for Fuse {
    fn drop(&mut self) {
        self.invalidations.disarm();
        let patience_ends = Instant::now() + PATIENCE;
        loop {
            let lazily = Instant::now() >= patience_ends;
            match kernel::detach(&self.dir, &self.mounted_at, lazily) {
                Ok(()) => break,
                Err(error) if Errno::from_io_error(&error) == Some(Errno::BUSY) && !lazily => {
                    // Only now: who reads while nothing is in the way of the unmount should get bytes.
                    self.vfs.end();
                    thread::sleep(TRY_EVERY);
                }
                Err(error) => {
                    tracing::error!(dir = %self.dir.display(), %error, "cannot unmount");
                    break;
                }
            }
        }
        self.vfs.end();
        if self.ended.recv_timeout(SESSION_ENDS_IN) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!(dir = %self.dir.display(), "programs still hold files of the mount");
        }
    }
}
