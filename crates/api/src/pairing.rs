use std::fmt;

use gridwell_model::{PeerId, Stamp};
use serde::{Deserialize, Serialize};

use crate::ErrorCode;

/// Shows a code and a link on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct PairShowRequest {
    /// How long they stay good, in seconds: at most [`PairShowRequest::MAX_SECS`], which is also taken when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub ttl_secs: Option<u64>,
}

impl PairShowRequest {
    /// A code is typed at once or not at all: ten minutes.
    pub const MAX_SECS: u64 = 600;
}

/// Asks to be let in with a code that another machine shows.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PairCodeRequest {
    /// As a person typed it.
    pub code: String,
    /// Where the other machine is, `HOST:PORT`; the one machine nearby that shows a code when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub at: Option<String>,
}

/// Asks to be let in with a link.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PairEnterRequest {
    /// The link.
    pub link: String,
    /// Where the other machine is, `HOST:PORT`, when the addresses in the link do not lead there.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub at: Option<String>,
}

/// Decides about a pairing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct PairAnswerRequest {
    /// Which: its id, or the name or the first letters of the id of the machine. The only one that waits when empty.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub pairing: String,
    /// `true` lets the machine in. `false` does not; where this machine asks to be let in, it gives up.
    pub approve: bool,
}

/// A code and a link, either of which lets one machine in, once a person here has approved it. This is the only place that
/// shows the code.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct InvitationView {
    /// Eight letters and digits in two groups, good for one guess.
    pub code: String,
    /// The same as a link, for a QR code.
    pub link: String,
    /// When both stop being good.
    pub expires: Stamp,
    /// Where the other machine finds this one, `HOST:PORT`; the first one is the most useful.
    pub addresses: Vec<String>,
}

/// Which side of a pairing this machine is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PairSide {
    /// It lets another machine in.
    Host,
    /// It asks to be let in.
    Guest,
}

/// What proves that a machine was invited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PairMethod {
    /// The typed code.
    Code,
    /// The link.
    Link,
}

/// How far a pairing is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum PairState {
    /// The two machines are about to meet.
    Reaching,
    /// Both screens show the same words, and a person at the host decides.
    Waiting,
    /// The guest is a member of the grid.
    Joined,
    /// A person at the host said no.
    Rejected,
    /// No person at the host answered in time.
    TimedOut,
    /// The guest gave up or went away.
    Cancelled,
    /// It did not come to a decision.
    Failed,
}

impl PairState {
    /// True when nothing more happens.
    #[must_use]
    pub const fn is_ended(self) -> bool {
        !matches!(self, Self::Reaching | Self::Waiting)
    }
}

/// One machine that is being let in, or was a moment ago.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PairingView {
    /// Names it on this machine, while the node runs.
    pub id: u64,
    /// Which side this machine is on.
    pub side: PairSide,
    /// What proves the invitation.
    pub method: PairMethod,
    /// What people call the other machine, as it says; its address until it has said so.
    pub machine: String,
    /// Its key, as the connection proved it; absent until it was reached.
    pub peer: Option<PeerId>,
    /// The beginning of that key in groups, for people to compare with `gridwell status` there; empty until it was reached.
    pub fingerprint: String,
    /// Where it is, `HOST:PORT`; may be empty.
    pub address: String,
    /// Four words that both screens show; empty until both sides have proved themselves.
    pub words: Vec<String>,
    /// How far it is.
    pub state: PairState,
    /// What that means, one sentence.
    pub sentence: String,
    /// Why it failed, for programs; absent unless it did.
    pub error: Option<ErrorCode>,
    /// When it began.
    pub since: Stamp,
    /// When the wait for a person ends by itself; absent before and after that wait.
    pub until: Option<Stamp>,
}

/// A machine on the same network that shows a code now. Anybody can claim to be one: only the right code proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct NearbyView {
    /// The random name under which it was found; another one for each code.
    pub nameplate: String,
    /// What people call it, as it says; its address when it says nothing.
    pub machine: String,
    /// Its key, as the connection proved it; absent when it was not reached.
    pub peer: Option<PeerId>,
    /// The beginning of that key in groups; may be empty.
    pub fingerprint: String,
    /// Where it is, each `HOST:PORT`.
    pub addresses: Vec<String>,
}

/// What pairing does on this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PairingsView {
    /// Whether this machine looks for others nearby, and is found by them while it shows a code.
    pub nearby: bool,
    /// Until when a code is shown here; absent when none is.
    pub code_until: Option<Stamp>,
    /// Pairings under way, and the last few that ended; oldest first.
    pub pairings: Vec<PairingView>,
}

impl fmt::Debug for PairCodeRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairCodeRequest").field("at", &self.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for PairEnterRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairEnterRequest").field("at", &self.at).finish_non_exhaustive()
    }
}

impl fmt::Debug for InvitationView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InvitationView").field("expires", &self.expires).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_code_nor_a_link_is_printed() {
        let at = "10.0.0.1:7766".to_owned();
        let code = PairCodeRequest { code: "SECRET".to_owned(), at: Some(at.clone()) };
        let link = PairEnterRequest { link: "SECRET".to_owned(), at: Some(at) };
        let shown = InvitationView {
            code: "SECRET".to_owned(),
            link: "SECRET".to_owned(),
            expires: Stamp(1),
            addresses: Vec::new(),
        };
        let printed = format!("{code:?} {link:?} {shown:?}");
        assert!(!printed.contains("SECRET"), "{printed}");
    }
}
