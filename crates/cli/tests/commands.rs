//! The real program against a real door with a made-up node behind it: what it prints, and how it exits.

#![expect(clippy::unwrap_used, reason = "the helpers of tests fail like tests")]

use std::{
    io::{BufRead as _, BufReader, Read as _},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
};

use futures::future::BoxFuture;
use gridwell_api::{
    ApiError, CodeShown, ErrorCode, Event, EventBody, EventCursor, FailureView, JobView, LandingView, LogPiece,
    LogsRequest, MadeBy, Picture, PictureRequest, Request, Response, Snapshot, SubmittedView, TaskCounts, TaskPage,
    TaskView,
};
use gridwell_model::{Incarnation, JobId, JobState, PeerId, Stamp, TaskKey, TaskState};
use gridwell_serve::{Backend, Content, DataFolder, Door, Entrances, TreeView};
use tokio::sync::mpsc;

const JOB: JobId = JobId([7; 10]);

#[test]
fn submit_prints_the_id_alone() {
    let house = House::with(24, JobState::Done);
    let output = house.run(&["submit", "kitchen.blend", "--frames", "1-24", "--priority", "-3"]);
    assert_eq!((output.code, output.out.as_str(), output.err.as_str()), (0, &*format!("{JOB}\n"), ""));
    let Some(Request::Submit(asked)) = house.asked().pop() else { panic!("nothing was submitted") };
    assert_eq!(asked.paths, [format!("{}/kitchen.blend", house.temp.path().canonicalize().unwrap().display())]);
    assert_eq!((asked.frames.as_deref(), asked.priority), (Some("1-24"), -3));
}

#[test]
fn json_answers_are_the_types_of_the_api() {
    let house = House::with(24, JobState::Done);
    let output = house.run(&["submit", "--json", "kitchen.blend"]);
    assert_eq!(serde_json::from_str::<SubmittedView>(&output.out).unwrap().jobs[0].id, JOB);
    let output = house.run(&["jobs", "--json"]);
    assert_eq!(serde_json::from_str::<Vec<JobView>>(&output.out).unwrap().len(), 1);
}

#[test]
fn run_follows_and_says_where_results_landed_and_who_made_them() {
    let house = House::with(24, JobState::Done);
    let output = house.run(&["run", "kitchen.blend"]);
    assert_eq!(output.code, 0, "{output:?}");
    assert!(output.out.starts_with("kitchen: done, 24 of 24 frames"), "{output:?}");
    assert!(output.out.contains("Results  /home/ana/frames\nMade by  mill 14, forge 10"), "{output:?}");
    assert!(output.err.contains("kitchen: 50 %, 12 of 24 frames"), "{output:?}");
    assert!(!output.err.contains('\u{1b}') && !output.out.contains('\u{1b}'), "colours only on a terminal: {output:?}");
}

#[test]
fn a_failed_job_exits_with_1_and_shows_the_last_lines() {
    let house = House::with(24, JobState::Failed);
    let output = house.run(&["run", "kitchen.blend"]);
    assert_eq!(output.code, 1, "{output:?}");
    assert!(output.err.contains("Last lines of frame 1:\n  printed\\u{1b}[31m by the task"), "{output:?}");
    assert_eq!(house.run(&["wait", "last"]).code, 1);
}

#[test]
fn a_single_command_is_like_a_local_one() {
    let house = House::with(1, JobState::Done);
    let output = house.run(&["exec", "--", "tool", "--json", "{}"]);
    assert_eq!((output.code, output.out.as_str(), output.err.as_str()), (0, "printed\u{1b}[31m by the task\n", ""));
    let Some(Request::Submit(asked)) = house.asked().pop() else { panic!("nothing was submitted") };
    let command = asked.command.unwrap();
    assert_eq!(command.argv, ["tool", "--json", "{}"]);
    assert!(Path::new(&command.cwd).is_absolute());

    let output = house.run(&["exec", "--detach", "--", "tool"]);
    assert_eq!((output.code, output.out), (0, format!("{JOB}\n")));
}

