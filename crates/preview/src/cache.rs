use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use crate::{Extent, Picture, Size, key::Key, picture::Coding};

/// Most bytes of previews on disk: some thousand thumbnails, about all that people look at in a week.
pub(crate) const CACHE_BYTES: u64 = 64 << 20;

/// What a small file takes on most disks; also bounds how many files there are.
const BLOCK_BYTES: u64 = 4_096;

/// Longest first line of a file here.
const HEAD_BYTES: usize = 256;

/// Previews on disk, one file each; the oldest go when there are too many.
///
/// It only saves work: whatever is missing or damaged is made again, and a full disk loses nothing but that.
#[derive(Debug)]
pub(crate) struct Cache {
    folder: PathBuf,
    limit_bytes: u64,
    /// Read from the folder when something is first kept.
    index: Mutex<Option<Index>>,
}

/// What lies in the folder.
#[derive(Debug, Default)]
struct Index {
    files: HashMap<String, Entry>,
    by_age: BTreeSet<(u64, String)>,
    bytes: u64,
    next_age: u64,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    age: u64,
    bytes: u64,
}

impl Cache {
    /// Makes the folder if it is not there.
    pub(crate) fn open(folder: PathBuf, limit_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&folder)?;
        Ok(Self { folder, limit_bytes, index: Mutex::default() })
    }

    /// The preview kept under `key`.
    pub(crate) fn get(&self, key: &Key) -> Option<Picture> {
        let path = self.folder.join(key.to_string());
        let mut bytes = Vec::new();
        let [.., largest] = Size::STEPS;
        let limit = Size::covering(largest).max_bytes() + HEAD_BYTES;
        File::open(&path).ok()?.take(limit as u64).read_to_end(&mut bytes).ok()?;
        let picture = unpack(bytes);
        if picture.is_none() {
            tracing::debug!(path = %path.display(), "a kept preview is damaged; it is made again");
        }
        picture
    }

    /// Keeps a preview; the oldest make room for it.
    pub(crate) fn put(&self, key: &Key, picture: &Picture) {
        let kept = self.write(&key.to_string(), &pack(picture));
        if let Err(error) = kept {
            tracing::warn!(%error, "a preview was not kept; it is made again when it is needed");
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let mut index = self.index()?;
        let Some(index) = index.as_mut() else { return Ok(()) };
        // No sync: what a power cut spoils does not match its hash, and is made again.
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.folder)?;
        file.write_all(bytes)?;
        file.persist(self.folder.join(name)).map_err(|error| error.error)?;
        index.add(name.to_owned(), bytes.len() as u64);
        for name in index.take_over(self.limit_bytes) {
            remove(&self.folder.join(name));
        }
        Ok(())
    }

    fn index(&self) -> io::Result<MutexGuard<'_, Option<Index>>> {
        let mut index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        if index.is_none() {
            *index = Some(Index::read(&self.folder)?);
        }
        Ok(index)
    }
}

/// How names of files begin that are not complete yet.
const UNFINISHED: &str = ".new-";

impl Index {
    /// Reads the folder, the oldest first, and removes what a node left there that died while writing.
    fn read(folder: &Path) -> io::Result<Self> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(UNFINISHED) {
                remove(&entry.path());
                continue;
            }
            let meta = entry.metadata()?;
            found.push((meta.modified().unwrap_or(SystemTime::UNIX_EPOCH), name, meta.len()));
        }
        found.sort();
        let mut index = Self::default();
        for (_, name, bytes) in found {
            index.add(name, bytes);
        }
        Ok(index)
    }

    fn add(&mut self, name: String, bytes: u64) {
        let entry = Entry { age: self.next_age, bytes: bytes.next_multiple_of(BLOCK_BYTES) };
        self.next_age += 1;
        self.bytes += entry.bytes;
        self.by_age.insert((entry.age, name.clone()));
        if let Some(replaced) = self.files.insert(name.clone(), entry) {
            self.bytes -= replaced.bytes;
            self.by_age.remove(&(replaced.age, name));
        }
    }

    /// Takes the oldest out until the rest is within `limit_bytes`.
    fn take_over(&mut self, limit_bytes: u64) -> Vec<String> {
        let mut names = Vec::new();
        while self.bytes > limit_bytes
            && let Some((_, name)) = self.by_age.pop_first()
        {
            self.bytes -= self.files.remove(&name).map_or(0, |entry| entry.bytes);
            names.push(name);
        }
        names
    }
}

