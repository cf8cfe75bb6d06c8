//! Runs programs: sessions, their runners, and the end of everything they started.
//!
//! Floor 2, the only room that starts processes. A **session** is a folder plus environments in which actions of one job
//! run one after the other (Open Job Description 2023-09, "How Jobs Are Run"). Each open session has one small **runner**
//! process: a hidden sub-command of our own executable that calls [`runner_main`]. The node's side is [`Exec`]; it owns
//! the runners, sends them plans and hands out what happened as [`ExecEvent`]s. Once a session has closed, a runner waits for
//! the next one.
//!
//! The runner takes limits once, so that a task costs one `posix_spawn`; it is the reaper of everything its programs
//! leave behind, and it lives no longer than the pipe from its node. Nothing that a session started outlives the session.
//!
//! A session can be softened and frozen for its machine's owner ([`Exec::ask`]); the runner stays awake meanwhile.
//!
//! Where the plan says so, the runner and its programs are in namespaces of their own ([`namespaces()`]).
//!
//! This room decides nothing: which session runs what, and what a failure means, is the worker engine's business.
//! Linux only for now; elsewhere every opened session is answered with [`SessionEvent::Lost`].

#[cfg(target_os = "linux")]
mod cgroup;
mod clean;
mod event;
mod exec;
#[cfg(target_os = "linux")]
mod folder;
mod frame;
#[cfg(target_os = "linux")]
mod namespaces;
#[cfg(target_os = "linux")]
mod processes;
mod protocol;
#[cfg(target_os = "linux")]
mod runner;
mod session;
mod spare;
#[cfg(target_os = "linux")]
mod stat;

#[cfg(target_os = "linux")]
pub use cgroup::{delegated_cgroup, held_by_kernel};
pub use event::{Confinement, ExecEvent, Means, Problem, Said, SessionEvent, Yield};
pub use exec::{Exec, ExecConfig, ExecError, Stop, Which};
#[cfg(target_os = "linux")]
pub use namespaces::namespaces;
#[cfg(target_os = "linux")]
pub use runner::{confinement, runner_main};

/// Finds the control group in which sessions may have their own; this system has none.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn delegated_cgroup() -> Option<std::path::PathBuf> {
    None
}

/// Why the kernel does not hold sessions to what they may use: this system has no sessions.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn held_by_kernel(_cgroup: Option<&std::path::Path>) -> Option<String> {
    Some("programs cannot be held to limits on this system yet".to_owned())
}

/// Finds the program that makes namespaces for sessions; this system has none.
///
/// # Errors
///
/// Always, with a sentence.
#[cfg(not(target_os = "linux"))]
pub fn namespaces() -> Result<std::path::PathBuf, String> {
    Err("this system has no namespaces".to_owned())
}

/// How far this system can keep sessions apart: it has none.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn confinement() -> Confinement {
    Confinement::None { why: "sessions cannot be kept apart on this system yet".to_owned() }
}

/// What the hidden runner sub-command calls; this system has no runner yet.
#[cfg(not(target_os = "linux"))]
#[must_use]
pub fn runner_main() -> std::process::ExitCode {
    std::process::ExitCode::FAILURE
}
