use std::time::Duration;

use gridwell_model::{LinkWish, PeerId, Time};

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
    /// What the owner of this peer wants of it.
    pub ours: LinkWish,
    /// What the owner of the other one wants, once heard.
    pub theirs: Option<LinkWish>,
    /// True if this peer does without it.
    pub rests: bool,
    /// True if the other one said that it does without it.
    pub rests_there: bool,
    /// The last thing that went wrong, as a sentence, and when. Kept while the link is up, too.
    pub last_error: Option<(Time, String)>,
}

/// How a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LinkState {
    /// Down; dialled again at `next_try`, or not while no address is known, it rests, or this peer's owner forbids it.
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
