//! Real nodes on loopback, driven by the real command line.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::Mutex,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

/// How long anything may take that a test waits for: longer than a machine waits for a steward that cannot be reached. Only a failure
/// takes that long.
const PATIENCE: Duration = Duration::from_secs(150);

/// How often a file or a view is looked at while a test waits for it.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits until `look` sees something.
pub(crate) fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    seen(look).unwrap_or_else(|| panic!("in vain waited for {what}"))
}

/// The same, for a test that says itself what it waited for in vain.
pub(crate) fn until_seen<T>(look: impl FnMut() -> Option<T>) -> Option<T> {
    seen(look)
}

fn seen<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return Some(seen);
        }
        if began.elapsed() > PATIENCE {
            return None;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// The `gridwell` binary that cargo built beside this test.
pub(crate) fn gridwell() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows its own path");
    let target = test.ancestors().nth(2).expect("tests lie in target/PROFILE/deps");
    let binary = target.join("gridwell");
    assert!(binary.is_file(), "{} is missing: run `cargo build --workspace` first", binary.display());
    binary
}

/// A node process of its own data folder; killed when dropped.
pub(crate) struct Peer {
    pub(crate) name: String,
    pub(crate) data: PathBuf,
    /// What the node said when it was ready.
    pub(crate) ready: Value,
    child: Option<Child>,
    arguments: Vec<String>,
    place: Place,
}

/// Where a node runs.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Words before the program.
    pub(crate) launcher: Vec<String>,
    /// Where it listens.
    pub(crate) listen: String,
}

impl Default for Place {
    fn default() -> Self {
        Self { launcher: Vec::new(), listen: "127.0.0.1:0".to_owned() }
    }
}

impl Place {
    /// A port that stays the same when a node is started again: then all that were away at once still find each other.
    pub(crate) fn steady() -> Self {
        // Below those that the system gives to whoever asks for any: nobody takes it while the node is down.
        // Tests that run side by side have neighbouring ids: they begin far from each other.
        let begin = std::process::id().wrapping_mul(0x9e37_79b9) >> 16;
        let mut ports = (0_u32..12_000).map(|step| 20_000 + ((begin + step) % 12_000) as u16);
        let free = ports.find(|port| TAKEN.lock().expect("no test panics in here").insert(*port) && is_free(*port));
        Self { listen: format!("127.0.0.1:{}", free.expect("a free port")), ..Self::default() }
    }
}

/// Ports that nodes of this process were given.
static TAKEN: Mutex<BTreeSet<u16>> = Mutex::new(BTreeSet::new());

fn is_free(port: u16) -> bool {
    std::net::TcpListener::bind(("127.0.0.1", port)).is_ok()
}

impl Peer {
    fn start(name: &str, data: PathBuf, arguments: &[&str], place: Place) -> Self {
        let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        let mut peer = Self { name: name.to_owned(), data, ready: Value::Null, child: None, arguments, place };
        peer.boot();
        peer
    }

    /// Starts the node and waits for its ready line.
    pub(crate) fn boot(&mut self) {
        let name = self.name.clone();
        self.boot_with(&["--name", &name]);
    }

    /// The same, but lets it be called what it was called last.
    pub(crate) fn boot_unnamed(&mut self) {
        self.boot_with(&[]);
    }

