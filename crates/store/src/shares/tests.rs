use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use gridwell_files::Groups;
use gridwell_model::{BlobId, EntryKind, RelPath, TreeEntry, Version};
#[cfg(target_os = "linux")]
use rustix::fs::RenameFlags;

use super::{ShareError, SharedFolder};

const MOST: usize = 1_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn path(text: &str) -> RelPath {
    RelPath::new(text).unwrap()
}

fn version(entry: &TreeEntry) -> Version {
    match entry.kind {
        EntryKind::File { version, .. } => version,
        ref other => panic!("{other:?} is no file"),
    }
}

async fn listed(share: &SharedFolder) -> Vec<(String, EntryKind)> {
    let page = share.list(None, None, MOST).await.unwrap();
    assert!(!page.more);
    page.entries.into_iter().map(|entry| (String::from_utf8(entry.name).unwrap(), entry.kind)).collect()
}

async fn read(share: &SharedFolder, at: &str) -> Result<Vec<u8>, ShareError> {
    let entry = share.stat(Some(path(at))).await?;
    let file = share.open(path(at), version(&entry)).await?;
    let mut buffer = vec![0; 100];
    let read = file.read_at(&mut buffer, 0)?;
    Ok(buffer[..read].to_vec())
}

fn shared() -> (tempfile::TempDir, SharedFolder) {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir_all(temp.path().join("share/textures")).unwrap();
    fs::write(temp.path().join("share/scene"), "a scene").unwrap();
    fs::write(temp.path().join("share/textures/wood"), "wood").unwrap();
    fs::write(temp.path().join("secret"), "secret").unwrap();
    let share = SharedFolder::new(temp.path().join("share"));
    (temp, share)
}

#[tokio::test]
async fn a_folder_is_listed_in_the_order_of_names() {
    let (temp, share) = shared();
    let run = temp.path().join("share/run");
    fs::write(&run, "#!").unwrap();
    fs::set_permissions(&run, fs::Permissions::from_mode(0o755)).unwrap();

    let all = listed(&share).await;

    assert_eq!(all.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["run", "scene", "textures"]);
    assert!(matches!(all[0].1, EntryKind::File { executable: true, blob: None, .. }), "{:?}", all[0]);
    assert!(matches!(all[1].1, EntryKind::File { executable: false, version: Version { size_bytes: 7, .. }, .. }));
    assert_eq!(all[2].1, EntryKind::Folder);
    assert_eq!(read(&share, "textures/wood").await.unwrap(), b"wood");
}

#[tokio::test]
async fn a_large_folder_is_listed_in_pages_of_one_moment() {
    let (temp, share) = shared();
    for number in 0..10 {
        fs::write(temp.path().join(format!("share/textures/{number}")), "").unwrap();
    }
    let mut after = None;
    let mut names = Vec::new();
    loop {
        let page = share.list(Some(path("textures")), after.clone(), 3).await.unwrap();
        // What comes meanwhile is listed the next time.
        fs::write(temp.path().join("share/textures/9a"), "").unwrap();
        names.extend(page.entries.iter().map(|entry| String::from_utf8(entry.name.clone()).unwrap()));
        after = page.entries.last().map(|entry| entry.name.clone());
        if !page.more {
            break;
        }
    }
    assert_eq!(names, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "wood"]);
}

#[tokio::test]
async fn a_page_is_empty_at_the_end_only() {
    let (temp, share) = shared();
    for number in 0..10 {
        fs::write(temp.path().join(format!("share/textures/{number}")), "").unwrap();
    }
    let first = share.list(Some(path("textures")), None, 2).await.unwrap();
    for number in 2..9 {
        fs::remove_file(temp.path().join(format!("share/textures/{number}"))).unwrap();
    }
    let after = first.entries.last().map(|entry| entry.name.clone());
    let next = share.list(Some(path("textures")), after, 2).await.unwrap();
    assert_eq!(next.entries.iter().map(|entry| entry.name.as_slice()).collect::<Vec<_>>(), [&b"9"[..], b"wood"]);
}

