use gridwell_model::PeerId;
use gridwell_store::{Durability, EndNote, KEPT_KEYS, RunRecord, StoreError, StoredJob, SubmitKey};

use crate::support::{Fixture, TinyDisk, job, small_limits};

const WRITTEN: Durability = Durability::Written;

fn entry(number: u32) -> Vec<u8> {
    number.to_le_bytes().to_vec()
}

#[tokio::test]
async fn entries_come_back_in_order_per_job() {
    let fixture = Fixture::new();
    let first = fixture.store.append(vec![(job(1), entry(1)), (job(2), entry(2))], WRITTEN).await.unwrap();
    let second = fixture.store.append(vec![(job(1), entry(3))], Durability::Synced).await.unwrap();
    assert_eq!(second, first + 1);

    let fixture = fixture.reopen().await;

    let jobs = fixture.store.jobs().await.unwrap();
    assert_eq!(
        jobs,
        [
            StoredJob { job: job(1), snapshot: None, entries: vec![entry(1), entry(3)] },
            StoredJob { job: job(2), snapshot: None, entries: vec![entry(2)] },
        ]
    );
}

#[tokio::test]
async fn a_snapshot_replaces_what_was_before_it_and_numbers_go_on() {
    let fixture = Fixture::new();
    let before = fixture.store.append(vec![(job(1), entry(1)), (job(1), entry(2))], WRITTEN).await.unwrap();
    fixture.store.snapshot(job(1), before, b"state".to_vec(), WRITTEN).await.unwrap();
    let after = fixture.store.append(vec![(job(1), entry(3))], WRITTEN).await.unwrap();

    assert_eq!(after, before + 1);
    let stored = StoredJob { job: job(1), snapshot: Some(b"state".to_vec()), entries: vec![entry(3)] };
    assert_eq!(fixture.store.jobs().await.unwrap(), [stored]);

    fixture.store.remove_job(job(1)).await.unwrap();
    assert_eq!(fixture.store.jobs().await.unwrap(), []);
}

#[tokio::test]
async fn entries_appended_before_an_older_snapshot_arrives_stay() {
    let fixture = Fixture::new();
    let taken = fixture.store.append(vec![(job(1), entry(1)), (job(1), entry(2))], WRITTEN).await.unwrap();
    fixture.store.append(vec![(job(1), entry(3))], WRITTEN).await.unwrap();

    fixture.store.snapshot(job(1), taken, b"1 and 2".to_vec(), WRITTEN).await.unwrap();

    let stored = StoredJob { job: job(1), snapshot: Some(b"1 and 2".to_vec()), entries: vec![entry(3)] };
    assert_eq!(fixture.store.jobs().await.unwrap(), [stored]);
}

#[tokio::test]
async fn an_older_snapshot_replaces_no_newer_one_and_brings_no_job_back() {
    let fixture = Fixture::new();
    let first = fixture.store.append(vec![(job(1), entry(1))], WRITTEN).await.unwrap();
    let second = fixture.store.append(vec![(job(1), entry(2))], WRITTEN).await.unwrap();

    fixture.store.snapshot(job(1), second, b"newer".to_vec(), WRITTEN).await.unwrap();
    fixture.store.snapshot(job(1), first, b"older".to_vec(), WRITTEN).await.unwrap();

    let stored = StoredJob { job: job(1), snapshot: Some(b"newer".to_vec()), entries: Vec::new() };
    assert_eq!(fixture.store.jobs().await.unwrap(), [stored]);

    fixture.store.remove_job(job(1)).await.unwrap();
    fixture.store.snapshot(job(1), second, b"late".to_vec(), WRITTEN).await.unwrap();
    assert_eq!(fixture.store.jobs().await.unwrap(), []);
}

#[tokio::test]
async fn many_appends_at_once_all_arrive() {
    let fixture = Fixture::new();
    let appends = (0..2_000_u32).map(|number| {
        let store = fixture.store.clone();
        async move { store.append(vec![(job((number % 3) as u8), entry(number))], WRITTEN).await.unwrap() }
    });
    let mut tasks = tokio::task::JoinSet::new();
    appends.for_each(|append| drop(tasks.spawn(append)));
    let mut numbers = tasks.join_all().await;
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 2_000);

    let entries: usize = fixture.store.jobs().await.unwrap().iter().map(|job| job.entries.len()).sum();
    assert_eq!(entries, 2_000);
}

#[tokio::test]
async fn the_write_ahead_log_shrinks_again_after_a_reader_held_it() {
    let fixture = Fixture::new();
    let path = fixture.root.path().join("data/gridwell.db");
    let wal_bytes = || std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
    let reader = rusqlite::Connection::open(&path).unwrap();
    reader.execute_batch("BEGIN; SELECT count(*) FROM journal;").unwrap();
    for round in 0..70 {
        snapshot_of(&fixture, round).await;
    }
    assert!(wal_bytes() > 64 * 1024 * 1024, "{} bytes", wal_bytes());

    reader.execute_batch("COMMIT").unwrap();
    for round in 0..70 {
        snapshot_of(&fixture, round).await;
    }

    assert!(wal_bytes() <= 64 * 1024 * 1024, "{} bytes", wal_bytes());
}

