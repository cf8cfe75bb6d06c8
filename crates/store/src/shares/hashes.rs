use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use gridwell_files::{GROUP_BYTES, Outboard, OutboardBuilder};
use gridwell_model::{BlobId, RelPath, Version};
use tokio::sync::oneshot;

use super::{Inner, ShareError, SharedFile, SharedFolder};
use crate::{StoreError, blobs::blocking};

/// Outboards in memory, in bytes: those of 256 GiB of files.
const KEPT_BYTES: usize = 256 * 1024 * 1024;
/// Outboards in memory at most, however small.
const KEPT: usize = 16 * 1024;
/// Read and hashed at once: enough that system calls cost little.
const PIECE_BYTES: usize = 16 * GROUP_BYTES as usize;

/// The turn to hash a file.
pub(super) type Turn<'a> = tokio::sync::MutexGuard<'a, ()>;

/// Files that wait to be hashed beside everything else; what is asked for beyond that is asked for again.
const WAITING: usize = 1_024;

/// What is known of the content of files.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    known: Mutex<Known>,
    later: Mutex<Later>,
    /// Held by who hashes what somebody waits for: two at once would only wait for the same disk, or hash the same. Nobody waits for
    /// it on a thread.
    pub(super) making: tokio::sync::Mutex<()>,
    /// The same for what nobody waits for, so that a large file keeps no small one waiting.
    making_later: tokio::sync::Mutex<()>,
    closed: AtomicBool,
}

/// Files to be hashed when nobody waits for them.
#[derive(Debug, Default)]
struct Later {
    files: VecDeque<(RelPath, Version)>,
    /// True while somebody takes them one by one.
    begun: bool,
}

/// Outboards by the version of their file.
#[derive(Debug, Default)]
struct Known {
    outboards: BTreeMap<Version, Arc<Outboard>>,
    /// The latest one last.
    order: VecDeque<Version>,
    bytes: usize,
}

impl Hashes {
    pub(super) fn outboard(&self, version: Version) -> Option<Arc<Outboard>> {
        let mut known = lock(&self.known);
        let found = known.outboards.get(&version).cloned()?;
        // While there is room nothing goes, so the order says nothing yet.
        if known.bytes > KEPT_BYTES / 2
            && let Some(at) = known.order.iter().position(|one| *one == version)
        {
            known.order.remove(at);
            known.order.push_back(version);
        }
        Some(found)
    }

    pub(super) fn blob(&self, version: Version) -> Option<BlobId> {
        // Asked for every name of a folder: that is no use of it.
        lock(&self.known).outboards.get(&version).map(|outboard| outboard.root())
    }

    /// Notes a file; true for whoever has to begin with what is noted.
    fn note(&self, path: RelPath, version: Version) -> bool {
        let mut later = lock(&self.later);
        let known = self.blob(version).is_some() || later.files.iter().any(|(_, noted)| *noted == version);
        if !known && later.files.len() < WAITING {
            later.files.push_back((path, version));
        }
        !later.files.is_empty() && !std::mem::replace(&mut later.begun, true)
    }

    fn next(&self) -> Option<(RelPath, Version)> {
        let mut later = lock(&self.later);
        let next = later.files.pop_front().filter(|_| !self.closed.load(Ordering::Relaxed));
        later.begun = next.is_some();
        next
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        lock(&self.later).files.clear();
    }

    fn remember(&self, version: Version, outboard: Outboard) -> Arc<Outboard> {
        let outboard = Arc::new(outboard);
        let mut known = lock(&self.known);
        known.bytes += outboard.as_bytes().len();
        known.order.push_back(version);
        known.outboards.insert(version, Arc::clone(&outboard));
        while known.order.len() > KEPT || known.order.len() > 1 && known.bytes > KEPT_BYTES {
            let oldest = known.order.pop_front().and_then(|oldest| known.outboards.remove(&oldest));
            known.bytes -= oldest.map_or(0, |oldest| oldest.as_bytes().len());
        }
        outboard
    }
}

