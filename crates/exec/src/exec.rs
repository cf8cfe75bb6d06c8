use std::{
    collections::BTreeMap,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use gridwell_model::{ActionPlan, SessionPlan};
use serde::{Deserialize, Serialize};
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    clean,
    event::{ExecEvent, Yield},
    protocol::ToRunner,
    session::{self, Session, Tags},
    spare::Spare,
};

/// Batches of events that may wait for the node. A batch is at most one frame, so this bounds memory to a few MB; when
/// it is full the runners stop reading their programs' output.
const EVENT_BATCHES: usize = 64;

/// Commands that may wait for one runner; more means that the caller does not wait for answers.
const MAILBOX: usize = 256;

/// Tasks queued in one session; the worker hands out lease by lease, which is far less.
pub(crate) const MAX_QUEUED: usize = 65_536;

/// How sessions are run on this machine.
#[derive(Debug, Clone)]
pub struct ExecConfig {
    /// Program (an absolute path) and arguments that call [`crate::runner_main`]: our own executable and `runner`.
    pub runner: Vec<OsString>,
    /// What the program name `gridwell` stands for in plans.
    pub self_program: PathBuf,
    /// A control group that is ours to divide, see [`crate::delegated_cgroup`]; without one, sessions are frozen by
    /// signals and have no weight of their own.
    pub cgroup: Option<PathBuf>,
}

/// Starts, feeds and ends sessions; clones speak for the same sessions.
///
/// Commands never wait: each is put into the session's mailbox, and everything that follows arrives as [`ExecEvent`].
#[derive(Debug, Clone)]
pub struct Exec {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    config: ExecConfig,
    events: mpsc::Sender<ExecEvent>,
    sessions: Mutex<BTreeMap<u64, Open>>,
    spare: Arc<Spare>,
    runtime: Handle,
    stop: CancellationToken,
    tasks: TaskTracker,
}

/// The handle's view of a session that has not ended.
#[derive(Debug)]
struct Open {
    mailbox: mpsc::Sender<ToRunner>,
    tags: Arc<Mutex<Tags>>,
}

/// Which tasks of a session a [`Stop`] means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// Whatever runs, enter and exit actions included, and everything queued.
    All,
    /// These tasks, running or queued.
    Tags(Vec<u64>),
}

/// Asks tasks to stop: a running one is cancelled as its plan says and ends the session, queued ones are not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// Which tasks.
    pub which: Which,
    /// Shortens the notice of a cancellation that gives one; a later, shorter stop overrules an earlier one.
    pub notice_limit: Option<Duration>,
}

/// Why a command was not taken. Nothing of it happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExecError {
    /// Never opened, or its last event is on its way.
    #[error("session {session} is not open")]
    NotOpen {
        /// Which.
        session: u64,
    },
    /// The number is in use.
    #[error("session {session} is open already")]
    OpenAlready {
        /// Which.
        session: u64,
    },
    /// More tasks or commands than a session may queue.
    #[error("session {session} has too much queued to take {tasks} more tasks")]
    Full {
        /// Which.
        session: u64,
        /// How many were offered.
        tasks: usize,
    },
    /// [`Exec::shutdown`] was called.
    #[error("sessions are shut down")]
    ShutDown,
}

