use gridwell_model::{BlobId, PeerId, RelPath, ShareId, Version};
use rusqlite::{Connection, Row, params};

use crate::{Durability, Store, StoreError, store::Database};

/// Files that are remembered at most, as many as a mount knows; those that were seen longest ago go.
const KNOWN: i64 = 1_000_000;

/// A file or folder of a share, or without a path the share itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Spot {
    /// Whose share.
    pub peer: PeerId,
    /// Which.
    pub share: ShareId,
    /// Its path below the share.
    pub path: Option<RelPath>,
}

impl Spot {
    /// True if `other` is this, or lies below it.
    #[must_use]
    pub fn holds(&self, other: &Self) -> bool {
        let (above, below) = (self.path_bytes(), other.path_bytes());
        let rest = below.strip_prefix(above);
        let is_below = rest.is_some_and(|rest| above.is_empty() || rest.is_empty() || rest[0] == b'/');
        (self.peer, self.share) == (other.peer, other.share) && is_below
    }

    fn path_bytes(&self) -> &[u8] {
        self.path.as_ref().map(RelPath::as_bytes).unwrap_or_default()
    }

    fn of(row: &Row<'_>) -> rusqlite::Result<Self> {
        let path: Vec<u8> = row.get(2)?;
        Ok(Self { peer: PeerId(row.get(0)?), share: ShareId(row.get(1)?), path: RelPath::new(path).ok() })
    }
}

/// A file of another machine of which something was read here, as it was then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownFile {
    /// Where it is.
    pub spot: Spot,
    /// Which content.
    pub version: Version,
    /// Its hash.
    pub blob: BlobId,
    /// Whether its owner may execute it.
    pub executable: bool,
}

/// What is remembered of other machines' files; clones share it. Pieces of their content are kept by [`crate::Objects`], and may
/// have gone.
#[derive(Debug, Clone)]
pub struct KnownFiles {
    database: Database,
}

impl Store {
    /// What is remembered of other machines' files.
    #[must_use]
    pub fn known_files(&self) -> KnownFiles {
        KnownFiles { database: self.main().clone() }
    }
}

impl KnownFiles {
    /// Remembers a file, in place of what was known of its spot.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if it was not kept.
    pub async fn note(&self, file: KnownFile) -> Result<(), StoreError> {
        self.database.write(Durability::Written, move |connection| note(connection, &file)).await
    }

    /// The file at a spot.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn at(&self, spot: Spot) -> Result<Option<KnownFile>, StoreError> {
        Ok(self.below(spot.clone()).await?.into_iter().find(|file| file.spot == spot))
    }

    /// The file at a spot, or all files below it, in the order of their paths as bytes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn below(&self, spot: Spot) -> Result<Vec<KnownFile>, StoreError> {
        self.database.reader.read(move |connection| below(connection, &spot)).await
    }

    /// What is to be kept here.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the database cannot be read.
    pub async fn kept(&self) -> Result<Vec<Spot>, StoreError> {
        let kept = |connection: &Connection| {
            connection.prepare_cached("SELECT peer, share, path FROM kept_spot")?.query_map([], Spot::of)?.collect()
        };
        self.database.reader.read(kept).await
    }

    /// Writes down that something is to be kept here, or is not any more.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if that was not kept.
    pub async fn keep(&self, spot: Spot, on: bool) -> Result<(), StoreError> {
        let sql = match on {
            true => "INSERT OR IGNORE INTO kept_spot (peer, share, path) VALUES (?1, ?2, ?3)",
            false => "DELETE FROM kept_spot WHERE (peer, share, path) = (?1, ?2, ?3)",
        };
        let write = move |connection: &Connection| {
            let place = params![spot.peer.0, spot.share.0, spot.path_bytes()];
            connection.prepare_cached(sql)?.execute(place).map(drop)
        };
        self.database.write(Durability::Synced, write).await
    }
}

