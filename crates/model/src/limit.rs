use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{JobId, LeaseId, PeerId};

/// So many licences of one limit, for as long as one lease runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LimitNeed {
    /// What people call the limit.
    pub name: String,
    /// How many, at least 1.
    pub count: u32,
}

impl LimitNeed {
    /// Longest name of a limit, in bytes: it has to fit into a line.
    pub const NAME_BYTES: usize = 64;

    /// True for what a limit may be called: small letters, digits, `_` and `-`.
    #[must_use]
    pub fn is_name(text: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-';
        !text.is_empty() && text.len() <= Self::NAME_BYTES && text.bytes().all(plain)
    }
}

/// How long a licence lasts on each side.
///
/// Whoever runs a program counts from the moment it asked, who keeps the limit from the moment it heard: the first has
/// always ended its program when the second gives the licence away, however long messages take. Source:
/// `docs/scheduling.md`, "Licences".
#[derive(Debug, Clone, Copy)]
pub struct LicenceTerm;

impl LicenceTerm {
    /// For so long the keeper counts a licence after it last heard of it.
    pub const KEPT: Duration = Duration::from_secs(30);
    /// For so long after it was asked for a program may run on it.
    pub const GOOD: Duration = Duration::from_secs(20);
    /// Within this time a program has ended that may not run any longer: half of what is left of [`LicenceTerm::KEPT`].
    pub const STOP_WITHIN: Duration = Duration::from_secs(5);
}

/// A limit as the machine tells that keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitReport {
    /// What people call it.
    pub name: String,
    /// Most licences in use at once.
    pub cap: u32,
    /// True while the keeper has just started, gives none away and only hears who still has one.
    pub settling: bool,
    /// Who has licences, and for which job.
    pub holders: Vec<LimitHolder>,
}

/// Licences of one limit that one machine has for one job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitHolder {
    /// Where the program runs.
    pub machine: PeerId,
    /// Who placed it there.
    pub steward: PeerId,
    /// The job.
    pub job: JobId,
    /// How many.
    pub count: u32,
}

impl LimitReport {
    /// Licences in use.
    #[must_use]
    pub fn in_use(&self) -> u32 {
        self.holders.iter().map(|holder| holder.count).fold(0, u32::saturating_add)
    }
}

/// What machines that run programs and machines that keep limits tell each other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum LimitMessage {
    /// Keeper → everybody: these are mine. Replaces what it told before.
    Kept(Vec<LimitReport>),
    /// Worker → keeper: may a program run? Asked again and again while it does.
    Ask(LicenceAsk),
    /// Keeper → worker: it may, or not.
    Answer {
        /// From the question.
        lease: LeaseId,
        /// From the question.
        name: String,
        /// From the question.
        asked_micros: u64,
        /// Whether it may.
        granted: bool,
    },
    /// Worker → keeper: it has ended.
    Return {
        /// The lease it ran under.
        lease: LeaseId,
        /// The limit.
        name: String,
    },
}

/// A question for licences.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenceAsk {
    /// Under which lease its program runs.
    pub lease: LeaseId,
    /// Who granted that.
    pub steward: PeerId,
    /// Which licences.
    pub need: LimitNeed,
    /// When it is asked, by the asker's own clock, in microseconds; repeated in the answer.
    pub asked_micros: u64,
    /// True if the program runs already, by an earlier answer.
    pub held: bool,
}
