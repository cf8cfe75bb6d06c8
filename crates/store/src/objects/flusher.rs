use std::{
    collections::BTreeMap,
    io,
    ops::Range,
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{ObjectError, content::Content};
use crate::lock::NodeLock;

/// What was written lasts after this long: what a crash costs is fetched again within about the same time.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Unsynced bytes of one blob that do not wait that long.
pub(super) const SYNC_BYTES: u64 = 64 * 1024 * 1024;

/// Contents that wait to be noticed; more make whoever writes wait.
const QUEUE_CONTENTS: usize = 1_024;

/// Contents that are synced side by side. A journal takes in one step what waits for it: with one at a time small files would come no
/// faster than that.
const MOST_AT_ONCE: usize = 16;

/// The thread that makes written pieces last, many at once: syncing each by itself would be slower than any network.
#[derive(Debug)]
pub(super) struct Flusher {
    /// `None` once closed.
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    queue: SyncSender<Arc<Content>>,
    thread: JoinHandle<()>,
}

impl Flusher {
    /// Starts the thread, which calls `sync` for what was written; it keeps `lock` until it has ended.
    pub(super) fn start(
        lock: NodeLock,
        sync: impl Fn(&Content) -> Result<(), ObjectError> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let (queue, written) = sync_channel(QUEUE_CONTENTS);
        let thread = thread::Builder::new().name("objects-sync".to_owned()).spawn(move || {
            run(&written, sync);
            drop(lock);
        })?;
        Ok(Self { running: Mutex::new(Some(Running { queue, thread })) })
    }

    /// Notes that unsynced bytes of `content` became more. Ignored once closed: they are fetched again then.
    pub(super) fn note(&self, content: &Arc<Content>, unsynced_bytes: &Range<u64>) {
        let came_first = unsynced_bytes.start == 0 && unsynced_bytes.end > 0;
        let came_many = unsynced_bytes.start < SYNC_BYTES && SYNC_BYTES <= unsynced_bytes.end;
        let queue = self.running().as_ref().map(|running| running.queue.clone());
        if (came_first || came_many)
            && let Some(queue) = queue
        {
            // Fails only if the thread ended, and then nobody could do anything about it.
            let _ = queue.send(Arc::clone(content));
        }
    }

    /// Syncs everything and ends the thread.
    pub(super) fn close(&self) {
        let running = self.running().take();
        if let Some(Running { queue, thread }) = running {
            drop(queue);
            // It does not panic; if it did, all is lost that can be.
            let _ = thread.join();
        }
    }

    fn running(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().expect("nothing panics while it holds the queue")
    }
}

fn run(written: &Receiver<Arc<Content>>, sync: impl Fn(&Content) -> Result<(), ObjectError> + Sync) {
    while let Ok(first) = written.recv() {
        let until = Instant::now() + SYNC_EVERY;
        let mut contents = BTreeMap::from([(first.blob(), first)]);
        while contents.values().all(|content| content.unsynced_bytes() < SYNC_BYTES)
            && let Ok(content) = written.recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            contents.insert(content.blob(), content);
        }
        sync_all(&contents.into_values().collect::<Vec<_>>(), &sync);
    }
}

/// Syncs contents side by side: the disk makes one step of what many wait for.
fn sync_all(contents: &[Arc<Content>], sync: &(impl Fn(&Content) -> Result<(), ObjectError> + Sync)) {
    let share = contents.len().div_ceil(MOST_AT_ONCE).max(1);
    thread::scope(|scope| {
        for some in contents.chunks(share) {
            scope.spawn(move || {
                for content in some {
                    if let Err(error) = sync(content) {
                        tracing::warn!(blob = %content.blob(), %error, "written pieces are lost");
                    }
                }
            });
        }
    });
}