    fn boot_with(&mut self, options: &[&str]) {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.data.with_extension("log"))
            .expect("the log can be written");
        // Nodes of other tests would be found, too, unless most keep quiet.
        let quiet: &[&str] =
            if self.arguments.iter().any(|word| word == "--nearby") { &[] } else { &["--nearby", "off"] };
        // What else runs on this computer or fills its disk is no concern of most tests; kept, so that one may say otherwise.
        let mine: &[&str] = if self.ready.is_null() { &["--dedicated", "--disk-reserve", "0"] } else { &[] };
        // Programs of tests leave traces beside the nodes' own folders.
        let open = std::env::temp_dir();
        let open: &[&OsStr] = if self.arguments.iter().any(|word| word == "--open") {
            &[]
        } else {
            &["--open".as_ref(), open.as_os_str()]
        };
        let words = self.place.launcher.iter().map(PathBuf::from).chain([gridwell()]).collect::<Vec<_>>();
        let mut child = Command::new(&words[0])
            .args(&words[1..])
            .args(["node", "--json", "--listen", &self.place.listen, "--data"])
            .arg(&self.data)
            .args(options)
            .args(quiet)
            .args(mine)
            .args(open)
            .args(&self.arguments)
            .env("GRIDWELL_LOG", "info")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the node starts");
        let mut ready = String::new();
        let out = child.stdout.take().expect("stdout is a pipe");
        BufReader::new(out).read_line(&mut ready).expect("the node says when it is ready");
        self.ready = serde_json::from_str(&ready)
            .unwrap_or_else(|_| panic!("{} did not come up: {ready}\n{}", self.name, self.log()));
        self.child = Some(child);
    }

    /// The node's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the node runs").id()
    }

    /// Stops the node in its tracks, as a machine that hangs: its connections stay, and nothing is heard of it.
    pub(crate) fn freeze(&self) {
        self.signal(rustix::process::Signal::STOP);
    }

    /// Lets a frozen node go on.
    pub(crate) fn thaw(&self) {
        self.signal(rustix::process::Signal::CONT);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(self.child.as_ref().expect("the node runs"));
        rustix::process::kill_process(pid, signal).expect("the node can be signalled");
    }

    /// `kill -9`, and waits until it is gone.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("the node can be killed");
            child.wait().expect("the node ends");
        }
    }

    /// Asks the node to stop with SIGTERM; it must end well.
    pub(crate) fn stop(&mut self) {
        let mut child = self.child.take().expect("the node runs");
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("the node can be asked");
        let status = child.wait().expect("the node ends");
        assert_eq!(status.code(), Some(0), "{}", self.log());
    }

    /// What the node logged so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }

    /// Runs a command against this node and returns everything it said.
    pub(crate) fn output<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        self.command().args(arguments).output().expect("gridwell runs")
    }

    /// A command against this node, not yet started.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(gridwell());
        command.env("GRIDWELL_DATA", &self.data).stdin(Stdio::null());
        command
    }

    /// Runs a command that must exit 0 and returns its standard output.
    pub(crate) fn ok<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.output(arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "exit {:?}\n{text}\n{}\nnode log:\n{}",
            output.status.code(),
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        text
    }

    /// Waits until `look` sees something in what a command with `--json` prints.
    pub(crate) fn until<T>(&self, what: &str, arguments: &[&str], mut look: impl FnMut(&Value) -> Option<T>) -> T {
        let mut last = Value::Null;
        let seen = seen(|| {
            last = self.json(arguments);
            look(&last)
        });
        seen.unwrap_or_else(|| panic!("in vain waited for {what}: {last:#}\nnode log:\n{}", self.log()))
    }

    /// Starts a job with `submit` or `exec --detach` and returns its id.
    pub(crate) fn start_job<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> String {
        self.ok(arguments).trim().to_owned()
    }

    /// Waits for the end of a job; returns the job as it is then.
    pub(crate) fn end_of(&self, job: &str) -> Value {
        self.until("the job's end", &["job", job], |view| {
            matches!(view["state"].as_str(), Some("done" | "failed" | "cancelled")).then(|| view.clone())
        })
    }

    /// Waits for the good end of a job.
    pub(crate) fn done(&self, job: &str) -> Value {
        let view = self.end_of(job);
        assert_eq!(view["state"], "done", "{view:#}\n{}\n{}", self.ok(["logs", job]), self.log());
        view
    }

    /// Waits until `count` tasks of a job are in `state`.
    pub(crate) fn until_counts(&self, job: &str, state: &str, count: u64) {
        self.until(&format!("{count} tasks {state}"), &["job", job], |view| {
            (view["counts"][state].as_u64() >= Some(count)).then_some(())
        });
    }

    /// All tasks of a job.
    pub(crate) fn tasks(&self, job: &str) -> Vec<Value> {
        self.json(["tasks", job, "--limit", "0"])["tasks"].as_array().expect("a list of tasks").clone()
    }

    /// Runs a command with `--json` that must exit 0 and returns what it printed.
    pub(crate) fn json<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Value {
        let arguments = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).chain(["--json".into()]);
        let text = self.ok(arguments);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("not JSON ({error}): {text}"))
    }

    /// Asks the node's local door for what no command prints.
    pub(crate) fn ask(&self, wish: &Value) -> Value {
        let (head, body) = self.post("/v1/ask", &wish.to_string());
        assert!(head.starts_with("HTTP/1.1 200"), "{head}\n{body}\n{}", self.log());
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("not JSON ({error}): {body}"))
    }

    /// The same for what the node must refuse; returns the error.
    pub(crate) fn ask_in_vain(&self, wish: &Value) -> Value {
        let (head, body) = self.post("/v1/ask", &wish.to_string());
        assert!(head.starts_with("HTTP/1.1 4"), "{head}\n{body}\n{}", self.log());
        serde_json::from_str(&body).unwrap_or_else(|error| panic!("not JSON ({error}): {body}"))
    }

    /// Asks the node's local door for what lies at `path`; returns the head and the body of the answer.
    pub(crate) fn get(&self, path: &str) -> (String, Vec<u8>) {
        self.get_with(path, "")
    }

    /// The same with more lines in the request's head.
    pub(crate) fn get_with(&self, path: &str, lines: &str) -> (String, Vec<u8>) {
        self.ask_with("GET", path, lines)
    }

    /// The same by another method.
    pub(crate) fn ask_with(&self, method: &str, path: &str, lines: &str) -> (String, Vec<u8>) {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n"))
    }

    fn post(&self, path: &str, body: &str) -> (String, String) {
        let length = body.len();
        let request = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let (head, body) = self.send(&request);
        (head, String::from_utf8(body).expect("an answer in text"))
    }

    /// One request on the node's socket; returns the head and the body of the answer.
    fn send(&self, request: &str) -> (String, Vec<u8>) {
        let mut door = UnixStream::connect(self.data.join("node.sock")).expect("the door is open");
        door.write_all(request.as_bytes()).expect("the door listens");
        let mut answer = Vec::new();
        door.read_to_end(&mut answer).expect("the door answers");
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").expect("an answer has a head");
        let body = answer.split_off(end + 4);
        (String::from_utf8(answer).expect("a head is text"), body)
    }

    /// Runs a command that must fail with `code` and returns its error text: one line that names the thing.
    pub(crate) fn refused<S: AsRef<OsStr>>(&self, code: i32, arguments: impl IntoIterator<Item = S>) -> String {
        let output = self.output(arguments);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{said}\n{}", String::from_utf8_lossy(&output.stdout));
        said
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A grid of peers on this machine, in a temporary folder that goes with it.
pub(crate) struct Grid {
    pub(crate) peers: Vec<Peer>,
    folder: TempDir,
}

impl Grid {
    /// Nobody yet.
    pub(crate) fn empty() -> Self {
        Self { peers: Vec::new(), folder: TempDir::new().expect("a temporary folder") }
    }

    /// One peer called `mill`.
    pub(crate) fn of_one() -> Self {
        Self::of(&["mill"])
    }

    /// Peers of one grid; the first founded it, the others joined by its invite links.
    pub(crate) fn of(names: &[&str]) -> Self {
        let mut grid = Self::empty();
        for name in names {
            grid.add(name, &[]);
        }
        grid.mapped();
        grid
    }

    /// The same, each at a place that stays its own.
    pub(crate) fn steady(names: &[&str]) -> Self {
        let mut grid = Self::empty();
        for name in names {
            grid.add_at(name, &[], Place::steady());
        }
        grid.mapped();
        grid
    }

    /// Waits until every peer sees all others.
    pub(crate) fn meet(&self) {
        for peer in &self.peers {
            peer.until("all machines online", &["machines"], |machines| {
                let online = machines.as_array()?.iter().filter(|machine| machine["online"] == true).count();
                (online == self.peers.len()).then_some(())
            });
        }
    }

    /// Waits until every peer has heard from both ends of every link, each machine being linked with all others: only then
    /// does it know the ways around a link.
    pub(crate) fn mapped(&self) {
        self.meet();
        let wanted = self.peers.len() * self.peers.len().saturating_sub(1);
        for peer in &self.peers {
            peer.until("word of all links from both ends", &["links", "--all"], |links| {
                let up = links.as_array()?.iter().filter(|link| link["state"] == "up").count();
                (up >= wanted).then_some(())
            });
        }
    }

    /// Starts one more peer and lets it join.
    pub(crate) fn add(&mut self, name: &str, arguments: &[&str]) -> &Peer {
        self.add_at(name, arguments, Place::default())
    }

    /// The same, somewhere else.
    pub(crate) fn add_at(&mut self, name: &str, arguments: &[&str], place: Place) -> &Peer {
        let data = self.folder.path().join(name);
        let invite = self.peers.first().map(|_| self.invite());
        let peer = Peer::start(name, data, arguments, place);
        if let Some(link) = invite {
            peer.ok(["join", &link]);
        }
        self.peers.push(peer);
        self.peers.last().expect("just pushed")
    }

    /// An invite link of the first peer that asks nobody.
    pub(crate) fn invite(&self) -> String {
        self.peers[0].json(["invite", "--approve-now"])["link"].as_str().expect("a link").to_owned()
    }

    /// Starts one more peer that joins nobody.
    pub(crate) fn alone(&self, name: &str) -> Peer {
        self.alone_with(name, &[])
    }

    /// The same, somewhere else.
    pub(crate) fn alone_at(&self, name: &str, place: Place) -> Peer {
        Peer::start(name, self.folder.path().join(name), &[], place)
    }

    /// The same, with more words on its command line.
    pub(crate) fn alone_with(&self, name: &str, arguments: &[&str]) -> Peer {
        Peer::start(name, self.folder.path().join(name), arguments, Place::default())
    }

    /// A path in the grid's temporary folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file there.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("has a folder")).expect("the folder can be made");
        std::fs::write(&path, content).expect("the file can be written");
        path
    }
}

