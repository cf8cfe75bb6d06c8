use std::{path::Path, time::Duration};

use gridwell_api::{
    ActivityRequest, ErrorCode, Event, EventBody, EventCursor, HoldRequest, InviteRequest, InviteView, JobsRequest,
    LogPiece, LogsRequest, Picture, PictureRequest, Request, ResultsRequest, SetRequest, SubmitRequest, TargetRequest,
    TaskPage, TasksRequest,
};
use gridwell_model::{Incarnation, Stamp, TaskState};
use gridwell_serve::{Client, DataFolder, Door, Entrances, LogFormat, TOKEN_FILE, openapi};

use crate::support::{FakeNode, House, STREAM, unknown_job};

#[tokio::test]
async fn every_request_arrives_as_it_was_asked() {
    let house = House::open().await;
    let client = house.client();
    let target = || TargetRequest { target: "abcd.0.3".into() };
    let asked = [
        Request::Status,
        Request::Doctor,
        Request::Machines,
        Request::Links,
        Request::Inspect(SubmitRequest { paths: vec!["/a b/\u{202e}c\n.blend".into()], ..SubmitRequest::default() }),
        Request::Submit(SubmitRequest { priority: -7, hold: true, ..SubmitRequest::default() }),
        Request::Jobs(JobsRequest { active: true, limit: 5 }),
        Request::Tasks(TasksRequest {
            target: "abcd".into(),
            states: vec![TaskState::Running, TaskState::Failed],
            offset: 10,
            limit: 20,
        }),
        Request::Why(target()),
        Request::Cancel(target()),
        Request::Retry(target()),
        Request::Hold(HoldRequest { target: "abcd.0.3".into(), now: true }),
        Request::Hold(HoldRequest { target: "abcd".into(), now: false }),
        Request::Release(target()),
        Request::Invite(InviteRequest { ttl_secs: Some(60), ..InviteRequest::default() }),
        Request::Set(SetRequest { lend: Some(false), ..SetRequest::default() }),
        Request::Results(ResultsRequest { target: "9k3f.1".into(), ..ResultsRequest::default() }),
        Request::Activity(ActivityRequest::default()),
    ];
    for request in &asked {
        // The made-up node answers all with an invite, except where the answer's shape is checked below.
        let _ = client.ask::<serde_json::Value>(request).await.unwrap();
    }
    assert_eq!(*house.node.asked.lock().unwrap(), asked);
}

#[tokio::test]
async fn answers_come_back_as_their_types() {
    let house = House::open().await;
    let invite: InviteView = house.client().ask(&Request::Invite(InviteRequest::default())).await.unwrap();
    assert_eq!(invite.expires, Stamp(9));
    let page: TaskPage = house
        .client()
        .ask(&Request::Tasks(TasksRequest { target: "abcd".into(), ..TasksRequest::default() }))
        .await
        .unwrap();
    assert_eq!(page.total, 3);
}

#[tokio::test]
async fn a_refusal_keeps_its_code_its_words_and_its_next_step() {
    let house = House::open().await;
    let wrong = Request::Why(TargetRequest { target: "nope".into() });
    let error = house.client().ask::<serde_json::Value>(&wrong).await.unwrap_err();
    assert_eq!(error, unknown_job());
    let raw = house.raw("GET /v1/jobs/nope/why HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(raw.starts_with("HTTP/1.1 404"), "{raw}");
}

#[tokio::test]
async fn without_a_node_the_error_says_so() {
    let temp = tempfile::tempdir().unwrap();
    let error = Client::connect(temp.path()).await.unwrap_err();
    assert_eq!((error.code, error.exit_code()), (ErrorCode::NoNode, 3));
    assert!(error.message.contains(&temp.path().display().to_string()), "{error}");
}

#[tokio::test]
async fn a_socket_left_by_a_killed_node_is_replaced_and_removed_on_close() {
    let temp = tempfile::tempdir().unwrap();
    let folder = DataFolder::lock(temp.path()).unwrap();
    drop(std::os::unix::net::UnixListener::bind(folder.socket()).unwrap());
    assert_eq!(Client::connect(temp.path()).await.unwrap_err().code, ErrorCode::NoNode);

    let door = Door::open(&folder, Entrances::default(), FakeNode::shared()).await.unwrap();
    Client::connect(temp.path()).await.unwrap();
    assert_eq!(mode(door.socket()), 0o600);
    door.close().await;
    assert!(!folder.socket().exists());
}

#[tokio::test]
async fn a_data_folder_with_a_very_long_name_works() {
    let temp = tempfile::tempdir().unwrap();
    let data = temp.path().join("x".repeat(120));
    let folder = DataFolder::lock(&data).unwrap();
    let door = Door::open(&folder, Entrances::default(), FakeNode::shared()).await.unwrap();
    let _: serde_json::Value = Client::new(&data).ask(&Request::Status).await.unwrap();
    door.close().await;
}

#[tokio::test]
async fn a_picture_comes_back_as_bytes_of_its_kind() {
    let house = House::open().await;
    for request in [
        PictureRequest { target: Some("abcd.0.3".into()), size: 160, ..PictureRequest::default() },
        PictureRequest { path: Some("/a&size=1/ü %20#.png".into()), size: 320, ..PictureRequest::default() },
    ] {
        let picture = house.client().picture(&request).await.unwrap();
        assert_eq!(picture, Picture { mime: "image/webp", bytes: format!("{request:?}").into_bytes() });
    }
    let refused = house.client().picture(&PictureRequest::default()).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::NotAPicture);
}

