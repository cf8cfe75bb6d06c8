use std::io::Read as _;

use gridwell_files::{GROUP_BYTES, Groups, Outboard, Part, Parts, Purpose, Verified, group_range};
use gridwell_model::BlobId;
use gridwell_store::{BlobError, Checked, Object, ObjectError, ObjectLimits, Proof, Store, StoreLimits};

use crate::support::{Fixture, TinyDisk, job, small_limits};

pub(crate) const MIB: u64 = 1024 * 1024;

/// Content that somebody else has whole.
pub(crate) struct Source {
    pub(crate) bytes: Vec<u8>,
    outboard: Outboard,
}

impl Source {
    pub(crate) fn new(number: u8, size_bytes: u64) -> Self {
        let bytes: Vec<u8> = (0..size_bytes).map(|at| (at / 999 % 251) as u8 ^ number).collect();
        Self { outboard: Outboard::of(&bytes), bytes }
    }

    fn blob(&self) -> BlobId {
        self.outboard.root()
    }

    pub(crate) fn slice(&self, group: u64) -> &[u8] {
        let range = group_range(group, self.bytes.len() as u64);
        &self.bytes[range.start as usize..range.end as usize]
    }

    pub(crate) async fn open(&self, store: &Store, purpose: Purpose) -> Object {
        store.objects().open(self.blob(), self.bytes.len() as u64, purpose).await.unwrap()
    }

    fn parts(&self, object: &Object, groups: &Groups) -> Vec<Verified> {
        let mut decoder = object.decoder(groups.clone());
        let bytes = |part| match part {
            Part::Pair(number) => self.outboard.pair(number).unwrap().as_slice(),
            Part::Group(number) => self.slice(number),
        };
        let parts = Parts::new(object.size_bytes(), groups.clone());
        parts.map(|part| decoder.push(&mut bytes(part)).unwrap().unwrap()).collect()
    }

    pub(crate) async fn send(&self, object: &Object, groups: &Groups) {
        object.write(self.parts(object, groups)).await.unwrap();
    }
}

pub(crate) fn limits(own_mib: u64, relayed_mib: u64) -> StoreLimits {
    let objects =
        ObjectLimits { own_bytes: own_mib * MIB, relayed_bytes: relayed_mib * MIB, reserve_bytes: 0, floor_bytes: 0 };
    StoreLimits { objects, ..small_limits() }
}

#[tokio::test]
async fn what_came_is_read_by_every_handle_and_after_a_restart() {
    let fixture = Fixture::new();
    let source = Source::new(1, 9 * GROUP_BYTES + 7);
    let object = source.open(&fixture.store, Purpose::Own).await;
    source.send(&object, &Groups::from(2..4)).await;
    let second = source.open(&fixture.store, Purpose::Relayed).await;

    let offset = 2 * GROUP_BYTES + 100;
    assert_eq!(second.read_at(offset, 1_000).await.unwrap(), source.bytes[offset as usize..][..1_000]);
    let missing = second.read_at(3 * GROUP_BYTES, 2 * GROUP_BYTES as usize).await.unwrap_err();
    assert!(matches!(missing, ObjectError::Missing { group: 4, .. }), "{missing}");
    assert!(second.read_at(u64::MAX, 10).await.unwrap().is_empty());
    let mut byte = [0];
    assert_eq!(second.read_at_blocking(offset, &mut byte).unwrap(), 1);
    assert_eq!(byte[0], source.bytes[offset as usize]);

    drop((object, second));
    let fixture = fixture.reopen().await;
    let object = source.open(&fixture.store, Purpose::Own).await;
    assert_eq!(object.present(), Groups::from(2..4));
    assert_eq!(fixture.store.objects().usage().own_bytes, 2 * GROUP_BYTES);
    source.send(&object, &Groups::all(object.size_bytes())).await;
    assert_eq!(object.read_at(0, usize::MAX).await.unwrap(), source.bytes);
}

#[tokio::test]
async fn looking_for_pieces_makes_none() {
    let fixture = Fixture::new();
    let source = Source::new(15, 3 * GROUP_BYTES);
    assert!(fixture.store.objects().find(source.blob(), Purpose::Own).await.unwrap().is_none());
    source.send(&source.open(&fixture.store, Purpose::Own).await, &Groups::from(1..2)).await;

    let found = fixture.store.objects().find(source.blob(), Purpose::Relayed).await.unwrap().unwrap();
    assert_eq!((found.size_bytes(), found.present()), (3 * GROUP_BYTES, Groups::from(1..2)));
    let fixture = fixture.reopen().await;
    let found = fixture.store.objects().find(source.blob(), Purpose::Relayed).await.unwrap().unwrap();
    assert_eq!((found.size_bytes(), found.present()), (3 * GROUP_BYTES, Groups::from(1..2)));
}

