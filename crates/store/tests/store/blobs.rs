use std::io::Read as _;

use gridwell_model::BlobId;
use gridwell_store::{BlobError, BlobHold, BlobLimits, Store, StoreLimits};

use crate::support::{Fixture, job, names, rel, small_limits};

async fn read(store: &Store, blob: BlobId) -> Vec<u8> {
    let (mut file, size_bytes) = store.blobs().open_blob(blob).await.unwrap();
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, size_bytes);
    bytes
}

#[tokio::test]
async fn a_referenced_file_is_read_where_it_lies_until_it_changes() {
    let fixture = Fixture::new();
    let path = fixture.file("scene.blend", b"scene");
    let (blob, size_bytes) = fixture.store.blobs().reference(&path).await.unwrap();
    assert_eq!((blob, size_bytes), (BlobId::of(b"scene"), 5));
    assert_eq!(read(&fixture.store, blob).await, b"scene");
    assert_eq!(fixture.store.blobs().usage().stored, 0, "nothing was copied");

    std::fs::write(&path, b"other scene").unwrap();
    let error = fixture.store.blobs().open_blob(blob).await.unwrap_err();
    assert!(matches!(&error, BlobError::Changed { path: changed } if *changed == path), "{error}");
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(fixture.store.blobs().open_blob(blob).await, Err(BlobError::Changed { .. })));
}

#[tokio::test]
async fn a_pinned_reference_survives_a_restart_and_goes_with_its_last_job() {
    let fixture = Fixture::new();
    let pinned = fixture.store.blobs().reference(&fixture.file("a", b"a")).await.unwrap().0;
    let loose = fixture.store.blobs().reference(&fixture.file("b", b"b")).await.unwrap().0;
    fixture.store.blobs().pin(job(1), vec![pinned]).await.unwrap();

    let fixture = fixture.reopen().await;

    assert_eq!(read(&fixture.store, pinned).await, b"a");
    assert!(!fixture.store.blobs().contains(loose));
    assert_eq!(fixture.store.blobs().pinned_jobs(), [job(1)]);
    fixture.store.blobs().unpin_job(job(1)).await.unwrap();
    let fixture = fixture.reopen().await;
    assert!(!fixture.store.blobs().contains(pinned));
    assert_eq!(fixture.store.blobs().pinned_jobs(), []);
}

#[tokio::test]
async fn folders_pipes_and_missing_files_are_no_blobs() {
    let fixture = Fixture::new();
    let blobs = fixture.store.blobs();
    assert!(matches!(blobs.reference(fixture.root.path()).await, Err(BlobError::NotAFile { .. })));
    let missing = fixture.root.path().join("missing");
    let error = blobs.reference(&missing).await.unwrap_err();
    assert!(error.to_string().contains("missing"), "{error}");
    let link = fixture.root.path().join("link");
    std::os::unix::fs::symlink("/etc/passwd", &link).unwrap();
    assert!(matches!(adopt(&fixture, "link").await, Err(BlobError::NotAFile { .. })), "a result must not be a link");
}

#[tokio::test]
async fn what_lies_behind_a_link_is_never_adopted() {
    let fixture = Fixture::new();
    let secrets = tempfile::tempdir().unwrap();
    let key = secrets.path().join("key");
    std::fs::write(&key, "secret").unwrap();
    std::os::unix::fs::symlink(secrets.path(), fixture.root.path().join("folder")).unwrap();
    std::os::unix::fs::symlink(&key, fixture.root.path().join("file")).unwrap();
    for path in ["folder/key", "file"] {
        let error = adopt(&fixture, path).await.unwrap_err();
        assert!(error.to_string().contains(path), "{error}");
    }
    assert_eq!(std::fs::read(&key).unwrap(), b"secret");
    assert!(fixture.root.path().join("file").is_symlink(), "it is left where it was");
}

#[tokio::test]
async fn an_adopted_file_moves_into_the_store() {
    let fixture = Fixture::new();
    let path = fixture.file("frame.png", b"pixels");
    let (hold, size_bytes) = adopt(&fixture, "frame.png").await.unwrap();
    let blob = hold.blob();
    assert_eq!((blob, size_bytes, path.exists()), (BlobId::of(b"pixels"), 6, false));
    drop(hold);

    let fixture = fixture.reopen().await;

    assert_eq!(read(&fixture.store, blob).await, b"pixels");
    fixture.store.blobs().remove(blob).await.unwrap();
    assert!(matches!(fixture.store.blobs().open_blob(blob).await, Err(BlobError::Missing { .. })));
}

