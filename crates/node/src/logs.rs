use std::collections::BTreeMap;

use gridwell_api::LogPiece;
use gridwell_model::{Fence, JobId, TaskKey, TaskSpan, Time};
use gridwell_store::{KeptLine, LogLine, LogPage, LogQuery, Store, StoreError};
use gridwell_wire::LogChunk;
use tokio::sync::{mpsc, watch};

use crate::clock;

/// How long output gathers before it is written and shown: far below the second in which a tail should be seen.
const FLUSH_AFTER: std::time::Duration = std::time::Duration::from_millis(50);

/// Output gathered before it is written at once, in bytes.
const FLUSH_BYTES: usize = 256 * 1024;

/// Flushes on their way to the store at once: a disk that is slower than programs must not fill the memory.
const MOST_FLUSHES: u64 = 8;

/// Output gathered while the store is behind, in bytes; what comes beyond is dropped, with a line that says so.
const MOST_GATHERED: usize = 8 * 1024 * 1024;

/// Neighbouring pieces of one task are one line of the store up to this size, in bytes: programs that write letter by letter
/// make no row of each.
const LINE_BYTES: usize = 16 * 1024;

/// Bytes read from the store at once for a reader.
const PAGE_BYTES: u64 = 256 * 1024;

/// Pieces that may wait for a reader; a slow one holds up nobody but itself.
pub(crate) const READER_PIECES: usize = 64;

/// Output of jobs of ours on its way into the store, and to readers.
#[derive(Debug)]
pub(crate) struct Logs {
    lines: Vec<LogLine>,
    bytes: usize,
    /// What was dropped since the last flush.
    dropped: BTreeMap<(JobId, TaskKey, Fence), Missing>,
    flush_at: Option<Time>,
    /// Number of the last flush begun, and the last one written.
    begun: u64,
    written: watch::Sender<u64>,
    ends: Vec<Watched>,
}