#[tokio::test]
async fn a_page_keeps_a_picture_and_guesses_nothing() {
    let house = House::open().await;
    let ask = async |more: &str| {
        let head =
            format!("GET /v1/picture?target=abcd&size=160 HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{more}\r\n");
        house.raw(&head).await.to_ascii_lowercase()
    };
    let first = ask("").await;
    assert!(first.starts_with("http/1.1 200"), "{first}");
    for line in
        ["content-type: image/webp\r\n", "x-content-type-options: nosniff\r\n", "cache-control: private, max-age="]
    {
        assert!(first.contains(line), "{line} in {first}");
    }
    let tag = first.split("etag: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let again = ask(&format!("if-none-match: {tag}\r\n")).await;
    assert!(again.starts_with("http/1.1 304") && again.ends_with("\r\n\r\n"), "{again}");
    assert!(ask("if-none-match: \"other\"\r\n").await.starts_with("http/1.1 200"));
}

#[tokio::test]
async fn events_begin_with_a_snapshot_and_fill_a_gap() {
    let house = House::open().await;
    let mut events = house.client().events(None, Duration::ZERO).await.unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(&first[0], Event { seq: 0, body: EventBody::Snapshot(_) }));
    events.close().await;

    house.node.push(3);
    let mut events = house.client().events(Some(EventCursor { stream: STREAM, seq: 1 }), Duration::ZERO).await.unwrap();
    let missed = events.next().await.unwrap().unwrap();
    assert_eq!(missed.iter().map(|event| event.seq).collect::<Vec<_>>(), [2, 3]);
}

#[tokio::test]
async fn a_listener_from_another_run_gets_a_snapshot() {
    let house = House::open().await;
    house.node.push(2);
    let other = EventCursor { stream: Incarnation([8; 8]), seq: 1 };
    let mut events = house.client().events(Some(other), Duration::ZERO).await.unwrap();
    let first = events.next().await.unwrap().unwrap();
    assert!(matches!(&first[0], Event { seq: 2, body: EventBody::Snapshot(_) }));
}

#[tokio::test]
async fn a_closing_door_ends_streams() {
    let house = House::open().await;
    let mut events = house.client().events(None, Duration::ZERO).await.unwrap();
    let mut logs = house.client().logs(&log_request(true), LogFormat::Text).await.unwrap();
    events.next().await.unwrap();
    assert_eq!(logs.next().await.unwrap().unwrap(), "line\n");
    house.door.close().await;
    assert!(events.next().await.unwrap().is_none());
    assert!(logs.next().await.unwrap().is_none());
}

#[tokio::test]
async fn logs_stream_as_bytes_or_as_lines() {
    let house = House::open().await;
    let mut raw = house.client().logs(&log_request(false), LogFormat::Text).await.unwrap();
    assert_eq!(raw.next().await.unwrap().unwrap(), "line\n");
    assert!(raw.next().await.unwrap().is_none());
    let mut lines = house.client().logs(&log_request(false), LogFormat::Lines).await.unwrap();
    let line = lines.next().await.unwrap().unwrap();
    let piece: LogPiece = serde_json::from_slice(&line).unwrap();
    assert_eq!((piece.machine.as_str(), piece.bytes.as_slice()), ("mill", b"line\n".as_slice()));
}

