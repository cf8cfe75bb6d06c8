use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

/// A session ready to be opened: every format string resolved, every path a path of this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionPlan {
    /// The session's own folder; made when it opens, gone when it has closed. Also the programs' working folder.
    pub folder: PathBuf,
    /// Variables set before any environment is entered, on top of the allow-list that every program gets.
    pub variables: Vec<(String, String)>,
    /// Entered in order, left in reverse.
    pub environments: Vec<EnvironmentPlan>,
    /// What its programs may use.
    pub limits: Limits,
    /// How long a program may give no sign of life: no output, no processor time worth the name, nothing read or written.
    /// Time that the session stands still does not count. `None`: forever.
    pub stuck_after: Option<Duration>,
    /// What its programs may touch; `None`: whatever their user may.
    pub access: Option<Access>,
}

/// One Open Job Description environment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EnvironmentPlan {
    /// Its name, for logs.
    pub name: String,
    /// Variables it sets.
    pub variables: Vec<(String, String)>,
    /// Run when it is entered.
    pub enter: Option<ActionPlan>,
    /// Run when it is left, whatever happened inside.
    pub exit: Option<ActionPlan>,
}

/// One program to start.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ActionPlan {
    /// Program name (looked up in the search path) or path.
    pub program: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Files written before it starts.
    pub files: Vec<FilePlan>,
    /// Running longer than this is a failure.
    pub timeout: Option<Duration>,
    /// How it is asked to stop.
    pub cancel: CancelPlan,
}

/// A file written before an action, readable by this user only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilePlan {
    /// Absolute path inside the session's folder.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
    /// Whether it may be executed.
    pub executable: bool,
}

/// How a running action is cancelled. Source: Open Job Description 2023-09, cancellation methods.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CancelPlan {
    /// Kill the process group at once.
    #[default]
    Terminate,
    /// Write `cancel_info.json`, send a soft signal, wait this long, then kill the process group.
    Notify {
        /// Time between the soft signal and the kill.
        notice: Duration,
    },
}

/// How much the programs of a session may use together; `None` sets no limit. Who uses more ends with the session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory in bytes; what they share counts once.
    pub memory_bytes: Option<u64>,
    /// Processes and threads.
    pub threads: Option<u32>,
    /// What lies in the session's folder, in bytes; also the largest file that may be written.
    pub disk_bytes: Option<u64>,
    /// What must stay free on the disk that holds the session's folder, in bytes.
    pub spare_disk_bytes: Option<u64>,
}

/// What the programs of a session may touch, apart from what the system brings and the session's own folder.
///
/// A path means everything below it; one that does not exist means nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// Read and executed.
    pub read: Vec<PathBuf>,
    /// Read, executed, changed and removed.
    pub write: Vec<PathBuf>,
    /// Whether the network may be used.
    pub network: bool,
    /// Whether they get namespaces of their own: then they see no other process, and what they must not touch is not there.
    pub alone: bool,
}

/// How a started program ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ActionEnd {
    /// It ended by itself.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// A signal that we did not send ended it.
    Signalled {
        /// The signal's number.
        signal: i32,
    },
    /// It ran out of its time and was stopped.
    TimedOut,
    /// It gave no sign of life for longer than its session allows, and was stopped.
    Stuck {
        /// How long that is.
        silent: Duration,
    },
    /// It was stopped because somebody asked.
    Cancelled,
    /// It said `openjd_fail`, or a line that means failure, and ended.
    SaidFail {
        /// What it said.
        reason: String,
    },
    /// It used more than its session may, and was killed.
    Exceeded {
        /// What it used, and how much of it is allowed.
        reason: String,
    },
    /// It could not be started.
    NotStarted {
        /// The system's reason, naming the program.
        reason: String,
        /// True when the program was not found at all.
        missing: bool,
    },
}