#[tokio::test]
async fn what_is_here_is_proven_to_the_next_peer() {
    let (near, far) = (Fixture::new(), Fixture::new());
    let source = Source::new(2, 29 * GROUP_BYTES + 7);
    let from = source.open(&near.store, Purpose::Relayed).await;
    source.send(&from, &Groups::from(3..9)).await;
    source.send(&from, &Groups::from(20..30)).await;
    let wanted: Groups = [4, 5, 8, 21, 29].into_iter().collect();

    let to = source.open(&far.store, Purpose::Own).await;
    receive(from.prove(wanted.clone()), &to, &wanted).await;

    assert_eq!(to.read_at(29 * GROUP_BYTES, 100).await.unwrap(), source.slice(29));
    let mut missing = from.prove(Groups::from(9..10));
    assert!(matches!(missing.next().await, Err(ObjectError::Missing { group: 9, .. })));
}

#[tokio::test]
async fn an_open_object_stays_within_the_budget_unless_a_job_needs_it() {
    let fixture = Fixture::with(limits(32, 0));
    let source = Source::new(3, 96 * MIB);
    let object = source.open(&fixture.store, Purpose::Own).await;
    for mib in 0..96 {
        source.send(&object, &Groups::of_bytes(mib * MIB..(mib + 1) * MIB)).await;
        assert!(fixture.store.objects().usage().own_bytes <= 48 * MIB);
    }
    let present = object.present();
    assert_eq!(present.bytes(96 * MIB), fixture.store.objects().usage().own_bytes);
    assert!(present.contains(group_of(95)) && !present.contains(group_of(0)), "the latest are kept");
    assert_eq!(object.read_at(95 * MIB, 100).await.unwrap(), source.bytes[95 * MIB as usize..][..100]);

    fixture.store.blobs().pin(job(1), vec![object.blob()]).await.unwrap();
    source.send(&object, &Groups::all(96 * MIB)).await;
    let other = Source::new(4, 40 * MIB);
    let beside = other.open(&fixture.store, Purpose::Own).await;
    other.send(&beside, &Groups::all(40 * MIB)).await;
    source.send(&object, &Groups::all(96 * MIB)).await;
    assert!(object.is_complete());
    assert!(!beside.is_complete());
}

const fn group_of(mib: u64) -> u64 {
    mib * MIB / GROUP_BYTES
}

#[tokio::test]
async fn passing_on_never_pushes_out_own_pieces() {
    let fixture = Fixture::with(limits(64, 16));
    let (own, film) = (Source::new(5, 40 * MIB), Source::new(6, 80 * MIB));
    let read_here = own.open(&fixture.store, Purpose::Own).await;
    own.send(&read_here, &Groups::all(40 * MIB)).await;
    let passed_on = film.open(&fixture.store, Purpose::Relayed).await;
    for mib in 0..80 {
        film.send(&passed_on, &Groups::of_bytes(mib * MIB..(mib + 1) * MIB)).await;
    }

    assert!(read_here.is_complete());
    let usage = fixture.store.objects().usage();
    assert!(usage.own_bytes == 40 * MIB && usage.relayed_bytes <= 32 * MIB, "{usage:?}");
}

#[tokio::test]
async fn a_complete_object_is_a_file_and_stays_one_while_it_is_held() {
    let fixture = Fixture::with(limits(1, 1));
    let source = Source::new(7, 2 * MIB + 1);
    let object = source.open(&fixture.store, Purpose::Own).await;
    source.send(&object, &Groups::from(0..32)).await;
    assert!(matches!(object.open_whole().await, Err(ObjectError::Missing { group: 32, .. })));
    source.send(&object, &Groups::from(32..33)).await;

    let (mut file, hold) = object.open_whole().await.unwrap();
    let other = Source::new(8, 40 * MIB);
    other.send(&other.open(&fixture.store, Purpose::Own).await, &Groups::all(40 * MIB)).await;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert!(bytes == source.bytes);

    drop(hold);
    let more = Source::new(9, 40 * MIB);
    more.send(&more.open(&fixture.store, Purpose::Own).await, &Groups::all(40 * MIB)).await;
    more.send(&more.open(&fixture.store, Purpose::Own).await, &Groups::all(40 * MIB)).await;
    assert_eq!(object.present(), Groups::new());
}

