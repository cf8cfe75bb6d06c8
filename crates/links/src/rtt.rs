use std::{collections::VecDeque, time::Duration};

use gridwell_model::Time;

/// The minimum is taken over this long (network.md §12).
const WINDOW: Duration = Duration::from_mins(1);
/// Most samples kept: a minute of pings every 4 s, and some asked for out of turn.
const MAX_SAMPLES: usize = 20;

/// Samples that are taken soon after one another while a link is new: the first ones also measure handshakes and first
/// announcements, and an average would show them for minutes.
const FIRST_SAMPLES: u8 = 4;

/// Round-trip times of one link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rtt {
    samples: VecDeque<(Time, Duration)>,
    ewma: Option<Duration>,
    /// Samples taken since the link is up, counted up to [`FIRST_SAMPLES`].
    taken: u8,
}

impl Rtt {
    pub(crate) fn record(&mut self, sample: Duration, now: Time) {
        self.samples.retain(|(at, _)| now.since(*at) < WINDOW);
        if self.samples.len() == MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((now, sample));
        self.ewma = if self.is_settled() {
            // Source: RFC 6298, α = 1/8.
            self.ewma.map(|ewma| ewma * 7 / 8 + sample / 8)
        } else {
            self.min()
        };
        self.taken = self.taken.saturating_add(1).min(FIRST_SAMPLES);
    }

    /// False while the link is so new that samples should follow soon after one another.
    pub(crate) const fn is_settled(&self) -> bool {
        self.taken >= FIRST_SAMPLES
    }

    /// The smallest of the last minute of samples: how far away the peer is.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.samples.iter().map(|(_, sample)| *sample).min()
    }

    /// The moving average: how loaded the way is. While the link is new, the minimum.
    #[must_use]
    pub const fn ewma(&self) -> Option<Duration> {
        self.ewma
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minimum_forgets_after_a_minute_and_the_average_follows() {
        let mut rtt = Rtt::default();
        assert_eq!((rtt.min(), rtt.ewma()), (None, None));
        for _ in 0..FIRST_SAMPLES {
            rtt.record(Duration::from_millis(2), Time::from_secs(0));
        }
        rtt.record(Duration::from_millis(10), Time::from_secs(30));
        assert_eq!(rtt.min(), Some(Duration::from_millis(2)));
        assert_eq!(rtt.ewma(), Some(Duration::from_millis(3)));
        rtt.record(Duration::from_millis(10), Time::from_secs(60));
        assert_eq!(rtt.min(), Some(Duration::from_millis(10)));
    }

    #[test]
    fn what_handshakes_took_is_no_round_trip() {
        let mut rtt = Rtt::default();
        rtt.record(Duration::from_millis(87), Time::from_secs(0));
        assert!(!rtt.is_settled());
        for at in 1..u64::from(FIRST_SAMPLES) {
            rtt.record(Duration::from_millis(1), Time::from_secs(at));
        }
        assert_eq!((rtt.ewma(), rtt.is_settled()), (Some(Duration::from_millis(1)), true));
    }

    #[test]
    fn samples_are_bounded() {
        let mut rtt = Rtt::default();
        for at in 0..1_000 {
            rtt.record(Duration::from_millis(at), Time::from_millis(at));
        }
        assert_eq!(rtt.samples.len(), MAX_SAMPLES);
    }
}
