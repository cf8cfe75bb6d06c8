use std::collections::BTreeSet;

use gridwell_model::{JobId, LeaseId, PeerId, Time};

use crate::SessionId;

/// What to look at when a time has come. A timer that is out of date does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// Results wait to be reported.
    Flush(LeaseId),
    /// Leases are to be renewed.
    Renew(PeerId),
    /// A session may have idled long enough.
    Idle(SessionId),
    /// A job may have been without leases for long enough.
    IdleJob(JobId),
    /// A steward may have been silent for a whole lease.
    Silent(PeerId),
    /// Results may have waited too long to be settled.
    Unsettled(LeaseId),
    /// Licences are to be asked for again.
    Licences(LeaseId),
}

/// All timers, soonest first.
#[derive(Debug, Default)]
pub(crate) struct Timers(BTreeSet<(Time, Timer)>);

impl Timers {
    pub(crate) fn set(&mut self, at: Time, timer: Timer) {
        self.0.insert((at, timer));
    }

    pub(crate) fn clear(&mut self, at: Time, timer: Timer) {
        self.0.remove(&(at, timer));
    }

    pub(crate) fn first(&self) -> Option<Time> {
        self.0.first().map(|(at, _)| *at)
    }

    pub(crate) fn take_due(&mut self, now: Time) -> Option<Timer> {
        (self.first()? <= now).then(|| self.0.pop_first())?.map(|(_, timer)| timer)
    }
}
