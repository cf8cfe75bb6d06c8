use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use gridwell_exec::{Exec, ExecConfig, ExecEvent, SessionEvent};
use gridwell_model::{Access, ActionEnd, ActionPlan, EnvironmentPlan, SessionPlan};
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal},
};
use tempfile::TempDir;
use tokio::sync::mpsc;

/// Patience for things that take milliseconds; only a hang uses it up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const SESSION: u64 = 7;

/// One `Exec` with one session in a temporary folder.
pub(crate) struct Grid {
    pub(crate) exec: Exec,
    pub(crate) temp: TempDir,
    /// What its sessions may touch, if they are confined.
    pub(crate) access: Option<Access>,
    events: mpsc::Receiver<ExecEvent>,
    ahead: VecDeque<SessionEvent>,
}

impl Grid {
    pub(crate) fn new() -> Self {
        Self::through(&[], None)
    }

    /// With a program that starts the runner, and a control group for sessions.
    pub(crate) fn through(starter: &[&str], cgroup: Option<PathBuf>) -> Self {
        let mut runner: Vec<_> = starter.iter().map(Into::into).collect();
        runner.push(env!("CARGO_BIN_EXE_gridwell-exec-runner").into());
        let (exec, events) = Exec::start(ExecConfig { runner, self_program: "/bin/echo".into(), cgroup });
        Self { exec, temp: tempfile::tempdir().unwrap(), access: None, events, ahead: VecDeque::new() }
    }

    /// Opens a session without environments.
    pub(crate) async fn opened() -> Self {
        Self::opened_with(vec![]).await
    }

    pub(crate) async fn opened_with(environments: Vec<EnvironmentPlan>) -> Self {
        let mut grid = Self::new();
        grid.open(environments);
        grid.until(|event| matches!(event, SessionEvent::Opened)).await;
        grid
    }

    pub(crate) fn open(&self, environments: Vec<EnvironmentPlan>) {
        self.exec.open(SESSION, SessionPlan { environments, ..self.plan() }).unwrap();
    }

    pub(crate) fn plan(&self) -> SessionPlan {
        SessionPlan {
            folder: self.folder(),
            variables: vec![],
            environments: vec![],
            limits: Default::default(),
            stuck_after: None,
            access: self.access.clone(),
        }
    }

    pub(crate) fn folder(&self) -> PathBuf {
        self.temp.path().join("sessions/7")
    }

    pub(crate) async fn next(&mut self) -> SessionEvent {
        while self.ahead.is_empty() {
            let batch = tokio::time::timeout(PATIENCE, self.events.recv()).await.expect("an event comes").unwrap();
            assert!(!batch.events.is_empty());
            assert_eq!(batch.session, SESSION);
            self.ahead.extend(batch.events);
        }
        self.ahead.pop_front().unwrap()
    }

    /// All events up to and including the first that `is_it`.
    pub(crate) async fn until(&mut self, is_it: impl Fn(&SessionEvent) -> bool) -> Vec<SessionEvent> {
        let mut seen = Vec::new();
        loop {
            let event = self.next().await;
            assert!(is_it(&event) || !event.is_last(), "{event:?} came instead, after {seen:?}");
            seen.push(event);
            if is_it(&seen[seen.len() - 1]) {
                return seen;
            }
        }
    }

    /// Runs one action under `tag` and returns how it ended and what it wrote.
    pub(crate) async fn run(&mut self, tag: u64, action: ActionPlan) -> (ActionEnd, Vec<u8>) {
        self.exec.run(SESSION, vec![(tag, action)]).unwrap();
        let seen = self.until(|event| matches!(event, SessionEvent::Ended { tag: ended, .. } if *ended == tag)).await;
        let written = output(&seen);
        match seen.into_iter().next_back() {
            Some(SessionEvent::Ended { end, .. }) => (end, written),
            other => panic!("{other:?}"),
        }
    }

    /// Runs a shell script that must succeed and returns what it wrote.
    pub(crate) async fn says(&mut self, script: &str) -> String {
        let (end, written) = self.run(999, sh(script)).await;
        let written = String::from_utf8(written).unwrap();
        assert_eq!(end, ActionEnd::Exited { code: 0 }, "{written}");
        written
    }

    pub(crate) async fn close(&mut self) -> Vec<SessionEvent> {
        self.exec.close(SESSION).unwrap();
        self.until(SessionEvent::is_last).await
    }

