use gridwell_model::PeerId;
use serde::{Deserialize, Serialize};

/// What a behaviour would do to links of this machine, and the numbers that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct SuggestionView {
    /// The same as one sentence.
    pub sentence: String,
    /// The machine to link with.
    pub link_with: Option<PeerId>,
    /// The machine whose link would go.
    pub let_go: Option<PeerId>,
    /// What decided.
    pub why: SuggestionReason,
    /// Round trip to the one that it would link with, or has tried, in microseconds; absent where it decided nothing.
    pub new_micros: Option<u32>,
    /// Round trip over the link that goes or is slowest, in microseconds; absent where it decided nothing.
    pub old_micros: Option<u32>,
    /// How many links there are; absent where that decided nothing.
    pub links: Option<u32>,
}

/// Why a behaviour suggests something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum SuggestionReason {
    /// The new one may answer sooner than the slowest link.
    MayBeNearer,
    /// The new one answers sooner than the one that goes.
    IsNearer,
    /// The one that was tried is not faster by enough.
    IsNotNearer,
    /// The one that was tried could not be measured.
    NotMeasured,
    /// There are more links than one machine keeps.
    TooMany,
    /// There are fewer links than one machine keeps.
    TooFew,
    /// By chance.
    Chance,
}
