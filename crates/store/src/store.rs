use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use gridwell_model::JobId;
use rusqlite::Connection;

use crate::{
    Blobs, Durability, EndNote, LogLine, LogPage, LogPart, LogPartQuery, LogQuery, Objects, OpenError, PastLimits,
    RunHistory, RunRecord, SecretError, StoreError, StoreLimits, StoredJob, SubmitKey, blobs, database, ends, history,
    journal,
    landing::{self, LandingFolders},
    lock::NodeLock,
    log_part, logs, meta, open, past,
    reader::Reader,
    schema, secret,
    writer::Writer,
};

/// Holds the machine's boot id while a node works in the folder: found at open, that node died.
const META_RUNNING: &str = "store.running";

/// Largest database checked page by page after an unclean end, in bytes: keeps the check under about a second.
const CHECKED_BYTES: u64 = 256 * 1024 * 1024;

/// An open data folder. Clones share it; the folder is free again when the last clone is gone or after [`Store::close`].
///
/// Writes are carried out in the order in which their futures were first polled.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    data_dir: PathBuf,
    limits: StoreLimits,
    main: Database,
    logs: Database,
    blobs: Blobs,
    objects: Objects,
}

/// One database: the thread that writes it and the thread that reads it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(crate) writer: Writer,
    pub(crate) reader: Reader,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("data_dir", &self.inner.data_dir).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `data_dir` with the default limits; see [`Store::open_with`].
    ///
    /// # Errors
    ///
    /// As [`Store::open_with`].
    pub fn open(data_dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(data_dir, StoreLimits::default())
    }

    /// Opens `data_dir`, making it if it does not exist, and cleans up after a node that died there. Blocks.
    ///
    /// # Errors
    ///
    /// [`OpenError::InUse`] if another node works there, [`OpenError::Newer`] and [`OpenError::Damaged`] for a database
    /// this program cannot use, [`OpenError::Database`] and [`OpenError::Folder`] if the system refuses.
    pub fn open_with(data_dir: &Path, limits: StoreLimits) -> Result<Self, OpenError> {
        let lock = open::claim(data_dir)?;
        let main_path = data_dir.join("gridwell.db");
        let connection = open::database(&main_path, &schema::MAIN)?;
        let doubtful = begin(&main_path, &connection)?;
        let (kept, landing_folders) = load(&connection).map_err(|error| open::database_error(&main_path, error))?;
        let landing = LandingFolders::open(data_dir, &landing_folders)
            .map_err(|source| OpenError::Folder { path: data_dir.to_owned(), source })?;
        let main = Database::start("store", &main_path, connection, &lock)?;
        let logs = open_logs(&data_dir.join("logs.db"), &lock)?;
        let blobs = Blobs::open(data_dir, limits.blobs, main.clone(), kept, landing, doubtful)?;
        let objects = Objects::open_folder(data_dir, limits.objects, Arc::clone(&blobs.inner), lock)?;
        Ok(Self { inner: Arc::new(Inner { data_dir: data_dir.to_owned(), limits, main, logs, blobs, objects }) })
    }

    /// Finishes what is queued, writes everything to the disk and gives the folder free. Later calls on clones fail with
    /// [`StoreError::Closed`].
    pub async fn close(self) {
        self.inner.objects.close().await;
        let clean = |connection: &Connection| {
            landing::remove_folders(connection)?;
            meta::remove(connection, META_RUNNING)
        };
        if let Err(error) = self.inner.main.write(Durability::Synced, clean).await {
            tracing::warn!(%error, "could not mark the data folder as closed; the next start checks it");
        }
        self.inner.logs.writer.close().await;
        self.inner.main.writer.close().await;
        self.inner.logs.reader.close().await;
        self.inner.main.reader.close().await;
    }

    /// The data folder.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// The files kept by hash.
    #[must_use]
    pub fn blobs(&self) -> &Blobs {
        &self.inner.blobs
    }

    /// The pieces of files kept by hash.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.inner.objects
    }

    /// Reads the secret file `name` of the data folder, or keeps `fresh` as it. Never in a database; this user's alone. Blocks.
    ///
    /// # Errors
    ///
    /// [`SecretError::Damaged`] if the file is not 32 bytes long, [`SecretError::Refused`] if the system refuses.
    pub fn load_or_create_secret(&self, name: &str, fresh: [u8; 32]) -> Result<[u8; 32], SecretError> {
        secret::load_or_create(&self.inner.data_dir, name, fresh)
    }

    /// Reads the small value kept under `key`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn meta(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let key = key.to_owned();
        self.inner.main.reader.read(move |connection| meta::get(connection, &key)).await
    }

    /// Keeps `value` under `key`, on the disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it was not kept.
    pub async fn put_meta(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.inner.main.write(Durability::Synced, move |connection| meta::put(connection, &key, &value)).await
    }

    /// Forgets what is kept under `key`, if anything is.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it is still kept.
    pub async fn remove_meta(&self, key: &str) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.inner.main.write(Durability::Written, move |connection| meta::remove(connection, &key)).await
    }

    /// Appends `entries` to their jobs' journals, all or none, and returns the last one's sequence number, which grows
    /// over all jobs. Many appends at once share one transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they were not kept.
    pub async fn append(&self, entries: Vec<(JobId, Vec<u8>)>, durability: Durability) -> Result<u64, StoreError> {
        self.append_keyed(entries, Vec::new(), durability).await
    }

    /// Appends `entries` as [`Store::append`] does and keeps `keys` in the same transaction: whoever asks again after a crash
    /// finds the jobs that the first asking started, or neither.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if nothing of it was kept.
    pub async fn append_keyed(
        &self,
        entries: Vec<(JobId, Vec<u8>)>,
        keys: Vec<SubmitKey>,
        durability: Durability,
    ) -> Result<u64, StoreError> {
        let write = move |connection: &Connection| {
            journal::keep_keys(connection, &keys)?;
            journal::append(connection, &entries)
        };
        self.inner.main.write(durability, write).await
    }

    /// Reads the keys of submissions that are remembered, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn submit_keys(&self) -> Result<Vec<SubmitKey>, StoreError> {
        self.inner.main.reader.read(journal::keys).await
    }

    /// Keeps notes on jobs of other machines that have ended, in their order, all or none.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they were not kept.
    pub async fn note_ends(&self, notes: Vec<EndNote>) -> Result<(), StoreError> {
        self.inner.main.write(Durability::Written, move |connection| ends::note(connection, &notes)).await
    }

    /// Reads of which jobs it is noted that they have ended, with their last entry; what was noted first comes first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn ends(&self) -> Result<Vec<(JobId, u64)>, StoreError> {
        self.inner.main.reader.read(ends::all).await
    }

    /// Replaces `job`'s journal up to the entry numbered `upto` (see [`Store::append`]) by `bytes`, at once. Entries behind
    /// it stay, whenever they were appended; without entries up to there, nothing happens.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the snapshot was not kept; the entries stay then.
    pub async fn snapshot(
        &self,
        job: JobId,
        upto: u64,
        bytes: Vec<u8>,
        durability: Durability,
    ) -> Result<(), StoreError> {
        self.inner.main.write(durability, move |connection| journal::snapshot(connection, job, upto, &bytes)).await
    }

    /// Reads every job's journal, ordered by id.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn jobs(&self) -> Result<Vec<StoredJob>, StoreError> {
        self.inner.main.reader.read(journal::jobs).await
    }

    /// Replaces everything that is kept of `job`'s journal by `bytes`, a snapshot, on the disk: a copy of another machine's job.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it was not kept; what was there stays then.
    pub async fn put_copy(&self, job: JobId, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.inner.main.write(Durability::Synced, move |connection| journal::put_copy(connection, job, &bytes)).await
    }

    /// Reads one job's journal, behind every write that was begun before.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn job(&self, job: JobId) -> Result<StoredJob, StoreError> {
        self.inner.main.write(Durability::Written, move |connection| journal::job(connection, job)).await
    }

    /// Removes `job`'s journal alone.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it was not removed.
    pub async fn remove_copy(&self, job: JobId) -> Result<(), StoreError> {
        self.inner.main.write(Durability::Written, move |connection| journal::remove_job(connection, job)).await
    }

    /// Removes `job`'s journal, its logs and its past. Its blobs go with [`Blobs::unpin_job`].
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they were not removed.
    pub async fn remove_job(&self, job: JobId) -> Result<(), StoreError> {
        self.inner.main.write(Durability::Synced, move |connection| journal::remove_job(connection, job)).await?;
        let remove = move |connection: &Connection| {
            logs::remove_job(connection, job)?;
            past::remove_job(connection, job)
        };
        self.inner.logs.write(Durability::Written, remove).await
    }

    /// Keeps programs' output, within [`LogLimits`](crate::LogLimits); it survives the death of this process.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it was not kept.
    pub async fn append_logs(&self, lines: Vec<LogLine>) -> Result<(), StoreError> {
        let limits = self.inner.limits.logs;
        self.inner.logs.write(Durability::Written, move |connection| logs::append(connection, &lines, limits)).await
    }

    /// Reads a piece of a job's log.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn read_log(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        self.inner.logs.reader.read(move |connection| logs::read(connection, &query)).await
    }

    /// Reads the last lines of a job's log, at least [`LogQuery::limit_bytes`] of them if there are so many; what comes later
    /// is read from [`LogPage::next`] on.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn read_log_end(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        self.inner.logs.reader.read(move |connection| logs::read_end(connection, &query)).await
    }

    /// Reads a part of one attempt's log, wherever it lies in it; `None` if there is no such log (any more).
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn read_log_part(&self, query: LogPartQuery) -> Result<Option<LogPart>, StoreError> {
        self.inner.logs.reader.read(move |connection| log_part::read(connection, &query)).await
    }

    /// Remembers that `job` ended: when logs outgrow their limit, the log of the job that ended first goes first.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it was not remembered.
    pub async fn mark_job_ended(&self, job: JobId) -> Result<(), StoreError> {
        self.inner.logs.write(Durability::Written, move |connection| logs::mark_ended(connection, job)).await
    }

    /// Adds run times to the decaying means per recipe and peer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if they were not kept.
    pub async fn record_runs(&self, runs: Vec<RunRecord>) -> Result<(), StoreError> {
        self.inner.main.write(Durability::Written, move |connection| history::record(connection, &runs)).await
    }

    /// Reads the decaying mean run times, ordered by recipe and peer.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn history(&self) -> Result<Vec<RunHistory>, StoreError> {
        self.inner.main.reader.read(history::all).await
    }

    pub(crate) fn main(&self) -> &Database {
        &self.inner.main
    }

    /// Where what happened is kept, and how much of it.
    pub(crate) fn past(&self) -> (&Database, PastLimits) {
        (&self.inner.logs, self.inner.limits.past)
    }
}

