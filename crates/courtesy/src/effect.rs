use std::time::Duration;

use gridwell_model::Time;

use crate::{Offer, Reason, SessionKey};

/// What the node is to do. Wishes for one session hold in the order in which they come.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Lower its priority for processor and disk, cap its threads.
    Soften {
        /// Which.
        session: SessionKey,
        /// Why.
        reason: Reason,
    },
    /// Give it back what [`Effect::Soften`] took.
    Unsoften {
        /// Which.
        session: SessionKey,
    },
    /// Let all its processes stand still; its leases are still renewed, and say so.
    Freeze {
        /// Which.
        session: SessionKey,
        /// Why.
        reason: Reason,
    },
    /// Let them go on.
    Thaw {
        /// Which.
        session: SessionKey,
    },
    /// Thaw it if it is frozen, tell it to stop, and keep what it has written.
    Pack {
        /// Which.
        session: SessionKey,
        /// How long it has for that.
        grace: Duration,
        /// Why.
        reason: Reason,
    },
    /// Kill all its processes.
    End {
        /// Which.
        session: SessionKey,
        /// Why.
        reason: Reason,
    },
    /// It should have ended long ago: people are to know.
    Report {
        /// Which.
        session: SessionKey,
        /// Since when it was to end.
        since: Time,
    },
    /// What the scheduler and the other machines may have from now on.
    Offer(Offer),
}
