use std::collections::{BTreeMap, VecDeque};

use gridwell_api::LogPiece;
use gridwell_model::{Fence, JobId, PeerId, TaskKey, TaskSpan, Time};
use gridwell_store::{LogLine, LogQuery, Store, StoreError};
use gridwell_wire::LogChunk;
use tokio::sync::{mpsc, watch};

use crate::clock;

/// How long output gathers before it is written and shown: far below the second in which a tail should be seen.
const FLUSH_AFTER: std::time::Duration = std::time::Duration::from_millis(50);

/// Output gathered before it is written at once, in bytes.
const FLUSH_BYTES: usize = 256 * 1024;

/// Output kept for a steward whose link is slower than its logs, in bytes; older output makes room.
const BACKLOG_BYTES: usize = 4 * 1024 * 1024;

/// Bytes read from the store at once for a reader.
const PAGE_BYTES: u64 = 256 * 1024;

/// Pieces that may wait for a reader; a slow one holds up nobody but itself.
pub(crate) const READER_PIECES: usize = 64;

/// Output on its way: into the store, to stewards, to readers.
#[derive(Debug)]
pub(crate) struct Logs {
    lines: Vec<LogLine>,
    bytes: usize,
    flush_at: Option<Time>,
    /// Number of the last flush begun, and the last one written.
    begun: u64,
    written: watch::Sender<u64>,
    ends: Vec<Watched>,
    backlog: BTreeMap<PeerId, VecDeque<LogChunk>>,
}

/// Somebody follows a job or a task, and stops when it has ended.
#[derive(Debug)]
struct Watched {
    job: JobId,
    task: Option<TaskKey>,
    /// Number of the flush that holds its last output, once it has ended.
    end: watch::Sender<Option<u64>>,
}

impl Logs {
    pub(crate) fn new() -> Self {
        Self {
            lines: Vec::new(),
            bytes: 0,
            flush_at: None,
            begun: 0,
            written: watch::Sender::new(0),
            ends: Vec::new(),
            backlog: BTreeMap::new(),
        }
    }

    pub(crate) const fn due(&self) -> Option<Time> {
        self.flush_at
    }

    /// Gathers output of a task of ours. True if it should be written now.
    pub(crate) fn gather(&mut self, chunk: LogChunk) -> bool {
        self.bytes += chunk.bytes.len();
        let LogChunk { job, task, fence, bytes } = chunk;
        self.lines.push(LogLine { job, task, fence, bytes });
        self.flush_soon();
        self.bytes >= FLUSH_BYTES
    }

    fn flush_soon(&mut self) {
        self.flush_at.get_or_insert_with(|| clock::now() + FLUSH_AFTER);
    }

    /// Takes what was gathered, with the number of this flush.
    pub(crate) fn take(&mut self) -> Option<(u64, Vec<LogLine>)> {
        self.flush_at = None;
        if self.lines.is_empty() {
            return None;
        }
        self.bytes = 0;
        self.begun += 1;
        Some((self.begun, std::mem::take(&mut self.lines)))
    }

    pub(crate) fn written(&self, upto: u64) {
        self.written.send_if_modified(|written| {
            let newer = upto > *written;
            *written = upto.max(*written);
            newer
        });
    }

    /// Keeps output for a steward that cannot take it now.
    pub(crate) fn keep(&mut self, steward: PeerId, chunk: LogChunk) {
        let backlog = self.backlog.entry(steward).or_default();
        backlog.push_back(chunk);
        let mut bytes: usize = backlog.iter().map(|chunk| chunk.bytes.len()).sum();
        while bytes > BACKLOG_BYTES
            && let Some(oldest) = backlog.pop_front()
        {
            bytes -= oldest.bytes.len();
            tracing::debug!(job = %oldest.job, "output was dropped: the link is slower than the log");
        }
        self.flush_soon();
    }

    /// Takes what is kept for stewards, to be tried again.
    pub(crate) fn take_backlog(&mut self) -> BTreeMap<PeerId, VecDeque<LogChunk>> {
        std::mem::take(&mut self.backlog)
    }

