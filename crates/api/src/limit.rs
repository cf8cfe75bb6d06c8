use gridwell_model::{JobId, PeerId};
use serde::{Deserialize, Serialize};

/// Shows limits, or changes one that this machine keeps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(default, deny_unknown_fields)]
pub struct LimitRequest {
    /// Which to change: small letters, digits, `_` and `-`; none when absent.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub name: Option<String>,
    /// Most licences in use at once; absent to keep the limit no longer.
    #[cfg_attr(feature = "ts", ts(optional = nullable))]
    pub cap: Option<u32>,
}

/// A counted licence, and who has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LimitView {
    /// What people call it.
    pub name: String,
    /// Most licences in use at once.
    pub cap: u32,
    /// Licences in use.
    pub in_use: u32,
    /// True while the machine that keeps it has just started: it gives none away before it has heard who has one.
    pub settling: bool,
    /// The machine that keeps it.
    pub keeper: PeerId,
    /// Its name.
    pub keeper_name: String,
    /// Who has licences.
    pub holders: Vec<LimitHolderView>,
}

/// Licences that one machine has for one job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct LimitHolderView {
    /// The machine.
    pub machine: PeerId,
    /// Its name.
    pub name: String,
    /// The job.
    pub job: JobId,
    /// How many.
    pub count: u32,
}