#[tokio::test]
async fn hostile_requests_are_refused_with_a_code() {
    let house = House::open().await;
    let cases = [
        ("GET /nowhere HTTP/1.1\r\n", "", "404", "not_found"),
        ("DELETE /v1/status HTTP/1.1\r\n", "", "405", "not_allowed"),
        ("POST /v1/jobs HTTP/1.1\r\n", "{\"paths\":", "400", "bad_request"),
        ("POST /v1/jobs HTTP/1.1\r\n", "{\"surprise\":1}", "400", "bad_request"),
        ("GET /v1/jobs/abcd/tasks?states=sleepy HTTP/1.1\r\n", "", "400", "bad_request"),
        ("GET /v1/jobs/abcd/tasks?limit=-1 HTTP/1.1\r\n", "", "400", "bad_request"),
        ("GET /v1/events HTTP/1.1\r\n", "", "400", "bad_request"),
        ("GET /v1/events?since=7 HTTP/1.1\r\n", "", "400", "bad_request"),
        ("GET /v1/jobs/..%2F..%2Fetc/logs HTTP/1.1\r\n", "", "400", "bad_reference"),
    ];
    for (head, body, status, code) in cases {
        let length = body.len();
        let text = format!("{head}host: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}");
        let raw = house.raw(&text).await;
        assert!(raw.starts_with(&format!("HTTP/1.1 {status}")), "{head} gave {raw}");
        assert!(raw.contains(&format!("\"code\":\"{code}\"")), "{head} gave {raw}");
    }
    assert!(house.node.asked.lock().unwrap().is_empty(), "nothing of this reaches the node");
}

#[tokio::test]
async fn a_request_that_is_too_large_is_refused() {
    let house = House::open().await;
    let head = "POST /v1/jobs HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99999999\r\n\r\n";
    let raw = house.raw(head).await;
    assert!(raw.starts_with("HTTP/1.1 413") && raw.contains("too_large"), "{raw}");
    let raw = house.raw("\u{0}\u{1}garbage\r\n\r\n").await;
    assert!(raw.is_empty() || raw.starts_with("HTTP/1.1 400"), "{raw}");
}

#[tokio::test]
async fn loopback_wants_the_token() {
    let house = House::open().await;
    let token = std::fs::read_to_string(house.temp.path().join(TOKEN_FILE)).unwrap();
    let token = token.trim();
    let address = house.door.http().unwrap();
    let host = format!("host: {address}\r\n");
    let good = format!("authorization: Bearer {token}\r\n");
    let status = async |headers: String| {
        let head = format!("GET /v1/status HTTP/1.1\r\nconnection: close\r\n{headers}\r\n");
        House::raw_at(address, &head).await[9..12].to_owned()
    };
    assert_eq!(status(format!("{host}{good}")).await, "200");
    assert_eq!(status(host.clone()).await, "401");
    assert_eq!(status(format!("{host}authorization: Bearer {}\r\n", "0".repeat(64))).await, "401");
    assert_eq!(status(format!("host: evil.example\r\n{good}")).await, "403");
    assert_eq!(status(format!("{host}{good}origin: http://evil.example\r\n")).await, "403");
}

#[test]
fn the_description_names_every_path_and_its_schemas() {
    let text = serde_json::to_string(&openapi()).unwrap();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["openapi"], "3.1.0");
    for path in ["/v1/jobs", "/v1/jobs/{target}/logs", "/v1/events", "/v1/machines/this"] {
        assert!(value["paths"][path].is_object(), "{path}");
    }
    for schema in ["JobView", "ApiError", "Event", "SubmitRequest", "WhyView", "ErrorCode"] {
        assert!(value["components"]["schemas"][schema].is_object(), "{schema}");
    }
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(value["components"]["schemas"][name].is_object(), "{name} is named but not described");
    }
}

fn log_request(follow: bool) -> LogsRequest {
    LogsRequest { target: "abcd.0.0".into(), follow, after: 0, tail: 0 }
}

fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
