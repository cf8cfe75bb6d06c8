use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{LimitNeed, Time};

use crate::LimitView;

/// First pause after a machine found no licence free; doubled up to [`LONGEST_PAUSE`] while that goes on.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause after a machine found no licence free: who keeps the limit tells of most changes sooner.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// What is known of licences, and which of them our own leases take.
///
/// A hint only, so that no lease is sent in vain: the machine that runs it asks whoever keeps the limit.
#[derive(Debug, Default)]
pub(crate) struct Limits {
    known: BTreeMap<String, LimitView>,
    ours: BTreeMap<String, u32>,
    pauses: BTreeMap<String, Pause>,
}

#[derive(Debug, Clone, Copy)]
struct Pause {
    until: Time,
    next: Duration,
}

impl Limits {
    pub(crate) fn told(&mut self, limits: BTreeMap<String, LimitView>) {
        // What is told now is newer than a refusal.
        self.pauses.retain(|name, _| self.known.get(name) == limits.get(name));
        self.known = limits;
    }

    /// A machine found no licence free. Returns when it may be tried again.
    pub(crate) fn refused(&mut self, name: &str, now: Time) -> Time {
        let next = self.pauses.get(name).map_or(FIRST_PAUSE, |pause| pause.next);
        let until = now + next;
        self.pauses.insert(name.to_owned(), Pause { until, next: (next * 2).min(LONGEST_PAUSE) });
        until
    }

    /// Those of `needs` that are not free now.
    pub(crate) fn lacking<'a>(&self, needs: &'a [LimitNeed], now: Time) -> impl Iterator<Item = &'a LimitNeed> {
        needs.iter().filter(move |need| {
            let paused = self.pauses.get(&need.name).is_some_and(|pause| now < pause.until);
            let ours = self.ours.get(&need.name).copied().unwrap_or(0);
            let free = self.known.get(&need.name).filter(|limit| !limit.settling);
            let free = free.map_or(0, |limit| limit.cap.saturating_sub(limit.others).saturating_sub(ours));
            paused || free < need.count
        })
    }

    pub(crate) fn take(&mut self, needs: &[LimitNeed]) {
        for need in needs {
            let ours = self.ours.entry(need.name.clone()).or_default();
            *ours = ours.saturating_add(need.count);
        }
    }

    pub(crate) fn give(&mut self, needs: &[LimitNeed]) {
        for need in needs {
            if let Some(ours) = self.ours.get_mut(&need.name) {
                *ours = ours.saturating_sub(need.count);
            }
        }
    }
}
