use gridwell_model::JobId;
use gridwell_store::{KeptLine, LogLimits, LogLine, LogPage, LogPart, LogPartQuery, LogQuery, Store, StoreLimits};

use crate::support::{Fixture, Pen, fence, job, line, small_limits, task};

fn all_of(job: JobId) -> LogQuery {
    LogQuery { job, task: None, fence: None, after: 0, limit_bytes: 1_000_000 }
}

fn texts(page: &LogPage) -> Vec<String> {
    page.lines.iter().map(|kept| String::from_utf8_lossy(&kept.line.bytes).into_owned()).collect()
}

fn part_of(index: u32) -> LogPartQuery {
    let fence = gridwell_model::Fence { epoch: 0, attempt: 0 };
    LogPartQuery { job: job(1), task: task(index), fence, attempt: None, from: None, limit_bytes: 100 }
}

async fn part(store: &Store, query: LogPartQuery) -> LogPart {
    store.read_log_part(query).await.unwrap().unwrap()
}

fn with_logs(logs: LogLimits) -> Fixture {
    Fixture::with(StoreLimits { logs, ..small_limits() })
}

#[tokio::test]
async fn a_log_is_read_by_job_task_and_attempt() {
    let pen = Pen::default();
    let Fixture { store, root: _root } = Fixture::new();
    let lines =
        vec![line(job(1), 0, 1, "a"), line(job(1), 1, 2, "b"), line(job(1), 0, 3, "c"), line(job(2), 0, 1, "d")];
    store.append_logs(pen.write(lines)).await.unwrap();

    let of_job = store.read_log(all_of(job(1))).await.unwrap();
    assert_eq!((texts(&of_job), of_job.more), (vec!["a".into(), "b".into(), "c".into()], false));
    let of_task = LogQuery { task: Some(task(0)), ..all_of(job(1)) };
    assert_eq!(texts(&store.read_log(of_task.clone()).await.unwrap()), ["a", "c"]);
    let of_attempt = LogQuery { fence: Some(fence(3)), ..of_task };
    let second = KeptLine { line: line(job(1), 0, 3, "c"), attempt: 2 };
    assert_eq!(store.read_log(of_attempt).await.unwrap().lines, [second]);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let pen = Pen::default();
    let Fixture { store, root: _root } = Fixture::new();
    store.append_logs(pen.write((0..10).map(|n| line(job(1), n, 1, "12345678")).collect())).await.unwrap();

    let mut query = LogQuery { limit_bytes: 20, ..all_of(job(1)) };
    let mut indices = Vec::new();
    loop {
        let page = store.read_log(query.clone()).await.unwrap();
        indices.extend(page.lines.iter().map(|kept| kept.line.task.index));
        query.after = page.next;
        if !page.more {
            break;
        }
        assert_eq!(page.lines.len(), 3);
    }
    assert_eq!(indices, (0..10).collect::<Vec<_>>());

    store.append_logs(pen.write(vec![line(job(1), 10, 1, "late")])).await.unwrap();
    assert_eq!(texts(&store.read_log(query).await.unwrap()), ["late"]);
}

#[tokio::test]
async fn the_end_of_a_log_is_read_with_its_place_and_goes_on_from_there() {
    let pen = Pen::default();
    let fixture = with_logs(LogLimits { total_bytes: 45_000, ..LogLimits::default() });
    let store = &fixture.store;
    // The first lines make room for the last ones: places stay what they were.
    store.append_logs(pen.write((0..600).map(|n| line(job(1), n % 2, 1, &format!("{n:04}"))).collect())).await.unwrap();
    store.append_logs(pen.write(vec![line(job(1), 0, 4, "again"), line(job(2), 0, 1, "another job")])).await.unwrap();

    let end = store.read_log_end(LogQuery { limit_bytes: 12, ..all_of(job(1)) }).await.unwrap();

    let shown: Vec<_> = end.lines.iter().map(|kept| (kept.line.task.index, kept.attempt, kept.line.at)).collect();
    assert_eq!(shown, [(0, 1, 4 * 299), (1, 1, 4 * 299), (0, 2, 0)]);
    assert_eq!((texts(&end).concat(), end.bytes()), ("05980599again".to_owned(), 13));
    store.append_logs(pen.write(vec![line(job(2), 0, 1, "x"), line(job(1), 1, 1, "late")])).await.unwrap();
    let later = store.read_log(LogQuery { after: end.next, ..all_of(job(1)) }).await.unwrap();
    assert_eq!((texts(&later), later.lines[0].line.at), (vec!["late".to_owned()], 4 * 300));
    let nothing = store.read_log_end(all_of(job(9))).await.unwrap();
    assert_eq!((nothing.lines.len(), nothing.more), (0, false));
}

