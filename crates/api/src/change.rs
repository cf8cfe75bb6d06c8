use gridwell_model::{LinkPolicy, PeerId, Stamp};
use serde::{Deserialize, Serialize};

/// Goes back behind a change of links.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct LinkUndoRequest {
    /// Which change; the newest that this machine made and that was not undone, when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub id: Option<u64>,
    /// Also over what somebody else changed since, and when it cuts machines off.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub anyway: bool,
}

/// What became of links of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LinkHistoryView {
    /// The newest first; the last 200 are kept.
    pub changes: Vec<LinkChangeView>,
}

/// One change of links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LinkChangeView {
    /// Grows from one to the next.
    pub id: u64,
    /// When it was made, or heard of.
    pub at: Stamp,
    /// The machine at which it was made.
    pub by: PeerId,
    /// What people call it.
    pub by_name: String,
    /// The other end of the link, if it is about one.
    pub peer: Option<PeerId>,
    /// What, one sentence.
    pub sentence: String,
    /// What the owner there wanted of the link before, and since then; absent for what was not about one link.
    pub wanted: Option<(LinkPolicy, LinkPolicy)>,
    /// True if this machine can go back behind it.
    pub can_undo: bool,
}
