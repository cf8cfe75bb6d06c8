use std::{
    ffi::OsStr,
    io,
    os::unix::ffi::OsStrExt as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use fuser::{INodeNo, Notifier};

use crate::{TreePath, vfs::Vfs};

/// Most paths that wait to be told. What finds no room is noticed a second later, when its attributes are asked again.
const MAX_WAITING: usize = 1_024;

/// Tells the kernel what it must not believe any more, from a thread of its own.
///
/// The kernel may hold a folder's lock while it waits for an answer of ours, and want the same lock for this: on a thread
/// that answers requests, both would wait for ever (huggingface/hf-mount#156, #195, #196).
#[derive(Debug)]
pub(super) struct Invalidations {
    paths: SyncSender<TreePath>,
    armed: Arc<AtomicBool>,
}

impl Invalidations {
    pub(super) fn start(vfs: Arc<Vfs>, notifier: Notifier) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(MAX_WAITING);
        let armed = Arc::new(AtomicBool::new(true));
        let still_armed = armed.clone();
        let work = move || tell_all(&receiver, &vfs, &notifier, &still_armed);
        thread::Builder::new().name("mount-invalidate".into()).spawn(work)?;
        Ok(Self { paths: sender, armed })
    }

    pub(super) fn push(&self, path: TreePath) {
        self.paths.try_send(path).ok();
    }

    /// Tells nothing more: an unmount may hold locks for good. The thread ends by itself, and nobody waits for it.
    pub(super) fn disarm(&self) {
        self.armed.store(false, Ordering::Relaxed);
    }
}

fn tell_all(paths: &Receiver<TreePath>, vfs: &Vfs, notifier: &Notifier, armed: &AtomicBool) {
    for path in paths {
        if !armed.load(Ordering::Relaxed) {
            return;
        }
        if let Err(error) = tell(&path, vfs, notifier) {
            tracing::debug!(%path, %error, "the kernel was not told of a change");
        }
    }
}

/// Makes the kernel look `path` up again. An open file keeps its name and bytes, only its attributes are asked again.
fn tell(path: &TreePath, vfs: &Vfs, notifier: &Notifier) -> io::Result<()> {
    const ATTRIBUTES_ONLY: i64 = -1;
    if let Some((ino, true)) = vfs.holder(path) {
        return notifier.inval_inode(INodeNo(ino.0), ATTRIBUTES_ONLY, 0);
    }
    let Some((parent, _)) = path.parent().and_then(|parent| vfs.holder(&parent)) else { return Ok(()) };
    notifier.inval_entry(INodeNo(parent.0), OsStr::from_bytes(path.name()))
}