impl Database {
    fn start(name: &str, path: &Path, connection: Connection, lock: &NodeLock) -> Result<Self, OpenError> {
        let thread_error = |source| OpenError::Folder { path: path.to_owned(), source };
        let reading = database::open_reader(path).map_err(|error| open::database_error(path, error))?;
        let writer = Writer::start(&format!("{name}-write"), path, connection, lock.clone()).map_err(thread_error)?;
        let reader = Reader::start(&format!("{name}-read"), path, reading, lock.clone()).map_err(thread_error)?;
        Ok(Self { writer, reader })
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        durability: Durability,
        apply: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(durability, apply).await
    }
}

/// Marks the folder as worked in, and checks the database if the last node died there. Returns true if the whole machine
/// went down with it: files that were not flushed may be spoiled then.
fn begin(path: &Path, connection: &Connection) -> Result<bool, OpenError> {
    let sqlite = |error| open::database_error(path, error);
    let died_under = meta::get(connection, META_RUNNING).map_err(sqlite)?;
    let boot = boot_id();
    if died_under.is_some() {
        check_pages(path, connection)?;
    }
    meta::put(connection, META_RUNNING, boot.as_bytes()).map_err(sqlite)?;
    Ok(died_under.is_some_and(|died_under| boot.is_empty() || died_under != boot.as_bytes()))
}

