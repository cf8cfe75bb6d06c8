use std::{
    collections::BTreeMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use super::{ObjectError, content::Content};
use crate::lock::NodeLock;

/// What was written lasts after this long: what a crash costs is fetched again within about the same time.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// Contents that wait to be noticed; more make whoever writes wait.
const QUEUE_CONTENTS: usize = 1_024;

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
        sync: impl Fn(&Content) -> Result<(), ObjectError> + Send + 'static,
    ) -> io::Result<Self> {
        let (queue, written) = sync_channel(QUEUE_CONTENTS);
        let thread = thread::Builder::new().name("objects-sync".to_owned()).spawn(move || {
            run(&written, sync);
            drop(lock);
        })?;
        Ok(Self { running: Mutex::new(Some(Running { queue, thread })) })
    }

    /// Notes that something was written to `content`. Ignored once closed: it is fetched again then.
    pub(super) fn note(&self, content: &Arc<Content>) {
        let queue = self.running().as_ref().map(|running| running.queue.clone());
        if let Some(queue) = queue {
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

fn run(written: &Receiver<Arc<Content>>, sync: impl Fn(&Content) -> Result<(), ObjectError>) {
    while let Ok(first) = written.recv() {
        let until = Instant::now() + SYNC_EVERY;
        let mut contents = BTreeMap::from([(first.blob(), first)]);
        let ended = loop {
            match written.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(content) => _ = contents.insert(content.blob(), content),
                Err(end) => break end,
            }
        };
        for content in contents.into_values() {
            if let Err(error) = sync(&content) {
                tracing::warn!(blob = %content.blob(), %error, "written pieces are lost");
            }
        }
        if ended == RecvTimeoutError::Disconnected {
            return;
        }
    }
}
