use std::{
    os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink},
    path::PathBuf,
};

use gridwell_model::{BlobId, RelPath, Stamp};
use gridwell_store::{LandError, LandSource, Overwrite, PutError, check_folder};

use crate::support::{Fixture, TinyDisk, names, rel};

impl Fixture {
    fn out(&self) -> PathBuf {
        self.root.path().join("out")
    }

    async fn land(&self, source: LandSource, path: &str) -> Result<PathBuf, LandError> {
        self.store.blobs().land(source, &self.out(), &rel(path), false, Overwrite::Replace).await
    }

    async fn put(&self, bytes: &[u8]) -> BlobId {
        self.store.blobs().put(bytes.to_vec()).await.unwrap()
    }
}

#[tokio::test]
async fn a_result_lands_whole_below_its_folder() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    let landed = fixture.land(LandSource::Copy(blob), "a b/c\n/frame_0001.png").await.unwrap();
    assert_eq!(landed, fixture.out().join("a b/c\n/frame_0001.png"));
    assert_eq!(std::fs::read(&landed).unwrap(), b"pixels");
    assert_eq!(names(landed.parent().unwrap()), ["frame_0001.png"], "no partial file beside it");
    assert!(fixture.store.blobs().open_blob(blob).await.is_ok());
}

#[tokio::test]
async fn a_moved_result_is_still_found_where_it_landed() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    let stored = fixture.stored_path(blob);
    let landed = fixture.land(LandSource::Move(blob), "frame.png").await.unwrap();
    assert!(!stored.exists());
    assert_eq!(fixture.store.blobs().usage().stored, 0);
    assert!(fixture.store.blobs().open_blob(blob).await.is_ok());
    let mode = std::fs::metadata(&landed).unwrap().permissions().mode() & 0o777;
    let users_own = std::fs::metadata(fixture.file("plain", b"")).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, users_own, "the file has the rights any program would give it");

    let twin = fixture.land(LandSource::Move(blob), "same content.png").await.unwrap();
    assert_eq!(std::fs::read(twin).unwrap(), b"pixels");
    assert_eq!(std::fs::read(landed).unwrap(), b"pixels");
}

#[tokio::test]
async fn a_file_of_ours_lands_and_is_gone() {
    let fixture = Fixture::new();
    let file = fixture.file("made", b"bytes");
    let out = fixture.out();
    let path = rel("run.sh");
    let source = LandSource::File(file.clone());
    let landed = fixture.store.blobs().land(source, &out, &path, true, Overwrite::Own(None)).await.unwrap();
    assert_eq!(std::fs::metadata(landed).unwrap().permissions().mode() & 0o100, 0o100);
    assert!(!file.exists());
}

#[tokio::test]
async fn only_what_landed_here_and_is_unchanged_since_makes_way() {
    let fixture = Fixture::new();
    let (blobs, out) = (fixture.store.blobs(), fixture.out());
    let (old, new) = (fixture.put(b"old").await, fixture.put(b"new").await);
    std::fs::create_dir_all(&out).unwrap();
    let landed = out.join("x");
    std::fs::write(&landed, b"old").unwrap();
    fixture.store.keep_landed(vec![(landed.clone(), old)]).await.unwrap();
    let ours = fixture.store.landed_at(&landed).await.unwrap();
    assert_eq!(ours, Some(old));
    let land = async |source, ours| blobs.land(source, &out, &rel("x"), false, Overwrite::Own(ours)).await;

    let refused = land(LandSource::Copy(new), None).await;
    assert!(matches!(refused, Err(LandError::Exists { path }) if path == landed), "nobody knows whose it is");
    for source in [LandSource::Copy(new), LandSource::Move(new)] {
        std::fs::write(&landed, b"mine").unwrap();
        let refused = land(source.clone(), ours).await;
        assert!(matches!(refused, Err(LandError::Exists { .. })), "it was changed since");
        assert_eq!(std::fs::read(&landed).unwrap(), b"mine");
        // The same bytes are the same file, whatever its times say.
        std::fs::write(&landed, b"old").unwrap();
        land(source, ours).await.unwrap();
        assert_eq!(std::fs::read(&landed).unwrap(), b"new");
        assert_eq!(names(&out), ["x"], "what made way is gone");
    }
    std::fs::write(&landed, b"mine").unwrap();
    fixture.land(LandSource::Copy(old), "x").await.unwrap();
    assert_eq!(std::fs::read(&landed).unwrap(), b"old", "everything makes way if that is wished");
}

