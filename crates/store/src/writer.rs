use std::{
    path::{Path, PathBuf},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{Durability, StoreError, lock::NodeLock};

/// Writes waiting for the writer thread; a sender waits for room beyond that, so memory stays bounded.
const QUEUE_WRITES: usize = 1_024;

/// Writes that share one transaction: bounds how long the first of them waits for its commit.
const GROUP_WRITES: usize = 512;

/// Each time the write-ahead log grows by this many bytes, a checkpoint waits for readers instead of giving up.
const WAL_ALARM_BYTES: u64 = 64 * 1024 * 1024;

/// Hands writes to the thread that owns a database. Writes are carried out in the order in which they were queued.
#[derive(Debug, Clone)]
pub(crate) struct Writer {
    queue: mpsc::Sender<Command>,
}

enum Command {
    Write(Box<dyn QueuedWrite>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the thread that owns `connection` until [`Writer::close`] or until every handle is gone; it keeps `lock` so long.
    pub(crate) fn start(name: &str, path: &Path, connection: Connection, lock: NodeLock) -> std::io::Result<Self> {
        let (queue, commands) = mpsc::channel(QUEUE_WRITES);
        let thread = WriterThread {
            connection,
            path: path.to_owned(),
            synced: false,
            wal_alarm_bytes: WAL_ALARM_BYTES,
            _lock: lock,
        };
        thread::Builder::new().name(name.to_owned()).spawn(move || thread.run(commands))?;
        Ok(Self { queue })
    }

    /// Runs `apply` inside the next group's transaction and returns its value after the commit.
    ///
    /// Once queued, the write happens even if the returned future is dropped.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        apply: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, committed) = oneshot::channel();
        let write = Box::new(Write { durability, step: Step::Waiting(apply), answer });
        self.queue.send(Command::Write(write)).await.map_err(|_| StoreError::Closed)?;
        committed.await.map_err(|_| StoreError::Closed)?
    }

    /// Finishes what is queued, empties the write-ahead log and ends the thread.
    pub(crate) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.queue.send(Command::Close(answer)).await.is_ok() {
            // An error means that the thread has ended already.
            let _ = closed.await;
        }
    }
}

/// One write with its own result type behind one face.
trait QueuedWrite: Send {
    fn synced(&self) -> bool;
    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    fn answer(self: Box<Self>, outcome: Result<(), StoreError>);
}

struct Write<T, F> {
    durability: Durability,
    step: Step<T, F>,
    answer: oneshot::Sender<Result<T, StoreError>>,
}

enum Step<T, F> {
    Waiting(F),
    Applied(T),
    Failed,
}

impl<T, F> QueuedWrite for Write<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
{
    fn synced(&self) -> bool {
        self.durability == Durability::Synced
    }

    fn apply(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Step::Waiting(apply) = std::mem::replace(&mut self.step, Step::Failed) {
            self.step = Step::Applied(apply(connection)?);
        }
        Ok(())
    }

    fn answer(self: Box<Self>, outcome: Result<(), StoreError>) {
        let result = match (outcome, self.step) {
            (Ok(()), Step::Applied(value)) => Ok(value),
            (Err(error), _) => Err(error),
            (Ok(()), _) => unreachable!("a group commits only after each of its writes was applied"),
        };
        // Nobody waits any more: the write stands all the same.
        let _ = self.answer.send(result);
    }
}

struct WriterThread {
    connection: Connection,
    path: PathBuf,
    /// Whether commits reach the disk now (`synchronous = FULL`).
    synced: bool,
    wal_alarm_bytes: u64,
    _lock: NodeLock,
}