/// Bytes of an attempt's output that were dropped on their way.
#[derive(Debug, Default)]
pub(crate) struct Missing {
    at: u64,
    bytes: usize,
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
            dropped: BTreeMap::new(),
            flush_at: None,
            begun: 0,
            written: watch::Sender::new(0),
            ends: Vec::new(),
        }
    }

    pub(crate) const fn due(&self) -> Option<Time> {
        self.flush_at
    }

    /// Gathers output of a task of ours. True if it should be written now.
    pub(crate) fn gather(&mut self, chunk: LogChunk) -> bool {
        let LogChunk { job, task, fence, at, bytes } = chunk;
        self.flush_soon();
        if self.bytes + bytes.len() > MOST_GATHERED {
            self.dropped.entry((job, task, fence)).or_default().add(at, bytes.len());
            return false;
        }
        self.bytes += bytes.len();
        match self.lines.last_mut() {
            Some(last)
                if (last.job, last.task, last.fence, last.at + last.bytes.len() as u64) == (job, task, fence, at)
                    && last.bytes.len() + bytes.len() <= LINE_BYTES =>
            {
                last.bytes.extend_from_slice(&bytes);
            }
            _ => self.lines.push(LogLine { job, task, fence, at, bytes }),
        }
        self.bytes >= FLUSH_BYTES
    }

    /// What is gathered, here or for a link, goes on soon.
    pub(crate) fn flush_soon(&mut self) {
        self.flush_at.get_or_insert_with(|| clock::now() + FLUSH_AFTER);
    }

    /// Takes what was gathered, with the number of this flush; nothing while too much is on its way already.
    pub(crate) fn take(&mut self) -> Option<(u64, Vec<LogLine>)> {
        self.flush_at = None;
        if self.lines.is_empty() {
            return None;
        }
        if self.begun - *self.written.borrow() >= MOST_FLUSHES {
            self.flush_soon();
            return None;
        }
        let missing = std::mem::take(&mut self.dropped).into_iter().filter_map(|((job, task, fence), missing)| {
            missing.line("the disk").map(|(at, bytes)| LogLine { job, task, fence, at, bytes })
        });
        self.lines.extend(missing);
        self.bytes = 0;
        self.begun += 1;
        Some((self.begun, std::mem::take(&mut self.lines)))
    }

    /// Number of the last flush begun, and what tells when it is written.
    pub(crate) fn begun(&self) -> (u64, watch::Receiver<u64>) {
        (self.begun, self.written.subscribe())
    }

    pub(crate) fn written(&self, upto: u64) {
        self.written.send_if_modified(|written| {
            let newer = upto > *written;
            *written = upto.max(*written);
            newer
        });
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

impl Missing {
    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// More is dropped, behind the rest.
    pub(crate) fn add(&mut self, at: u64, bytes: usize) {
        if self.is_empty() {
            self.at = at;
        }
        self.bytes += bytes;
    }

    /// The line in the place of what is missing, and where it begins; it takes no more room than that.
    pub(crate) fn line(&self, slow: &str) -> Option<(u64, Vec<u8>)> {
        let missing = gridwell_model::format_bytes(self.bytes as u64);
        let line = format!("\n[gridwell: {missing} of output are missing here: {slow} was slower than the program]\n");
        let mut line = line.into_bytes();
        line.truncate(self.bytes);
        (!self.is_empty()).then_some((self.at, line))
    }
}

/// What a reader of logs wants, and how it hears of more.
pub(crate) struct Reading {
    pub(crate) store: Store,
    pub(crate) job: JobId,
    pub(crate) task: Option<TaskKey>,
    /// Bytes to leave out at the start.
    pub(crate) skip_bytes: u64,
    /// Of what is there now, send only about so many bytes at its end; 0 sends all.
    pub(crate) tail_bytes: u64,
    pub(crate) written: watch::Receiver<u64>,
    pub(crate) ended: watch::Receiver<Option<u64>>,
    pub(crate) out: mpsc::Sender<LogPiece>,
    /// Puts words to a piece: its label and the machine's name.
    pub(crate) label: Box<dyn Fn(TaskKey) -> String + Send + Sync>,
    pub(crate) machine: Box<dyn Fn(TaskKey, Fence) -> String + Send + Sync>,
}

impl Reading {
    /// Sends everything there is, then what comes, until the target has ended and all of it is sent.
    pub(crate) async fn run(self) {
        if let Err(error) = self.send_all().await {
            tracing::debug!(%error, "a log could not be read");
        }
    }

    async fn send_all(mut self) -> Result<(), StoreError> {
        let mut after = 0;
        if self.tail_bytes > 0 {
            self.until_written().await;
            let end = self.store.read_log_end(self.query(0, self.tail_bytes)).await?;
            after = end.next;
            self.skip_bytes = end.bytes().saturating_sub(self.tail_bytes);
            if !self.send_page(end).await {
                return Ok(());
            }
        }
        loop {
            let end = *self.ended.borrow_and_update();
            let written = *self.written.borrow_and_update();
            let page = self.store.read_log(self.query(after, PAGE_BYTES)).await?;
            let more = page.more;
            after = page.next;
            if !self.send_page(page).await {
                return Ok(());
            }
            if more {
                continue;
            }
            if end.is_some_and(|last| written >= last) || self.out.is_closed() {
                return Ok(());
            }
            tokio::select! {
                changed = self.written.changed() => if changed.is_err() { return Ok(()) },
                _ = self.ended.changed(), if end.is_none() => {}
                () = self.out.closed() => return Ok(()),
            }
        }
    }

    fn query(&self, after: u64, limit_bytes: u64) -> LogQuery {
        LogQuery { job: self.job, task: self.task, fence: None, after, limit_bytes }
    }

    /// Waits for what was gathered when the reader came, where the target has ended: it is part of what is there now.
    async fn until_written(&mut self) {
        let last = self.ended.borrow().unwrap_or(0);
        // The node stops: what is written by now is all there will be.
        drop(self.written.wait_for(|written| *written >= last).await);
    }

    /// Sends one page; false if nobody reads any more.
    async fn send_page(&mut self, page: LogPage) -> bool {
        for KeptLine { mut line, attempt } in page.lines {
            let skipped = self.skip_bytes.min(line.bytes.len() as u64);
            self.skip_bytes -= skipped;
            line.bytes.drain(..skipped as usize);
            let piece = LogPiece {
                task: line.task,
                label: (self.label)(line.task),
                machine: (self.machine)(line.task, line.fence),
                attempt,
                offset: line.at + skipped,
                bytes: line.bytes,
            };
            if !piece.bytes.is_empty() && self.out.send(piece).await.is_err() {
                return false;
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId([1; 10]);

    fn chunk(index: u32, at: u64, bytes: usize) -> LogChunk {
        let (task, fence) = (TaskKey { step: 0, index }, Fence { epoch: 1, attempt: 1 });
        LogChunk { job: JOB, task, fence, at, bytes: vec![b'x'; bytes] }
    }

    fn sizes(lines: &[LogLine]) -> Vec<(u32, usize)> {
        lines.iter().map(|line| (line.task.index, line.bytes.len())).collect()
    }

    #[test]
    fn what_a_task_writes_letter_by_letter_is_one_line() {
        let mut logs = Logs::new();
        for (index, at) in [(0, 0), (0, 1), (0, 2), (1, 0), (0, 3), (0, 5)] {
            logs.gather(chunk(index, at, 1));
        }
        logs.gather(chunk(0, 6, LINE_BYTES));
        let (_, lines) = logs.take().unwrap();
        assert_eq!(sizes(&lines), [(0, 3), (1, 1), (0, 1), (0, 1), (0, LINE_BYTES)]);
        assert_eq!(lines.iter().map(|line| line.at).collect::<Vec<_>>(), [0, 0, 3, 5, 6]);
    }

    #[test]
    fn a_slow_disk_holds_back_flushes_and_then_drops_output_with_a_word() {
        let mut logs = Logs::new();
        for flush in 1..=MOST_FLUSHES {
            logs.gather(chunk(0, 10 * flush, 10));
            assert_eq!(logs.take().unwrap().0, flush);
        }
        logs.gather(chunk(0, 100, MOST_GATHERED - 5));
        logs.gather(chunk(1, 70, 300));
        logs.gather(chunk(1, 370, 700));
        assert!(logs.take().is_none(), "too much is on its way");
        assert!(logs.due().is_some(), "and it is tried again");

        logs.written(1);

        let (number, lines) = logs.take().unwrap();
        assert_eq!((number, lines.len()), (MOST_FLUSHES + 1, 2));
        let said = String::from_utf8(lines[1].bytes.clone()).unwrap();
        assert!(lines[1].task.index == 1 && said.contains("1.0 kB of output are missing"), "{said}");
        assert!(lines[1].at == 70 && said.len() <= 1_000);
    }
}