#[tokio::test]
async fn a_file_with_the_same_content_is_the_result() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    std::fs::create_dir_all(fixture.out()).unwrap();
    let there = fixture.out().join("x");
    std::fs::write(&there, b"pixels").unwrap();
    std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o640)).unwrap();
    let before = std::fs::metadata(&there).unwrap();
    for source in [LandSource::Copy(blob), LandSource::Move(blob)] {
        let landed = fixture.store.blobs().land(source, &fixture.out(), &rel("x"), true, Overwrite::Own(None)).await;
        assert_eq!(landed.unwrap(), there);
    }
    let after = std::fs::metadata(&there).unwrap();
    assert_eq!((after.ino(), after.mode(), after.mtime()), (before.ino(), before.mode(), before.mtime()), "it stays");
}

#[tokio::test]
async fn of_two_results_with_one_name_the_last_one_lies_there() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.put(b"one").await, fixture.put(b"two").await);
    let (blobs, out, path) = (fixture.store.blobs(), fixture.out(), rel("x"));
    let land = |blob| blobs.land(LandSource::Copy(blob), &out, &path, false, Overwrite::Own(None));
    // Before anybody could write down what landed.
    land(one).await.unwrap();
    land(two).await.unwrap();
    assert_eq!(std::fs::read(out.join("x")).unwrap(), b"two");
    let (first, second) = tokio::join!(land(one), land(two));
    assert!(first.is_ok() && second.is_ok(), "none takes the other one for somebody's");
    std::fs::write(out.join("x"), b"mine").unwrap();
    assert!(matches!(land(one).await, Err(LandError::Exists { .. })));
}

#[tokio::test]
async fn a_link_in_the_way_stays() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    std::fs::create_dir_all(fixture.out()).unwrap();
    symlink(fixture.file("theirs", b"pixels"), fixture.out().join("x")).unwrap();
    let source = LandSource::Copy(blob);
    let refused =
        fixture.store.blobs().land(source, &fixture.out(), &rel("x"), false, Overwrite::Own(Some(blob))).await;
    assert!(matches!(refused, Err(LandError::Exists { .. })));
}

#[tokio::test]
async fn links_below_the_folder_are_refused_and_a_linked_result_is_replaced() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    let outside = fixture.root.path().join("outside");
    std::fs::create_dir_all(&outside).unwrap();
    std::fs::create_dir_all(fixture.out()).unwrap();
    symlink(&outside, fixture.out().join("sub")).unwrap();

    let error = fixture.land(LandSource::Copy(blob), "sub/frame.png").await.unwrap_err();

    assert!(matches!(&error, LandError::ThroughLink { path } if path.ends_with("out/sub")), "{error}");
    assert_eq!(names(&outside), <[&str; 0]>::default());
    let victim = fixture.file("victim", b"precious");
    symlink(&victim, fixture.out().join("frame.png")).unwrap();
    fixture.land(LandSource::Copy(blob), "frame.png").await.unwrap();
    assert_eq!(std::fs::read(&victim).unwrap(), b"precious");
    assert_eq!(std::fs::read(fixture.out().join("frame.png")).unwrap(), b"pixels");
}

#[tokio::test]
async fn names_at_the_limit_and_beyond_utf8_land() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    fixture.land(LandSource::Copy(blob), &"x".repeat(255)).await.unwrap();
    let odd = RelPath::new(vec![0xff, b'a', 0xfe]).unwrap();
    let blobs = fixture.store.blobs();
    let landed = blobs.land(LandSource::Copy(blob), &fixture.out(), &odd, false, Overwrite::Replace).await.unwrap();
    assert!(landed.exists());
    assert_eq!(names(&fixture.out()).len(), 2);
}

#[tokio::test]
async fn each_obstacle_is_named() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    std::fs::create_dir_all(fixture.out().join("folder")).unwrap();
    std::fs::write(fixture.out().join("file"), b"").unwrap();

    let error = fixture.land(LandSource::Copy(blob), "folder").await.unwrap_err();
    assert!(matches!(&error, LandError::IsAFolder { path } if path.ends_with("out/folder")), "{error}");
    let error = fixture.land(LandSource::Copy(blob), "file/frame").await.unwrap_err();
    assert!(matches!(&error, LandError::NotAFolder { path } if path.ends_with("out/file")), "{error}");
    let missing = LandSource::Move(BlobId::of(b"never seen"));
    let error = fixture.land(missing, "frame").await.unwrap_err();
    assert!(matches!(error, LandError::Source { .. }), "{error}");
    assert_eq!(names(&fixture.out()), ["file", "folder"]);
}

