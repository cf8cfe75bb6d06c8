//! How much links carry, for who watches.

use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{PeerId, Time};
use gridwell_sched::Input as SchedInput;

use super::Core;
use crate::clock;

/// How often listeners hear of a link on which bytes move.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A link that carries less in that time rests: signs of life and announcements are no traffic.
const REST_BYTES: u64 = 2_000;

/// What links had carried at the last look. Nobody looks while nobody listens.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    seen: BTreeMap<PeerId, u64>,
    due: Option<Time>,
}

impl Traffic {
    pub(crate) const fn due(&self) -> Option<Time> {
        self.due
    }

    /// Notes what a link has carried; true if it carried something since the last look.
    fn saw(&mut self, peer: PeerId, bytes: u64) -> bool {
        self.seen.insert(peer, bytes).is_some_and(|before| bytes.saturating_sub(before) >= REST_BYTES)
    }
}

/// Share of the newest transfer in what is known of a way: one may have met others, or slept.
const NEWEST: f64 = 0.25;

/// How many bytes a second went to each machine, smoothed.
#[derive(Debug, Default)]
pub(crate) struct Rates(BTreeMap<PeerId, f64>);

impl Rates {
    /// Notes a transfer; returns what is known of the way now.
    fn note(&mut self, peer: PeerId, bytes_per_sec: f64) -> Option<f64> {
        let sane = bytes_per_sec.is_finite() && bytes_per_sec > 0.0;
        let known = self.0.get(&peer).copied();
        let rate = known.map_or(bytes_per_sec, |known| known + (bytes_per_sec - known) * NEWEST);
        sane.then(|| {
            self.0.insert(peer, rate);
            rate
        })
    }

    pub(super) fn of(&self, peer: PeerId) -> Option<f64> {
        self.0.get(&peer).copied()
    }
}

impl Core {
    /// Bytes went to a machine at this rate.
    pub(super) fn on_rate(&mut self, peer: PeerId, bytes_per_sec: f64) {
        if let Some(bytes_per_sec) = self.rates.note(peer, bytes_per_sec) {
            self.sched.handle(SchedInput::PathMeasured { peer, bytes_per_sec }, clock::now());
            self.changed.links.insert(peer);
            self.tell_soon();
        }
    }

    /// Somebody listens: traffic is watched from now on.
    pub(super) fn watch_traffic(&mut self) {
        if self.traffic.due.is_none() {
            self.look_at_traffic();
        }
    }

    /// Marks links on which bytes moved.
    pub(super) fn look_at_traffic(&mut self) {
        if !self.events.is_heard() {
            self.traffic = Traffic::default();
            return;
        }
        for peer in self.links.up().collect::<Vec<_>>() {
            let stats = self.net.stats(peer);
            if self.traffic.saw(peer, stats.received_bytes.saturating_add(stats.sent_bytes)) {
                self.changed.links.insert(peer);
                self.tell_soon();
            }
        }
        self.traffic.due = Some(clock::now() + LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_transfer_moves_what_is_known_of_a_way_by_a_quarter() {
        let mut rates = Rates::default();
        let peer = PeerId([1; 32]);
        assert_eq!(rates.of(peer), None);
        let noted = [100.0, 200.0, f64::NAN, 0.0, 125.0].map(|rate| rates.note(peer, rate));
        assert_eq!(noted, [Some(100.0), Some(125.0), None, None, Some(125.0)]);
        assert_eq!(rates.of(peer), Some(125.0));
    }

    #[test]
    fn a_link_at_rest_is_not_told_of() {
        let mut traffic = Traffic::default();
        let peer = PeerId([1; 32]);
        let seen = [9_000, 9_040, 50_000, 50_000, 51_000].map(|bytes| traffic.saw(peer, bytes));
        assert_eq!(seen, [false, false, true, false, false]);
    }
}
