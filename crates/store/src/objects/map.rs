use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    ops::Range,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use gridwell_files::Groups;
use gridwell_model::BlobId;

/// Begins a map; the last byte is its version.
const MAGIC: [u8; 8] = *b"gwmap\0\0\x01";
/// Magic, size of the blob, checksum: 8 bytes each.
const HEADER_BYTES: usize = 24;
/// First group, end, checksum: 8 bytes each.
const RECORD_BYTES: usize = 24;
/// Records above those needed that make it worth writing a map anew when it is loaded.
const SPARE_RECORDS: usize = 1_024;

/// The file that says which groups of a blob are on the disk: a header, then a record for each run of groups that came.
///
/// Groups are only ever added to the file; without some, it is written anew. So any beginning of it is right, and what
/// is torn off at its end is missing, never wrong.
#[derive(Debug)]
pub(super) struct Map {
    path: PathBuf,
    blob: BlobId,
    size_bytes: u64,
    groups: Groups,
    /// Up to where the file is right.
    end: u64,
}

impl Map {
    /// A map without groups, in place of any that was there. Nothing is synced: a map that is lost says that nothing is here.
    pub(super) fn create(path: &Path, blob: BlobId, size_bytes: u64) -> io::Result<Self> {
        let map = Self { path: path.to_owned(), blob, size_bytes, groups: Groups::new(), end: HEADER_BYTES as u64 };
        create(path)?.write_all(&map.header())?;
        Ok(map)
    }

    /// Reads the map of `blob`; `None` if there is none, or its header is not right.
    pub(super) fn load(path: &Path, blob: BlobId) -> io::Result<Option<Self>> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let Some((header, records)) = bytes.split_at_checked(HEADER_BYTES) else { return Ok(None) };
        let size_bytes = number(&header[8..16]);
        let mut map = Self { path: path.to_owned(), blob, size_bytes, groups: Groups::new(), end: 0 };
        if header != map.header() {
            return Ok(None);
        }
        let all = Groups::all(size_bytes);
        let records = records.chunks_exact(RECORD_BYTES).map_while(|record| {
            let run = number(&record[..8])..number(&record[8..16]);
            (record == map.record(&run) && all.contains_all(run.clone())).then_some(run)
        });
        let runs: Vec<_> = records.collect();
        map.end = (HEADER_BYTES + runs.len() * RECORD_BYTES) as u64;
        let count = runs.len();
        runs.into_iter().for_each(|run| map.groups.insert(run));
        if count > map.groups.runs().len() + SPARE_RECORDS {
            map.rewrite()?;
        }
        Ok(Some(map))
    }

    pub(super) const fn blob(&self) -> BlobId {
        self.blob
    }

    pub(super) const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    pub(super) const fn groups(&self) -> &Groups {
        &self.groups
    }

    /// Adds groups whose bytes are synced already, and syncs the map.
    pub(super) fn add(&mut self, groups: &Groups) -> io::Result<()> {
        let records: Vec<u8> = groups.runs().flat_map(|run| self.record(&run)).collect();
        let file = OpenOptions::new().write(true).open(&self.path)?;
        // Over what an earlier try left half written.
        file.write_all_at(&records, self.end)?;
        file.sync_data()?;
        self.end += records.len() as u64;
        self.groups = self.groups.union(groups);
        Ok(())
    }

    /// Takes groups out; when it returns, they are gone on the disk, too.
    pub(super) fn remove(&mut self, groups: &Groups) -> io::Result<()> {
        let left = self.groups.difference(groups);
        if left == self.groups {
            return Ok(());
        }
        let before = std::mem::replace(&mut self.groups, left);
        self.rewrite().inspect_err(|_| self.groups = before)
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let records = self.groups.runs().flat_map(|run| self.record(&run));
        let bytes: Vec<u8> = self.header().into_iter().chain(records).collect();
        let new = self.path.with_extension("map.new");
        let mut file = create(&new)?;
        file.write_all(&bytes)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)?;
        sync_folder_of(&self.path)?;
        self.end = bytes.len() as u64;
        Ok(())
    }

    fn header(&self) -> [u8; HEADER_BYTES] {
        self.checked(MAGIC, self.size_bytes.to_le_bytes())
    }

    fn record(&self, run: &Range<u64>) -> [u8; RECORD_BYTES] {
        self.checked(run.start.to_le_bytes(), run.end.to_le_bytes())
    }

    /// Two numbers and their checksum, which is another one for each blob.
    fn checked(&self, first: [u8; 8], second: [u8; 8]) -> [u8; RECORD_BYTES] {
        let mut hasher = blake3::Hasher::new_keyed(&self.blob.0);
        hasher.update(&first).update(&second);
        let mut bytes = [0; RECORD_BYTES];
        bytes[..8].copy_from_slice(&first);
        bytes[8..16].copy_from_slice(&second);
        hasher.finalize_xof().fill(&mut bytes[16..]);
        bytes
    }
}