#[tokio::test]
async fn nothing_is_left_of_a_removed_object() {
    let fixture = Fixture::new();
    let source = Source::new(10, 3 * GROUP_BYTES);
    let object = source.open(&fixture.store, Purpose::Own).await;
    source.send(&object, &Groups::all(3 * GROUP_BYTES)).await;
    object.sync().await.unwrap();
    drop(object);

    fixture.store.objects().remove(source.blob()).await.unwrap();
    fixture.store.objects().remove(source.blob()).await.unwrap();

    let object = source.open(&fixture.store, Purpose::Own).await;
    assert_eq!((object.present(), fixture.store.objects().usage().objects), (Groups::new(), 0));
    let wrong = fixture.store.objects().open(source.blob(), GROUP_BYTES, Purpose::Own).await.unwrap_err();
    assert!(matches!(wrong, ObjectError::WrongSize { .. }), "{wrong}");
}

#[tokio::test]
async fn a_full_disk_refuses_pieces() {
    let full = ObjectLimits { floor_bytes: u64::MAX, ..limits(9, 9).objects };
    let fixture = Fixture::with(StoreLimits { objects: full, ..small_limits() });
    let source = Source::new(11, 3 * GROUP_BYTES);
    let object = source.open(&fixture.store, Purpose::Own).await;

    let refused = object.write(source.parts(&object, &Groups::from(0..1))).await.unwrap_err();

    assert!(matches!(refused, ObjectError::NoRoom { .. }), "{refused}");
    assert_eq!(object.present(), Groups::new());
}

#[tokio::test]
async fn a_disk_that_fills_up_keeps_what_it_took_and_nothing_wrong() {
    let Some(disk) = TinyDisk::mount() else { return };
    let root = tempfile::tempdir().unwrap();
    let data_dir = root.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    std::os::unix::fs::symlink(disk.path(), data_dir.join("objects")).unwrap();
    let store = Store::open_with(&data_dir, small_limits()).unwrap();
    let source = Source::new(16, 3 * MIB);
    let object = source.open(&store, Purpose::Own).await;

    let mut fits = Groups::new();
    let refused = loop {
        let next = fits.count();
        match object.write(source.parts(&object, &Groups::from(next..next + 1))).await {
            Ok(()) => fits.insert(next..next + 1),
            Err(error) => break error,
        }
    };

    assert!(matches!(refused, ObjectError::NoRoom { .. }), "{refused}");
    assert!(object.present() == fits && (8..16).contains(&fits.count()), "{fits:?}");
    for group in fits.iter() {
        assert!(object.read_at(group * GROUP_BYTES, GROUP_BYTES as usize).await.unwrap() == source.slice(group));
    }
    store.objects().remove(source.blob()).await.unwrap();
    source.send(&object, &Groups::from(40..48)).await;
    drop(object);
    store.close().await;
}

/// Takes a proof of `groups` into an object of another store.
pub(crate) async fn receive(mut proof: Proof, to: &Object, groups: &Groups) {
    let mut decoder = to.decoder(groups.clone());
    while let Some(bytes) = proof.next().await.unwrap() {
        let mut bytes = bytes.as_slice();
        let parts = std::iter::from_fn(|| decoder.push(&mut bytes).unwrap()).collect();
        to.write(parts).await.unwrap();
    }
    decoder.finish().unwrap();
    assert_eq!((proof.left_bytes(), &to.present()), (0, groups));
}

#[tokio::test]
async fn a_blob_that_is_here_whole_is_proven_by_ranges() {
    let (near, far) = (Fixture::new(), Fixture::new());
    let stored = Source::new(12, 3 * MIB + 1);
    near.store.blobs().put(stored.bytes.clone()).await.unwrap();
    let referenced = Source::new(13, 5 * GROUP_BYTES);
    let path = near.file("scene.blend", &referenced.bytes);
    near.store.blobs().reference(&path).await.unwrap();

    for source in [&stored, &referenced] {
        let groups: Groups = [0, 3, 4].into_iter().collect();
        let to = source.open(&far.store, Purpose::Own).await;
        receive(near.store.blobs().prove(source.blob(), groups.clone()).await.unwrap(), &to, &groups).await;
        assert_eq!(to.read_at(3 * GROUP_BYTES, GROUP_BYTES as usize).await.unwrap(), source.slice(3));
    }
    let unknown = near.store.blobs().prove(BlobId([1; 32]), Groups::from(0..1)).await.unwrap_err();
    assert!(matches!(unknown, ObjectError::Blob(BlobError::Missing { .. })), "{unknown}");

    let mut proof = near.store.blobs().prove(referenced.blob(), Groups::from(0..1)).await.unwrap();
    std::fs::write(&path, b"something else").unwrap();
    assert!(matches!(proof.next().await, Err(ObjectError::Blob(BlobError::Changed { .. }))));
}

