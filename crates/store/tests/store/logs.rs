use gridwell_model::JobId;
use gridwell_store::{LogLimits, LogPage, LogQuery, StoreLimits};

use crate::support::{Fixture, fence, job, line, small_limits, task};

fn all_of(job: JobId) -> LogQuery {
    LogQuery { job, task: None, fence: None, after: 0, limit_bytes: 1_000_000 }
}

fn texts(page: &LogPage) -> Vec<String> {
    page.lines.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect()
}

fn with_logs(logs: LogLimits) -> Fixture {
    Fixture::with(StoreLimits { logs, ..small_limits() })
}

#[tokio::test]
async fn a_log_is_read_by_job_task_and_attempt() {
    let Fixture { store, root: _root } = Fixture::new();
    let lines =
        vec![line(job(1), 0, 1, "a"), line(job(1), 1, 2, "b"), line(job(1), 0, 3, "c"), line(job(2), 0, 1, "d")];
    store.append_logs(lines).await.unwrap();

    let of_job = store.read_log(all_of(job(1))).await.unwrap();
    assert_eq!((texts(&of_job), of_job.more), (vec!["a".into(), "b".into(), "c".into()], false));
    let of_task = LogQuery { task: Some(task(0)), ..all_of(job(1)) };
    assert_eq!(texts(&store.read_log(of_task.clone()).await.unwrap()), ["a", "c"]);
    let of_attempt = LogQuery { fence: Some(fence(3)), ..of_task };
    assert_eq!(store.read_log(of_attempt).await.unwrap().lines, [line(job(1), 0, 3, "c")]);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let Fixture { store, root: _root } = Fixture::new();
    store.append_logs((0..10).map(|n| line(job(1), n, 1, "12345678")).collect()).await.unwrap();

    let mut query = LogQuery { limit_bytes: 20, ..all_of(job(1)) };
    let mut indices = Vec::new();
    loop {
        let page = store.read_log(query.clone()).await.unwrap();
        indices.extend(page.lines.iter().map(|line| line.task.index));
        query.after = page.next;
        if !page.more {
            break;
        }
        assert_eq!(page.lines.len(), 3);
    }
    assert_eq!(indices, (0..10).collect::<Vec<_>>());

    store.append_logs(vec![line(job(1), 10, 1, "late")]).await.unwrap();
    assert_eq!(texts(&store.read_log(query).await.unwrap()), ["late"]);
}

#[tokio::test]
async fn an_attempt_that_never_stops_writing_is_cut_once() {
    let fixture = with_logs(LogLimits { attempt_bytes: 1_000, ..LogLimits::default() });
    for _ in 0..20 {
        fixture.store.append_logs(vec![line(job(1), 0, 1, &"x".repeat(100)), line(job(1), 1, 2, "y")]).await.unwrap();
    }
    let talkative = LogQuery { task: Some(task(0)), ..all_of(job(1)) };
    let page = fixture.store.read_log(talkative).await.unwrap();
    let notes = texts(&page).iter().filter(|text| text.contains("wrote too much")).count();
    assert_eq!((page.lines.len(), notes), (7, 1));
}

#[tokio::test]
async fn the_job_that_ended_first_loses_its_log_first() {
    let fixture = with_logs(LogLimits { total_bytes: 35_000, ..LogLimits::default() });
    let store = &fixture.store;
    let lines = |number| (0..100).map(|n| line(job(number), n, 1, "0123")).collect::<Vec<_>>();
    for number in 1..=3 {
        store.append_logs(lines(number)).await.unwrap();
    }
    store.mark_job_ended(job(2)).await.unwrap();
    store.mark_job_ended(job(1)).await.unwrap();

    store.append_logs(lines(4)).await.unwrap();

    let mut left = Vec::new();
    for number in 1..=4 {
        left.push(store.read_log(all_of(job(number))).await.unwrap().lines.len());
    }
    assert_eq!(left, [100, 0, 100, 100]);
}

#[tokio::test]
async fn logs_stay_bounded_even_if_no_job_ever_ends() {
    let fixture = with_logs(LogLimits { total_bytes: 100_000, ..LogLimits::default() });
    for round in 0..50 {
        let lines = (0..100).map(|n| line(job(1), round * 100 + n, 1, "0123")).collect();
        fixture.store.append_logs(lines).await.unwrap();
    }
    let page = fixture.store.read_log(all_of(job(1))).await.unwrap();
    assert!((500..=1_000).contains(&page.lines.len()), "{} lines", page.lines.len());
    assert_eq!(page.lines.last().unwrap().task.index, 4_999, "the newest stay");
}