#[test]
fn a_refusal_names_the_thing_and_exits_with_2() {
    let house = House::with(1, JobState::Done);
    let output = house.run(&["job", "zzzz"]);
    assert_eq!((output.code, output.out.as_str()), (2, ""));
    assert!(output.err.starts_with("gridwell: there is no job 'zzzz'\n"), "{output:?}");
    let output = house.run(&["job", "zzzz", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&output.out).unwrap();
    assert_eq!((output.code, json["error"]["code"].as_str()), (2, Some("unknown_job")));
}

#[test]
fn without_a_node_every_asking_command_exits_with_3() {
    let temp = tempfile::tempdir().unwrap();
    for line in ["status", "jobs", "machines", "run x", "exec -- true", "wait last", "doctor", "why abcd"] {
        let words: Vec<&str> = line.split(' ').collect();
        let output = gridwell(temp.path(), &words);
        assert_eq!(output.code, 3, "{line}: {output:?}");
        assert!(format!("{}{}", output.out, output.err).contains("no node is running"), "{line}: {output:?}");
    }
}

#[test]
fn ctrl_c_leaves_the_job_and_exits_with_130() {
    let house = House::with(24, JobState::Running);
    let mut child = command(house.temp.path(), &["run", "kitchen.blend"]).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    err.read_line(&mut line).unwrap();
    assert_eq!(line, format!("kitchen is job {JOB}\n"));
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let mut rest = String::new();
    err.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert!(rest.contains(&format!("The job goes on. Follow again: gridwell wait {JOB}")), "{rest}");
    assert!(rest.contains(&format!("gridwell cancel {JOB}")), "{rest}");
}

#[test]
fn a_second_node_on_the_same_folder_is_refused_and_names_the_first() {
    let house = House::with(1, JobState::Done);
    let output = house.run(&["node", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.code, 2, "{output:?}");
    assert!(output.err.contains(&format!("process {}", std::process::id())), "{output:?}");
}

#[test]
fn help_and_completions_need_no_node() {
    let temp = tempfile::tempdir().unwrap();
    let output = gridwell(temp.path(), &["exec", "--help"]);
    assert!(output.code == 0 && output.out.contains("Examples:"), "{output:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = gridwell(temp.path(), &["completions", shell]);
        assert!(output.code == 0 && output.out.contains("exec"), "{shell}");
    }
}

#[derive(Debug)]
struct Ended {
    code: i32,
    out: String,
    err: String,
}

fn command(data: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gridwell"));
    command.args(words).env("GRIDWELL_DATA", data).current_dir(data);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn gridwell(data: &Path, words: &[&str]) -> Ended {
    let Output { status, stdout, stderr } = command(data, words).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ended { code: status.code().unwrap(), out: text(stdout), err: text(stderr) }
}

/// A folder with an open door, served by a runtime of its own.
struct House {
    temp: tempfile::TempDir,
    node: Arc<FakeNode>,
    _folder: DataFolder,
    _door: Door,
    _runtime: tokio::runtime::Runtime,
}

impl House {
    /// A node whose jobs have so many tasks and end so.
    fn with(tasks: u64, end: JobState) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let folder = DataFolder::lock(temp.path()).unwrap();
        let node = Arc::new(FakeNode { tasks, end, asked: Mutex::default(), kept: Mutex::default() });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let backend: Arc<dyn Backend> = node.clone();
        let door = runtime.block_on(Door::open(&folder, Entrances::default(), backend)).unwrap();
        Self { temp, node, _folder: folder, _door: door, _runtime: runtime }
    }

    fn run(&self, words: &[&str]) -> Ended {
        gridwell(self.temp.path(), words)
    }

    fn asked(&self) -> Vec<Request> {
        self.node.asked.lock().unwrap().clone()
    }
}

/// A node with one job that ends as soon as somebody listens.
struct FakeNode {
    tasks: u64,
    end: JobState,
    asked: Mutex<Vec<Request>>,
    /// Open channels of listeners: the streams stay open like a real node's.
    kept: Mutex<Vec<mpsc::Sender<Arc<Event>>>>,
}

impl FakeNode {
    fn job(&self, state: JobState) -> JobView {
        let made =
            |name: &str, done| MadeBy { machine: PeerId([1; 32]), name: name.into(), done, failed: 0, running: 0 };
        let done = match state {
            JobState::Done => self.tasks,
            _ => self.tasks / 2,
        };
        let failed = if state == JobState::Failed { self.tasks - done } else { 0 };
        JobView {
            id: JOB,
            name: "kitchen".into(),
            recipe: "blender".into(),
            state,
            priority: 0,
            counts: TaskCounts { done, failed, ready: self.tasks - done - failed, ..TaskCounts::default() },
            reused: 0,
            saved: 0,
            saved_at: None,
            task_word: "frame".into(),
            progress: done as f64 / self.tasks as f64,
            time_left_secs: None,
            submitted: Stamp(0),
            started: Some(Stamp(1_000)),
            ended: state.is_ended().then_some(Stamp(9_000)),
            origin: PeerId([1; 32]),
            origin_name: "mill".into(),
            output_folders: vec!["/home/ana/frames".into()],
            made_by: vec![made("mill", 14), made("forge", 10)],
            failures: if failed > 0 { vec![failure(failed)] } else { Vec::new() },
            waits_for: String::new(),
            steward: PeerId([1; 32]),
            steward_name: "mill".into(),
            safe: true,
            unsafe_why: String::new(),
            landing: LandingView::default(),
            energy: gridwell_api::EnergyView::default(),
        }
    }

    fn answer(&self, request: &Request) -> Result<Response, ApiError> {
        match request {
            Request::Submit(_) => {
                Ok(Response::Submitted(SubmittedView { jobs: vec![self.job(JobState::Waiting)], warnings: Vec::new() }))
            }
            Request::Jobs(_) => Ok(Response::Jobs(vec![self.job(self.end)])),
            Request::Job(job) if job.job == JOB.to_string() => Ok(Response::Job(Box::new(gridwell_api::JobDetail {
                job: self.job(self.end),
                steps: Vec::new(),
                parameters: Vec::new(),
                input_count: 0,
                input_bytes: 0,
            }))),
            Request::Job(job) => Err(ApiError::new(ErrorCode::UnknownJob, format!("there is no job '{}'", job.job))),
            Request::Tasks(_) => Ok(Response::Tasks(TaskPage { job: JOB, total: 1, tasks: vec![failed_task()] })),
            other => Err(ApiError::bug(format!("nobody expected {other:?}"))),
        }
    }
}

impl Backend for FakeNode {
    fn call(&self, request: Request) -> BoxFuture<'_, Result<Response, ApiError>> {
        let answer = self.answer(&request);
        self.asked.lock().unwrap().push(request);
        Box::pin(async { answer })
    }

    fn open<'a>(&'a self, path: &'a str, _: TreeView) -> BoxFuture<'a, Result<Content, ApiError>> {
        Box::pin(async move { Err(ApiError::bug(format!("nobody expected {path}"))) })
    }

    fn picture(&self, request: PictureRequest) -> BoxFuture<'_, Result<Picture, ApiError>> {
        Box::pin(async move { Err(ApiError::bug(format!("nobody expected {request:?}"))) })
    }

    fn events(&self, _since: Option<EventCursor>) -> BoxFuture<'_, Result<mpsc::Receiver<Arc<Event>>, ApiError>> {
        let (sender, receiver) = mpsc::channel(4);
        let jobs = vec![self.job(JobState::Running)];
        let snapshot = Snapshot {
            stream: Incarnation([1; 8]),
            machines: vec![],
            links: vec![],
            jobs,
            pairings: vec![],
            code: CodeShown::default(),
            asks: vec![],
        };
        sender.try_send(Arc::new(Event { seq: 1, body: EventBody::Snapshot(Box::new(snapshot)) })).unwrap();
        let ended = EventBody::JobChanged(Box::new(self.job(self.end)));
        sender.try_send(Arc::new(Event { seq: 2, body: ended })).unwrap();
        self.kept.lock().unwrap().push(sender);
        Box::pin(async { Ok(receiver) })
    }

    fn logs(&self, _request: LogsRequest) -> BoxFuture<'_, Result<mpsc::Receiver<LogPiece>, ApiError>> {
        let (sender, receiver) = mpsc::channel(1);
        let piece = LogPiece {
            task: TaskKey { step: 0, index: 0 },
            label: "frame 1".into(),
            machine: "mill".into(),
            attempt: 1,
            offset: 0,
            bytes: b"printed\x1b[31m by the task\n".to_vec(),
        };
        sender.try_send(piece).unwrap();
        Box::pin(async { Ok(receiver) })
    }
}

fn failure(count: u64) -> FailureView {
    FailureView {
        reason: "exit code 3".into(),
        count,
        example: TaskKey { step: 0, index: 0 },
        example_label: "frame 1".into(),
    }
}

fn failed_task() -> TaskView {
    TaskView {
        key: TaskKey { step: 0, index: 0 },
        label: "frame 1".into(),
        state: TaskState::Failed,
        machine: Some(PeerId([1; 32])),
        machine_name: "mill".into(),
        attempts: 3,
        exit_code: Some(3),
        reason: "exit code 3".into(),
        run_secs: Some(1.0),
        progress: None,
        status: String::new(),
        held: false,
        saved: false,
        saved_at: None,
        flaws: Vec::new(),
    }
}
