use std::{collections::BTreeSet, time::Duration};

use gridwell_model::{JobId, PeerId, Stamp, TaskKey, TaskSpan, TaskState};
use gridwell_store::{
    LandedFile, LandedQuery, MachineSample, Notice, NoticeQuery, Past, PastLimits, Run, RunQuery, Sample, Store,
    StoreLimits,
};

use crate::support::{Fixture, job, rel, small_limits, task};

const PICTURE: u8 = 1;

fn with(past: PastLimits) -> Fixture {
    Fixture::with(StoreLimits { past, ..small_limits() })
}

fn machine(number: u8) -> PeerId {
    PeerId([number; 32])
}

fn file(index: u32, path: &str) -> LandedFile {
    LandedFile {
        task: task(index),
        folder: 0,
        path: rel(path),
        size_bytes: 10,
        landed: Stamp(u64::from(index)),
        kind: PICTURE,
        proof: 0,
    }
}

fn all_of(job: JobId) -> LandedQuery {
    LandedQuery { job, task: None, offset: 0, limit: 1_000 }
}

async fn landed(store: &Store, query: LandedQuery) -> (u64, u64, Vec<String>) {
    let page = store.landed(query).await.unwrap();
    (page.total, page.total_bytes, page.files.iter().map(|file| file.path.to_string()).collect())
}

fn run(job: JobId, index: u32, ended: u64) -> Run {
    Run {
        job,
        step: 0,
        tasks: TaskSpan::new(index, index + 1),
        machine: machine(1),
        started: Stamp(ended - 1),
        ended: Stamp(ended),
        end: TaskState::Done,
    }
}

fn runs(runs: impl IntoIterator<Item = Run>) -> Past {
    Past { runs: runs.into_iter().collect(), ..Past::default() }
}

const ALL_RUNS: RunQuery = RunQuery { job: None, from: Stamp(0), to: Stamp(u64::MAX), limit: 100 };

/// First tasks of the runs that are there, newest first, and whether older ones are not.
async fn firsts(store: &Store, query: RunQuery) -> (Vec<u32>, bool) {
    let page = store.runs(query).await.unwrap();
    (page.runs.iter().map(|run| run.tasks.start).collect(), page.older)
}

fn notice(id: u64, about: Option<JobId>) -> Notice {
    let sentence = format!("notice {id}");
    Notice { id, at: Stamp(id), kind: 3, level: 1, sentence, job: about, machine: Some(machine(7)) }
}

fn notices(notices: impl IntoIterator<Item = Notice>) -> Past {
    Past { notices: notices.into_iter().collect(), ..Past::default() }
}

const NEWEST: NoticeQuery = NoticeQuery { before: None, job: None, limit: 2 };

async fn ids(store: &Store, query: NoticeQuery) -> (Vec<u64>, bool) {
    let page = store.notices(query).await.unwrap();
    (page.notices.iter().map(|notice| notice.id).collect(), page.more)
}

#[tokio::test]
async fn landed_files_are_listed_by_task_and_path_on_pages_that_join() {
    let Fixture { store, root: _root } = Fixture::new();
    let mut files: Vec<_> = (0..7).map(|n| file(n / 3, &format!("{}.png", 9 - n))).collect();
    files.push(LandedFile { task: TaskKey { step: 1, index: 0 }, ..file(0, "a.txt") });
    store.record_landed(job(1), files).await.unwrap();
    store.record_landed(job(2), vec![file(0, "other.png")]).await.unwrap();

    let (total, bytes, all) = landed(&store, all_of(job(1))).await;

    assert_eq!((total, bytes), (8, 80));
    assert_eq!(all, ["7.png", "8.png", "9.png", "4.png", "5.png", "6.png", "3.png", "a.txt"]);
    let mut joined = Vec::new();
    for offset in (0..9).step_by(2) {
        joined.extend(landed(&store, LandedQuery { offset, limit: 2, ..all_of(job(1)) }).await.2);
    }
    assert_eq!(joined, all);
    let of_task = LandedQuery { task: Some(task(1)), offset: 1, ..all_of(job(1)) };
    assert_eq!(landed(&store, of_task).await, (3, 30, vec!["5.png".to_owned(), "6.png".to_owned()]));
    assert_eq!(landed(&store, all_of(job(3))).await, (0, 0, vec![]));
}

#[tokio::test]
async fn a_file_that_lands_on_another_takes_its_place() {
    let Fixture { store, root: _root } = Fixture::new();
    store.record_landed(job(1), vec![file(0, "x.png"), file(0, "y.png")]).await.unwrap();

    store.record_landed(job(1), vec![LandedFile { size_bytes: 3, ..file(5, "x.png") }]).await.unwrap();

    assert_eq!(landed(&store, all_of(job(1))).await, (2, 13, vec!["y.png".to_owned(), "x.png".to_owned()]));
}