impl SharedFolder {
    /// The pairs of a file's content. Reads all of it, the first time; whoever does that has the turn.
    pub(super) async fn outboard(
        &self,
        path: RelPath,
        version: Version,
        _making: Turn<'_>,
    ) -> Result<Arc<Outboard>, ShareError> {
        if let Some(known) = self.inner.hashes.outboard(version) {
            return Ok(known);
        }
        let inner = Arc::clone(&self.inner);
        blocking(move || inner.hash(path, version)).await
    }

    /// The hash of a file's content, for whoever can wait: those whom somebody waits for have another turn.
    ///
    /// # Errors
    ///
    /// As [`SharedFolder::open`].
    pub async fn hash_in_turn(&self, path: RelPath, version: Version) -> Result<BlobId, ShareError> {
        let making = self.inner.hashes.making_later.lock().await;
        Ok(self.outboard(path, version, making).await?.root())
    }

    /// Hashes a file's content beside whatever else happens, unless that is known or under way.
    pub fn hash_later(&self, path: RelPath, version: Version) {
        if !self.inner.hashes.note(path, version) {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            while let Some((path, version)) = this.inner.hashes.next() {
                let _making = this.inner.hashes.making_later.lock().await;
                if this.known_hash(version).is_some() {
                    continue;
                }
                let inner = Arc::clone(&this.inner);
                if let Err(error) = behind(move || inner.hash(path, version)).await {
                    tracing::debug!(%error, "a shared file was not hashed");
                }
            }
        });
    }
}

impl Inner {
    fn hash(&self, path: RelPath, version: Version) -> Result<Arc<Outboard>, ShareError> {
        let outboard = hash(&self.open(path, version)?, version, &self.hashes.closed)?;
        Ok(self.hashes.remember(version, outboard))
    }
}

/// Does work on a thread that others go before: whoever reads the file meanwhile is not to wait for its hash.
async fn behind<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ShareError> + Send + 'static,
) -> Result<T, ShareError> {
    let (done, ended) = oneshot::channel();
    let work = move || {
        // An error costs others some time.
        #[cfg(target_os = "linux")]
        let _ = step_behind();
        let _ = done.send(work());
    };
    let begun = thread::Builder::new().name("hash-later".to_owned()).spawn(work);
    begun.map_err(|_| StoreError::Closed)?;
    ended.await.map_err(|_| StoreError::Closed)?
}

/// Lets this thread run only where nobody else wants to: a thread has its own class on Linux (sched(7)).
#[cfg(target_os = "linux")]
fn step_behind() -> std::io::Result<()> {
    let usual = libc::sched_param { sched_priority: 0 };
    #[expect(unsafe_code, reason = "no safe crate of ours sets a thread's scheduler")]
    // SAFETY: the kernel reads one `sched_param`, which lives until the call returns, and keeps no pointer to it. The raw call, as
    // musl's function refuses to work.
    let answer = unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, libc::SCHED_IDLE, &raw const usual) };
    if answer == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
}

fn hash(file: &SharedFile, version: Version, closed: &AtomicBool) -> Result<Outboard, ShareError> {
    // A small file needs little room: to make it ready would take longer than to hash it.
    let room = PIECE_BYTES.min(usize::try_from(version.size_bytes).unwrap_or(PIECE_BYTES));
    let (mut builder, mut piece, mut at) = (OutboardBuilder::default(), vec![0; room], 0);
    while at < version.size_bytes {
        if closed.load(Ordering::Relaxed) {
            return Err(StoreError::Closed.into());
        }
        match file.read_at(&mut piece, at)? {
            0 => return Err(file.changed()),
            read => {
                builder.push(&piece[..read]);
                at += read as u64;
            }
        }
    }
    file.check()?;
    Ok(builder.finish())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("nothing panics while it holds what is known of files")
}