#[tokio::test]
async fn a_discarded_result_that_equals_an_input_leaves_the_input() {
    let fixture = Fixture::new();
    let input = fixture.file("in.txt", b"same");
    fixture.file("out.txt", b"same");
    let blobs = fixture.store.blobs();
    let (blob, _) = blobs.reference(&input).await.unwrap();
    blobs.pin(job(1), vec![blob]).await.unwrap();
    let (hold, _) = adopt(&fixture, "out.txt").await.unwrap();

    blobs.discard(hold).await.unwrap();

    assert_eq!(read(&fixture.store, blob).await, b"same");
    blobs.unpin_job(job(1)).await.unwrap();
    blobs.discard(blobs.hold(blob)).await.unwrap();
    assert!(!blobs.contains(blob));
}

#[tokio::test]
async fn results_of_one_run_stay_together_on_a_disk_that_is_nearly_full() {
    let fixture = Fixture::with(StoreLimits {
        blobs: BlobLimits { reserve_bytes: u64::MAX / 2, ..small_limits().blobs },
        ..small_limits()
    });
    let blobs = fixture.store.blobs();
    let files = [("1.png", "one"), ("2.png", "two"), ("3.png", "two")];
    let mut holds = Vec::new();
    for (name, bytes) in files {
        fixture.file(name, bytes.as_bytes());
        holds.push(adopt(&fixture, name).await.unwrap().0);
    }
    for (hold, (_, bytes)) in holds.iter().zip(files) {
        assert_eq!(read(&fixture.store, hold.blob()).await, bytes.as_bytes());
    }
    // A twin that is not needed any more does not take the other one's bytes along.
    let two = holds.pop().unwrap();
    let twin = two.blob();
    blobs.discard(two).await.unwrap();
    assert_eq!(read(&fixture.store, twin).await, b"two");
    blobs.discard(holds.pop().unwrap()).await.unwrap();
    assert!(!blobs.contains(twin));
}

#[tokio::test]
async fn a_file_with_a_second_name_is_copied_so_that_nobody_can_change_the_blob() {
    let fixture = Fixture::new();
    let path = fixture.file("frame.png", b"pixels");
    let second = fixture.root.path().join("second");
    std::fs::hard_link(&path, &second).unwrap();
    let (hold, _) = adopt(&fixture, "frame.png").await.unwrap();
    let blob = hold.blob();
    std::fs::write(&second, b"poison").unwrap();
    assert_eq!(read(&fixture.store, blob).await, b"pixels");
    assert!(!path.exists());
}

#[tokio::test]
async fn received_bytes_are_kept_only_if_they_are_the_right_ones() {
    let fixture = Fixture::new();
    let blobs = fixture.store.blobs();
    let blob = BlobId::of(b"right bytes");
    let mut writer = blobs.receive(blob, 11).await.unwrap();
    writer.write(b"wrong bytes".to_vec()).await.unwrap();
    assert!(matches!(writer.finish().await, Err(BlobError::WrongBytes { .. })));
    assert!(!blobs.contains(blob));

    let mut writer = blobs.receive(blob, 11).await.unwrap();
    assert_eq!(writer.offset(), 0, "wrong bytes are not resumed");
    assert!(matches!(writer.write(vec![0; 12]).await, Err(BlobError::WrongBytes { .. })), "more than announced");
    drop(writer);
    let mut writer = blobs.receive(blob, 11).await.unwrap();
    writer.write(b"right bytes".to_vec()).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(read(&fixture.store, blob).await, b"right bytes");
}

