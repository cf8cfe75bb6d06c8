use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use super::{
    autogroup,
    freeze::{freeze, thaw},
    settle::Settled,
    soften::{self, Birth},
};
use crate::{
    cgroup::Cgroup,
    event::{Means, SessionEvent, Yield},
};

/// How far a session makes room now.
#[derive(Debug)]
pub(crate) struct Yielding {
    /// Where its control group may be made.
    place: Option<PathBuf>,
    cgroup: Option<Cgroup>,
    soft: Option<Birth>,
    frozen: Option<Frozen>,
    /// How long it stood still before now.
    stood_still: Duration,
}

#[derive(Debug, Clone, Copy)]
struct Frozen {
    since: Instant,
    means: Means,
}

/// A moment since which time counts, as long as the session does not stand still.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    at: Instant,
    stood_still: Duration,
}

impl Yielding {
    /// A session that is about to be confined gets its control group at once: it can make none later.
    pub(crate) fn new(place: Option<PathBuf>, is_confined: bool) -> Self {
        let cgroup = place.as_deref().filter(|_| is_confined).and_then(|place| Cgroup::make(place).ok());
        Self { place, cgroup, soft: None, frozen: None, stood_still: Duration::ZERO }
    }

    /// Where its control group is, if it has one by now.
    pub(crate) fn cgroup_folder(&self) -> Option<&Path> {
        self.place.as_deref().filter(|_| self.cgroup.is_some())
    }

    /// Carries a wish out and answers it.
    pub(crate) fn obey(&mut self, wish: Yield) -> SessionEvent {
        let begun = Instant::now();
        let (settled, means) = match wish {
            Yield::Soften => self.soften(),
            Yield::Unsoften => self.unsoften(),
            Yield::Freeze => self.freeze(begun),
            Yield::Thaw => self.thaw(),
        };
        let Settled { processes, missed } = settled;
        let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
        SessionEvent::Yielded { wish, means, processes, missed, micros }
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.frozen.is_some()
    }

    /// What a program that starts now is to do first, if the session is softened.
    pub(crate) fn birth(&self) -> Option<&Birth> {
        self.soft.as_ref()
    }

    /// Begins to count; while it is awake.
    pub(crate) fn mark(&self) -> Mark {
        Mark { at: Instant::now(), stood_still: self.stood_still() }
    }

    /// How long the session did not stand still since then.
    pub(crate) fn ran_since(&self, mark: Mark) -> Duration {
        mark.at.elapsed().saturating_sub(self.stood_still() - mark.stood_still)
    }

    /// When it will have run for `limit` since then; never while it stands still.
    pub(crate) fn ends_at(&self, mark: Mark, limit: Duration) -> Option<Instant> {
        let stood_still = self.stood_still - mark.stood_still;
        mark.at.checked_add(limit)?.checked_add(stood_still).filter(|_| !self.is_frozen())
    }

    fn stood_still(&self) -> Duration {
        self.stood_still + self.frozen.map_or(Duration::ZERO, |frozen| frozen.since.elapsed())
    }

    fn soften(&mut self) -> (Settled, Vec<Means>) {
        let weighed = self.cgroup().filter(|cgroup| cgroup.soften(true));
        let entrance = weighed.and_then(|cgroup| cgroup.entrance().ok());
        let is_weighed = entrance.is_some();
        self.soft = Some(Birth { entrance });
        let (settled, mut means) = soften::soften(self.cgroup.as_ref().filter(|_| is_weighed));
        means.extend(is_weighed.then_some(Means::Weight));
        (settled, means)
    }

    fn unsoften(&mut self) -> (Settled, Vec<Means>) {
        let was_weighed = self.soft.take().is_some_and(|birth| birth.entrance.is_some());
        let (settled, mut means) = soften::unsoften();
        let is_raised = was_weighed && self.cgroup.as_ref().is_some_and(|cgroup| cgroup.soften(false));
        means.extend(is_raised.then_some(Means::Weight));
        (settled, means)
    }

    fn freeze(&mut self, now: Instant) -> (Settled, Vec<Means>) {
        if self.soft.is_some() {
            // Whoever freezes must not come last. What stands still needs no share.
            let _ = autogroup::set_nice(std::process::id(), 0);
        }
        let before = self.frozen;
        // What a signal has stopped, no group lets go on.
        let is_signalled = before.is_some_and(|frozen| frozen.means == Means::Signals);
        let (settled, means) = freeze(self.cgroup().filter(|_| !is_signalled));
        let since = before.map_or(now, |frozen| frozen.since);
        self.frozen = Some(Frozen { since, means });
        (settled, vec![means])
    }

    fn thaw(&mut self) -> (Settled, Vec<Means>) {
        let Some(frozen) = self.frozen.take() else { return (Settled { processes: 0, missed: 0 }, vec![]) };
        let settled = thaw(self.cgroup.as_ref(), frozen.means);
        if settled.missed > 0 {
            self.frozen = Some(frozen);
            return (settled, vec![]);
        }
        self.stood_still += frozen.since.elapsed();
        if self.soft.is_some() {
            soften::lower_groups();
        }
        (settled, vec![frozen.means])
    }

    /// The session's control group, made when it is first needed.
    fn cgroup(&mut self) -> Option<&Cgroup> {
        if self.cgroup.is_none() {
            self.cgroup = self.place.as_deref().and_then(|place| Cgroup::make(place).ok());
        }
        self.cgroup.as_ref()
    }
}
