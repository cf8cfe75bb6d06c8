use std::{collections::BTreeMap, time::Duration};

/// How much the newest report counts; older ones fade by the rest.
const NEWEST_SHARE: f64 = 0.3;

/// How long tasks of one step take: per peer where measured, elsewhere by comparing peers.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Measured seconds over the seconds that history or speed foretold, over all peers.
    ratio: Option<f64>,
    own: BTreeMap<usize, f64>,
    timed: u64,
    reports: u64,
}

impl Pace {
    /// Tasks timed so far.
    pub(crate) const fn timed(&self) -> u64 {
        self.timed
    }

    /// True once any task was timed: only then do durations decide more than the draw.
    pub(crate) const fn is_known(&self) -> bool {
        self.timed > 0
    }

    /// Reports learned from so far.
    pub(crate) const fn reports(&self) -> u64 {
        self.reports
    }

    pub(crate) const fn ratio(&self) -> f64 {
        match self.ratio {
            Some(ratio) => ratio,
            None => 1.0,
        }
    }

    /// Learns that `tasks` took `run` together on `peer`, for which `foretold` seconds each were expected beforehand.
    pub(crate) fn learn(&mut self, peer: usize, tasks: u32, run: Duration, foretold: f64) {
        if tasks == 0 {
            return;
        }
        let secs = run.as_secs_f64() / f64::from(tasks);
        self.timed += u64::from(tasks);
        self.reports += 1;
        let ratio = secs / foretold.max(1e-9);
        self.ratio = Some(self.ratio.map_or(ratio, |old| blend(old, ratio)));
        let own = self.own.entry(peer).or_insert(secs);
        *own = blend(*own, secs);
    }

    /// Seconds one task takes on `peer`, for which `foretold` seconds are expected by history or speed.
    pub(crate) fn task_secs(&self, peer: usize, foretold: f64) -> f64 {
        self.own.get(&peer).copied().unwrap_or_else(|| foretold * self.ratio())
    }
}

fn blend(old: f64, new: f64) -> f64 {
    old + NEWEST_SHARE * (new - old)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_on_one_peer_tells_about_the_others_by_their_speed() {
        let mut pace = Pace::default();
        assert_eq!(pace.task_secs(1, 0.5), 0.5);
        pace.learn(0, 2, Duration::from_secs(20), 1.0);
        assert_eq!(pace.task_secs(0, 1.0), 10.0);
        assert_eq!(pace.task_secs(1, 0.5), 5.0);
    }
}
