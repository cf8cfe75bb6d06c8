use rusqlite::Connection;

/// One database's layout: each migration lifts it by one version, from nothing to the newest.
pub(crate) struct Schema {
    migrations: &'static [&'static str],
}

/// Why a database was not brought to this version's layout.
#[derive(Debug)]
pub(crate) enum MigrationError {
    Newer { found: u32, known: u32 },
    Sqlite(rusqlite::Error),
}

impl From<rusqlite::Error> for MigrationError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Schema {
    /// Runs the migrations that are missing, all or none.
    pub(crate) fn migrate(&self, connection: &Connection) -> Result<(), MigrationError> {
        let known = self.migrations.len() as u32;
        let found: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if found > known {
            return Err(MigrationError::Newer { found, known });
        }
        if found < known {
            let transaction = connection.unchecked_transaction()?;
            for migration in &self.migrations[found as usize..] {
                transaction.execute_batch(migration)?;
            }
            transaction.pragma_update(None, "user_version", known)?;
            transaction.commit()?;
            // Into the database at once: should the disk fill up, the log could not be emptied, and would take the room.
            connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        }
        Ok(())
    }
}

/// `gridwell.db`: what cannot be made again.
pub(crate) const MAIN: Schema = Schema {
    migrations: &[
        "
    CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE counter (journal_seq INTEGER NOT NULL);
    INSERT INTO counter VALUES (0);
    CREATE TABLE journal (job BLOB, seq INTEGER, entry BLOB NOT NULL, PRIMARY KEY (job, seq)) WITHOUT ROWID;
    CREATE TABLE snapshot (job BLOB PRIMARY KEY, bytes BLOB NOT NULL);
    CREATE TABLE history (
        recipe TEXT, peer BLOB, secs REAL NOT NULL, weight REAL NOT NULL, tasks INTEGER NOT NULL,
        PRIMARY KEY (recipe, peer)
    ) WITHOUT ROWID;
    CREATE TABLE blob_reference (
        blob BLOB PRIMARY KEY, path BLOB NOT NULL, size INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL, device INTEGER NOT NULL, inode INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE blob_pin (job BLOB, blob BLOB, PRIMARY KEY (job, blob)) WITHOUT ROWID;
    CREATE TABLE landing_folder (path BLOB PRIMARY KEY) WITHOUT ROWID;
    ",
        "
    CREATE TABLE submit_key (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, jobs BLOB NOT NULL);
    ",
        "
    CREATE TABLE job_end (id INTEGER PRIMARY KEY AUTOINCREMENT, job BLOB NOT NULL UNIQUE, entry INTEGER NOT NULL);
    ",
        "
    CREATE TABLE known_file (
        id INTEGER PRIMARY KEY AUTOINCREMENT, peer BLOB NOT NULL, share BLOB NOT NULL, path BLOB NOT NULL,
        size INTEGER NOT NULL, modified INTEGER NOT NULL, changed INTEGER NOT NULL, number INTEGER NOT NULL,
        blob BLOB NOT NULL, executable INTEGER NOT NULL, UNIQUE (peer, share, path)
    );
    CREATE TABLE kept_spot (peer BLOB, share BLOB, path BLOB, PRIMARY KEY (peer, share, path)) WITHOUT ROWID;
    ",
    ],
};

/// `logs.db`: what programs wrote, and what happened; losing it loses no job. What happened names jobs and machines by small
/// numbers.
pub(crate) const LOGS: Schema = Schema {
    migrations: &["
    CREATE TABLE log_line (
        id INTEGER PRIMARY KEY AUTOINCREMENT, job BLOB NOT NULL, step INTEGER NOT NULL, idx INTEGER NOT NULL,
        epoch INTEGER NOT NULL, attempt INTEGER NOT NULL, bytes BLOB NOT NULL
    );
    CREATE INDEX log_line_by_job ON log_line (job);
    CREATE INDEX log_line_by_task ON log_line (job, step, idx);
    CREATE TABLE log_attempt (
        job BLOB, step INTEGER, idx INTEGER, epoch INTEGER, attempt INTEGER, bytes INTEGER NOT NULL,
        PRIMARY KEY (job, step, idx, epoch, attempt)
    ) WITHOUT ROWID;
    CREATE TABLE log_job (job BLOB PRIMARY KEY, bytes INTEGER NOT NULL, ended INTEGER) WITHOUT ROWID;
    CREATE INDEX log_job_by_end ON log_job (ended) WHERE ended IS NOT NULL;
    CREATE TABLE log_total (bytes INTEGER NOT NULL);
    INSERT INTO log_total VALUES (0);
    ", "
    CREATE TABLE job (
        number INTEGER PRIMARY KEY AUTOINCREMENT, job BLOB NOT NULL UNIQUE,
        files INTEGER NOT NULL DEFAULT 0, file_bytes INTEGER NOT NULL DEFAULT 0,
        runs INTEGER NOT NULL DEFAULT 0, runs_dropped INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE machine (number INTEGER PRIMARY KEY, machine BLOB NOT NULL UNIQUE);
    CREATE TABLE result (
        id INTEGER PRIMARY KEY, job INTEGER NOT NULL, folder INTEGER NOT NULL, path BLOB NOT NULL,
        step INTEGER NOT NULL, idx INTEGER NOT NULL, size INTEGER NOT NULL, landed INTEGER NOT NULL, kind INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX result_by_path ON result (job, folder, path);
    CREATE INDEX result_by_task ON result (job, step, idx);
    CREATE INDEX result_by_landing ON result (job, kind, landed) WHERE kind > 0;
    CREATE TABLE run (
        id INTEGER PRIMARY KEY, job INTEGER NOT NULL, step INTEGER NOT NULL, first INTEGER NOT NULL,
        count INTEGER NOT NULL, machine INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,
        end INTEGER NOT NULL
    );
    CREATE INDEX run_by_job ON run (job, ended);
    CREATE INDEX run_by_end ON run (ended);
    CREATE TABLE notice (
        id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, kind INTEGER NOT NULL, level INTEGER NOT NULL,
        sentence TEXT NOT NULL, job BLOB, machine BLOB
    );
    CREATE INDEX notice_by_job ON notice (job) WHERE job IS NOT NULL;
    CREATE TABLE sample (minute INTEGER PRIMARY KEY, machines BLOB NOT NULL);
    ", "
    ALTER TABLE log_line ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
    UPDATE log_line SET at = place.at FROM (
        SELECT id AS line, sum(length(bytes)) OVER (
            PARTITION BY job, step, idx, epoch, attempt ORDER BY id) - length(bytes) AS at FROM log_line
    ) AS place WHERE id = place.line;
    ALTER TABLE log_attempt ADD COLUMN written INTEGER NOT NULL DEFAULT 0;
    UPDATE log_attempt SET written = coalesce((
        SELECT max(at + length(line.bytes)) FROM log_line AS line
        WHERE line.job = log_attempt.job AND line.step = log_attempt.step AND line.idx = log_attempt.idx
            AND line.epoch = log_attempt.epoch AND line.attempt = log_attempt.attempt), 0);
    CREATE INDEX log_line_by_place ON log_line (job, step, idx, epoch, attempt, at);
    ", "
    DROP INDEX result_by_landing;
    CREATE INDEX result_by_landing ON result (job, kind, landed);
    ", "
    CREATE TABLE made (id INTEGER PRIMARY KEY AUTOINCREMENT, work BLOB NOT NULL UNIQUE, files BLOB NOT NULL);
    ", "
    CREATE TABLE landed (id INTEGER PRIMARY KEY AUTOINCREMENT, path BLOB NOT NULL UNIQUE, blob BLOB NOT NULL);
    ALTER TABLE result ADD COLUMN proof INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX result_by_proof ON result (job, step, idx) WHERE proof > 1;
    "],
};
