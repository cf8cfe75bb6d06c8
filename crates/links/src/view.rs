use std::time::Duration;

use gridwell_model::{PeerId, Time};

/// What a person or the doctor sees of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    /// The other side.
    pub peer: PeerId,
    /// How it is.
    pub state: LinkState,
    /// Since when.
    pub since: Time,
    /// Where it may be dialled, most promising first.
    pub addresses: Vec<String>,
    /// Failed dials in a row.
    pub failures: u32,
    /// The last thing that went wrong, as a sentence, and when. Kept while the link is up, too.
    pub last_error: Option<(Time, String)>,
}

/// How a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Down; dialled again at `next_try`, or never while no address is known.
    Down {
        /// When.
        next_try: Option<Time>,
    },
    /// Being dialled.
    Dialling,
    /// Up.
    Up {
        /// True if the other side dialled.
        inbound: bool,
        /// Its address as seen from here.
        address: String,
        /// Smallest round trip of the last minute.
        rtt_min: Option<Duration>,
        /// Average round trip.
        rtt_ewma: Option<Duration>,
        /// True while it is not certain that the other side is still there.
        suspect: bool,
    },
}