#[tokio::test]
async fn an_attempt_that_never_stops_writing_is_cut_once() {
    let pen = Pen::default();
    let fixture = with_logs(LogLimits { attempt_bytes: 1_000, ..LogLimits::default() });
    for _ in 0..20 {
        fixture
            .store
            .append_logs(pen.write(vec![line(job(1), 0, 1, &"x".repeat(100)), line(job(1), 1, 2, "y")]))
            .await
            .unwrap();
    }
    let talkative = LogQuery { task: Some(task(0)), ..all_of(job(1)) };
    let page = fixture.store.read_log(talkative).await.unwrap();
    let notes = texts(&page).iter().filter(|text| text.contains("wrote too much")).count();
    assert_eq!((page.lines.len(), notes), (6, 1));
}

#[tokio::test]
async fn the_job_that_ended_first_loses_its_log_first() {
    let pen = Pen::default();
    let fixture = with_logs(LogLimits { total_bytes: 45_000, ..LogLimits::default() });
    let store = &fixture.store;
    let lines = |number| (0..100).map(|n| line(job(number), n, 1, "0123")).collect::<Vec<_>>();
    for number in 1..=3 {
        store.append_logs(pen.write(lines(number))).await.unwrap();
    }
    store.mark_job_ended(job(2)).await.unwrap();
    store.mark_job_ended(job(1)).await.unwrap();

    store.append_logs(pen.write(lines(4))).await.unwrap();

    let mut left = Vec::new();
    for number in 1..=4 {
        left.push(store.read_log(all_of(job(number))).await.unwrap().lines.len());
    }
    assert_eq!(left, [100, 0, 100, 100]);
}

#[tokio::test]
async fn logs_stay_bounded_even_if_no_job_ever_ends() {
    let pen = Pen::default();
    let fixture = with_logs(LogLimits { total_bytes: 100_000, ..LogLimits::default() });
    for round in 0..50 {
        let lines = (0..100).map(|n| line(job(1), round * 100 + n, 1, "0123")).collect();
        fixture.store.append_logs(pen.write(lines)).await.unwrap();
    }
    let page = fixture.store.read_log(all_of(job(1))).await.unwrap();
    assert!((500..=1_000).contains(&page.lines.len()), "{} lines", page.lines.len());
    assert_eq!(page.lines.last().unwrap().line.task.index, 4_999, "the newest stay");
}

#[tokio::test]
async fn any_part_of_a_log_is_read_by_its_place() {
    let pen = Pen::default();
    let Fixture { store, root: _root } = Fixture::new();
    let all: Vec<u8> = (0..3_000_u32).map(|n| b'a' + (n % 26) as u8).collect();
    for (at, piece) in all.chunks(7).enumerate() {
        let own = LogLine { bytes: piece.to_vec(), ..line(job(1), 0, 5, "") };
        store
            .append_logs(pen.write(vec![own, line(job(1), 1, 6, &format!("other {at}")), line(job(2), 0, 5, "x")]))
            .await
            .unwrap();
    }
    for from in [0, 1, 6, 7, 8, 1_000, 2_899, 2_999] {
        let page = part(&store, LogPartQuery { from: Some(from), ..part_of(0) }).await;
        let end = (from as usize + 100).min(all.len());
        assert_eq!((page.from, page.bytes), (from, all[from as usize..end].to_vec()));
    }
    let last = part(&store, part_of(0)).await;
    assert_eq!((last.from, last.total_bytes, last.bytes.as_slice()), (2_900, 3_000, &all[2_900..]));
    let behind = part(&store, LogPartQuery { from: Some(9_999), ..part_of(0) }).await;
    assert_eq!((behind.from, behind.bytes.len()), (3_000, 0));
    assert_eq!(store.read_log_part(part_of(2)).await.unwrap(), None);
}

#[tokio::test]
async fn pages_join_without_halving_a_character() {
    let pen = Pen::default();
    let Fixture { store, root: _root } = Fixture::new();
    let text = "größer 画像 😀 ".repeat(40);
    for piece in text.as_bytes().chunks(5) {
        store.append_logs(pen.write(vec![LogLine { bytes: piece.to_vec(), ..line(job(1), 0, 1, "") }])).await.unwrap();
    }
    let (mut from, mut read) = (0, String::new());
    while from < text.len() as u64 {
        let page = part(&store, LogPartQuery { from: Some(from), limit_bytes: 33, ..part_of(0) }).await;
        assert_eq!(page.from, from);
        read.push_str(std::str::from_utf8(&page.bytes).unwrap());
        from += page.bytes.len() as u64;
    }
    assert_eq!(read, text);
}

