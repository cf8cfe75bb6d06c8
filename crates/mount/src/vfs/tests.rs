use std::sync::atomic::Ordering::Relaxed;

use proptest::prelude::*;

use super::*;
use crate::memory::MemoryTree;

const DEADLINES: Deadlines = Deadlines { metadata: Duration::from_secs(10), read: Duration::from_secs(30) };

fn vfs(tree: MemoryTree) -> (Arc<MemoryTree>, Arc<Vfs>) {
    let tree = Arc::new(tree);
    (tree.clone(), Arc::new(Vfs::new(tree, DEADLINES)))
}

async fn open(vfs: &Vfs, name: &str) -> Result<u64, VfsError> {
    let ino = vfs.lookup(Ino::ROOT, name.as_bytes(), Hold::Yes).await?.ino;
    vfs.open(ino).await
}

async fn names(vfs: &Vfs, handle: u64, mut index: u64) -> Vec<Bytes> {
    let mut names = Vec::new();
    loop {
        let page = vfs.page(handle, index).await.unwrap();
        for (at, (name, _)) in page.from(index) {
            names.push(name.clone());
            index = at + 1;
        }
        if page.is_last() {
            return names;
        }
    }
}

#[tokio::test]
async fn looking_and_opening_ask_for_no_bytes_and_looking_twice_asks_once() {
    let (tree, vfs) = vfs(MemoryTree::new().zeroes("big", 10 << 30));
    let known = vfs.lookup(Ino::ROOT, b"big", Hold::Yes).await.unwrap();
    assert_eq!(vfs.attributes(known.ino).await.unwrap().entry.size_bytes, 10 << 30);

    let handle = vfs.open(known.ino).await.unwrap();
    vfs.close(handle);

    assert_eq!(tree.asked.stats.load(Relaxed), 1);
    assert_eq!(tree.asked.bytes.load(Relaxed), 0);
}