/// Makes an empty file for this user alone, in place of any that was there.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Makes the names in the folder of `path` last.
pub(super) fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOB: BlobId = BlobId([7; 32]);
    const SIZE_BYTES: u64 = 100 * gridwell_files::GROUP_BYTES;

    fn load(path: &Path) -> Option<Groups> {
        Map::load(path, BLOB).unwrap().map(|map| map.groups)
    }

    #[test]
    fn cut_anywhere_it_names_only_groups_that_came() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.map");
        let mut map = Map::create(&path, BLOB, SIZE_BYTES).unwrap();
        let mut came = vec![Groups::new()];
        for run in [3..5, 9..10, 5..9, 50..100] {
            map.add(&Groups::from(run)).unwrap();
            came.push(map.groups.clone());
        }
        let whole = fs::read(&path).unwrap();

        for length in 0..=whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let records = length.checked_sub(HEADER_BYTES).map(|bytes| bytes / RECORD_BYTES);
            assert_eq!(load(&path), records.map(|records| came[records].clone()), "cut at {length}");
        }
    }

    #[test]
    fn a_spoiled_byte_ends_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.map");
        let mut map = Map::create(&path, BLOB, SIZE_BYTES).unwrap();
        map.add(&Groups::from(3..5)).unwrap();
        map.add(&Groups::from(9..10)).unwrap();
        let whole = fs::read(&path).unwrap();

        for at in 0..whole.len() {
            let mut spoiled = whole.clone();
            spoiled[at] ^= 0x40;
            fs::write(&path, &spoiled).unwrap();
            let left = load(&path).unwrap_or_default();
            assert!(left.is_empty() || left == Groups::from(3..5), "{left:?}");
        }
        fs::write(&path, &whole).unwrap();
        assert!(Map::load(&path, BlobId([8; 32])).unwrap().is_none(), "another blob's map");
    }

    #[test]
    fn it_goes_on_after_what_was_torn_and_without_what_was_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.map");
        let mut map = Map::create(&path, BLOB, SIZE_BYTES).unwrap();
        map.add(&Groups::from(3..5)).unwrap();
        let torn = [fs::read(&path).unwrap().as_slice(), &[1; RECORD_BYTES + 5]].concat();
        fs::write(&path, torn).unwrap();

        let mut map = Map::load(&path, BLOB).unwrap().unwrap();
        map.add(&Groups::from(7..9)).unwrap();
        assert_eq!(load(&path).unwrap().runs().collect::<Vec<_>>(), [3..5, 7..9]);
        map.remove(&Groups::from(4..8)).unwrap();
        map.add(&Groups::from(20..21)).unwrap();
        assert_eq!(load(&path).unwrap().runs().collect::<Vec<_>>(), [3..4, 8..9, 20..21]);
    }

    #[test]
    fn many_small_records_become_few() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.map");
        let size_bytes = 4_000 * gridwell_files::GROUP_BYTES;
        let map = Map::create(&path, BLOB, size_bytes).unwrap();
        let records = (0..2_000).flat_map(|group| map.record(&(group..group + 1)));
        fs::write(&path, map.header().into_iter().chain(records).collect::<Vec<_>>()).unwrap();

        assert_eq!(load(&path), Some(Groups::from(0..2_000)));
        assert_eq!(fs::metadata(&path).unwrap().len(), (HEADER_BYTES + RECORD_BYTES) as u64);
        assert_eq!(load(&path), Some(Groups::from(0..2_000)));
    }
}
