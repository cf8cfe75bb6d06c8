use std::{
    path::{Path, PathBuf},
    thread,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::{StoreError, lock::NodeLock};

/// Reads waiting for the reader thread; askers wait for room beyond that.
const QUEUE_READS: usize = 64;

enum Command {
    Read(Box<dyn FnOnce(&Connection) + Send>),
    Close(oneshot::Sender<()>),
}

/// Hands reads to a thread with a read-only connection of its own, so that a long read never holds up a write.
#[derive(Debug, Clone)]
pub(crate) struct Reader {
    queue: mpsc::Sender<Command>,
    path: PathBuf,
}

impl Reader {
    /// Starts the thread; it ends with the last handle and keeps `lock` so long.
    pub(crate) fn start(name: &str, path: &Path, connection: Connection, lock: NodeLock) -> std::io::Result<Self> {
        let (queue, mut reads) = mpsc::channel(QUEUE_READS);
        thread::Builder::new().name(name.to_owned()).spawn(move || {
            while let Some(command) = reads.blocking_recv() {
                match command {
                    Command::Read(read) => read(&connection),
                    Command::Close(answer) => {
                        drop((connection, lock));
                        let _ = answer.send(());
                        return;
                    }
                }
            }
        })?;
        Ok(Self { queue, path: path.to_owned() })
    }

    /// Runs `read` on the last committed state.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, result) = oneshot::channel();
        let read = Box::new(move |connection: &Connection| {
            // Nobody waits any more: nothing to do.
            let _ = answer.send(read(connection));
        });
        self.queue.send(Command::Read(read)).await.map_err(|_| StoreError::Closed)?;
        let result = result.await.map_err(|_| StoreError::Closed)?;
        result.map_err(|error| StoreError::from_sqlite(&self.path, error))
    }

    /// Finishes what is queued and ends the thread.
    pub(crate) async fn close(&self) {
        let (answer, closed) = oneshot::channel();
        if self.queue.send(Command::Close(answer)).await.is_ok() {
            // An error means that the thread has ended already.
            let _ = closed.await;
        }
    }
}