    /// Waits for a line of output that is a process id.
    pub(crate) async fn pid(&mut self) -> u32 {
        let mut written = Vec::new();
        loop {
            if let SessionEvent::Output { bytes, .. } = self.next().await {
                written.extend(bytes);
                if written.ends_with(b"\n") {
                    return String::from_utf8(written).unwrap().trim().parse().unwrap();
                }
            }
        }
    }
}

/// A control group for one test, where this machine lets us make one.
pub(crate) struct Group(pub(crate) PathBuf);

impl Group {
    pub(crate) fn new() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"].map(PathBuf::from);
        let root = gridwell_exec::delegated_cgroup()
            .or_else(|| roots.into_iter().find(|root| root.join("cgroup.procs").exists()))?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let group = root.join(format!("gridwell-test-{}-{number}", std::process::id()));
        match fs::create_dir(&group) {
            Ok(()) => Some(Self(group)),
            Err(error) => {
                eprintln!("skipped with a control group: {error}");
                None
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let is_removed = fs::remove_dir(&self.0).is_ok();
        assert!(is_removed || std::thread::panicking(), "a session's group is left in {}", self.0.display());
    }
}

/// Whether sessions can have namespaces of their own on this machine; said aloud if not.
pub(crate) fn has_namespaces() -> bool {
    let found = gridwell_exec::namespaces();
    if let Err(why) = &found {
        eprintln!("skipped in namespaces: {why}");
    }
    found.is_ok()
}

/// A session in namespaces of its own that may touch nothing but what is its own, with the network.
pub(crate) const ALONE: Access = Access { read: vec![], write: vec![], network: true, alone: true };

pub(crate) fn sh(script: &str) -> ActionPlan {
    ActionPlan { program: "sh".into(), args: vec!["-c".into(), script.into()], ..ActionPlan::default() }
}

pub(crate) fn environment(name: &str, enter: &str, exit: &str) -> EnvironmentPlan {
    EnvironmentPlan { name: name.into(), variables: vec![], enter: Some(sh(enter)), exit: Some(sh(exit)) }
}

pub(crate) fn output(events: &[SessionEvent]) -> Vec<u8> {
    let bytes = events.iter().filter_map(|event| match event {
        SessionEvent::Output { bytes, .. } => Some(bytes.as_slice()),
        _ => None,
    });
    bytes.collect::<Vec<_>>().concat()
}

pub(crate) fn ended(events: &[SessionEvent]) -> Vec<(u64, ActionEnd)> {
    let ends = events.iter().filter_map(|event| match event {
        SessionEvent::Ended { tag, end, .. } => Some((*tag, end.clone())),
        _ => None,
    });
    ends.collect()
}

pub(crate) fn not_run(events: &[SessionEvent]) -> Vec<u64> {
    let tags = events.iter().filter_map(|event| match event {
        SessionEvent::NotRun { tag } => Some(*tag),
        _ => None,
    });
    tags.collect()
}

/// A handle on a process that must be alive now; [`Watched::dies`] waits for its end.
pub(crate) struct Watched(Option<rustix::fd::OwnedFd>);

impl Watched {
    pub(crate) fn new(pid: u32) -> Self {
        Self(pidfd_open(Pid::from_raw(pid.cast_signed()).unwrap(), PidfdFlags::empty()).ok())
    }

    /// Kills it, and waits until it is dead.
    pub(crate) fn kill(&self) {
        if let Some(process) = &self.0 {
            pidfd_send_signal(process, Signal::KILL).unwrap();
        }
        self.dies();
    }

    pub(crate) fn dies(&self) {
        let Some(process) = &self.0 else { return };
        let patience = Timespec { tv_sec: 10, tv_nsec: 0 };
        loop {
            match poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&patience)) {
                Err(rustix::io::Errno::INTR) => {}
                ended => return assert_eq!(ended, Ok(1), "the process survives"),
            }
        }
    }
}

/// The only child of this process that runs the runner, found by the mark of its session's folder.
pub(crate) fn runner_of(folder: &Path) -> u32 {
    let mark = format!("GRIDWELL_SESSION={}", folder.display());
    let mut pids = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|e| e.file_name().to_str()?.parse().ok());
    let marked = |pid: &u32| {
        let environ = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        name.starts_with("gridwell-exec") && environ.split(|byte| *byte == 0).any(|one| one == mark.as_bytes())
    };
    pids.find(marked).expect("the runner lives")
}
