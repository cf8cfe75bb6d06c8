use std::fmt;

use gridwell_model::ActionEnd;
use serde::{Deserialize, Serialize};

/// Things that happened in one session, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub struct ExecEvent {
    /// The number that [`crate::Exec::open`] was given.
    pub session: u64,
    /// Never empty; many quick tasks share one batch.
    pub events: Vec<SessionEvent>,
}

/// Something that happened in a session.
///
/// Every tag that [`crate::Exec::run`] took is answered exactly once: by [`Self::Ended`], by [`Self::NotRun`], or by being
/// named in [`Self::Lost`]. [`Self::Closed`] or [`Self::Lost`] is a session's last event; its number is free again then.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SessionEvent {
    /// First: how far its programs are kept apart from the rest of the machine, if its plan wants that.
    Confined(Confinement),
    /// The folder is made and every environment is entered.
    Opened,
    /// It could not be opened; what had been entered was left again, and [`Self::Closed`] follows.
    OpenFailed {
        /// Name of the environment whose enter action failed; `None` when the folder could not be made.
        environment: Option<String>,
        /// How that action ended.
        end: ActionEnd,
    },
    /// A task's program runs.
    Started {
        /// Which.
        tag: u64,
        /// Its process and process group.
        pid: u32,
    },
    /// A program wrote something, to standard output or error.
    Output {
        /// Which task; `None` for enter and exit actions of environments.
        tag: Option<u64>,
        /// At most [`Self::OUTPUT_BYTES`]; as written, except that announced secrets are `********`.
        #[serde(with = "crate::protocol::bytes")]
        bytes: Vec<u8>,
    },
    /// A program told how far it is; only the latest of each read is kept.
    Said {
        /// Which task; `None` for enter and exit actions of environments.
        tag: Option<u64>,
        /// What.
        said: Said,
    },
    /// A task ended, or its program could not be started.
    Ended {
        /// Which.
        tag: u64,
        /// How. Anything but exit code 0 ends the session: [`Self::NotRun`] for what was queued, then [`Self::Closed`].
        end: ActionEnd,
        /// From just before the start to the program's end, in microseconds; 0 if it never started.
        run_micros: u64,
    },
    /// A queued task was never started: its session ended, or it was stopped while it waited.
    NotRun {
        /// Which.
        tag: u64,
    },
    /// A wish of [`crate::Exec::ask`] was carried out, as far as the system lets. Also when a stop of what ran, or the
    /// session's end, thawed it.
    Yielded {
        /// Which.
        wish: Yield,
        /// With what, for [`Yield::Unsoften`] only what could be given back; empty if that is nothing.
        means: Vec<Means>,
        /// How many processes the session has now.
        processes: u32,
        /// How many of them it does not hold for, or not in full.
        missed: u32,
        /// How long it took, in microseconds.
        micros: u64,
    },
    /// The environments are left and the folder is gone. Last event.
    Closed {
        /// Exit actions that went wrong, and a folder that could not be removed.
        problems: Vec<Problem>,
    },
    /// The runner could not be started, broke or was killed; its programs are dead and its folder is gone. Last event.
    Lost {
        /// One sentence.
        reason: String,
        /// The task that was running, which died too.
        running: Option<u64>,
    },
}

impl SessionEvent {
    /// Most bytes in one [`Self::Output`]: what one message between peers carries.
    pub const OUTPUT_BYTES: usize = 16 * 1024;

    /// True for a session's last event.
    #[must_use]
    pub const fn is_last(&self) -> bool {
        matches!(self, Self::Closed { .. } | Self::Lost { .. })
    }
}

/// What a program said about itself in its output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Said {
    /// `openjd_progress`, 0 … 100.
    Progress(f32),
    /// `openjd_status`, at most 1,024 bytes.
    Status(String),
    /// `gridwell_checkpoint`: it left something from which another run goes on.
    Checkpoint,
}

/// How a session makes room for its machine's owner, and takes it back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Yield {
    /// Everything that it runs, and will run, comes last for processor and disk.
    Soften,
    /// Ends [`Self::Soften`]; what runs keeps what the system does not let us raise again.
    Unsoften,
    /// Everything that it runs stands still, nothing starts, and time limits wait. Asked again, it tries again.
    Freeze,
    /// Ends [`Self::Freeze`].
    Thaw,
}

/// What a session is softened or frozen with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Means {
    /// A control group's freezer: programs do not notice.
    Freezer,
    /// `SIGSTOP` and `SIGCONT`: parents may notice.
    Signals,
    /// The nice value.
    Nice,
    /// The nice value of whole terminal sessions, on systems that share processors among these.
    Autogroup,
    /// The scheduler's idle class.
    IdleClass,
    /// The disk's idle class.
    IdleDisk,
    /// A control group's weight.
    Weight,
}

/// How far the programs of a session are kept apart from the rest of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Confinement {
    /// As its plan says.
    Full,
    /// But for these, each a sentence.
    Partial {
        /// At least one.
        lacks: Vec<String>,
    },
    /// They touch whatever their user may.
    None {
        /// One sentence.
        why: String,
    },
}

impl fmt::Display for Confinement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => formatter.write_str("full"),
            Self::Partial { lacks } => write!(formatter, "partial: {}", lacks.join("; ")),
            Self::None { why } => write!(formatter, "none: {why}"),
        }
    }
}

/// Something that went wrong while a session closed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Problem {
    /// An environment's exit action did not end well.
    Exit {
        /// The environment's name.
        environment: String,
        /// How its exit action ended.
        end: ActionEnd,
    },
    /// The session's folder, or something in it, could not be removed.
    Folder {
        /// The system's reason, naming the path.
        reason: String,
    },
}
