use std::{fmt, ops::Add, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::need::Capabilities;

/// What a machine draws with all its cores at work, in watts, as its owner says.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
#[serde(try_from = "f64", into = "f64")]
pub struct Watts(f64);

impl Watts {
    /// More than any one machine draws: a whole rack.
    pub const MOST: f64 = 100_000.0;

    /// The number.
    #[must_use]
    pub const fn number(self) -> f64 {
        self.0
    }

    /// What a run takes that ran for `took` on `cpus` of `cpu_count` cores, if this is what all of them draw at work.
    ///
    /// Source: `docs/scheduling.md`, "Energy".
    #[must_use]
    pub fn energy(self, took: Duration, cpus: f64, cpu_count: u32) -> Energy {
        let share = (cpus / f64::from(cpu_count.max(1))).clamp(0.0, 1.0);
        Energy::from_joules(self.0 * took.as_secs_f64() * share)
    }
}

impl TryFrom<f64> for Watts {
    type Error = PowerError;

    fn try_from(watts: f64) -> Result<Self, PowerError> {
        if watts > 0.0 && watts <= Self::MOST { Ok(Self(watts)) } else { Err(PowerError::Watts { watts }) }
    }
}

impl FromStr for Watts {
    type Err = PowerError;

    fn from_str(text: &str) -> Result<Self, PowerError> {
        number(text)?.try_into()
    }
}

impl From<Watts> for f64 {
    fn from(watts: Watts) -> Self {
        watts.0
    }
}

impl fmt::Display for Watts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a kilowatt-hour costs where a machine stands, in the currency that its owner means.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(type = "number"))]
#[serde(try_from = "f64", into = "f64")]
pub struct Tariff(f64);

impl Tariff {
    /// Beyond it in no currency.
    pub const MOST: f64 = 1_000_000.0;

    /// The number.
    #[must_use]
    pub const fn number(self) -> f64 {
        self.0
    }

    /// What so much energy costs.
    #[must_use]
    pub fn price(self, energy: Energy) -> f64 {
        self.0 * energy.kilowatt_hours()
    }
}

impl TryFrom<f64> for Tariff {
    type Error = PowerError;

    fn try_from(price: f64) -> Result<Self, PowerError> {
        if (0.0..=Self::MOST).contains(&price) { Ok(Self(price)) } else { Err(PowerError::Tariff { price }) }
    }
}

impl FromStr for Tariff {
    type Err = PowerError;

    fn from_str(text: &str) -> Result<Self, PowerError> {
        number(text)?.try_into()
    }
}

impl From<Tariff> for f64 {
    fn from(tariff: Tariff) -> Self {
        tariff.0
    }
}

impl fmt::Display for Tariff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is known of the energy that a machine takes. What nobody said or measured is absent, never guessed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS))]
pub struct Power {
    /// Watts that it draws with all its cores at work, as its owner says.
    #[schema(value_type = Option<f64>)]
    pub watts: Option<Watts>,
    /// What a kilowatt-hour costs there, as its owner says, in the currency that they mean.
    #[schema(value_type = Option<f64>)]
    pub tariff: Option<Tariff>,
    /// True if it measures the energy that its processor takes.
    pub measured: bool,
}

impl Power {
    /// Capability name of [`Power::watts`].
    pub const WATTS: &str = "amount.worker.watts";
    /// Capability name of [`Power::tariff`].
    pub const TARIFF: &str = "amount.worker.tariff";

    /// Adds what is said to what requirements and wishes are checked against.
    pub fn add_to(&self, capabilities: &mut Capabilities) {
        if let Some(watts) = self.watts {
            capabilities.amount(Self::WATTS, watts.0);
        }
        if let Some(tariff) = self.tariff {
            capabilities.amount(Self::TARIFF, tariff.0);
        }
    }
}

/// An amount of energy, in millijoules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Energy(pub u64);

impl Energy {
    const PER_KILOWATT_HOUR: f64 = 3.6e9;

    /// From joules; what is no number, or below nothing, is nothing.
    #[must_use]
    pub fn from_joules(joules: f64) -> Self {
        Self((joules * 1_000.0).round() as u64)
    }