#[tokio::test]
async fn the_outboard_of_a_large_blob_is_made_once_and_goes_with_it() {
    let fixture = Fixture::new();
    let source = Source::new(14, 3 * MIB + 1);
    let blob = fixture.store.blobs().put(source.bytes.clone()).await.unwrap();
    let kept = fixture.stored_path(blob).with_extension("tree");
    assert_eq!(*fixture.store.blobs().outboard(blob).await.unwrap(), source.outboard);
    assert_eq!(std::fs::read(&kept).unwrap(), source.outboard.as_bytes());

    let fixture = fixture.reopen().await;
    let written = std::fs::metadata(&kept).unwrap().modified().unwrap();
    assert_eq!(*fixture.store.blobs().outboard(blob).await.unwrap(), source.outboard);
    assert_eq!(std::fs::metadata(&kept).unwrap().modified().unwrap(), written, "it was read");

    let fixture = fixture.reopen().await;
    std::fs::write(&kept, b"spoiled").unwrap();
    assert_eq!(*fixture.store.blobs().outboard(blob).await.unwrap(), source.outboard);
    assert_eq!(std::fs::read(&kept).unwrap(), source.outboard.as_bytes());

    fixture.store.blobs().remove(blob).await.unwrap();
    assert!(!kept.exists());
    std::fs::write(&kept, source.outboard.as_bytes()).unwrap();
    let _fixture = fixture.reopen().await;
    assert!(!kept.exists(), "its blob is not here");
}

#[tokio::test]
async fn a_check_takes_away_what_is_wrong_and_only_that() {
    let fixture = Fixture::new();
    let source = Source::new(5, 40 * GROUP_BYTES + 7);
    let object = source.open(&fixture.store, Purpose::Own).await;
    source.send(&object, &Groups::all(object.size_bytes())).await;
    object.sync().await.unwrap();
    let name = source.blob().to_string();
    let path = fixture.root.path().join(format!("data/objects/{}/{name}.data", &name[..2]));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"spoilt", 20 * GROUP_BYTES).unwrap();
    let objects = fixture.store.objects();

    let checked = objects.check(source.blob()).await.unwrap();

    assert_eq!(checked, Checked { bytes: object.size_bytes(), wrong_bytes: 16 * GROUP_BYTES });
    assert_eq!(object.present(), Groups::from(0..16).union(&Groups::from(32..41)));
    assert_eq!(objects.here_bytes(source.blob()), object.size_bytes() - 16 * GROUP_BYTES);
    source.send(&object, &Groups::from(16..32)).await;
    assert_eq!(objects.check(source.blob()).await.unwrap().wrong_bytes, 0);
}

#[tokio::test]
async fn room_is_made_of_what_nobody_holds() {
    let fixture = Fixture::new();
    let source = Source::new(6, 3 * GROUP_BYTES);
    let object = source.open(&fixture.store, Purpose::Own).await;
    source.send(&object, &Groups::all(object.size_bytes())).await;
    let (objects, hold) = (fixture.store.objects(), object.hold());

    assert_eq!(objects.free(source.blob()).await.unwrap(), 0);
    assert!(object.is_complete());
    drop(hold);
    assert_eq!(objects.free(source.blob()).await.unwrap(), 3 * GROUP_BYTES);
    assert_eq!(objects.here_bytes(source.blob()), 0);

    let name = source.blob().to_string();
    let path = fixture.root.path().join(format!("data/objects/{}/{name}.data", &name[..2]));
    assert!(path.exists(), "somebody has it open");
    drop(object);
    fixture.store.close().await;
    assert!(!path.exists(), "whoever has it last takes the files away");
}

#[tokio::test]
async fn bytes_that_are_kept_are_whole_proven_and_stay_while_they_are_held() {
    let fixture = Fixture::new();
    for size_bytes in [1, GROUP_BYTES, 5 * GROUP_BYTES + 7] {
        let source = Source::new(3, size_bytes);
        let hold = fixture.store.objects().keep(&source.bytes).await.unwrap();
        assert_eq!(hold.blob(), source.blob());
        let object = source.open(&fixture.store, Purpose::Own).await;
        assert!(object.is_complete());
        assert_eq!(object.read_at(0, source.bytes.len()).await.unwrap(), source.bytes);
        assert_eq!(fixture.store.objects().free(hold.blob()).await.unwrap(), 0, "it is held");
        drop(hold);
        assert_eq!(fixture.store.objects().free(source.blob()).await.unwrap(), size_bytes);
    }
}
