use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What work of others cost: its machine's owner, who waited for room, and those whose work it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// How often programs made room.
    pub times: u32,
    /// How long that took altogether.
    pub waited: Duration,
    /// The slowest.
    pub slowest: Duration,
    /// How long sessions stood still.
    pub frozen: Duration,
    /// How long work had taken that was thrown away.
    pub lost: Duration,
}

impl Cost {
    pub(crate) fn waited(&mut self, took: Duration) {
        self.add(Self { times: 1, waited: took, slowest: took, ..Self::default() });
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.times = self.times.saturating_add(other.times);
        self.waited = self.waited.saturating_add(other.waited);
        self.slowest = self.slowest.max(other.slowest);
        self.frozen = self.frozen.saturating_add(other.frozen);
        self.lost = self.lost.saturating_add(other.lost);
    }
}

/// The costs of the last seven days.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    /// The newest day, as [`crate::Input::DayShown`] numbers them.
    day: u32,
    /// By day, the newest first.
    costs: [Cost; Self::DAYS],
}

impl Week {
    /// How many days are remembered, the present one counted.
    pub const DAYS: usize = 7;

    /// It is that day now; one that the calendar shows again goes on.
    pub(crate) fn begin(&mut self, day: u32) {
        let passed = day.saturating_sub(self.day);
        self.day = day;
        let passed = usize::try_from(passed).unwrap_or(usize::MAX).min(Self::DAYS);
        self.costs.rotate_right(passed % Self::DAYS);
        self.costs[..passed].fill(Cost::default());
    }

    pub(crate) const fn today(&mut self) -> &mut Cost {
        &mut self.costs[0]
    }

    /// All seven days together.
    #[must_use]
    pub fn total(&self) -> Cost {
        let mut total = Cost::default();
        self.costs.iter().for_each(|cost| total.add(*cost));
        total
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    #[test]
    fn a_day_counts_for_a_week() {
        let mut week = Week::default();
        for day in 100..110 {
            week.begin(day);
            week.begin(day);
            week.today().waited(secs(day.into()));
        }
        let total = week.total();
        assert_eq!((total.times, total.slowest), (7, secs(109)));
        assert_eq!(total.waited, secs((103..110).sum()));
        week.begin(115);
        assert_eq!(week.total().waited, secs(109));
        week.begin(116);
        assert_eq!(week.total(), Cost::default());
    }

    #[test]
    fn a_calendar_that_is_set_back_loses_nothing() {
        let mut week = Week::default();
        week.begin(40_000);
        week.today().waited(secs(1));
        week.begin(20_000);
        week.today().waited(secs(2));
        week.begin(20_001);
        assert_eq!(week.total().waited, secs(3));
    }
}