async fn snapshot_of(fixture: &Fixture, round: u8) {
    let upto = fixture.store.append(vec![(job(1), entry(u32::from(round)))], WRITTEN).await.unwrap();
    fixture.store.snapshot(job(1), upto, vec![round; 1024 * 1024], WRITTEN).await.unwrap();
}

#[tokio::test]
async fn ends_come_back_in_the_order_in_which_they_were_noted() {
    let fixture = Fixture::new();
    let ended = |number, entry| EndNote::Ended { job: job(number), entry };
    fixture.store.note_ends(vec![ended(3, 7), ended(1, 2), ended(2, 9)]).await.unwrap();
    fixture.store.note_ends(vec![ended(1, 4), EndNote::Forgotten { job: job(3) }, ended(4, 1)]).await.unwrap();

    let fixture = fixture.reopen().await;

    assert_eq!(fixture.store.ends().await.unwrap(), [(job(1), 4), (job(2), 9), (job(4), 1)]);
}

#[tokio::test]
async fn values_are_kept_under_their_keys() {
    let fixture = Fixture::new();
    assert_eq!(fixture.store.meta("grid").await.unwrap(), None);
    fixture.store.put_meta("grid", b"one".to_vec()).await.unwrap();
    fixture.store.put_meta("grid", b"two".to_vec()).await.unwrap();
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.meta("grid").await.unwrap(), Some(b"two".to_vec()));
}

#[tokio::test]
async fn run_times_are_kept_per_recipe_and_peer() {
    let fixture = Fixture::new();
    let run = |recipe: &str, peer, secs_per_task, tasks| RunRecord {
        recipe: recipe.into(),
        peer: PeerId([peer; 32]),
        secs_per_task,
        tasks,
    };
    fixture.store.record_runs(vec![run("blender", 1, 10.0, 1), run("blender", 2, 4.0, 2)]).await.unwrap();
    fixture.store.record_runs(vec![run("blender", 1, 20.0, 1), run("blender", 1, 99.0, 0)]).await.unwrap();

    let history = fixture.store.history().await.unwrap();

    assert_eq!(history.len(), 2);
    assert!((15.0..20.0).contains(&history[0].secs_per_task), "the newer run weighs more: {history:?}");
    assert_eq!((history[0].tasks, history[1].tasks), (2, 2));
}

#[tokio::test]
async fn a_closed_store_says_so() {
    let fixture = Fixture::new();
    let clone = fixture.store.clone();
    fixture.store.close().await;
    assert!(matches!(clone.append(vec![(job(1), entry(1))], WRITTEN).await, Err(StoreError::Closed)));
    assert!(matches!(clone.jobs().await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn keys_come_back_with_their_jobs_and_the_oldest_go() {
    let fixture = Fixture::new();
    let key = |n: usize| SubmitKey { key: format!("key {n}"), jobs: vec![job(n as u8), job(1)] };
    for n in 0..KEPT_KEYS + 5 {
        fixture.store.append_keyed(vec![(job(1), entry(1))], vec![key(n)], WRITTEN).await.unwrap();
    }

    let fixture = fixture.reopen().await;

    let keys = fixture.store.submit_keys().await.unwrap();
    assert_eq!((keys.len(), &keys[0], &keys[KEPT_KEYS - 1]), (KEPT_KEYS, &key(5), &key(KEPT_KEYS + 4)));
}

#[tokio::test]
async fn a_full_disk_loses_nothing_that_was_kept() {
    let Some(disk) = TinyDisk::mount() else { return };
    let data_dir = disk.path().join("data");
    let store = gridwell_store::Store::open_with(&data_dir, small_limits()).unwrap();
    let other = disk.path().join("other");
    std::fs::write(&other, vec![0; 100_000]).unwrap();
    let mut kept = 0;
    let error = loop {
        match store.append(vec![(job(1), vec![kept as u8; 20_000])], Durability::Synced).await {
            Ok(_) => kept += 1,
            Err(error) => break error,
        }
        assert!(kept < 1_000, "a disk of one MiB took {kept} entries");
    };
    assert!(matches!(error, StoreError::Full { .. }), "{error:?}");
    store.close().await;
    // A person makes a little room.
    std::fs::remove_file(other).unwrap();

    let store = gridwell_store::Store::open_with(&data_dir, small_limits());
    let stored = match store {
        Ok(store) => store.jobs().await.unwrap().remove(0).entries.len(),
        Err(error) => panic!("{error:?}"),
    };
    assert_eq!(stored, kept);
}