#[tokio::test]
async fn a_read_asks_for_what_is_there_and_no_more() {
    let (tree, vfs) = vfs(MemoryTree::new().file("a", "0123456789"));
    let handle = open(&vfs, "a").await.unwrap();

    assert_eq!(vfs.read(handle, 4, 3).await.unwrap(), "456");
    assert_eq!(vfs.read(handle, 8, 100).await.unwrap(), "89");
    assert_eq!(tree.asked.bytes.load(Relaxed), 5);

    for beyond in [10, 11, u64::MAX] {
        assert_eq!(vfs.read(handle, beyond, 1).await.unwrap(), "");
    }
    assert_eq!(tree.asked.reads.load(Relaxed), 2, "nothing is asked beyond the end");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_not_answered_ends_at_its_deadline() {
    let (tree, vfs) = vfs(MemoryTree::new().silent_file("a").file("b", "x"));
    let handle = open(&vfs, "a").await.unwrap();
    tree.silence("b");
    let start = Instant::now();

    let error = vfs.lookup(Ino::ROOT, b"b", Hold::Yes).await.unwrap_err();
    assert_eq!((error.errno(), start.elapsed()), (rustix::io::Errno::TIMEDOUT, DEADLINES.metadata));

    let start = Instant::now();
    let error = vfs.read(handle, 0, 1).await.unwrap_err();
    assert_eq!((error.errno(), start.elapsed()), (rustix::io::Errno::TIMEDOUT, DEADLINES.read));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_was_silent_fails_at_once_for_a_moment_and_is_then_asked_again() {
    let (tree, vfs) = vfs(MemoryTree::new().silent_file("a"));
    let handle = open(&vfs, "a").await.unwrap();
    vfs.read(handle, 0, 1).await.unwrap_err();
    let start = Instant::now();

    let error = vfs.read(handle, 500, 1).await.unwrap_err();
    assert_eq!((error.errno(), start.elapsed()), (rustix::io::Errno::TIMEDOUT, Duration::ZERO));
    assert_eq!(tree.asked.reads.load(Relaxed), 1);

    tokio::time::advance(SILENCE_LASTS).await;
    vfs.read(handle, 0, 1).await.unwrap_err();
    assert_eq!(tree.asked.reads.load(Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn reads_that_hang_keep_nobody_from_looking_elsewhere() {
    let (_tree, vfs) = vfs(MemoryTree::new().silent_file("a").file("b", "x"));
    let handle = open(&vfs, "a").await.unwrap();
    for _ in 0..2 * MAX_CALLS {
        let vfs = vfs.clone();
        tokio::spawn(async move { vfs.read(handle, 0, 1).await });
    }
    tokio::task::yield_now().await;
    let start = Instant::now();

    vfs.lookup(Ino::ROOT, b"b", Hold::Yes).await.unwrap();
    assert_eq!(start.elapsed(), Duration::ZERO);

    // Those that wait for their turn have the same deadline, counted from when they came.
    let error = vfs.read(handle, 0, 1).await.unwrap_err();
    assert_eq!((error.errno(), start.elapsed()), (rustix::io::Errno::TIMEDOUT, DEADLINES.read));
}

#[tokio::test]
async fn the_end_of_the_mount_ends_every_call() {
    let (_tree, vfs) = vfs(MemoryTree::new().silent_file("a"));
    let handle = open(&vfs, "a").await.unwrap();
    let waiting = tokio::spawn({
        let vfs = vfs.clone();
        async move { vfs.read(handle, 0, 1).await }
    });
    tokio::task::yield_now().await;

    vfs.end();

    assert!(matches!(waiting.await.unwrap(), Err(VfsError::Ending)));
    assert!(matches!(vfs.lookup(Ino::ROOT, b"x", Hold::Yes).await, Err(VfsError::Ending)));
}

#[tokio::test]
async fn an_open_file_keeps_its_version_and_the_next_one_to_open_gets_the_new_one() {
    let (tree, vfs) = vfs(MemoryTree::new().file("a", "old"));
    let ino = vfs.lookup(Ino::ROOT, b"a", Hold::Yes).await.unwrap().ino;
    let old = vfs.open(ino).await.unwrap();
    tree.write("a", "brand new");

    let error = vfs.open(ino).await.unwrap_err();
    assert_eq!(error.errno(), rustix::io::Errno::STALE, "the kernel then looks again");
    let new = open(&vfs, "a").await.unwrap();

    assert_eq!(vfs.read(old, 0, 100).await.unwrap(), "old");
    assert_eq!(vfs.attributes(ino).await.unwrap().entry.size_bytes, 3);
    assert_eq!(vfs.read(new, 0, 100).await.unwrap(), "brand new");
    vfs.close(old);
    assert_eq!(vfs.attributes(ino).await.unwrap_err().errno(), rustix::io::Errno::STALE);
}

#[tokio::test]
async fn a_folder_is_listed_in_pages_from_any_place() {
    let mut tree = MemoryTree::new();
    for number in 0..2_500 {
        tree = tree.file(format!("{number:04}"), "");
    }
    let (tree, vfs) = vfs(tree);
    let handle = vfs.open_folder(Ino::ROOT).unwrap();

    let all = names(&vfs, handle, 0).await;
    assert_eq!((all.len(), all.is_sorted(), tree.asked.lists.load(Relaxed)), (2_500, true, 3));
    assert_eq!(names(&vfs, handle, 1_500).await[0], "1500", "back into a page that was left");
    assert_eq!(names(&vfs, handle, 9_999).await, [""; 0]);

    tree.write("0000a", "");
    assert_eq!(names(&vfs, handle, 0).await.len(), 2_501, "from the beginning it is read anew");
}

#[tokio::test]
async fn the_root_is_a_folder_even_if_the_tree_is_silent() {
    let (tree, vfs) = vfs(MemoryTree::new());
    tree.silence("");
    assert_eq!(vfs.attributes(Ino::ROOT).await.unwrap().entry.kind, Kind::Folder);
}

#[tokio::test]
async fn what_is_no_file_cannot_be_opened_and_what_is_no_folder_not_listed() {
    let (_tree, vfs) = vfs(MemoryTree::new().folder("folder").file("file", "").link("link", "file"));
    let open_errno = async |name| open(&vfs, name).await.unwrap_err().errno();
    assert_eq!(open_errno("folder").await, rustix::io::Errno::ISDIR);
    assert_eq!(open_errno("link").await, rustix::io::Errno::LOOP);
    assert_eq!(open_errno("nothing").await, rustix::io::Errno::NOENT);
    let file = vfs.lookup(Ino::ROOT, b"file", Hold::Yes).await.unwrap().ino;
    assert_eq!(vfs.open_folder(file).unwrap_err().errno(), rustix::io::Errno::NOTDIR);
    let link = vfs.lookup(Ino::ROOT, b"link", Hold::Yes).await.unwrap().ino;
    assert_eq!(vfs.target(link).unwrap(), "file");
}

#[tokio::test]
async fn an_answer_that_is_too_short_or_too_long_is_no_end_of_the_file() {
    struct Liar(Entry, usize);
    impl OpenFile for Liar {
        fn entry(&self) -> &Entry {
            &self.0
        }
        fn read(&self, _: u64, _: u32) -> futures::future::BoxFuture<'_, Result<Bytes, TreeError>> {
            Box::pin(async { Ok(Bytes::from(vec![7; self.1])) })
        }
    }
    let liar = |length| Liar(Entry { kind: Kind::File, size_bytes: 100, ..Entry::folder() }, length);
    assert_eq!(read_whole(&liar(10), 0, 100).await.unwrap().len(), 100, "in pieces is fine");
    for wrong in [0, 30, 101] {
        let error = read_whole(&liar(wrong), 0, 100).await.unwrap_err();
        assert!(matches!(error, TreeError::Unreadable { .. }), "{wrong}: {error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]

    #[test]
    fn from_every_place_a_folder_goes_on_with_the_next_name(count in 0..3_000_u64, places in prop::collection::vec(0..3_100_u64, 1..20)) {
        let mut tree = MemoryTree::new();
        for number in 0..count {
            tree = tree.file(format!("{number:04}"), "");
        }
        let (_tree, vfs) = vfs(tree);
        let handle = vfs.open_folder(Ino::ROOT).unwrap();
        for place in places {
            let page = run(vfs.page(handle, place)).unwrap();
            let first = page.from(place).next().map(|(_, (name, _))| name.clone());
            prop_assert_eq!(first, (place < count).then(|| Bytes::from(format!("{place:04}"))));
        }
    }

    #[test]
    fn every_read_is_that_part_of_the_file(bytes in prop::collection::vec(any::<u8>(), 0..300), offset in 0..400_u64, length in 0..400_u32) {
        let (_tree, vfs) = vfs(MemoryTree::new().file("a", bytes.clone()));
        let handle = run(open(&vfs, "a")).unwrap();
        let read = run(vfs.read(handle, offset, length)).unwrap();
        let (from, end) = (bytes.len().min(offset as usize), bytes.len().min(offset as usize + length as usize));
        prop_assert_eq!(&read[..], &bytes[from..end]);
    }
}

fn run<T>(call: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(call)
}
