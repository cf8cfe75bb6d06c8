use std::time::Duration;

use gridwell_model::Time;

/// Asks of moments whether they have passed, and remembers the next one that has not.
#[derive(Debug)]
pub(crate) struct Alarm {
    pub(crate) now: Time,
    next: Option<Time>,
}

impl Alarm {
    pub(crate) const fn new(now: Time) -> Self {
        Self { now, next: None }
    }

    pub(crate) fn passed(&mut self, at: Time) -> bool {
        let passed = self.now >= at;
        if !passed {
            self.next = Some(self.next.map_or(at, |next| next.min(at)));
        }
        passed
    }

    /// True if `since` began at least `duration` ago.
    pub(crate) fn lasted(&mut self, since: Option<Time>, duration: Duration) -> bool {
        since.is_some_and(|since| self.passed(since + duration))
    }

    pub(crate) const fn next(&self) -> Option<Time> {
        self.next
    }
}
