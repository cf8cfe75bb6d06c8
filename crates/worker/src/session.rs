use gridwell_model::{JobId, LeaseId, Reserve, Time};

use crate::SpecView;

/// A session from its opening to its close.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) job: JobId,
    /// Which environments it has entered.
    pub(crate) environments: u64,
    pub(crate) reserve: Reserve,
    pub(crate) state: SessionState,
    /// True while it stands still because the machine's owner wants the machine.
    pub(crate) frozen: bool,
    /// Licences on which it runs something still while it ends, by lease and limit.
    pub(crate) owes: Vec<(LeaseId, String)>,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionState {
    /// Enters its environments, for a lease that may have ended since.
    Opening(Option<LeaseId>),
    /// Runs tasks of a lease.
    Busy(LeaseId),
    /// Waits for the next lease of the job.
    Idle(Time),
    /// Leaves its environments; if it was cut off at work, its reserve stays taken until it is gone.
    Ending { cut_off: bool },
}

/// A job with leases here, now or lately.
#[derive(Debug)]
pub(crate) struct KnownJob {
    pub(crate) job: Job,
    /// Since when it has no lease.
    pub(crate) idle_since: Option<Time>,
    /// True while a timer looks after it.
    pub(crate) is_watched: bool,
}

/// What is known of a job here.
#[derive(Debug)]
pub(crate) enum Job {
    /// Its spec is on its way.
    FetchingSpec,
    /// Its inputs are on their way.
    FetchingInputs(SpecView),
    /// Its tasks can run.
    Ready(SpecView),
}
