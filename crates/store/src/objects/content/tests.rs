use std::{os::unix::fs::MetadataExt as _, thread};

use gridwell_files::{Decoder, Outboard, Part, Parts, group_range};
use tempfile::TempDir;

use super::*;

const SIZE_BYTES: u64 = 37 * GROUP_BYTES + 1_234;

/// Content, its proof, and a folder to keep pieces of it in.
struct Fixture {
    bytes: Vec<u8>,
    outboard: Outboard,
    folder: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let bytes: Vec<u8> = (0..SIZE_BYTES).map(|at| (at / 1_000 % 251) as u8).collect();
        Self { outboard: Outboard::of(&bytes), bytes, folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("ab").join("object")
    }

    fn open(&self) -> Content {
        self.open_at(&self.path())
    }

    fn open_at(&self, path: &Path) -> Content {
        Content::open(path, self.outboard.root(), SIZE_BYTES, Arc::default()).unwrap()
    }

    fn parts(&self, groups: &Groups) -> Vec<Verified> {
        let mut decoder = Decoder::new(self.outboard.root(), SIZE_BYTES, groups.clone());
        let bytes = |part| match part {
            Part::Pair(number) => self.outboard.pair(number).unwrap().as_slice(),
            Part::Group(number) => self.slice(number),
        };
        Parts::new(SIZE_BYTES, groups.clone()).map(|part| decoder.push(&mut bytes(part)).unwrap().unwrap()).collect()
    }

    fn slice(&self, group: u64) -> &[u8] {
        let range = group_range(group, SIZE_BYTES);
        &self.bytes[range.start as usize..range.end as usize]
    }

    fn write(&self, content: &Content, groups: &Groups) {
        content.write(&self.parts(groups), |_| ()).unwrap();
    }

