//! A grid of real peers on this machine, for the demo and the benchmarks.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::shell::{self, Failure};

/// How long peers may take to answer, to join and to stop.
const PATIENCE: Duration = Duration::from_secs(60);

/// Exit code of `gridwell` when no node answers.
const NO_NODE: i32 = 3;

/// Peers in one grid; stopped when dropped.
pub(crate) struct Grid {
    program: PathBuf,
    peers: Vec<Peer>,
    /// The X server at which somebody may sit.
    display: Option<String>,
}

struct Peer {
    data: PathBuf,
    process: Child,
}

impl Grid {
    /// Starts one peer per name below `folder`, the first founds the grid, and waits until all see each other.
    pub(crate) fn start(program: &Path, folder: &Path, names: &[&str]) -> Result<Self, Failure> {
        Self::start_with(program, folder, names, &[], None)
    }

    /// The same, with an X server at which somebody may sit.
    pub(crate) fn start_at(program: &Path, folder: &Path, names: &[&str], display: &str) -> Result<Self, Failure> {
        Self::start_with(program, folder, names, &[], Some(display.to_owned()))
    }

    /// The same, and the first peer shows the window to browsers.
    pub(crate) fn start_with_window(program: &Path, folder: &Path, names: &[&str]) -> Result<Self, Failure> {
        Self::start_with(program, folder, names, &["--ui", "127.0.0.1:0"], None)
    }

    /// Starts the first peer with more words.
    fn start_with(
        program: &Path,
        folder: &Path,
        names: &[&str],
        first: &[&str],
        display: Option<String>,
    ) -> Result<Self, Failure> {
        let mut grid = Self { program: program.to_owned(), peers: Vec::new(), display };
        for name in names {
            if grid.peers.is_empty() {
                grid.add(&folder.join(name), name, first)?;
            } else {
                let link = grid.invite()?;
                grid.add(&folder.join(name), name, &["--join", &link])?;
            }
        }
        grid.wait_until("all peers online", |grid| Ok(grid.online()? >= names.len()))?;
        Ok(grid)
    }

    /// A command of `gridwell` that asks the first peer.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        if let Some(peer) = self.peers.first() {
            command.arg("--data").arg(&peer.data);
        }
        command
    }

    /// The same for the peer that was started as number `at` from 0.
    pub(crate) fn command_of(&self, at: usize) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(&self.peers[at].data);
        command
    }

    /// Runs a command and returns its JSON.
    pub(crate) fn ask(&self, words: &[&str]) -> Result<Value, Failure> {
        self.ask_of(0, words)
    }

    /// The same, of the peer that was started as number `at` from 0.
    pub(crate) fn ask_of(&self, at: usize, words: &[&str]) -> Result<Value, Failure> {
        shell::json(self.command_of(at).arg("--json").args(words))
    }

    /// Ends the first peer at once, as a power cut would; the next one is the first then.
    pub(crate) fn kill_first(&mut self) -> Result<(), Failure> {
        let Peer { data, mut process } = self.peers.remove(0);
        let killed = process.kill().and_then(|()| process.wait());
        killed.map(|_| ()).map_err(|error| Failure::file(&data, error))
    }

    /// Process id of the first peer.
    pub(crate) fn first_pid(&self) -> u32 {
        self.peers.first().map_or(0, |peer| peer.process.id())
    }

    /// The same of the peer that was started as number `at` from 0.
    pub(crate) fn pid(&self, at: usize) -> u32 {
        self.peers[at].process.id()
    }

    /// Waits until a peer ends by itself or somebody interrupts.
    pub(crate) fn watch(&mut self) -> Result<(), Failure> {
        loop {
            for peer in &mut self.peers {
                peer.check_alive()?;
            }
            shell::pause()?;
        }
    }

    fn invite(&self) -> Result<String, Failure> {
        let mut command = self.command();
        let invite = shell::json(command.args(["--json", "invite", "--approve-now"]))?;
        shell::text(&invite["link"], &command, "link")
    }

    fn add(&mut self, data: &Path, name: &str, more: &[&str]) -> Result<(), Failure> {
        // The node makes its own folder, for this user alone; its log lies beside it.
        let above = data.parent().unwrap_or(data);
        std::fs::create_dir_all(above).map_err(|error| Failure::file(above, error))?;
        let log_path = data.with_extension("log");
        let log = File::create(&log_path).map_err(|error| Failure::file(&log_path, error))?;
        let mut command = Command::new(&self.program);
        command.arg("--data").arg(data).args(["node", "--dedicated", "--name", name, "--listen", "127.0.0.1:0"]);
        command.args(more);
        if let Some(display) = &self.display {
            command.env("DISPLAY", display);
        }
        let process = shell::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log))?;
        self.peers.push(Peer { data: data.to_owned(), process });
        let index = self.peers.len() - 1;
        self.wait_until("the peer's answer", |grid| grid.peers[index].answers(&grid.program))
    }

    fn online(&self) -> Result<usize, Failure> {
        let machines = self.ask(&["machines"])?;
        let online = |machine: &&Value| machine["online"] == Value::Bool(true);
        Ok(machines.as_array().into_iter().flatten().filter(online).count())
    }

    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        mut happened: impl FnMut(&Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        while !happened(self)? {
            for peer in &mut self.peers {
                peer.check_alive()?;
            }
            if started.elapsed() > PATIENCE {
                return Err(Failure::TimedOut { what: what.to_owned(), seconds: PATIENCE.as_secs() });
            }
            shell::pause()?;
        }
        Ok(())
    }
}

impl Peer {
    /// True once its local door answers.
    fn answers(&self, program: &Path) -> Result<bool, Failure> {
        let mut command = Command::new(program);
        command.arg("--data").arg(&self.data).args(["--json", "status"]).stdout(Stdio::null()).stderr(Stdio::null());
        let status = shell::wait(&mut shell::start(&mut command)?)?;
        match status.code() {
            Some(0) => Ok(true),
            Some(NO_NODE) => Ok(false),
            _ => Err(Failure::CommandFailed { command: shell::show(&command), status }),
        }
    }

    /// Fails, with the end of its log, if the peer has ended.
    fn check_alive(&mut self) -> Result<(), Failure> {
        let Ok(Some(status)) = self.process.try_wait() else { return Ok(()) };
        let log = std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default();
        let last: Vec<&str> = log.lines().rev().take(10).collect();
        for line in last.iter().rev() {
            eprintln!("  {line}");
        }
        Err(Failure::CommandFailed { command: format!("the peer in {}", self.data.display()), status })
    }
}

impl Drop for Grid {
    /// Asks every peer to stop, and ends those that do not within their time.
    fn drop(&mut self) {
        for peer in &mut self.peers {
            if let (Ok(None), Some(pid)) = (peer.process.try_wait(), Pid::from_raw(peer.process.id().cast_signed())) {
                // An error means that it has ended meanwhile.
                let _ = kill_process(pid, Signal::TERM);
            }
        }
        let started = Instant::now();
        for peer in &mut self.peers {
            while matches!(peer.process.try_wait(), Ok(None)) {
                if started.elapsed() > PATIENCE {
                    eprintln!("the peer in {} did not stop; it is killed", peer.data.display());
                    let _ = peer.process.kill();
                    let _ = peer.process.wait();
                } else {
                    std::thread::sleep(shell::LOOK_EVERY);
                }
            }
        }
    }
}
