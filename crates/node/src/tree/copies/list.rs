//! The files of a share, as its owner listed them.

use std::time::{Duration, Instant};

use gridwell_model::{BlobId, EntryKind, ListRef, ListedFile, RelPath, TreeEntry, Version};
use gridwell_store::{BlobHold, ShareError, SharedFolder};
use gridwell_wire::TreePage;

/// How long files are hashed before what is known by then is told: copies of it are made meanwhile.
const TELL_AFTER: Duration = Duration::from_secs(30);

/// The files of a share.
#[derive(Debug)]
pub(crate) struct List {
    /// Its own hash.
    pub(super) blob: BlobId,
    /// By path.
    pub(super) files: Vec<ListedFile>,
    /// Their contents by hash, each once, with their sizes in bytes.
    pub(super) contents: Vec<(BlobId, u64)>,
    /// It stays here while it counts.
    _hold: BlobHold,
}

impl List {
    /// Reads a list; nothing if it is none, or over its limits.
    pub(super) fn read(blob: BlobId, bytes: &[u8], hold: BlobHold) -> Option<Self> {
        let fits = bytes.len() as u64 <= ListRef::MAX_BYTES;
        let (files, rest) = postcard::take_from_bytes::<Vec<ListedFile>>(bytes).ok().filter(|_| fits)?;
        let in_order = files.is_sorted_by(|one, next| one.path < next.path);
        if !rest.is_empty() || files.len() > ListedFile::MAX || !in_order {
            return None;
        }
        let mut contents: Vec<_> = files.iter().map(|file| (file.blob, file.version.size_bytes)).collect();
        contents.sort_unstable();
        contents.dedup_by_key(|(blob, _)| *blob);
        Some(Self { blob, files, contents, _hold: hold })
    }

    /// The number of a content among all of them.
    pub(super) fn place(&self, blob: BlobId) -> Option<usize> {
        self.contents.binary_search_by_key(&blob, |(known, _)| *known).ok()
    }

    /// The file at a path, or those below it.
    pub(super) fn below(&self, path: Option<&RelPath>) -> impl Iterator<Item = &ListedFile> {
        let path = path.map(RelPath::as_bytes).unwrap_or_default();
        let from = self.files.partition_point(|file| file.path.as_bytes() < path);
        let begins = self.files[from..].iter().take_while(move |file| file.path.as_bytes().starts_with(path));
        begins.filter(move |file| {
            let rest = &file.path.as_bytes()[path.len()..];
            path.is_empty() || rest.is_empty() || rest[0] == b'/'
        })
    }

    /// The file at that very path.
    fn at(&self, path: &RelPath) -> Option<&ListedFile> {
        self.files.binary_search_by(|file| file.path.cmp(path)).ok().map(|at| &self.files[at])
    }
}

/// What a look at a share found.
pub(super) struct Looked {
    /// All files whose content is known, by path, as they are kept.
    pub(super) bytes: Vec<u8>,
    /// True if there are none.
    pub(super) is_empty: bool,
    /// True if more are to be hashed.
    pub(super) more: bool,
}

/// Looks at all files of a share of this machine, and hashes those that are new since `known` was made. What cannot be looked at, or
/// changes while it is hashed, stays as it was known.
///
/// # Errors
///
/// [`ShareError`] if the share itself cannot be read: nothing is known of it then.
pub(super) async fn look(folder: &SharedFolder, known: Option<&List>) -> Result<Looked, ShareError> {
    let (mut files, mut folders, mut more) = (Vec::new(), vec![None], false);
    let began = Instant::now();
    folder.stat(None).await?;
    while let Some(at) = folders.pop() {
        let entries = match all(folder, at.as_ref()).await {
            Ok(entries) => entries,
            Err(error) if at.is_none() => return Err(error),
            Err(error) => {
                tracing::debug!(%error, "a folder of a share is not looked at");
                files.extend(known.iter().flat_map(|known| known.below(at.as_ref())).cloned());
                continue;
            }
        };
        for entry in entries {
            let path = at.as_ref().map_or_else(|| RelPath::new(entry.name.clone()), |at| at.join(&entry.name));
            let Ok(path) = path else { continue };
            let EntryKind::File { version, executable, blob } = entry.kind else {
                folders.extend(matches!(entry.kind, EntryKind::Folder).then_some(Some(path)));
                continue;
            };
            let before = known.and_then(|known| known.at(&path));
            let same = before.filter(|before| before.version == version).map(|before| before.blob);
            let blob = match same.or(blob) {
                None if began.elapsed() < TELL_AFTER => hashed(folder, &path, version).await,
                blob => blob,
            };
            more |= blob.is_none();
            let now = blob.map(|blob| ListedFile { path, version, blob, executable });
            files.extend(now.or_else(|| before.cloned()));
        }
    }
    files.sort_unstable_by(|one, next| one.path.cmp(&next.path));
    files.dedup_by(|one, next| one.path == next.path);
    files.truncate(ListedFile::MAX);
    Ok(Looked { is_empty: files.is_empty(), bytes: postcard::to_stdvec(&files).expect("files are plain data"), more })
}