fn remove(path: &Path) {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, path = %path.display(), "an old preview was not removed");
        }
        _ => {}
    }
}

/// One line of text, then the encoded picture.
fn pack(picture: &Picture) -> Vec<u8> {
    let Picture { extent, source, bytes, .. } = picture;
    let (mime, hash) = (picture.mime(), blake3::hash(bytes));
    let (width, height) = (extent.width, extent.height);
    let head = format!("{mime} {width} {height} {} {} {hash}\n", source.width, source.height);
    [head.as_bytes(), bytes].concat()
}

fn unpack(packed: Vec<u8>) -> Option<Picture> {
    let packed = bytes::Bytes::from(packed);
    let end = packed.iter().take(HEAD_BYTES).position(|byte| *byte == b'\n')?;
    let mut words = std::str::from_utf8(&packed[..end]).ok()?.split(' ');
    let mime = words.next()?;
    let coding = Coding::ALL.into_iter().find(|coding| coding.mime() == mime)?;
    let mut number = || words.next()?.parse().ok();
    let extent = Extent::new(number()?, number()?);
    let source = Extent::new(number()?, number()?);
    let bytes = packed.slice(end + 1..);
    (words.next()? == blake3::hash(&bytes).to_string()).then_some(Picture { coding, bytes, extent, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, file};

    fn picture(bytes: usize) -> Picture {
        let bytes = vec![7; bytes].into();
        Picture { coding: Coding::Jpeg, bytes, extent: Extent::new(3, 2), source: Extent::new(30, 20) }
    }

    fn key(folder: &Path, size: u32) -> Key {
        Key::new(&Source::File(folder.to_owned()), &file::identify(&folder.join("a")).unwrap(), Size::covering(size))
    }

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "a").unwrap();
        folder
    }

    #[test]
    fn what_was_kept_comes_back_also_after_a_restart() {
        let temp = folder();
        let kept = temp.path().join("previews");
        let key = key(temp.path(), 64);
        Cache::open(kept.clone(), CACHE_BYTES).unwrap().put(&key, &picture(100));
        assert_eq!(Cache::open(kept, CACHE_BYTES).unwrap().get(&key), Some(picture(100)));
    }

    #[test]
    fn damaged_files_are_none() {
        let temp = folder();
        let cache = Cache::open(temp.path().join("previews"), CACHE_BYTES).unwrap();
        let key = key(temp.path(), 64);
        let path = cache.folder.join(key.to_string());
        let good = pack(&picture(100));
        for end in 0..good.len() {
            fs::write(&path, &good[..end]).unwrap();
            assert_eq!(cache.get(&key), None, "{end} bytes");
        }
        let mut other = good.clone();
        *other.last_mut().unwrap() ^= 1;
        fs::write(&path, other).unwrap();
        assert_eq!(cache.get(&key), None);
        fs::write(&path, String::from_utf8_lossy(&good).replace("image/jpeg", "text/html")).unwrap();
        assert_eq!(cache.get(&key), None);
    }

    #[test]
    fn the_oldest_make_room_also_for_files_of_an_earlier_run() {
        let temp = folder();
        let kept = temp.path().join("previews");
        let [oldest, old, new] = [64, 160, 320].map(|size| key(temp.path(), size));
        {
            let cache = Cache::open(kept.clone(), CACHE_BYTES).unwrap();
            cache.put(&oldest, &picture(5_000));
            cache.put(&old, &picture(5_000));
            // Two files of one moment have no order.
            let past = SystemTime::UNIX_EPOCH;
            File::options().write(true).open(kept.join(oldest.to_string())).unwrap().set_modified(past).unwrap();
        }
        fs::write(kept.join(".new-half"), "half").unwrap();

        let cache = Cache::open(kept.clone(), 2 * 8_192).unwrap();
        cache.put(&new, &picture(5_000));

        assert_eq!(cache.get(&oldest), None);
        assert!(cache.get(&old).is_some() && cache.get(&new).is_some());
        assert_eq!(fs::read_dir(kept).unwrap().count(), 2);
    }

    #[test]
    fn keeping_the_same_again_counts_once() {
        let temp = folder();
        let cache = Cache::open(temp.path().join("previews"), CACHE_BYTES).unwrap();
        let key = key(temp.path(), 64);
        (0..3).for_each(|_| cache.put(&key, &picture(5_000)));
        let index = cache.index().unwrap();
        assert_eq!(index.as_ref().unwrap().bytes, 8_192);
        assert_eq!(index.as_ref().unwrap().by_age.len(), 1);
    }
}