impl WriterThread {
    fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        while let Some(first) = commands.blocking_recv() {
            let (group, close) = gather(first, &mut commands);
            if !group.is_empty() {
                self.commit(group);
                self.bound_wal();
            }
            if let Some(answer) = close {
                self.empty_wal();
                drop(self);
                let _ = answer.send(());
                return;
            }
        }
        self.empty_wal();
    }

    /// Commits the whole group or nothing of it, then answers each of its writes.
    fn commit(&mut self, mut group: Vec<Box<dyn QueuedWrite>>) {
        let outcome = self.transact(&mut group).map_err(|error| StoreError::from_sqlite(&self.path, error));
        for write in group {
            write.answer(outcome.clone());
        }
    }

    fn transact(&mut self, group: &mut [Box<dyn QueuedWrite>]) -> rusqlite::Result<()> {
        self.set_synced(group.iter().any(|write| write.synced()))?;
        // Dropping the transaction on the way out rolls it back.
        let transaction = self.connection.unchecked_transaction()?;
        for write in group {
            write.apply(&transaction)?;
        }
        transaction.commit()
    }

    /// Chooses whether the next commit flushes the log to the disk; it then carries every earlier commit along.
    fn set_synced(&mut self, synced: bool) -> rusqlite::Result<()> {
        if self.synced != synced {
            self.connection.pragma_update(None, "synchronous", if synced { "full" } else { "normal" })?;
            self.synced = synced;
        }
        Ok(())
    }

    /// SQLite checkpoints by itself every 1,000 pages; when readers kept it from reusing the log, waits for them once.
    fn bound_wal(&mut self) {
        let wal_bytes = std::fs::metadata(wal_path(&self.path)).map_or(0, |wal| wal.len());
        if wal_bytes < self.wal_alarm_bytes {
            return;
        }
        if self.empty_wal() {
            self.wal_alarm_bytes = WAL_ALARM_BYTES;
        } else {
            tracing::warn!(path = %self.path.display(), wal_bytes, "a reader keeps the write-ahead log from shrinking");
            self.wal_alarm_bytes = wal_bytes + WAL_ALARM_BYTES;
        }
    }

    /// Moves the log's pages into the database; false if a reader is in the way.
    fn empty_wal(&self) -> bool {
        let busy = self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
        match busy {
            Ok(busy) => !busy,
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "checkpoint failed; it is tried again later");
                false
            }
        }
    }
}

/// Takes what is queued without waiting, up to one group, and stops at a wish to close.
fn gather(
    first: Command,
    commands: &mut mpsc::Receiver<Command>,
) -> (Vec<Box<dyn QueuedWrite>>, Option<oneshot::Sender<()>>) {
    let mut group = Vec::new();
    let mut next = Some(first);
    loop {
        match next {
            Some(Command::Write(write)) => group.push(write),
            Some(Command::Close(answer)) => return (group, Some(answer)),
            None => return (group, None),
        }
        next = if group.len() < GROUP_WRITES { commands.try_recv().ok() } else { None };
    }
}

fn wal_path(database: &Path) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push("-wal");
    path.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queued_write() -> Command {
        let (answer, _) = oneshot::channel::<Result<(), StoreError>>();
        Command::Write(Box::new(Write {
            durability: Durability::Written,
            step: Step::Waiting(|_: &Connection| Ok(())),
            answer,
        }))
    }

    #[test]
    fn writes_that_wait_share_a_transaction() {
        let (queue, mut commands) = mpsc::channel(QUEUE_WRITES);
        for _ in 0..GROUP_WRITES + 9 {
            queue.try_send(queued_write()).unwrap();
        }
        let (first, close) = gather(queued_write(), &mut commands);
        assert_eq!((first.len(), close.is_none()), (GROUP_WRITES, true));

        let (answer, _) = oneshot::channel();
        queue.try_send(Command::Close(answer)).unwrap();
        queue.try_send(queued_write()).unwrap();
        let (second, close) = gather(queued_write(), &mut commands);
        assert_eq!((second.len(), close.is_some()), (11, true), "writes queued before a close are in its group");
    }

    #[tokio::test]
    async fn a_failed_write_takes_its_group_along_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.db");
        let connection = crate::database::open_writer(&path).unwrap();
        connection.execute_batch("CREATE TABLE t (x)").unwrap();
        let mut thread = WriterThread {
            connection,
            path,
            synced: false,
            wal_alarm_bytes: WAL_ALARM_BYTES,
            _lock: NodeLock::take(folder.path()).unwrap(),
        };
        let (answer, good) = oneshot::channel();
        let insert = |connection: &Connection| connection.execute("INSERT INTO t VALUES (1)", []);
        let good_write = Write { durability: Durability::Written, step: Step::Waiting(insert), answer };
        let (answer, bad) = oneshot::channel();
        let nonsense = |connection: &Connection| connection.execute("INSERT INTO nowhere VALUES (1)", []);
        let bad_write = Write { durability: Durability::Written, step: Step::Waiting(nonsense), answer };

        thread.commit(vec![Box::new(good_write), Box::new(bad_write)]);

        assert!(good.await.unwrap().is_err() && bad.await.unwrap().is_err());
        let rows: i64 = thread.connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, 0);
    }
}
