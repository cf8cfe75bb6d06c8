use std::{collections::VecDeque, time::Duration};

use gridwell_model::Time;

/// The minimum is taken over this long (network.md §12).
const WINDOW: Duration = Duration::from_mins(1);
/// Most samples kept: a minute of pings every 5 s, and some asked for out of turn.
const MAX_SAMPLES: usize = 16;

/// Round-trip times of one link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rtt {
    samples: VecDeque<(Time, Duration)>,
    ewma: Option<Duration>,
}

impl Rtt {
    pub(crate) fn record(&mut self, sample: Duration, now: Time) {
        self.samples.retain(|(at, _)| now.since(*at) < WINDOW);
        if self.samples.len() == MAX_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((now, sample));
        // Source: RFC 6298, α = 1/8.
        self.ewma = Some(self.ewma.map_or(sample, |ewma| ewma * 7 / 8 + sample / 8));
    }

    /// The smallest of the last minute of samples: how far away the peer is.
    #[must_use]
    pub fn min(&self) -> Option<Duration> {
        self.samples.iter().map(|(_, sample)| *sample).min()
    }

    /// The moving average: how loaded the way is.
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
        rtt.record(Duration::from_millis(2), Time::from_secs(0));
        rtt.record(Duration::from_millis(10), Time::from_secs(30));
        assert_eq!(rtt.min(), Some(Duration::from_millis(2)));
        assert_eq!(rtt.ewma(), Some(Duration::from_millis(3)));
        rtt.record(Duration::from_millis(10), Time::from_secs(60));
        assert_eq!(rtt.min(), Some(Duration::from_millis(10)));
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
