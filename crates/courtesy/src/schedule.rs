use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Minutes since Monday, midnight, by the clock on the owner's wall; below [`WeekTime::WEEK`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct WeekTime(u16);

impl WeekTime {
    /// Minutes of a week.
    pub const WEEK: u16 = 7 * 24 * 60;

    /// The moment `minute` minutes after Monday, midnight; later weeks count as this one.
    #[must_use]
    pub const fn new(minute: u16) -> Self {
        Self(minute % Self::WEEK)
    }

    /// A moment of a day: 0 is Monday.
    #[must_use]
    pub const fn at(day: u16, hour: u16, minute: u16) -> Self {
        Self::new((day % 7) * 24 * 60 + (hour % 24) * 60 + minute % 60)
    }

    /// The moment that many minutes later.
    pub(crate) fn later(self, minutes: u64) -> Self {
        Self(((u64::from(self.0) + minutes) % u64::from(Self::WEEK)) as u16)
    }

    const fn slot(self) -> (usize, u32) {
        let hour = self.0 / 60;
        ((hour / 24) as usize, (hour % 24) as u32)
    }
}

/// The hours of a week in which a machine lends: 7 days of 24.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "[u32; 7]", into = "[u32; 7]")]
pub struct Schedule([u32; 7]);

/// What the schedule says of a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hours {
    /// Open, and for how long yet; never over if it is open all week.
    Open {
        /// Time until it closes.
        left: Option<Duration>,
    },
    /// Closed, and for how long yet; for good if no hour is open.
    Closed {
        /// Time until it opens.
        left: Option<Duration>,
    },
}

/// Bits of one day.
const DAY: u32 = (1 << 24) - 1;

impl Schedule {
    /// Every hour of the week.
    pub const ALWAYS: Self = Self([DAY; 7]);

    /// Adds the hours `from..until` of `day` (0 is Monday); hours past midnight are not there.
    #[must_use]
    pub fn with(mut self, day: usize, from: u32, until: u32) -> Self {
        if let Some(hours) = self.0.get_mut(day) {
            *hours |= (from..until.min(24)).fold(0, |bits, hour| bits | 1 << hour);
        }
        self
    }

    /// True if no hour is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What holds at `at`, and for how long.
    #[must_use]
    pub fn at(&self, at: WeekTime) -> Hours {
        let open = self.is_open(at);
        let hour = at.0 - at.0 % 60;
        let changes =
            (1..7 * 24).map(|ahead| ahead * 60).find(|ahead| self.is_open(WeekTime::new(hour + ahead)) != open);
        let left = changes.map(|ahead| Duration::from_mins((hour + ahead - at.0).into()));
        if open { Hours::Open { left } } else { Hours::Closed { left } }
    }

    fn is_open(&self, at: WeekTime) -> bool {
        let (day, hour) = at.slot();
        self.0[day] >> hour & 1 == 1
    }
}

/// A day has 24 hours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("day {day} of the schedule has hours beyond the 24th")]
pub struct TooManyHours {
    /// 0 is Monday.
    day: usize,
}

impl TryFrom<[u32; 7]> for Schedule {
    type Error = TooManyHours;

    fn try_from(days: [u32; 7]) -> Result<Self, TooManyHours> {
        match days.iter().position(|hours| *hours > DAY) {
            Some(day) => Err(TooManyHours { day }),
            None => Ok(Self(days)),
        }
    }
}

impl From<Schedule> for [u32; 7] {
    fn from(schedule: Schedule) -> Self {
        schedule.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn hours(hours: u64) -> Option<Duration> {
        Some(Duration::from_hours(hours))
    }

    #[test]
    fn hours_open_and_close_also_over_the_end_of_the_week() {
        let nights = Schedule::default().with(6, 22, 24).with(0, 0, 6);
        assert_eq!(nights.at(WeekTime::at(6, 22, 0)), Hours::Open { left: hours(8) });
        assert_eq!(nights.at(WeekTime::at(0, 5, 50)), Hours::Open { left: Some(Duration::from_mins(10)) });
        assert_eq!(nights.at(WeekTime::at(0, 6, 0)), Hours::Closed { left: hours(6 * 24 + 16) });
    }

    #[test]
    fn a_week_without_a_change_never_changes() {
        assert_eq!(Schedule::ALWAYS.at(WeekTime::new(77)), Hours::Open { left: None });
        assert_eq!(Schedule::default().at(WeekTime::new(77)), Hours::Closed { left: None });
        let one = Schedule::default().with(3, 5, 6);
        assert_eq!(one.at(WeekTime::at(3, 6, 0)), Hours::Closed { left: hours(7 * 24 - 1) });
    }

    #[test]
    fn a_day_of_25_hours_is_refused() {
        let days = [0, 0, DAY + 1, 0, 0, 0, 0];
        assert_eq!(Schedule::try_from(days), Err(TooManyHours { day: 2 }));
    }
}