#[tokio::test]
async fn receiving_goes_on_where_it_stopped_also_after_a_restart() {
    let fixture = Fixture::new();
    let blob = BlobId::of(b"0123456789");
    let mut writer = fixture.store.blobs().receive(blob, 10).await.unwrap();
    writer.write(b"0123".to_vec()).await.unwrap();
    let busy = fixture.store.blobs().receive(blob, 10).await;
    assert!(matches!(busy, Err(BlobError::Busy { .. })));
    drop(writer);

    let fixture = fixture.reopen().await;

    let mut writer = fixture.store.blobs().receive(blob, 10).await.unwrap();
    assert_eq!(writer.offset(), 4);
    writer.write(b"456789".to_vec()).await.unwrap();
    writer.finish().await.unwrap();
    assert_eq!(read(&fixture.store, blob).await, b"0123456789");
}

#[tokio::test]
async fn a_staged_copy_can_be_written_without_harming_the_blob() {
    let fixture = Fixture::new();
    let blob = fixture.store.blobs().put(b"input".to_vec()).await.unwrap();
    let destination = fixture.root.path().join("session/in/tool");

    fixture.store.blobs().materialise(blob, &destination, true).await.unwrap();

    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&destination).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o700);
    std::fs::write(&destination, b"scribble").unwrap();
    assert_eq!(read(&fixture.store, blob).await, b"input");
    let again = fixture.store.blobs().materialise(blob, &destination, true).await.unwrap_err();
    assert!(again.to_string().contains("session/in/tool"), "{again}");
    assert_eq!(std::fs::read(&destination).unwrap(), b"scribble", "what was there stays");
}

#[tokio::test]
async fn unpinned_blobs_make_room_and_pinned_ones_stay() {
    let blobs = BlobLimits { budget_bytes: 3_000, ..small_limits().blobs };
    let fixture = Fixture::with(StoreLimits { blobs, ..small_limits() });
    let blobs = fixture.store.blobs();
    let pinned = blobs.put(vec![1; 1_000]).await.unwrap();
    blobs.pin(job(1), vec![pinned]).await.unwrap();
    let mut loose = Vec::new();
    for number in 2..=6 {
        loose.push(blobs.put(vec![number; 1_000]).await.unwrap());
    }
    assert!(blobs.contains(pinned));
    assert!(!blobs.contains(loose[0]) && blobs.contains(loose[4]));
    let usage = blobs.usage();
    assert!(usage.stored_bytes - usage.pinned_bytes <= 3_000 && usage.pinned_bytes == 1_000, "{usage:?}");
}

#[tokio::test]
async fn a_disk_without_room_refuses_and_stays_clean() {
    let blobs = BlobLimits { floor_bytes: u64::MAX / 2, ..small_limits().blobs };
    let fixture = Fixture::with(StoreLimits { blobs, ..small_limits() });
    let error = fixture.store.blobs().put(vec![0; 10]).await.unwrap_err();
    assert!(matches!(error, BlobError::NoRoom { needed_bytes: 10, .. }), "{error}");
    let receive = fixture.store.blobs().receive(BlobId::of(b"x"), 1).await;
    assert!(matches!(receive, Err(BlobError::NoRoom { .. })));
    assert_eq!(names(&fixture.root.path().join("data/blobs/temp")), <[&str; 0]>::default());
}

#[tokio::test]
async fn blobs_written_before_a_machine_crash_are_checked_before_use() {
    let Fixture { root, store } = Fixture::new();
    let good = store.blobs().put(b"good".to_vec()).await.unwrap();
    let spoiled = store.blobs().put(b"spoiled".to_vec()).await.unwrap();
    store.close().await;
    let data_dir = root.path().join("data");
    let database = rusqlite::Connection::open(data_dir.join("gridwell.db")).unwrap();
    database.execute("INSERT INTO meta VALUES ('store.running', CAST('another boot' AS BLOB))", []).unwrap();
    drop(database);
    let name = spoiled.to_string();
    std::fs::write(data_dir.join("blobs").join(&name[..2]).join(&name), b"zeros").unwrap();

    let store = Store::open_with(&data_dir, small_limits()).unwrap();

    assert!(matches!(store.blobs().open_blob(spoiled).await, Err(BlobError::Missing { .. })));
    assert_eq!(read(&store, good).await, b"good");
}

/// Adopts a file of the fixture's folder.
async fn adopt(fixture: &Fixture, path: &str) -> Result<(BlobHold, u64), BlobError> {
    fixture.store.blobs().adopt(fixture.root.path(), &rel(path)).await
}
