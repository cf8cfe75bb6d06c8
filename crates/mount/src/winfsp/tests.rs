use std::{sync::Arc, time::Duration};

use super::{
    volume::{Opened, Volume, ticks},
    *,
};
use crate::{
    Kind, MountOptions, NameError, TreeError, TreePath,
    memory::MemoryTree,
    vfs::{Vfs, VfsError},
};

/// Windows, as far as it asks us.
struct Caller {
    volume: Volume,
    tree: Arc<MemoryTree>,
}

fn show(tree: MemoryTree) -> Caller {
    let tree = Arc::new(tree);
    let deadline = Duration::from_millis(50);
    let options = MountOptions { read_deadline: deadline, metadata_deadline: deadline, ..MountOptions::default() };
    let vfs = Arc::new(Vfs::new(tree.clone(), options.deadlines()));
    Caller { volume: Volume { vfs }, tree }
}

fn wide(name: &str) -> Vec<u16> {
    name.encode_utf16().collect()
}

fn is_nothing(error: &VfsError) -> bool {
    matches!(
        error,
        VfsError::Tree(TreeError::NotFound) | VfsError::Name(NameError::NotAName { .. }) | VfsError::IsALink
    )
}

impl Caller {
    async fn open(&self, name: &str) -> Result<Opened, VfsError> {
        // Windows looks at a name before it opens it.
        self.volume.look(&wide(name)).await?;
        self.volume.open(&wide(name)).await
    }

    async fn read(&self, name: &str) -> Vec<u8> {
        let file = self.open(name).await.unwrap();
        self.volume.read(&file, 0, 99).await.unwrap().to_vec()
    }

    /// Names in a folder, asked for in answers that have room for `at_once` of them.
    async fn names(&self, name: &str, at_once: usize) -> Result<Vec<String>, VfsError> {
        let folder = self.open(name).await?;
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let part = self.volume.list(&folder, marker.as_deref()).await?;
            let fits = part.entries.len() <= at_once;
            let taken: Vec<_> = part.entries.into_iter().take(at_once).map(|(name, _)| name).collect();
            marker = if fits { part.next } else { taken.last().cloned() };
            names.extend(taken.iter().map(|name| String::from_utf16(name).unwrap()));
            if fits && marker.is_none() {
                return Ok(names);
            }
        }
    }
}

#[tokio::test]
async fn files_are_read_where_they_lie() {
    let caller = show(MemoryTree::new().folder("mill").folder("mill/tex").file("mill/tex/a.bin", "0123456789"));
    let file = caller.open("\\mill\\tex\\a.bin").await.unwrap();
    assert_eq!((file.known.entry.size_bytes, file.is_file()), (10, true));
    let read = async |offset, length| caller.volume.read(&file, offset, length).await.unwrap();
    let moved = || caller.tree.asked.bytes.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(moved(), 0, "looking and opening move nothing");
    assert_eq!(&read(2, 3).await[..], b"234");
    assert_eq!(moved(), 3);
    assert_eq!(&read(8, 100).await[..], b"89");
    assert!(read(10, 1).await.is_empty());
    let folder = caller.open("\\mill").await.unwrap();
    assert!(!folder.is_file());
    let refused = caller.volume.read(&folder, 0, 1).await.unwrap_err();
    assert!(matches!(refused, VfsError::Tree(TreeError::IsAFolder)));
    let refused = caller.names("\\mill\\tex\\a.bin", 9).await.unwrap_err();
    assert!(matches!(refused, VfsError::Tree(TreeError::NotAFolder)));
    assert!(is_nothing(&caller.open("\\mill\\nothing").await.err().unwrap()));
}

#[tokio::test]
async fn folders_are_listed_in_parts_of_any_size() {
    let mut tree = MemoryTree::new().folder("mill");
    for number in 0..2_500 {
        tree = tree.file(format!("mill/{number:04}.exr"), "x");
    }
    let caller = show(tree);
    let mut expected = vec![".".to_owned(), "..".to_owned()];
    expected.extend((0..2_500).map(|number| format!("{number:04}.exr")));
    for at_once in [1, 2, 3, 997, 10_000] {
        assert_eq!(caller.names("\\mill", at_once).await.unwrap(), expected, "{at_once}");
    }
    let asked = caller.tree.asked.lists.load(std::sync::atomic::Ordering::Relaxed);
    assert_eq!(asked, 5 * 3 + 3, "each page of the tree once, the first one again behind dots");
    assert_eq!(caller.names("\\", 10).await.unwrap(), ["mill"], "the root has no dots");
}