#[tokio::test]
async fn attempts_keep_their_numbers_and_the_last_one_is_shown() {
    let pen = Pen::default();
    let fixture = with_logs(LogLimits { total_bytes: 45_000, ..LogLimits::default() });
    let store = &fixture.store;
    store.append_logs(pen.write((0..300).map(|n| line(job(1), 0, 1, &format!("{n:04}"))).collect())).await.unwrap();
    store.append_logs(pen.write(vec![line(job(1), 0, 2, "second"), line(job(1), 0, 4, "third")])).await.unwrap();

    let third = part(store, part_of(0)).await;
    assert_eq!((third.attempt, third.attempts, third.bytes.as_slice()), (3, vec![1, 2, 3], &b"third"[..]));
    let second = part(store, LogPartQuery { attempt: Some(2), ..part_of(0) }).await;
    assert_eq!((second.attempt, second.bytes.as_slice()), (2, &b"second"[..]));
    assert_eq!(store.read_log_part(LogPartQuery { attempt: Some(4), ..part_of(0) }).await.unwrap(), None);

    // The beginning of the first one makes room.
    store.append_logs(pen.write((0..100).map(|n| line(job(1), 9, 5, &format!("{n:04}"))).collect())).await.unwrap();
    let first = part(store, LogPartQuery { attempt: Some(1), from: Some(0), ..part_of(0) }).await;
    assert!(first.from > 0 && first.total_bytes == 1_200, "{first:?}");
    assert_eq!(first.bytes[..4], *format!("{:04}", first.from / 4).as_bytes(), "places stay what they were");

    store.append_logs(pen.write((0..300).map(|n| line(job(1), 9, 5, &format!("{n:04}"))).collect())).await.unwrap();
    assert_eq!(store.read_log_part(part_of(0)).await.unwrap(), None, "all of it made room");
}

#[tokio::test]
async fn a_task_of_a_chunk_shows_the_log_of_its_run() {
    let pen = Pen::default();
    let Fixture { store, root: _root } = Fixture::new();
    store
        .append_logs(pen.write(vec![line(job(1), 0, 7, "first chunk"), line(job(1), 5, 7, "second chunk")]))
        .await
        .unwrap();
    let shown = part(&store, LogPartQuery { fence: fence(7), ..part_of(8) }).await;
    assert_eq!((shown.task, shown.bytes.as_slice()), (task(5), &b"second chunk"[..]));
    assert_eq!(store.read_log_part(LogPartQuery { fence: fence(8), ..part_of(8) }).await.unwrap(), None);
}

#[tokio::test]
async fn places_are_found_for_logs_of_an_earlier_version() {
    let pen = Pen::default();
    let fixture = Fixture::new();
    let path = fixture.root.path().join("data/logs.db");
    fixture
        .store
        .append_logs(pen.write(["one ", "two ", "three"].map(|text| line(job(1), 0, 1, text)).to_vec()))
        .await
        .unwrap();
    let Fixture { root, store } = fixture;
    store.close().await;
    let old = rusqlite::Connection::open(&path).unwrap();
    old.execute_batch(
        "DROP INDEX log_line_by_place; ALTER TABLE log_line DROP COLUMN at; ALTER TABLE log_attempt DROP COLUMN written; DROP TABLE made;
         DROP TABLE landed; DROP INDEX result_by_proof; ALTER TABLE result DROP COLUMN proof;
         PRAGMA user_version = 2;",
    )
    .unwrap();
    drop(old);

    let store = Store::open_with(&root.path().join("data"), small_limits()).unwrap();

    let page = part(&store, LogPartQuery { from: Some(4), ..part_of(0) }).await;
    assert_eq!((page.total_bytes, page.bytes.as_slice()), (13, &b"two three"[..]));
}

#[tokio::test]
async fn output_that_comes_again_is_kept_once_and_what_was_missing_is_put_in_its_place() {
    let Fixture { store, root: _root } = Fixture::new();
    let at = |at: u64, text: &str| LogLine { at, ..line(job(1), 0, 1, text) };
    store.append_logs(vec![at(0, "one "), at(8, "three "), at(14, "four ")]).await.unwrap();
    assert_eq!(part(&store, part_of(0)).await.bytes, b"one ", "a part ends where something is missing");
    let behind = part(&store, LogPartQuery { from: Some(5), ..part_of(0) }).await;
    assert_eq!((behind.from, behind.bytes.as_slice()), (8, &b"three four "[..]));

    store.append_logs(vec![at(0, "one two three "), at(19, "five"), at(16, "ur five")]).await.unwrap();

    let whole = LogPartQuery { from: Some(0), ..part_of(0) };
    assert_eq!(part(&store, whole).await.bytes, b"one two three four five");
    let kept = store.read_log(all_of(job(1))).await.unwrap();
    assert_eq!(texts(&kept), ["one ", "three ", "four ", "two ", "five"]);
}