#[tokio::test]
async fn a_full_disk_leaves_nothing_behind() {
    let Some(disk) = TinyDisk::mount() else { return };
    let fixture = Fixture::new();
    let blob = fixture.put(&vec![7; 2_000_000]).await;
    let path = rel("frame.png");
    for source in [LandSource::Copy(blob), LandSource::Move(blob)] {
        let blobs = fixture.store.blobs();
        let error = blobs.land(source, disk.path(), &path, false, Overwrite::Replace).await.unwrap_err();
        assert!(matches!(error, LandError::Full { needed_bytes: 2_000_000, .. }), "{error:?}");
    }
    assert_eq!(names(disk.path()), <[&str; 0]>::default());
    assert!(fixture.store.blobs().open_blob(blob).await.is_ok(), "the result is not lost");

    let small = fixture.put(b"small").await;
    let blobs = fixture.store.blobs();
    blobs.land(LandSource::Move(small), disk.path(), &path, false, Overwrite::Replace).await.unwrap();
    assert_eq!(names(disk.path()), ["frame.png"], "another file system gets a copy");
}

#[test]
fn a_folder_for_results_is_checked_without_making_it() {
    let root = tempfile::tempdir().unwrap();
    check_folder(&root.path().join("new/deep"), 10).unwrap();
    assert_eq!(names(root.path()), <[&str; 0]>::default());

    let file = root.path().join("file");
    std::fs::write(&file, b"").unwrap();
    assert!(matches!(check_folder(&file, 0), Err(LandError::NotAFolder { path }) if path == file));
    assert!(matches!(check_folder(&file.join("below"), 0), Err(LandError::NotAFolder { path }) if path == file));
    let full = check_folder(root.path(), u64::MAX / 2);
    assert!(matches!(full, Err(LandError::Full { .. })));
    let long = check_folder(&root.path().join("x".repeat(300)), 0);
    assert!(matches!(long, Err(LandError::NameTooLong { .. })));
}

#[tokio::test]
async fn what_came_home_once_comes_home_again_wherever_its_bytes_are() {
    let fixture = Fixture::new();
    let blob = fixture.put(b"pixels").await;
    let before = fixture.land(LandSource::Copy(blob), "a.png").await.unwrap();
    let since = Stamp(std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64);
    let again = async |name: &str| {
        let (folder, path) = (fixture.out(), RelPath::new(name).unwrap());
        fixture
            .store
            .blobs()
            .land_again(blob, &before, (&folder, &path, false), Overwrite::Own(None), since)
            .await
            .unwrap()
    };
    assert!(again("a.png").await, "it lies there");
    let metadata = std::fs::metadata(&before).unwrap();
    assert!((metadata.ctime() * 1_000 + metadata.ctime_nsec() / 1_000_000) as u64 >= since.0, "as if it came now");
    // Nothing but the file itself has its bytes.
    fixture.store.blobs().remove(blob).await.unwrap();
    assert!(again("b/c.png").await);
    assert_eq!(std::fs::read(fixture.out().join("b/c.png")).unwrap(), b"pixels");

    std::fs::write(fixture.out().join("b/c.png"), b"mine").unwrap();
    assert!(!again("b/c.png").await, "something else lies there");
    fixture.store.blobs().remove(blob).await.unwrap();
    std::fs::write(&before, b"changed").unwrap();
    assert!(!again("d.png").await, "its bytes are nowhere");
}

#[tokio::test]
async fn a_persons_copy_takes_nobodys_place_and_no_result_takes_its_own() {
    let fixture = Fixture::new();
    let blobs = fixture.store.blobs();
    let mine = fixture.file("oak.png", b"mine");
    let at = rel("textures/oak.png");
    let copied = blobs.copy_to(&mine, &fixture.out(), &at, false).await.unwrap();
    assert_eq!(std::fs::read(&copied).unwrap(), b"mine");
    assert!(mine.exists(), "it was copied, not moved");
    assert_eq!(names(copied.parent().unwrap()), ["oak.png"], "no partial file beside it");

    let result = fixture.put(b"result").await;
    let landed = blobs.land(LandSource::Copy(result), &fixture.out(), &at, false, Overwrite::Own(None)).await;
    assert!(matches!(landed, Err(LandError::Exists { .. })), "{landed:?}");

    let other = fixture.file("other.png", b"other");
    let refused = blobs.copy_to(&other, &fixture.out(), &at, false).await.unwrap_err();
    assert!(matches!(refused, PutError::Land(LandError::Exists { .. })), "{refused:?}");
    // Also over its own copy from before: what was copied once is no result that makes way.
    std::fs::write(&mine, b"newer").unwrap();
    assert!(blobs.copy_to(&mine, &fixture.out(), &at, false).await.is_err());
    blobs.copy_to(&other, &fixture.out(), &at, true).await.unwrap();
    assert_eq!(std::fs::read(&copied).unwrap(), b"other");
    let gone = blobs.copy_to(&fixture.root.path().join("gone"), &fixture.out(), &at, true).await.unwrap_err();
    assert!(matches!(gone, PutError::Source(_)), "{gone:?}");
}