    /// In joules.
    #[must_use]
    pub fn joules(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// In kilowatt-hours.
    #[must_use]
    pub fn kilowatt_hours(self) -> f64 {
        self.0 as f64 / Self::PER_KILOWATT_HOUR
    }
}

impl Add for Energy {
    type Output = Self;

    /// A sum from elsewhere may be absurd, but never wraps.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl fmt::Display for Energy {
    /// For people: `0 J`, `340 J`, `12 Wh`, `0.42 kWh`, `17 kWh`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (joules, kilowatt_hours) = (self.joules(), self.kilowatt_hours());
        match self.0 {
            0..10_000 if !self.0.is_multiple_of(1_000) => write!(f, "{joules:.1} J"),
            0..3_600_000 => write!(f, "{joules:.0} J"),
            3_600_000..36_000_000 => write!(f, "{:.1} Wh", joules / 3_600.0),
            36_000_000..360_000_000 => write!(f, "{:.0} Wh", joules / 3_600.0),
            360_000_000..36_000_000_000 => write!(f, "{kilowatt_hours:.2} kWh"),
            _ => write!(f, "{kilowatt_hours:.0} kWh"),
        }
    }
}

/// Why a number says nothing of power.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PowerError {
    /// Not what a machine draws.
    #[error("a machine draws more than 0 and at most {most} watts, not {watts}", most = Watts::MOST)]
    Watts {
        /// The number as given.
        watts: f64,
    },
    /// Not what a kilowatt-hour costs.
    #[error("a kilowatt-hour costs 0 to {most}, not {price}", most = Tariff::MOST)]
    Tariff {
        /// The number as given.
        price: f64,
    },
    /// Not a number at all.
    #[error("'{text}' is not a number")]
    NotANumber {
        /// The text as given.
        text: String,
    },
}

fn number(text: &str) -> Result<f64, PowerError> {
    text.parse().map_err(|_| PowerError::NotANumber { text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_watts_or_tariff_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, -1.0, 2e9] {
            assert!(Watts::try_from(bad).is_err(), "{bad}");
            assert!(Tariff::try_from(bad).is_err(), "{bad}");
        }
        assert!(Watts::try_from(0.0).is_err(), "nothing that works draws nothing");
        assert_eq!("0".parse().map(Tariff::number), Ok(0.0), "the sun sends no bill");
        assert_eq!("many".parse::<Watts>(), Err(PowerError::NotANumber { text: "many".into() }));
    }

    #[test]
    fn a_run_takes_its_share_of_what_all_cores_draw() {
        let watts = Watts::try_from(200.0).unwrap();
        assert_eq!(watts.energy(Duration::from_secs(10), 1.0, 4), Energy(500_000));
        assert_eq!(watts.energy(Duration::from_secs(10), 64.0, 4), Energy(2_000_000), "no more than all of it");
        assert_eq!(watts.energy(Duration::from_secs(10), 1.0, 0), Energy(2_000_000));
    }

    #[test]
    fn energy_is_written_for_people_and_priced() {
        for (millijoules, words) in [
            (0, "0 J"),
            (1_500, "1.5 J"),
            (340_000, "340 J"),
            (3_600_000, "1.0 Wh"),
            (43_200_000, "12 Wh"),
            (1_512_000_000, "0.42 kWh"),
            (61_200_000_000, "17 kWh"),
        ] {
            assert_eq!(Energy(millijoules).to_string(), words);
        }
        let price = Tariff::try_from(0.5).unwrap().price(Energy(7_200_000_000));
        assert!((price - 1.0).abs() < 1e-12, "{price}");
        assert_eq!(Energy::from_joules(f64::NAN), Energy(0));
        assert_eq!(Energy(u64::MAX) + Energy(1), Energy(u64::MAX));
    }

    #[test]
    fn what_nobody_said_is_no_capability() {
        let mut all = Capabilities::default();
        Power::default().add_to(&mut all);
        assert!(all.amounts.is_empty());
        let said = Power { watts: "180".parse().ok(), tariff: "0.31".parse().ok(), measured: false };
        said.add_to(&mut all);
        assert_eq!((all.amounts[Power::WATTS], all.amounts[Power::TARIFF]), (180.0, 0.31));
    }
}