fn note(connection: &Connection, file: &KnownFile) -> rusqlite::Result<()> {
    let KnownFile { spot, version, blob, executable } = file;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO known_file (peer, share, path, size, modified, changed, number, blob, executable)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            spot.peer.0,
            spot.share.0,
            spot.path_bytes(),
            version.size_bytes.cast_signed(),
            version.modified_ns,
            version.changed_ns,
            version.number.cast_signed(),
            blob.0,
            executable,
        ])?;
    // Ids grow with each note, so they tell what was seen longest ago.
    let oldest = connection.last_insert_rowid() - KNOWN;
    connection.prepare_cached("DELETE FROM known_file WHERE id <= ?1")?.execute([oldest]).map(drop)
}

fn below(connection: &Connection, spot: &Spot) -> rusqlite::Result<Vec<KnownFile>> {
    let path = spot.path_bytes();
    // `0` is the byte behind `/`.
    let (from, to) = ([path, b"/"].concat(), [path, b"0"].concat());
    connection
        .prepare_cached(
            "SELECT peer, share, path, size, modified, changed, number, blob, executable FROM known_file
             WHERE peer = ?1 AND share = ?2 AND (?3 = x'' OR path = ?3 OR path > ?4 AND path < ?5) ORDER BY path",
        )?
        .query_map(params![spot.peer.0, spot.share.0, path, from, to], known)?
        .collect()
}

fn known(row: &Row<'_>) -> rusqlite::Result<KnownFile> {
    let version = Version {
        size_bytes: row.get::<_, i64>(3)?.cast_unsigned(),
        modified_ns: row.get(4)?,
        changed_ns: row.get(5)?,
        number: row.get::<_, i64>(6)?.cast_unsigned(),
    };
    Ok(KnownFile { spot: Spot::of(row)?, version, blob: BlobId(row.get(7)?), executable: row.get(8)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(path: &str) -> Spot {
        Spot { peer: PeerId([1; 32]), share: ShareId([2; 10]), path: RelPath::new(path).ok() }
    }

    fn file(path: &str, content: &str) -> KnownFile {
        let size_bytes = content.len() as u64;
        let version = Version { size_bytes, modified_ns: -1, changed_ns: 2, number: u64::MAX };
        KnownFile { spot: spot(path), version, blob: BlobId::of(content.as_bytes()), executable: true }
    }

    #[tokio::test]
    async fn files_are_found_below_their_folders_and_outlive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let known = store.known_files();
        for path in ["a/b", "a/c/d", "a.txt", "a0", "b"] {
            known.note(file(path, path)).await.unwrap();
        }
        known.note(file("b", "anew")).await.unwrap();
        known.keep(spot("a"), true).await.unwrap();
        store.close().await;

        let store = Store::open(folder.path()).unwrap();
        let known = store.known_files();
        assert_eq!(known.below(spot("a")).await.unwrap(), [file("a/b", "a/b"), file("a/c/d", "a/c/d")]);
        assert_eq!(known.at(spot("b")).await.unwrap(), Some(file("b", "anew")));
        assert_eq!(known.below(spot("")).await.unwrap().len(), 5);
        assert_eq!(known.at(spot("a")).await.unwrap(), None, "a folder is no file");
        assert_eq!(known.kept().await.unwrap(), [spot("a")]);
        known.keep(spot("a"), false).await.unwrap();
        assert_eq!(known.kept().await.unwrap(), []);
        store.close().await;
    }

    #[test]
    fn a_spot_holds_what_lies_below_it() {
        assert!(spot("").holds(&spot("a")) && spot("a").holds(&spot("a")) && spot("a").holds(&spot("a/b")));
        assert!(!spot("a").holds(&spot("ab")) && !spot("a/b").holds(&spot("a")) && !spot("a").holds(&spot("")));
        let other = Spot { share: ShareId([3; 10]), ..spot("a/b") };
        assert!(!spot("a").holds(&other));
    }
}