#[tokio::test]
async fn the_newest_picture_of_a_job_and_the_first_of_a_task_are_found() {
    let Fixture { store, root: _root } = Fixture::new();
    let text = LandedFile { kind: 0, landed: Stamp(99), ..file(2, "a.txt") };
    let files = vec![file(2, "c.png"), file(2, "b.png"), text, file(1, "d.png")];
    store.record_landed(job(1), files).await.unwrap();
    let late = LandedFile { landed: Stamp(50), ..file(0, "late.png") };
    store.record_landed(job(1), vec![late.clone()]).await.unwrap();

    assert_eq!(store.newest_landed(job(1), PICTURE).await.unwrap(), Some(late));
    assert_eq!(store.first_landed(job(1), task(2), PICTURE).await.unwrap(), Some(file(2, "b.png")));
    assert_eq!(store.first_landed(job(1), task(3), PICTURE).await.unwrap(), None);
    assert_eq!(store.newest_landed(job(2), PICTURE).await.unwrap(), None);
}

#[tokio::test]
async fn a_proof_is_of_the_file_that_was_looked_into() {
    let fixture = Fixture::new();
    let store = &fixture.store;
    store.record_landed(job(1), vec![file(1, "a.png"), file(2, "b.png"), file(3, "c.png")]).await.unwrap();
    let found = |file: LandedFile, proof| LandedFile { proof, ..file };
    store.record_landed(job(1), vec![LandedFile { landed: Stamp(50), ..file(2, "b.png") }]).await.unwrap();

    let proofs = vec![found(file(1, "a.png"), 1), found(file(2, "b.png"), 2), found(file(3, "c.png"), 2)];
    store.record_proofs(job(1), proofs).await.unwrap();

    assert_eq!(store.flawed(job(1), 9).await.unwrap(), [found(file(3, "c.png"), 2)], "b.png landed anew since");
    store.record_landed(job(1), vec![file(3, "c.png")]).await.unwrap();
    assert_eq!(store.flawed(job(1), 9).await.unwrap(), [], "and so did c.png");
}

#[tokio::test]
async fn lists_of_files_stay_bounded() {
    let Fixture { store, root: _root } = with(PastLimits { files_of_job: 3, files: 5, ..PastLimits::default() });
    for number in 1..=3 {
        store.record_landed(job(number), (0..4).map(|n| file(n, &format!("{n}.png"))).collect()).await.unwrap();
    }
    let mut totals = Vec::new();
    for number in 1..=3 {
        totals.push(landed(&store, all_of(job(number))).await.0);
    }
    assert_eq!(totals, [0, 0, 3], "the oldest jobs' lists go, and of one job no more is listed");
    let full = async |number| store.landed(all_of(job(number))).await.unwrap().full;
    assert_eq!((full(3).await, full(1).await), (true, false), "a list says that it is full");
}

#[tokio::test]
async fn runs_are_found_by_job_and_time() {
    let Fixture { store, root: _root } = Fixture::new();
    let lost = Run { end: TaskState::Lost, machine: machine(2), ..run(job(2), 9, 35) };
    store.record(runs([run(job(1), 0, 10), run(job(1), 1, 20), lost.clone(), run(job(1), 2, 30)])).await.unwrap();

    assert_eq!(firsts(&store, ALL_RUNS).await, (vec![9, 2, 1, 0], false));
    assert_eq!(firsts(&store, RunQuery { job: Some(job(1)), ..ALL_RUNS }).await, (vec![2, 1, 0], false));
    let some = RunQuery { from: Stamp(20), to: Stamp(30), ..ALL_RUNS };
    assert_eq!(firsts(&store, some).await, (vec![2, 1], false));
    assert_eq!(firsts(&store, RunQuery { limit: 2, ..ALL_RUNS }).await, (vec![9, 2], true));
    assert_eq!(store.runs(ALL_RUNS).await.unwrap().runs[0], lost);
}