fn check_pages(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    if fs::metadata(path).is_ok_and(|file| file.len() > CHECKED_BYTES) {
        return Ok(());
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| open::database_error(path, error))?;
    if verdict == "ok" {
        return Ok(());
    }
    let source = StoreError::Damaged { path: path.to_owned(), source: Arc::new(io::Error::other(verdict)) };
    Err(OpenError::Damaged { path: path.to_owned(), source })
}

/// Names this run of the machine; empty where the system does not tell.
fn boot_id() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

fn load(connection: &Connection) -> rusqlite::Result<(blobs::Kept, Vec<PathBuf>)> {
    let landing_folders = landing::kept_folders(connection)?;
    landing::remove_folders(connection)?;
    Ok((blobs::load(connection)?, landing_folders))
}

/// Opens the logs; damaged ones are set aside, because no job needs them.
fn open_logs(path: &Path, lock: &NodeLock) -> Result<Database, OpenError> {
    let connection = match open::database(path, &schema::LOGS) {
        Err(OpenError::Damaged { path, .. }) => {
            tracing::warn!(path = %path.display(), "the log database is damaged; it is set aside and a new one begins");
            set_aside(&path).map_err(|source| OpenError::Folder { path: path.clone(), source })?;
            open::database(&path, &schema::LOGS)?
        }
        other => other?,
    };
    Database::start("logs", path, connection, lock)
}

/// Renames a database to `NAME.damaged`, replacing an earlier one, and removes its write-ahead log.
fn set_aside(path: &Path) -> io::Result<()> {
    fs::rename(path, path.with_extension("db.damaged"))?;
    for suffix in ["db-wal", "db-shm"] {
        match fs::remove_file(path.with_extension(suffix)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
