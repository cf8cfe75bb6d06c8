use gridwell_model::{PeerId, Stamp};
use serde::{Deserialize, Serialize};

/// Answers what the owner of another machine asks.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct LinkAnswerRequest {
    /// Name or id prefix of the machine that asks.
    pub machine: String,
    /// Yes or no. After a no it may still become a yes.
    pub allow: bool,
    /// Answer what it asks later so, too, unseen. Without it such a standing answer ends.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub always: bool,
}

/// What owners of machines ask each other, as far as it concerns this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LinkAsksView {
    /// What this machine asks, then what it is asked.
    pub asks: Vec<LinkAskView>,
    /// Machines whose asks are answered unseen.
    pub always: Vec<AlwaysView>,
}

/// The owner of one machine asks the owner of another one to let it pin the link between the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LinkAskView {
    /// The machine whose owner asks.
    pub from: PeerId,
    /// What people call it.
    pub from_name: String,
    /// The machine whose owner is asked.
    pub peer: PeerId,
    /// What people call it.
    pub name: String,
    /// How far it is.
    pub state: LinkAskState,
    /// When it was asked or, at the machine that is asked, heard.
    pub asked: Stamp,
    /// When it is over by itself; absent until it has reached the other machine.
    pub until: Option<Stamp>,
}

/// How far an ask is. What was allowed and done, taken back, or is over, is no ask any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LinkAskState {
    /// It waits until the other machine can be reached.
    Sending,
    /// The other owner has not answered.
    Waiting,
    /// The other owner said yes, and the link is being pinned.
    Allowed,
    /// The other owner said no.
    Declined,
}

/// A machine whose asks are answered unseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct AlwaysView {
    /// Which.
    pub machine: PeerId,
    /// What people call it.
    pub name: String,
    /// The answer.
    pub allow: bool,
}