#[tokio::test]
async fn links_lead_to_files_of_the_share_and_never_out_of_it() {
    let (temp, share) = shared();
    let at = |name: &str| temp.path().join("share").join(name);
    symlink("textures/wood", at("inside")).unwrap();
    symlink("../secret", at("up")).unwrap();
    symlink(temp.path().join("secret"), at("away")).unwrap();
    symlink(at("scene"), at("absolute")).unwrap();
    symlink("textures/../../secret", at("around")).unwrap();
    symlink("..", at("parent")).unwrap();
    symlink("nothing", at("broken")).unwrap();
    symlink("circle", at("circle")).unwrap();

    for (name, kind) in listed(&share).await {
        match name.as_str() {
            "inside" => assert_eq!(kind, EntryKind::Link { target: b"textures/wood".to_vec() }),
            "scene" | "textures" => {}
            _ => assert_eq!(kind, EntryKind::Hidden, "{name}"),
        }
    }
    let scene = version(&share.stat(Some(path("scene"))).await.unwrap());
    for out in ["up", "away", "around", "parent/secret"] {
        let refused = share.open(path(out), scene).await;
        assert!(
            matches!(refused, Err(ShareError::Unreadable { .. } | ShareError::Missing { .. })),
            "{out}: {refused:?}"
        );
    }
    assert!(share.list(Some(path("parent")), None, MOST).await.is_err());
}

#[tokio::test]
async fn a_small_file_waits_for_no_large_one_that_is_hashed_later() {
    let (temp, share) = shared();
    let large = fs::File::create(temp.path().join("share/large")).unwrap();
    large.set_len(1 << 40).unwrap();
    let [large, small] = ["large", "scene"].map(path);
    let large_version = version(&share.stat(Some(large.clone())).await.unwrap());
    let small_version = version(&share.stat(Some(small.clone())).await.unwrap());
    share.hash_later(large, large_version);
    tokio::task::yield_now().await;

    let hash = share.hash(small, small_version, PATIENCE).await.unwrap();

    assert!(hash.is_some() && share.known_hash(large_version).is_none());
    share.close();
}

