use gridwell_model::{LinkPolicy, LinkWish, PeerId, Time};

use crate::{
    backoff::Zeal,
    rtt::Rtt,
    view::{LinkState, LinkView},
};

/// Most addresses kept for one peer.
const MAX_ADDRESSES: usize = 16;
/// Longest sentence kept, in bytes.
const MAX_ERROR_BYTES: usize = 300;

/// One member.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) state: State,
    pub(crate) since: Time,
    pub(crate) addresses: Vec<String>,
    pub(crate) failures: u32,
    /// What the owner of this peer wants of it.
    pub(crate) ours: LinkWish,
    /// What the owner of the other one wants, once heard.
    pub(crate) theirs: Option<LinkWish>,
    /// True if this peer does without it, as far as it is automatic.
    pub(crate) rests: bool,
    /// True if the other one said so.
    pub(crate) rests_there: bool,
    last_error: Option<(Time, String)>,
    /// When it wants to be looked at again.
    pub(crate) due: Option<Time>,
}

#[derive(Debug)]
pub(crate) enum State {
    Down,
    Dialling,
    Up(Box<Up>),
}

#[derive(Debug)]
pub(crate) struct Up {
    pub(crate) inbound: bool,
    pub(crate) address: String,
    pub(crate) rtt: Rtt,
    /// The ping that is not answered yet, and when it was sent.
    pub(crate) asked: Option<(u64, Time)>,
    /// When anything was last heard.
    pub(crate) heard: Time,
    /// When a ping was last answered; before the first answer, since when it is up.
    pub(crate) measured: Time,
    /// What bulk streams had carried when somebody last looked.
    pub(crate) bulk_bytes: u64,
    pub(crate) suspect: bool,
}

impl Up {
    pub(crate) fn new(inbound: bool, address: String, now: Time) -> Self {
        let rtt = Rtt::default();
        Self { inbound, address, rtt, asked: None, heard: now, measured: now, bulk_bytes: 0, suspect: false }
    }
}

impl Entry {
    pub(crate) const fn new(ours: LinkWish, now: Time) -> Self {
        Self {
            state: State::Down,
            since: now,
            addresses: Vec::new(),
            failures: 0,
            ours,
            theirs: None,
            rests: false,
            rests_there: false,
            last_error: None,
            due: None,
        }
    }

    /// True if the link may be dialled: this peer's owner does not forbid it, it is needed, and somewhere may be reached.
    pub(crate) fn is_dialable(&self) -> bool {
        !self.ours.forbids() && !self.is_resting() && !self.addresses.is_empty()
    }

    /// True if this peer does without it.
    pub(crate) fn is_resting(&self) -> bool {
        self.rests && self.ours.policy == LinkPolicy::Automatic
    }

    /// True if the other side was heard to forbid it.
    pub(crate) fn is_refused(&self) -> bool {
        self.theirs.is_some_and(|wish| wish.forbids())
    }

    pub(crate) fn zeal(&self) -> Zeal {
        if self.is_refused() {
            Zeal::Refused
        } else if self.ours.policy == LinkPolicy::Pinned {
            Zeal::Pinned
        } else {
            Zeal::Usual
        }
    }

    /// Puts addresses in front of the others. Returns true if any is new.
    pub(crate) fn learn(&mut self, addresses: Vec<String>) -> bool {
        let mut ordered: Vec<String> = Vec::new();
        let news = addresses.iter().any(|address| !self.addresses.contains(address));
        for address in addresses.into_iter().chain(std::mem::take(&mut self.addresses)) {
            if ordered.len() < MAX_ADDRESSES && !ordered.contains(&address) {
                ordered.push(address);
            }
        }
        self.addresses = ordered;
        news
    }

    pub(crate) fn note_error(&mut self, why: &str, now: Time) {
        let end = why.floor_char_boundary(MAX_ERROR_BYTES);
        self.last_error = Some((now, why[..end].to_owned()));
    }

    pub(crate) fn view(&self, peer: PeerId) -> LinkView {
        let state = match &self.state {
            State::Down => LinkState::Down { next_try: self.due },
            State::Dialling => LinkState::Dialling,
            State::Up(up) => LinkState::Up {
                inbound: up.inbound,
                address: up.address.clone(),
                rtt_min: up.rtt.min(),
                rtt_ewma: up.rtt.ewma(),
                suspect: up.suspect,
            },
        };
        let (since, failures) = (self.since, self.failures);
        LinkView {
            peer,
            state,
            since,
            addresses: self.addresses.clone(),
            failures,
            ours: self.ours,
            theirs: self.theirs,
            rests: self.is_resting(),
            rests_there: self.rests_there,
            last_error: self.last_error.clone(),
        }
    }
}