#[tokio::test]
async fn names_that_windows_does_not_allow_are_shown_and_lead_to_their_files() {
    let names: [&[u8]; 6] = [b"A.png", b"a.png", b"aux.c", b"what?", b"ends.", b"\xff"];
    let tree = names.iter().fold(MemoryTree::new(), |tree, name| tree.file(name, name.to_vec()));
    let caller = show(tree);
    let mut read = Vec::new();
    for name in caller.names("\\", 2).await.unwrap() {
        read.push(caller.read(&format!("\\{name}")).await);
    }
    read.sort();
    let mut expected = names.map(<[u8]>::to_vec);
    expected.sort();
    assert_eq!(read, expected);
    assert!(is_nothing(&caller.open("\\aux.c").await.err().unwrap()));
}

#[tokio::test]
async fn a_link_is_shown_as_what_it_leads_to() {
    let tree = MemoryTree::new()
        .folder("mill")
        .folder("mill/tex")
        .file("mill/tex/a", "content")
        .link("mill/file", "tex/./a")
        .link("mill/folder", "tex")
        .link("mill/up", "../mill/tex/a")
        .link("mill/ring", "ring")
        .link("mill/gone", "nothing")
        .link("mill/absolute", "/mill/tex/a")
        .link("mill/above", "../../../mill/tex/a");
    let caller = show(tree);
    for name in ["\\mill\\file", "\\mill\\folder\\a", "\\mill\\up"] {
        assert_eq!(caller.read(name).await, b"content", "{name}");
    }
    for name in ["ring", "gone", "absolute", "above"] {
        let opened = caller.open(&format!("\\mill\\{name}")).await;
        assert!(is_nothing(&opened.err().unwrap()), "{name}");
    }
    assert_eq!(caller.names("\\mill", 99).await.unwrap(), [".", "..", "file", "folder", "tex", "up"]);
    let folder = caller.open("\\mill").await.unwrap();
    let shown = caller.volume.look_in(&folder, &wide("folder")).await.unwrap();
    assert_eq!(shown.entry.kind, Kind::Folder);
}

#[tokio::test]
async fn an_open_file_keeps_its_version_and_the_next_one_gets_the_new() {
    let caller = show(MemoryTree::new().file("a", "old"));
    let old = caller.open("\\a").await.unwrap();
    caller.tree.write("a", "newer");
    let new = caller.open("\\a").await.unwrap();
    assert_eq!(caller.volume.read(&old, 0, 9).await.unwrap(), "old");
    assert_eq!(caller.volume.read(&new, 0, 9).await.unwrap(), "newer");
    assert_ne!(old.known.ino, new.known.ino);
}

#[tokio::test]
async fn nobody_waits_for_ever_and_the_end_ends_all() {
    let caller = show(MemoryTree::new().folder("mill").silent_file("mill/a"));
    let file = caller.open("\\mill\\a").await.unwrap();
    let silence = |error: VfsError| matches!(error, VfsError::Tree(TreeError::TimedOut));
    assert!(silence(caller.volume.read(&file, 0, 1).await.unwrap_err()));
    caller.tree.silence("quarry");
    assert!(silence(caller.open("\\quarry").await.err().unwrap()));
    let mut slow = MemoryTree::new().folder("mill");
    for path in ["mill/a", "mill/b", "mill/c"] {
        slow = slow.link(path, "silent");
    }
    slow.silence("mill/silent");
    assert!(silence(show(slow).names("\\mill", 9).await.unwrap_err()), "however many links lead there");
    caller.volume.vfs.end();
    assert!(matches!(caller.open("\\mill\\a").await.err(), Some(VfsError::Ending)));
}

#[tokio::test]
async fn a_file_is_closed_with_its_last_holder() {
    let caller = show(MemoryTree::new().file("a", "content"));
    let file = caller.open("\\a").await.unwrap();
    let path = TreePath::root().child(b"a").unwrap();
    let is_open = || caller.volume.vfs.holder(&path).is_some_and(|(_, is_open)| is_open);
    assert!(is_open());
    drop(file);
    assert!(!is_open());
}

#[test]
fn times_are_counted_as_windows_does() {
    assert_eq!(ticks(1_700_000_000_123_456_789), 133_444_736_001_234_567, "2023-11-14T22:13:20.1234567Z");
    assert_eq!((ticks(0), ticks(i64::MIN)), (116_444_736_000_000_000, 24_211_015_631_452_242));
}

#[test]
fn the_folder_is_made_way_for_only_where_nothing_lies_in_it() {
    let outside = tempfile::tempdir().unwrap();
    let dir = outside.path().join("deep/grid");
    prepare(&dir).unwrap();
    assert!(!dir.exists() && dir.parent().unwrap().is_dir());
    fs::create_dir(&dir).unwrap();
    prepare(&dir).unwrap();
    assert!(!dir.exists());
    fs::create_dir(&dir).unwrap();
    fs::write(dir.join("mine"), "").unwrap();
    assert!(matches!(prepare(&dir), Err(MountError::NotEmpty { .. })));
    assert!(dir.join("mine").exists());
}
