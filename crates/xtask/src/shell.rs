use std::{
    collections::VecDeque,
    io::{self, BufRead as _, BufReader, IsTerminal as _, PipeReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, LazyLock, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use serde_json::Value;

/// How often a chore looks at the child it waits for, and for a signal.
pub(crate) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Lines of a command's output that are remembered: enough for what a test runner sums up at its end.
const LAST_LINES: usize = 40;

/// How long the rest of an ended command's output may take: what it started may hold the pipe open.
const REST: Duration = Duration::from_secs(2);

/// Whether the last lines of each command are noted.
static NOTES: AtomicBool = AtomicBool::new(false);

/// The last lines of the command that was run last.
static LAST: Mutex<VecDeque<String>> = Mutex::new(VecDeque::new());

static STOP: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Why a chore failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error("unknown word '{word}'; see cargo xtask --help")]
    Usage { word: String },
    #[error("'{program}' could not be started")]
    NotStarted {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("'{command}' failed ({status})")]
    CommandFailed { command: String, status: ExitStatus },
    #[error("'{command}' did not print the JSON that was expected: {missing}")]
    UnexpectedOutput { command: String, missing: String },
    #[error("could not use {path}: {source}")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("still missing: {packages}")]
    Missing { packages: String },
    #[error("{path} is not what {chore} makes; run it and look at the difference", path = path.display())]
    Outdated { path: PathBuf, chore: &'static str },
    #[error("{count} faults")]
    Faults { count: usize },
    #[error("failed: {steps}")]
    Steps { steps: String },
    #[error("{what} did not happen within {seconds} s")]
    TimedOut { what: String, seconds: u64 },
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage { .. } => 2,
            Self::Interrupted => 130,
            _ => 1,
        }
    }

    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::File { path: path.to_owned(), source }
    }
}

/// From now on Ctrl-C and a polite kill make every wait end with [`Failure::Interrupted`], so that children are stopped.
pub(crate) fn catch_signals() {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    for signal in [SIGINT, SIGTERM, SIGHUP] {
        // Without the handler the system ends us: only the clean-up is lost.
        let _ = signal_hook::flag::register(signal, Arc::clone(&STOP));
    }
}

/// Fails once somebody asked to stop.
pub(crate) fn check_interrupted() -> Result<(), Failure> {
    if STOP.load(Ordering::Relaxed) { Err(Failure::Interrupted) } else { Ok(()) }
}

/// Waits a moment between two looks at something.
pub(crate) fn pause() -> Result<(), Failure> {
    check_interrupted()?;
    thread::sleep(LOOK_EVERY);
    check_interrupted()
}

pub(crate) fn start(command: &mut Command) -> Result<Child, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    command.spawn().map_err(|source| Failure::NotStarted { program, source })
}

/// Waits for `child`, and ends it if somebody asks to stop.
pub(crate) fn wait(child: &mut Child) -> Result<ExitStatus, Failure> {
    let program = || "a child".to_owned();
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) => {}
            Err(source) => return Err(Failure::NotStarted { program: program(), source }),
        }
        if let Err(interrupted) = pause() {
            let _ = child.kill();
            let _ = child.wait();
            return Err(interrupted);
        }
    }
}

/// Runs a command with our own input and output.
pub(crate) fn run(command: &mut Command) -> Result<(), Failure> {
    let status = if NOTES.load(Ordering::Relaxed) { run_noted(command)? } else { wait(&mut start(command)?)? };
    if status.success() { Ok(()) } else { Err(Failure::CommandFailed { command: show(command), status }) }
}

/// From now on commands print through us, unless to a terminal, so that the last lines of each are known.
pub(crate) fn note_last_lines() {
    NOTES.store(!io::stdout().is_terminal(), Ordering::Relaxed);
}

/// The last lines of the command that was run last, if they are noted.
pub(crate) fn last_lines() -> Vec<String> {
    last().iter().cloned().collect()
}

/// Passes on what a command prints, and notes the last of it.
fn run_noted(command: &mut Command) -> Result<ExitStatus, Failure> {
    last().clear();
    let no_pipe = |source| Failure::NotStarted { program: show(command), source };
    let (reader, writer) = io::pipe().map_err(no_pipe)?;
    let errors = writer.try_clone().map_err(no_pipe)?;
    let mut child = start(command.stdout(writer).stderr(errors))?;
    // The command holds the other ends of the pipe.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        pass_on(reader);
        // Nobody waits any more.
        let _ = done.send(());
    });
    let status = wait(&mut child);
    let _ = is_done.recv_timeout(REST);
    status
}

fn pass_on(from: PipeReader) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // Whoever reads us went away: the command goes on.
        let _ = io::stdout().write_all(&line);
        let mut last = last();
        last.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
        let excess = last.len().saturating_sub(LAST_LINES);
        last.drain(..excess);
        line.clear();
    }
}

fn last() -> MutexGuard<'static, VecDeque<String>> {
    LAST.lock().expect("nothing panics while it holds the lines")
}

/// Runs a command and returns what it printed; its errors go to ours.
pub(crate) fn output(command: &mut Command) -> Result<String, Failure> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|source| Failure::NotStarted { program, source })?;
    check_interrupted()?;
    if !output.status.success() {
        return Err(Failure::CommandFailed { command: show(command), status: output.status });
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs a command that prints JSON.
pub(crate) fn json(command: &mut Command) -> Result<Value, Failure> {
    let text = output(command)?;
    serde_json::from_str(&text)
        .map_err(|error| Failure::UnexpectedOutput { command: show(command), missing: error.to_string() })
}

/// The command as a person would type it.
pub(crate) fn show(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")
}

/// Finds a program in the search path.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    // Servers lie where only root's path leads.
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    folders.map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

/// The `cargo` that runs us, without what it says of this program: build scripts that look at it would run again for each of the two.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    let of_this = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(of_this)) {
        command.env_remove(name);
    }
    command.current_dir(workspace());
    command
}

/// The workspace's folder.
pub(crate) fn workspace() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).map_or_else(|| here.clone(), Path::to_owned)
}

/// The folder for everything that is built or made here.
pub(crate) fn target_dir() -> Result<PathBuf, Failure> {
    let mut command = cargo();
    command.args(["metadata", "--format-version=1", "--no-deps", "--offline"]);
    let metadata = json(&mut command)?;
    text(&metadata["target_directory"], &command, "target_directory").map(PathBuf::from)
}

/// A text that a command's JSON must hold.
pub(crate) fn text(value: &Value, command: &Command, name: &str) -> Result<String, Failure> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| Failure::UnexpectedOutput { command: show(command), missing: format!("no {name}") })
}

/// The value after `name` among a chore's options; the rest must be known flags.
pub(crate) fn number(options: &[String], name: &str, default: usize) -> Result<usize, Failure> {
    let Some(position) = options.iter().position(|option| option == name) else { return Ok(default) };
    options
        .get(position + 1)
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| Failure::Usage { word: format!("{name} without a number") })
}