async fn hashed(folder: &SharedFolder, path: &RelPath, version: Version) -> Option<BlobId> {
    let hashed = folder.hash_in_turn(path.clone(), version).await;
    hashed.inspect_err(|error| tracing::debug!(%error, "a file was not hashed for its copies")).ok()
}

async fn all(folder: &SharedFolder, at: Option<&RelPath>) -> Result<Vec<TreeEntry>, ShareError> {
    let (mut all, mut after, mut more) = (Vec::new(), None, true);
    while more {
        let page = folder.list(at.cloned(), after, TreePage::MAX_ENTRIES).await?;
        after = page.entries.last().map(|entry| entry.name.clone());
        (more, all) = (page.more && after.is_some(), [all, page.entries].concat());
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use gridwell_store::Store;

    use super::*;

    fn file(path: &str) -> ListedFile {
        let version = Version { size_bytes: 1, modified_ns: 7, changed_ns: 7, number: 7 };
        ListedFile { path: RelPath::new(path).unwrap(), version, blob: BlobId::of(b"the same"), executable: false }
    }

    fn read(store: &Store, files: &[ListedFile]) -> Option<List> {
        let bytes = postcard::to_stdvec(files).unwrap();
        let blob = BlobId::of(&bytes);
        List::read(blob, &bytes, store.blobs().hold(blob))
    }

    #[tokio::test]
    async fn a_list_finds_files_below_a_folder_and_contents_once() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(temp.path()).unwrap();
        let list = read(&store, &["a", "a-b", "a/c", "a/d/e", "b"].map(file)).unwrap();
        let below = |path: Option<&str>| {
            let path = path.map(|path| RelPath::new(path).unwrap());
            list.below(path.as_ref()).map(|file| file.path.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(below(Some("a")), ["a", "a/c", "a/d/e"]);
        assert_eq!(below(Some("a/d")), ["a/d/e"]);
        assert_eq!((below(None).len(), list.contents.len()), (5, 1));
        assert!(read(&store, &["b", "a"].map(file)).is_none() && read(&store, &["a", "a"].map(file)).is_none());
        assert!(List::read(BlobId([0; 32]), &[1, 2, 3], store.blobs().hold(BlobId([0; 32]))).is_none());
        store.close().await;
    }

    #[tokio::test]
    async fn a_look_hashes_what_is_new_and_keeps_what_is_known() {
        let temp = tempfile::tempdir().unwrap();
        let store = Store::open(&temp.path().join("data")).unwrap();
        let share = temp.path().join("share");
        std::fs::create_dir_all(share.join("textures")).unwrap();
        for (name, text) in [("scene", "one"), ("textures/wood", "wood")] {
            std::fs::write(share.join(name), text).unwrap();
        }
        let folder = SharedFolder::new(&share);
        let first = look(&folder, None).await.unwrap();
        let first = List::read(BlobId::of(&first.bytes), &first.bytes, store.blobs().hold(BlobId([0; 32]))).unwrap();
        let blobs: Vec<_> = first.files.iter().map(|file| file.blob).collect();
        assert_eq!(blobs, [BlobId::of(b"one"), BlobId::of(b"wood")]);

        std::fs::remove_file(share.join("scene")).unwrap();
        std::fs::write(share.join("textures/oak"), "oak").unwrap();
        // Known by its version, it is not read again, whatever it may be.
        let marked = BlobId::of(b"known");
        let known: Vec<_> = first.files.iter().map(|file| ListedFile { blob: marked, ..file.clone() }).collect();
        let second = look(&SharedFolder::new(&share), read(&store, &known).as_ref()).await.unwrap();
        assert!(!second.more);
        let files: Vec<ListedFile> = postcard::from_bytes(&second.bytes).unwrap();
        let found: Vec<_> = files.iter().map(|file| (file.path.to_string(), file.blob)).collect();
        assert_eq!(found, [("textures/oak".to_owned(), BlobId::of(b"oak")), ("textures/wood".to_owned(), marked)]);
        std::fs::remove_dir_all(&share).unwrap();
        assert!(look(&folder, Some(&first)).await.is_err(), "nothing is said of what is not there");
        store.close().await;
    }
}