impl Exec {
    /// Starts without any session. Must be called inside a tokio runtime, which then also carries the sessions.
    ///
    /// The receiver must be drained: a full channel holds programs back at their next write.
    #[must_use]
    pub fn start(config: ExecConfig) -> (Self, mpsc::Receiver<ExecEvent>) {
        let (events, receiver) = mpsc::channel(EVENT_BATCHES);
        let shared = Shared {
            config,
            events,
            sessions: Mutex::default(),
            spare: Arc::default(),
            runtime: Handle::current(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        (Self { shared: Arc::new(shared) }, receiver)
    }

    /// Ends what earlier runs left behind: programs that still belong to a session below `sessions_dir`, then the
    /// folders in it. Blocks; for the node's start, before any session opens. Returns how many folders were removed.
    ///
    /// `sessions_dir` is written as the plans wrote it: programs are known by their session folder's path. A missing
    /// `sessions_dir` is fine. What cannot be removed is logged and left.
    pub fn clean(sessions_dir: &Path) -> usize {
        clean::clean(sessions_dir)
    }

    /// Opens a session under a number of the caller's choice; answered by [`crate::SessionEvent::Opened`],
    /// [`crate::SessionEvent::OpenFailed`] or [`crate::SessionEvent::Lost`]. Tasks may be queued at once.
    ///
    /// # Errors
    ///
    /// [`ExecError::OpenAlready`] while the number's session has not had its last event, [`ExecError::ShutDown`].
    pub fn open(&self, session: u64, plan: SessionPlan) -> Result<(), ExecError> {
        let mut sessions = self.sessions();
        if self.shared.stop.is_cancelled() {
            return Err(ExecError::ShutDown);
        }
        if sessions.contains_key(&session) {
            return Err(ExecError::OpenAlready { session });
        }
        let (mailbox, commands) = mpsc::channel(MAILBOX);
        let tags = Arc::default();
        sessions.insert(session, Open { mailbox, tags: Arc::clone(&tags) });
        let run = Session {
            number: session,
            plan,
            config: self.shared.config.clone(),
            spare: Arc::clone(&self.shared.spare),
            commands,
            tags,
            events: self.shared.events.clone(),
            stop: self.shared.stop.child_token(),
        };
        let shared = Arc::clone(&self.shared);
        self.shared
            .tasks
            .spawn_on(session::run(run, move || drop(lock(&shared.sessions).remove(&session))), &self.shared.runtime);
        Ok(())
    }

    /// Queues tasks, each under a tag that is unique in its session; they run one after the other.
    ///
    /// # Errors
    ///
    /// [`ExecError::NotOpen`] (also when the session is just ending) and [`ExecError::Full`]: nothing was queued.
    pub fn run(&self, session: u64, batch: Vec<(u64, ActionPlan)>) -> Result<(), ExecError> {
        let tasks = batch.len();
        let sessions = self.sessions();
        let open = sessions.get(&session).ok_or(ExecError::NotOpen { session })?;
        let mut tags = lock(&open.tags);
        if tags.len() + tasks > MAX_QUEUED {
            return Err(ExecError::Full { session, tasks });
        }
        let queued: Vec<u64> = batch.iter().map(|(tag, _)| *tag).collect();
        post(open, session, tasks, ToRunner::Run(batch))?;
        tags.queue(&queued);
        Ok(())
    }

    /// Stops tasks of a session.
    ///
    /// # Errors
    ///
    /// [`ExecError::NotOpen`] and [`ExecError::Full`].
    pub fn cancel(&self, session: u64, stop: Stop) -> Result<(), ExecError> {
        self.send(session, ToRunner::Stop { which: stop.which, notice_limit: stop.notice_limit })
    }

    /// Asks a session to make room or takes that back, also while nothing runs; answered by
    /// [`crate::SessionEvent::Yielded`]. A stop thaws what it means to stop, so that it can end in order.
    ///
    /// # Errors
    ///
    /// [`ExecError::NotOpen`] and [`ExecError::Full`].
    pub fn ask(&self, session: u64, wish: Yield) -> Result<(), ExecError> {
        self.send(session, ToRunner::Yield(wish))
    }

    /// Closes a session once what runs has ended: queued tasks are not run, environments are left, the folder goes.
    /// Cancel [`Which::All`] first to have it closed at once. A frozen session waits for its thaw if something runs.
    ///
    /// # Errors
    ///
    /// [`ExecError::NotOpen`] and [`ExecError::Full`].
    pub fn close(&self, session: u64) -> Result<(), ExecError> {
        self.send(session, ToRunner::Close)
    }

    /// Kills everything that runs and waits until it is gone, at most about 2 s. Exit actions are not run.
    ///
    /// Events of the last moments may go unsent; no command is taken afterwards.
    pub async fn shutdown(&self) {
        {
            let _sessions = self.sessions();
            self.shared.stop.cancel();
        }
        self.shared.tasks.close();
        self.shared.tasks.wait().await;
        self.shared.spare.end().await;
    }

    fn send(&self, session: u64, command: ToRunner) -> Result<(), ExecError> {
        let sessions = self.sessions();
        let open = sessions.get(&session).ok_or(ExecError::NotOpen { session })?;
        post(open, session, 0, command)
    }

    fn sessions(&self) -> MutexGuard<'_, BTreeMap<u64, Open>> {
        lock(&self.shared.sessions)
    }
}

fn post(open: &Open, session: u64, tasks: usize, command: ToRunner) -> Result<(), ExecError> {
    open.mailbox.try_send(command).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => ExecError::Full { session, tasks },
        mpsc::error::TrySendError::Closed(_) => ExecError::NotOpen { session },
    })
}

/// Locks state that stays consistent even if a holder panicked: every change is a single insert or remove.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
