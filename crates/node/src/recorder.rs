//! Writes down what happens, for people. The loop hands things over and never waits.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use gridwell_store::{Notice, Past, Run, Sample, Store};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

/// Things that may wait to be written: some seconds of the busiest grid.
const QUEUE: usize = 8_192;

/// How long things gather before they are written: what a power cut may lose, and far more than a write takes.
const GATHER: Duration = Duration::from_millis(500);

/// Things in one write: bounds how long a reader waits for it.
const GATHERED: usize = 4_096;

/// Something that happened.
#[derive(Debug)]
pub(crate) enum Happened {
    Notice(Notice),
    Run(Run),
    Sample(Sample),
}

enum Entry {
    Happened(Happened),
    /// Somebody waits until everything before is written.
    CaughtUp(oneshot::Sender<()>),
}

/// Hands things to the task that writes them, in their order. Clones share it; it ends with the last one.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    inlet: mpsc::Sender<Entry>,
    /// Things that found the queue full and are lost.
    lost: Arc<AtomicU64>,
}

impl Recorder {
    pub(crate) fn start(store: Store, beside: &TaskTracker) -> Self {
        let (inlet, entries) = mpsc::channel(QUEUE);
        let lost = Arc::new(AtomicU64::new(0));
        beside.spawn(write_down(store, entries, Arc::clone(&lost)));
        Self { inlet, lost }
    }

    /// Notes what happened. It is lost if the disk is slower than the grid for too long.
    pub(crate) fn note(&self, what: Happened) {
        if self.inlet.try_send(Entry::Happened(what)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns when everything noted before is written, or could not be.
    pub(crate) async fn caught_up(&self) {
        let (answer, written) = oneshot::channel();
        if self.inlet.send(Entry::CaughtUp(answer)).await.is_ok() {
            // The task has ended: nothing more will be written.
            let _ = written.await;
        }
    }
}

/// What is written at once, and who waits for it.
#[derive(Default)]
struct Batch {
    past: Past,
    count: usize,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Batch {
    fn take(&mut self, entry: Entry) {
        match entry {
            Entry::Happened(Happened::Notice(notice)) => self.past.notices.push(notice),
            Entry::Happened(Happened::Run(run)) => self.past.runs.push(run),
            Entry::Happened(Happened::Sample(sample)) => self.past.samples.push(sample),
            Entry::CaughtUp(answer) => self.waiting.push(answer),
        }
        self.count += 1;
    }
}

async fn write_down(store: Store, mut entries: mpsc::Receiver<Entry>, lost: Arc<AtomicU64>) {
    while let Some(first) = entries.recv().await {
        let batch = gather(first, &mut entries).await;
        if !batch.past.is_empty()
            && let Err(error) = store.record(batch.past).await
        {
            tracing::warn!(%error, "what happened was not written down");
        }
        for answer in batch.waiting {
            // Nobody waits any more: nothing to do.
            let _ = answer.send(());
        }
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            tracing::warn!(lost, "the disk is too slow to write down all that happens");
        }
    }
}

/// Takes what comes within a moment; at once if somebody waits.
async fn gather(first: Entry, entries: &mut mpsc::Receiver<Entry>) -> Batch {
    let mut batch = Batch::default();
    batch.take(first);
    let enough = tokio::time::sleep(GATHER);
    tokio::pin!(enough);
    while batch.count < GATHERED && batch.waiting.is_empty() {
        tokio::select! {
            biased;
            entry = entries.recv() => match entry {
                Some(entry) => batch.take(entry),
                None => break,
            },
            () = &mut enough => break,
        }
    }
    batch
}

#[cfg(test)]
mod tests {
    use gridwell_model::Stamp;
    use gridwell_store::NoticeQuery;

    use super::*;

    fn notice(id: u64) -> Happened {
        let sentence = "it rained".to_owned();
        Happened::Notice(Notice { id, at: Stamp(id), kind: 0, level: 0, sentence, job: None, machine: None })
    }

    async fn ids(store: &Store) -> Vec<u64> {
        let page = store.notices(NoticeQuery { before: None, job: None, limit: 9 }).await.unwrap();
        page.notices.iter().map(|notice| notice.id).collect()
    }

    #[tokio::test]
    async fn whoever_caught_up_sees_all_that_was_noted_before() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let recorder = Recorder::start(store.clone(), &TaskTracker::new());
        for id in 1..=3 {
            recorder.note(notice(id));
            recorder.caught_up().await;
            assert_eq!(ids(&store).await.first(), Some(&id));
        }
    }

    #[tokio::test]
    async fn what_was_noted_is_written_when_the_last_handle_goes() {
        let temp = tempfile::tempdir().unwrap();
        let (store, beside) = (Store::open(temp.path()).unwrap(), TaskTracker::new());
        let recorder = Recorder::start(store.clone(), &beside);
        recorder.note(notice(7));

        drop(recorder);
        beside.close();
        beside.wait().await;

        assert_eq!(ids(&store).await, [7]);
    }
}
