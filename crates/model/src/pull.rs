use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// How use of a peer raises or lowers its pull. Source: `docs/scheduling.md`, "Strategy".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Spread: the less a peer is used, the more it pulls.
    #[default]
    Horizontal,
    /// Fill: the more a peer is used, the more it pulls.
    Vertical,
    /// Everything here, nothing elsewhere.
    Direct,
}

/// What the owner of a machine wants of another one, for the jobs that start on the first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Leaning {
    /// Tasks go there rather than elsewhere.
    Prefer,
    /// No task goes there.
    KeepOff,
}

/// Why a text is not a strategy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StrategyError {
    /// No such strategy.
    #[error("'{text}' is not a strategy (horizontal, vertical or direct)")]
    Unknown {
        /// The text as given.
        text: String,
    },
}

impl FromStr for Strategy {
    type Err = StrategyError;

    fn from_str(text: &str) -> Result<Self, StrategyError> {
        match text {
            "horizontal" => Ok(Self::Horizontal),
            "vertical" => Ok(Self::Vertical),
            "direct" => Ok(Self::Direct),
            _ => Err(StrategyError::Unknown { text: text.to_owned() }),
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Horizontal => "horizontal",
            Self::Vertical => "vertical",
            Self::Direct => "direct",
        })
    }
}

/// How use of one machine counts in its pull: 1.0 is usual, more repels sooner, a negative one flips that machine alone.
/// Source: `docs/scheduling.md`, "Strategy".
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
#[serde(try_from = "f64", into = "f64")]
pub struct Weight(f64);

impl Weight {
    /// The usual one.
    pub const USUAL: Self = Self(1.0);

    /// Beyond it either way nothing changes that anybody would see: the pull is already e^100 stronger or weaker.
    pub const MOST: f64 = 100.0;

    /// The factor.
    #[must_use]
    pub const fn factor(self) -> f64 {
        self.0
    }
}

impl Default for Weight {
    fn default() -> Self {
        Self::USUAL
    }
}

impl TryFrom<f64> for Weight {
    type Error = PullError;

    fn try_from(factor: f64) -> Result<Self, PullError> {
        if (-Self::MOST..=Self::MOST).contains(&factor) { Ok(Self(factor)) } else { Err(PullError::Weight { factor }) }
    }
}

impl FromStr for Weight {
    type Err = PullError;

    fn from_str(text: &str) -> Result<Self, PullError> {
        number(text)?.try_into()
    }
}

impl From<Weight> for f64 {
    fn from(weight: Weight) -> Self {
        weight.0
    }
}

impl fmt::Display for Weight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How sharply the machine that pulls most is favoured (k): 0 draws evenly, [`Sharpness::MOST`] always takes the best.
/// Source: `docs/scheduling.md`, "Gravity".
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
#[serde(try_from = "f64", into = "f64")]
pub struct Sharpness(f64);

impl Sharpness {
    /// The usual one.
    pub const USUAL: Self = Self(4.0);

    /// The number that stands for infinity: a twice as strong pull would be drawn four billion times as often.
    pub const MOST: f64 = 32.0;

    /// Always the best.
    pub const BEST: Self = Self(Self::MOST);

    /// The exponent; infinite when always the best is taken.
    #[must_use]
    pub const fn exponent(self) -> f64 {
        if self.0 >= Self::MOST { f64::INFINITY } else { self.0 }
    }
}

impl Default for Sharpness {
    fn default() -> Self {
        Self::USUAL
    }
}

impl TryFrom<f64> for Sharpness {
    type Error = PullError;

    fn try_from(exponent: f64) -> Result<Self, PullError> {
        if (0.0..=Self::MOST).contains(&exponent) { Ok(Self(exponent)) } else { Err(PullError::Sharpness { exponent }) }
    }
}

impl FromStr for Sharpness {
    type Err = PullError;

    fn from_str(text: &str) -> Result<Self, PullError> {
        if text == "best" { Ok(Self::BEST) } else { number(text)?.try_into() }
    }
}

impl From<Sharpness> for f64 {
    fn from(sharpness: Sharpness) -> Self {
        sharpness.0
    }
}

impl fmt::Display for Sharpness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::BEST { f.write_str("best") } else { self.0.fmt(f) }
    }
}

/// How the owner of a machine tuned gravity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Tuning {
    /// How use of this machine counts, whoever chooses.
    #[schema(value_type = f64)]
    pub weight: Weight,
    /// How machines are chosen for jobs that start here.
    pub strategy: Strategy,
    /// How sharply the one that pulls most is favoured for them: 0 (evenly) … 32 (always the best).
    #[schema(value_type = f64)]
    pub sharpness: Sharpness,
}

/// Why a number does not say how machines pull.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PullError {
    /// Not a weight.
    #[error("a weight is a number from -{most} to {most}, not {factor}", most = Weight::MOST)]
    Weight {
        /// The number as given.
        factor: f64,
    },
    /// Not a sharpness.
    #[error("a sharpness is a number from 0 (evenly) to {most} (always the best), not {exponent}", most = Sharpness::MOST)]
    Sharpness {
        /// The number as given.
        exponent: f64,
    },
    /// Not a number at all.
    #[error("'{text}' is not a number")]
    NotANumber {
        /// The text as given.
        text: String,
    },
}

fn number(text: &str) -> Result<f64, PullError> {
    text.parse().map_err(|_| PullError::NotANumber { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_weight_or_sharpness_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, -100.5] {
            assert!(Weight::try_from(bad).is_err(), "{bad}");
            assert!(Sharpness::try_from(bad).is_err(), "{bad}");
        }
        assert_eq!(Weight::try_from(-2.0).map(Weight::factor), Ok(-2.0));
    }

    #[test]
    fn the_most_sharpness_is_infinite() {
        assert_eq!(Sharpness::USUAL.exponent(), 4.0);
        assert_eq!(Sharpness::BEST.exponent(), f64::INFINITY);
        assert_eq!("best".parse(), Ok(Sharpness::BEST));
        assert_eq!(Sharpness::BEST.to_string(), "best");
        assert_eq!("2.5".parse(), Weight::try_from(2.5));
        assert_eq!("much".parse::<Weight>(), Err(PullError::NotANumber { text: "much".into() }));
    }
}