/// Somebody who may write in the share swaps a folder for a link while others read through it.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_that_becomes_a_link_between_two_looks_leads_out_of_nothing() {
    let (temp, share) = shared();
    fs::create_dir(temp.path().join("outside")).unwrap();
    fs::write(temp.path().join("outside/wood"), "secret").unwrap();
    symlink("../outside", temp.path().join("share/link")).unwrap();
    let (done, folder) = (Arc::new(AtomicBool::new(false)), fs::File::open(temp.path().join("share")).unwrap());
    let swapping = std::thread::spawn({
        let done = Arc::clone(&done);
        // A test that fails takes the folder away, which ends this, too.
        let swap = move || rustix::fs::renameat_with(&folder, "textures", &folder, "link", RenameFlags::EXCHANGE);
        move || while !done.load(Ordering::Relaxed) && swap().is_ok() {}
    });

    let mut seen = 0;
    while seen < 100 {
        if let Ok(bytes) = read(&share, "textures/wood").await {
            assert_eq!(bytes, b"wood");
            seen += 1;
        }
        if let Ok(page) = share.list(Some(path("textures")), None, MOST).await {
            assert!(page.entries.iter().all(|entry| entry.size_bytes() == 4), "{page:?}");
        }
    }
    done.store(true, Ordering::Relaxed);
    swapping.join().unwrap();
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_not_mixed() {
    type Change = fn(&Path);
    let changes: [(&str, Change); 3] = [
        ("rewritten", |file| {
            fs::write(file, "b scene").unwrap();
            // Clocks of file systems may stand still for some milliseconds.
            fs::File::options().write(true).open(file).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
        }),
        ("cut", |file| fs::File::options().write(true).open(file).unwrap().set_len(3).unwrap()),
        ("grown", |file| fs::write(file, "a scene and more").unwrap()),
    ];
    for (what, change) in changes {
        let (temp, share) = shared();
        let file = temp.path().join("share/scene");
        let entry = share.stat(Some(path("scene"))).await.unwrap();
        let open = share.open(path("scene"), version(&entry)).await.unwrap();
        let mut buffer = [0; 4];
        assert_eq!(open.read_at(&mut buffer, 0).unwrap(), 4);

        change(&file);

        assert!(matches!(open.read_at(&mut buffer, 4), Err(ShareError::Changed { .. })), "{what}");
        let again = share.open(path("scene"), version(&entry)).await;
        assert!(matches!(again, Err(ShareError::Changed { .. })), "{what}: {again:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_by_another_one_of_the_same_size_and_time_is_another_version() {
    let (temp, share) = shared();
    let file = temp.path().join("share/scene");
    let before = share.stat(Some(path("scene"))).await.unwrap();
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let other = temp.path().join("share/other");
    fs::write(&other, "b scene").unwrap();
    fs::File::options().write(true).open(&other).unwrap().set_modified(modified).unwrap();
    fs::rename(&other, &file).unwrap();

    let after = share.stat(Some(path("scene"))).await.unwrap();

    assert_eq!((after.modified_ns, after.size_bytes()), (before.modified_ns, before.size_bytes()));
    assert!(matches!(share.open(path("scene"), version(&before)).await, Err(ShareError::Changed { .. })));
    assert_eq!(read(&share, "scene").await.unwrap(), b"b scene");
}

#[tokio::test]
async fn what_is_no_file_is_said_so() {
    let (temp, share) = shared();
    let scene = version(&share.stat(Some(path("scene"))).await.unwrap());
    rustix::fs::mkfifoat(rustix::fs::CWD, temp.path().join("share/pipe"), rustix::fs::Mode::RUSR).unwrap();
    assert!(matches!(share.open(path("textures"), scene).await, Err(ShareError::NotAFile { .. })));
    assert!(matches!(share.open(path("pipe"), scene).await, Err(ShareError::NotAFile { .. })));
    assert!(matches!(share.list(Some(path("scene")), None, MOST).await, Err(ShareError::NotAFolder { .. })));
    assert!(matches!(share.stat(Some(path("scene/x"))).await, Err(ShareError::NotAFolder { .. })));
    assert!(matches!(share.stat(Some(path("nothing"))).await, Err(ShareError::Missing { .. })));
    fs::remove_dir_all(temp.path().join("share")).unwrap();
    assert!(matches!(share.list(None, None, MOST).await, Err(ShareError::Missing { .. })));
}

#[tokio::test]
async fn a_file_is_named_by_its_hash_once_somebody_wanted_it() {
    let (temp, share) = shared();
    let entry = share.stat(Some(path("scene"))).await.unwrap();
    assert_eq!(share.known_hash(version(&entry)), None);

    let blob = share.hash(path("scene"), version(&entry), PATIENCE).await.unwrap();

    assert_eq!(blob, Some(BlobId::of(b"a scene")));
    let named = share.stat(Some(path("scene"))).await.unwrap();
    assert!(matches!(named.kind, EntryKind::File { blob: known, .. } if known == blob));
    fs::write(temp.path().join("share/scene"), "another scene").unwrap();
    assert!(share.hash(path("scene"), version(&entry), PATIENCE).await.is_ok(), "what it was is still known");
    let now = share.stat(Some(path("scene"))).await.unwrap();
    assert!(matches!(now.kind, EntryKind::File { blob: None, .. }));
    let stale = share.prove(path("scene"), version(&entry), Groups::from(0..1)).await;
    assert!(matches!(stale, Err(ShareError::Changed { .. })), "it cannot be proven any more");
}

#[tokio::test]
async fn files_are_hashed_one_after_the_other_when_nobody_waits() {
    let (temp, share) = shared();
    let mut versions = Vec::new();
    for number in 0..20 {
        let name = format!("textures/{number}");
        fs::write(temp.path().join("share").join(&name), name.as_bytes()).unwrap();
        let found = version(&share.stat(Some(path(&name))).await.unwrap());
        share.hash_later(path(&name), found);
        share.hash_later(path(&name), found);
        versions.push((name, found));
    }
    // Whoever waits for the last one has waited for all: they have the same turn.
    for (name, found) in versions {
        assert_eq!(share.hash(path(&name), found, PATIENCE).await.unwrap(), Some(BlobId::of(name.as_bytes())));
    }
}
