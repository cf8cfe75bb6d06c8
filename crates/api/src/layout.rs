use gridwell_model::{LayoutKind, PeerId, Stamp};
use serde::{Deserialize, Serialize};

use crate::SuggestionView;

/// Changes which links the grid has.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct LayoutRequest {
    /// The shape; absent to look at what holds.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub kind: Option<LayoutKind>,
    /// Of a chain, machines in their order (those not named follow); of a star, the middle (this machine if absent).
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub machines: Vec<String>,
    /// Only says what would change.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub preview: bool,
    /// Goes back to the plan before the one that holds; `kind` is absent then.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub undo: bool,
    /// The [`LayoutView::revision`] that the asker saw: refused with [`crate::ErrorCode::LinkChanged`] when somebody made
    /// another plan since; not checked when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub expected: Option<u64>,
}

/// Which links the grid is to have, and who looks for better ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LayoutView {
    /// The shape that was asked for last; a mesh if never.
    pub kind: LayoutKind,
    /// Grows with each plan; 0 if there never was one.
    pub revision: u64,
    /// Who asked for it, and when.
    pub changed: Option<(PeerId, Stamp)>,
    /// What a preview would make, and what the plan that holds has not made yet.
    pub adds: Vec<PairView>,
    /// What a preview would let go, and what the plan that holds has not let go yet.
    pub removes: Vec<PairView>,
    /// Programs that change this machine's links.
    pub behaviours: Vec<BehaviourView>,
    /// Changes of the layout and of this machine's links that were made here or heard of, newest first.
    pub history: Vec<LayoutChange>,
}

/// A link by its ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct PairView {
    /// One end.
    pub from: PeerId,
    /// Its name.
    pub from_name: String,
    /// The other end.
    pub to: PeerId,
    /// Its name.
    pub to_name: String,
}

/// What happened to links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LayoutChange {
    /// When.
    pub at: Stamp,
    /// What, one sentence.
    pub sentence: String,
}

/// Whether a behaviour may change links.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum BehaviourMode {
    /// It does nothing.
    #[default]
    Off,
    /// It only says what it would do.
    Suggest,
    /// It changes links by itself.
    On,
}

/// Changes a behaviour of this machine, or answers what it suggests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(deny_unknown_fields)]
pub struct BehaviourRequest {
    /// Its name.
    pub name: String,
    /// What it may do from now on; stays when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub mode: Option<BehaviourMode>,
    /// How often it looks at the map, in seconds: 1 … 86,400; stays when absent.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub every_secs: Option<u32>,
    /// Looks once, now, and does what it finds.
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub once: bool,
    /// Does what it suggests (`true`), or not (`false`).
    #[serde(default)]
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub accept: Option<bool>,
}

/// A program that changes this machine's links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct BehaviourView {
    /// Its name.
    pub name: String,
    /// What it does, one sentence.
    pub about: String,
    /// What it may do.
    pub mode: BehaviourMode,
    /// How often it looks at the map, in seconds.
    pub every_secs: u32,
    /// How often it has looked since the node started.
    pub looks: u64,
    /// What it would do now.
    pub suggestion: Option<SuggestionView>,
}
