use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use gridwell_files::Purpose;
use gridwell_store::{Durability, LandSource, Overwrite, Store};

use crate::{
    objects::{MIB, Source, limits, receive},
    support::{Fixture, STARTING, job, rel, small_limits},
};

const DATA_DIR: &str = "GRIDWELL_STORE_TEST_DATA";

/// Starts this test program again as `test`, which works on `data_dir` until it is killed.
fn child(test: &str, data_dir: &Path) -> Child {
    let _starting = STARTING.lock().unwrap();
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture", "--test-threads=1"])
        .env(DATA_DIR, data_dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Reads acknowledgements (`ok N`) until there are `count`, kills the child, and returns the last one it gave.
fn kill_after(mut child: Child, count: u32) -> u32 {
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut killed = false;
    let mut last = 0;
    for line in lines {
        let Some(number) = line.strip_prefix("ok ").and_then(|number| number.parse().ok()) else { continue };
        last = number;
        if last >= count && !killed {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the child ended by itself after {last}");
    child.wait().unwrap();
    last
}

#[test]
#[ignore = "started as a child by the tests below"]
fn child_that_appends() {
    let Ok(data_dir) = std::env::var(DATA_DIR) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open_with(Path::new(&data_dir), small_limits()).unwrap();
        let before = store.jobs().await.unwrap().first().map_or(0, |job| job.entries.len() as u32);
        for number in before + 1.. {
            let durability = if number % 64 == 0 { Durability::Synced } else { Durability::Written };
            store.append(vec![(job(1), number.to_le_bytes().to_vec())], durability).await.unwrap();
            println!("ok {number}");
        }
    });
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_at_any_moment() {
    let root = tempfile::tempdir().unwrap();
    let data_dir = root.path().join("data");
    for count in [1, 50, 300, 1_000, 2_500] {
        let acknowledged = kill_after(child("crash::child_that_appends", &data_dir), count);

        let store = Store::open_with(&data_dir, small_limits()).unwrap();
        let entries = store.jobs().await.unwrap().remove(0).entries;
        store.close().await;

        assert!(entries.len() as u32 >= acknowledged, "{} of {acknowledged}", entries.len());
        let expected = (1_u32..).map(|number| number.to_le_bytes().to_vec());
        assert!(entries.iter().zip(expected).all(|(entry, expected)| *entry == expected), "without holes, in order");
    }
}

#[test]
#[ignore = "started as a child by the tests below"]
fn child_that_lands() {
    let Ok(data_dir) = std::env::var(DATA_DIR) else { return };
    let data_dir = Path::new(&data_dir);
    let folder = data_dir.with_file_name("out");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open_with(data_dir, small_limits()).unwrap();
        for number in 1_u32.. {
            let blob = store.blobs().put(vec![number as u8; 3_000_000]).await.unwrap();
            let path = rel("frame.bin");
            store.blobs().land(LandSource::Copy(blob), &folder, &path, false, Overwrite::Replace).await.unwrap();
            store.blobs().remove(blob).await.unwrap();
            println!("ok {number}");
        }
    });
}

#[tokio::test]
async fn a_killed_node_leaves_no_half_result_and_the_next_cleans_up() {
    let root = tempfile::tempdir().unwrap();
    let data_dir = root.path().join("data");
    for count in [1, 3, 5] {
        kill_after(child("crash::child_that_lands", &data_dir), count);

        let landed = std::fs::read(root.path().join("out/frame.bin")).unwrap();
        assert_eq!(landed.len(), 3_000_000);
        assert!(landed.iter().all(|byte| *byte == landed[0]), "one result, not a mixture");
        Store::open_with(&data_dir, small_limits()).unwrap().close().await;
        assert_eq!(crate::support::names(&root.path().join("out")), ["frame.bin"]);
        assert_eq!(crate::support::names(&data_dir.join("blobs/temp")), <[&str; 0]>::default());
    }
}

/// More than the budget of the child below: pieces come and go.
fn a_large_source() -> Source {
    Source::new(20, 40 * MIB)
}

#[test]
#[ignore = "started as a child by the tests below"]
fn child_that_keeps_pieces() {
    let Ok(data_dir) = std::env::var(DATA_DIR) else { return };
    let source = a_large_source();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let store = Store::open_with(Path::new(&data_dir), limits(16, 0)).unwrap();
        let object = source.open(&store, Purpose::Own).await;
        for number in 1_u64.. {
            let some = (0..640).filter(|group| (group * 7 + number).is_multiple_of(11)).collect();
            source.send(&object, &some).await;
            if number % 3 == 0 {
                object.sync().await.unwrap();
            }
            println!("ok {number}");
        }
    });
}

#[tokio::test]
async fn pieces_that_a_killed_node_left_are_right() {
    let root = tempfile::tempdir().unwrap();
    let data_dir = root.path().join("data");
    let source = a_large_source();
    for count in [1, 4, 9, 20] {
        kill_after(child("crash::child_that_keeps_pieces", &data_dir), count);

        let store = Store::open_with(&data_dir, small_limits()).unwrap();
        let object = source.open(&store, Purpose::Own).await;
        let present = object.present();
        assert!(count < 4 || !present.is_empty());
        let next = Fixture::new();
        let to = source.open(&next.store, Purpose::Own).await;
        receive(object.prove(present.clone()), &to, &present).await;
        assert_eq!(store.objects().usage().own_bytes, present.bytes(source.bytes.len() as u64));
        drop(object);
        store.close().await;
    }
}
