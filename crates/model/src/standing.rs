use serde::{Deserialize, Serialize};

/// How a machine stands toward the work of others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Lends, and nobody has asked yet.
    #[default]
    Offering,
    /// Runs work, unhindered.
    Working,
    /// Its owner's: it takes nothing for others now.
    Yours,
    /// Takes nothing new and finishes what it has.
    Draining,
    /// Work goes on, softened.
    Softened,
    /// Work stands still.
    Frozen,
    /// Work is being packed up, or ends.
    Packing,
    /// Its owner switched lending off.
    Paused,
    /// A program does not end.
    Trouble,
}