    /// Reads a group; `None` if it is not here.
    fn read(&self, content: &Content, group: u64) -> Option<Vec<u8>> {
        let mut bytes = vec![0xee; self.slice(group).len()];
        match content.read_at(group * GROUP_BYTES, &mut bytes) {
            Ok(count) => {
                assert_eq!(count, bytes.len());
                Some(bytes)
            }
            Err(ObjectError::Missing { group: missing, .. }) => {
                assert_eq!(missing, group);
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// Checks that what is said to be here is here, and can be proven.
    fn check(&self, content: &Content) {
        let present = content.present();
        for group in 0..group_count(SIZE_BYTES) {
            let expected = present.contains(group).then(|| self.slice(group).to_vec());
            assert!(self.read(content, group) == expected, "group {group}");
        }
        for part in Parts::new(SIZE_BYTES, present) {
            if let Part::Pair(number) = part {
                let mut pair = [0; PAIR_BYTES as usize];
                content.read_pair(number, &mut pair).unwrap();
                assert_eq!(&pair, self.outboard.pair(number).unwrap());
            }
        }
    }

    /// What a machine that lost its power now finds at its next start.
    fn after_a_crash(&self) -> (TempDir, Content) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("object");
        for ending in ["data", "tree", "map"] {
            fs::copy(self.path().with_extension(ending), path.with_extension(ending)).unwrap();
        }
        let content = self.open_at(&path);
        (folder, content)
    }
}

#[test]
fn after_a_crash_what_was_synced_is_here_and_nothing_is_wrong() {
    let fixture = Fixture::new();
    let content = fixture.open();
    let (early, late) = (Groups::from(3..9), Groups::from(20..38));

    fixture.write(&content, &early);
    assert_eq!(fixture.after_a_crash().1.present(), Groups::new());
    content.sync(|_| ()).unwrap();
    fixture.write(&content, &late);
    let (_folder, crashed) = fixture.after_a_crash();
    assert_eq!(crashed.present(), early);
    fixture.check(&crashed);

    content.sync(|_| ()).unwrap();
    let (_folder, crashed) = fixture.after_a_crash();
    assert_eq!(crashed.present(), early.union(&late));
    fixture.check(&crashed);
}

#[test]
fn a_map_that_is_cut_anywhere_names_only_what_is_here() {
    let fixture = Fixture::new();
    let content = fixture.open();
    for groups in [3..9, 0..1, 20..38] {
        fixture.write(&content, &Groups::from(groups));
        content.sync(|_| ()).unwrap();
    }
    drop(content);
    let map = fs::read(map_path(&fixture.path())).unwrap();

    for length in (0..=map.len()).rev() {
        fs::write(map_path(&fixture.path()), &map[..length]).unwrap();
        let content = fixture.open();
        fixture.check(&content);
        if content.present().is_empty() {
            break;
        }
    }
}

#[test]
fn without_its_bytes_or_pairs_a_map_counts_for_nothing() {
    for ending in ["data", "tree"] {
        let fixture = Fixture::new();
        let content = fixture.open();
        fixture.write(&content, &Groups::all(SIZE_BYTES));
        content.sync(|_| ()).unwrap();
        drop(content);
        fs::remove_file(fixture.path().with_extension(ending)).unwrap();

        assert_eq!(fixture.open().present(), Groups::new(), "{ending}");
    }
}

#[test]
fn evicted_groups_give_their_room_back_and_can_come_again() {
    let fixture = Fixture::new();
    let content = fixture.open();
    let all = Groups::all(SIZE_BYTES);
    fixture.write(&content, &all);
    content.sync(|_| ()).unwrap();
    let room = || fs::metadata(data_path(&fixture.path())).unwrap().blocks() * 512;
    let before = room();

    assert_eq!(content.evict(&Groups::from(0..32), || true).unwrap(), Groups::new(), "it is needed");
    assert_eq!(content.evict(&Groups::from(0..32), || false).unwrap(), Groups::from(0..32));

    assert_eq!(before - room(), 32 * GROUP_BYTES);
    fixture.check(&content);
    assert_eq!(fixture.after_a_crash().1.present(), Groups::from(32..38));
    fixture.write(&content, &Groups::from(30..34));
    content.sync(|_| ()).unwrap();
    fixture.check(&content);
    fixture.check(&fixture.open());
    assert_eq!(fixture.open().present(), Groups::from(30..38));
}

#[test]
fn reading_writing_and_evicting_at_once_never_shows_a_wrong_byte() {
    let fixture = Fixture::new();
    let content = fixture.open();
    let some = |round: u64| Groups::from_iter((0..38).filter(|group| (group * 7 + round) % 5 < 2));

    thread::scope(|scope| {
        for writer in 0..2 {
            let (fixture, content) = (&fixture, &content);
            scope.spawn(move || (0..60).for_each(|round| fixture.write(content, &some(round + writer))));
        }
        scope.spawn(|| {
            for round in 0..120 {
                content.evict(&some(round * 3), || false).unwrap();
            }
        });
        scope.spawn(|| (0..60).for_each(|_| content.sync(|_| ()).unwrap()));
        scope.spawn(|| {
            for round in 0..3_000 {
                let group = round % 38;
                let read = fixture.read(&content, group);
                assert!(read.is_none_or(|bytes| bytes == fixture.slice(group)), "group {group}");
            }
        });
    });

    content.sync(|_| ()).unwrap();
    fixture.check(&content);
    let (_folder, crashed) = fixture.after_a_crash();
    assert_eq!(crashed.present(), content.present());
    fixture.check(&crashed);
}

#[test]
fn another_size_is_believed_only_while_nothing_proves_this_one() {
    let fixture = Fixture::new();
    let root = fixture.outboard.root();
    let content = fixture.open();
    fixture.write(&content, &Groups::from(0..3));
    content.sync(|_| ()).unwrap();
    drop(content);

    let other = Content::open(&fixture.path(), root, SIZE_BYTES + GROUP_BYTES, Arc::default()).unwrap();
    assert_eq!(other.present(), Groups::new(), "its pairs would lie elsewhere");
    drop(other);
    let content = fixture.open();
    fixture.write(&content, &Groups::from(37..38));
    content.sync(|_| ()).unwrap();
    let refused = Content::open(&fixture.path(), root, SIZE_BYTES + 1, Arc::default()).unwrap_err();
    assert!(matches!(refused, ObjectError::WrongSize { .. }));
    assert!(Content::open(&fixture.path(), root, 0, Arc::default()).is_err());
}