/// The lines that programs wrote into a file so far; none while it does not exist.
pub(crate) fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(ToOwned::to_owned).collect()
}

/// True while a process runs; a zombie does not.
pub(crate) fn lives(pid: &str) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    status.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'))
}

/// The names of machines that ended tasks of a job, sorted.
pub(crate) fn makers(job: &Value) -> Vec<String> {
    let made_by = job["made_by"].as_array().expect("a list of machines");
    let done = made_by.iter().filter(|made| made["done"].as_u64() > Some(0));
    let mut names: Vec<_> = done.map(|made| made["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

/// The names of the files in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Says visibly that a test cannot show its point on this machine; `cargo xtask test` counts these.
#[expect(clippy::print_stderr, reason = "a skip must be seen by whoever runs the tests")]
pub(crate) fn skip(why: &str) {
    eprintln!("skipped: {why}");
    if let Some(path) = std::env::var_os("GRIDWELL_TEST_SKIPS")
        && let Ok(mut file) = std::fs::File::options().create(true).append(true).open(path)
    {
        let _ = std::io::Write::write_all(&mut file, format!("{why}\n").as_bytes());
    }
}

/// The wall clock in milliseconds since 1970.
pub(crate) fn now_millis() -> u64 {
    let since = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970");
    u64::try_from(since.as_millis()).expect("not that late")
}