    /// True if output for this steward is waiting: newer output must wait behind it.
    pub(crate) fn has_backlog(&self, steward: PeerId) -> bool {
        self.backlog.contains_key(&steward)
    }

    /// Tells when a job or a task has ended and up to which flush its output reaches.
    pub(crate) fn watch(
        &mut self,
        job: JobId,
        task: Option<TaskKey>,
        ended: bool,
    ) -> (watch::Receiver<u64>, watch::Receiver<Option<u64>>) {
        let end = watch::Sender::new(ended.then_some(self.last_flush()));
        let heard = end.subscribe();
        if !ended {
            self.ends.push(Watched { job, task, end });
        }
        (self.written.subscribe(), heard)
    }

    /// The flush that will hold everything gathered so far.
    fn last_flush(&self) -> u64 {
        self.begun + u64::from(!self.lines.is_empty())
    }

    pub(crate) fn task_ended(&mut self, job: JobId, step: u32, span: TaskSpan) {
        let last = self.last_flush();
        self.ends.retain(|watched| {
            let hit = watched.job == job
                && watched.task.is_some_and(|task| task.step == step && span.indices().contains(&task.index));
            if hit {
                watched.end.send_replace(Some(last));
            }
            !hit
        });
    }

    pub(crate) fn job_ended(&mut self, job: JobId) {
        let last = self.last_flush();
        self.ends.retain(|watched| {
            if watched.job == job {
                watched.end.send_replace(Some(last));
            }
            watched.job != job
        });
    }
}

/// What a reader of logs wants, and how it hears of more.
pub(crate) struct Reading {
    pub(crate) store: Store,
    pub(crate) job: JobId,
    pub(crate) task: Option<TaskKey>,
    /// Bytes to leave out at the start.
    pub(crate) skip_bytes: u64,
    pub(crate) written: watch::Receiver<u64>,
    pub(crate) ended: watch::Receiver<Option<u64>>,
    pub(crate) out: mpsc::Sender<LogPiece>,
    /// Puts words to a piece: its label and the machine's name.
    pub(crate) label: Box<dyn Fn(TaskKey) -> String + Send + Sync>,
    pub(crate) machine: Box<dyn Fn(TaskKey, Fence) -> String + Send + Sync>,
}

impl Reading {
    /// Sends everything there is, then what comes, until the target has ended and all of it is sent.
    pub(crate) async fn run(mut self) {
        let mut after = 0;
        let mut offsets = BTreeMap::new();
        loop {
            let end = *self.ended.borrow_and_update();
            let written = *self.written.borrow_and_update();
            match self.send_page(&mut after, &mut offsets).await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "a log could not be read");
                    return;
                }
            }
            if end.is_some_and(|last| written >= last) || self.out.is_closed() {
                return;
            }
            tokio::select! {
                changed = self.written.changed() => if changed.is_err() { return },
                _ = self.ended.changed(), if end.is_none() => {}
                () = self.out.closed() => return,
            }
        }
    }

    /// Sends one page; true if there is more to read at once.
    async fn send_page(
        &mut self,
        after: &mut u64,
        offsets: &mut BTreeMap<(TaskKey, Fence), u64>,
    ) -> Result<bool, StoreError> {
        let query = LogQuery { job: self.job, task: self.task, fence: None, after: *after, limit_bytes: PAGE_BYTES };
        let page = self.store.read_log(query).await?;
        *after = page.next;
        for mut line in page.lines {
            let offset = offsets.entry((line.task, line.fence)).or_default();
            let mut from = *offset;
            *offset += line.bytes.len() as u64;
            let skipped = self.skip_bytes.min(line.bytes.len() as u64);
            self.skip_bytes -= skipped;
            line.bytes.drain(..skipped as usize);
            from += skipped;
            if line.bytes.is_empty() {
                continue;
            }
            let piece = LogPiece {
                task: line.task,
                label: (self.label)(line.task),
                machine: (self.machine)(line.task, line.fence),
                attempt: line.fence.attempt,
                offset: from,
                bytes: line.bytes,
            };
            if self.out.send(piece).await.is_err() {
                return Ok(false);
            }
        }
        Ok(page.more)
    }
}