#[tokio::test]
async fn runs_stay_bounded_and_say_what_is_missing() {
    let limits = PastLimits { runs_of_job: 32, runs: 64, ..PastLimits::default() };
    let Fixture { store, root: _root } = with(limits);
    let of = |number| RunQuery { job: Some(job(number)), ..ALL_RUNS };
    store.record(runs((1..=40).map(|n| run(job(1), n, u64::from(n))))).await.unwrap();

    let (kept, older) = firsts(&store, of(1)).await;
    assert_eq!((kept.len(), kept[0], older), (30, 40, true), "a few more go than must");
    let later = RunQuery { from: Stamp(20), ..of(1) };
    assert_eq!(firsts(&store, later).await, ((20..=40).rev().collect(), false), "nothing is missing since then");

    store.record(runs((1..=30).map(|n| run(job(2), n, 100)))).await.unwrap();
    store.record(runs((1..=30).map(|n| run(job(3), n, 200)))).await.unwrap();
    let mut left = Vec::new();
    for number in 1..=3 {
        let (kept, older) = firsts(&store, of(number)).await;
        left.push((kept.len(), older));
    }
    assert_eq!(left, [(0, true), (30, false), (30, false)], "the oldest job's go first");
}

#[tokio::test]
async fn notices_are_paged_and_their_ids_are_remembered() {
    let fixture = Fixture::new();
    let about = |id: u64| id.is_multiple_of(2).then(|| job(1));
    fixture.store.record(notices((1..=5).map(|id| notice(id, about(id))))).await.unwrap();

    let Fixture { store, root: _root } = fixture.reopen().await;

    assert_eq!(ids(&store, NEWEST).await, (vec![5, 4], true));
    assert_eq!(ids(&store, NoticeQuery { before: Some(3), ..NEWEST }).await, (vec![2, 1], false));
    assert_eq!(ids(&store, NoticeQuery { job: Some(job(1)), ..NEWEST }).await, (vec![4, 2], false));
    assert_eq!(store.notices(NEWEST).await.unwrap().notices[0], notice(5, None));
    assert_eq!(store.last_notice().await.unwrap(), 5);
    store.remove_job(job(1)).await.unwrap();
    assert_eq!(ids(&store, NoticeQuery { limit: 9, ..NEWEST }).await, (vec![5, 3, 1], false));
}

#[tokio::test]
async fn old_and_surplus_notices_go() {
    let limits = PastLimits { notices: 4, notice_age: Duration::from_millis(10), ..PastLimits::default() };
    let Fixture { store, root: _root } = with(limits);
    store.record(notices((1..=6).map(|id| notice(id, None)))).await.unwrap();
    assert_eq!(ids(&store, NoticeQuery { limit: 9, ..NEWEST }).await, (vec![6, 5, 4, 3], false));

    store.record(notices([notice(15, None)])).await.unwrap();

    assert_eq!(ids(&store, NoticeQuery { limit: 9, ..NEWEST }).await, (vec![15, 6, 5], false));
}

#[tokio::test]
async fn samples_are_a_ring_of_minutes() {
    let Fixture { store, root: _root } = with(PastLimits { sample_minutes: 3, ..PastLimits::default() });
    let entry =
        |number, tasks_done| MachineSample { machine: machine(number), lent_cpus: 1.25, foreign_cpus: 0.0, tasks_done };
    let sample = |minute: u64| Sample { minute, machines: vec![entry(1, minute as u32), entry(2, 0)] };
    for minute in [1, 2, 3, 5] {
        store.record(Past { samples: vec![sample(minute)], ..Past::default() }).await.unwrap();
    }
    assert_eq!(store.samples(0).await.unwrap(), [sample(3), sample(5)]);
    assert_eq!(store.samples(4).await.unwrap(), [sample(5)]);

    store.record(Past { samples: vec![sample(4)], ..Past::default() }).await.unwrap();

    let minutes: Vec<_> = store.samples(0).await.unwrap().iter().map(|sample| sample.minute).collect();
    assert_eq!(minutes, [3, 4], "a clock that ran ahead leaves nothing behind");
}

#[tokio::test]
async fn what_is_kept_of_a_job_goes_with_it() {
    let Fixture { store, root: _root } = Fixture::new();
    for number in 1..=3 {
        store.record_landed(job(number), vec![file(0, "x.png")]).await.unwrap();
        store.record(runs([run(job(number), 0, 10)])).await.unwrap();
        store.record(notices([notice(u64::from(number), Some(job(number)))])).await.unwrap();
    }

    store.remove_job(job(1)).await.unwrap();
    store.keep_past_of(BTreeSet::from([job(3)])).await.unwrap();

    for (number, kept) in [(1, 0), (2, 0), (3, 1)] {
        assert_eq!(landed(&store, all_of(job(number))).await.0, kept);
        assert_eq!(firsts(&store, RunQuery { job: Some(job(number)), ..ALL_RUNS }).await.0.len() as u64, kept);
    }
    assert_eq!(ids(&store, NEWEST).await, (vec![3], false));
}
