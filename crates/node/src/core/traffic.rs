//! How much links carry, for who watches.

use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{PeerId, Time};

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

impl Core {
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
    fn a_link_at_rest_is_not_told_of() {
        let mut traffic = Traffic::default();
        let peer = PeerId([1; 32]);
        let seen = [9_000, 9_040, 50_000, 50_000, 51_000].map(|bytes| traffic.saw(peer, bytes));
        assert_eq!(seen, [false, false, true, false, false]);
    }
}
