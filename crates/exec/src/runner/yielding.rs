use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use gridwell_model::Limits;

use super::{
    autogroup,
    freeze::{freeze, thaw},
    settle::Settled,
    soften::{self, Birth},
};
use crate::{
    cgroup::{Cgroup, Hold},
    event::{Means, SessionEvent, Yield},
};

/// How far a session makes room now.
#[derive(Debug)]
pub(crate) struct Yielding {
    /// The group that holds it to its limits, if the kernel does.
    hold: Option<Hold>,
    /// Where the control group may be made in which it is frozen.
    place: Option<PathBuf>,
    cgroup: Option<Cgroup>,
    soft: Option<Soft>,
    frozen: Option<Frozen>,
    /// How long it stood still before now.
    stood_still: Duration,
}

#[derive(Debug)]
struct Soft {
    birth: Birth,
    /// Its control group has the least weight.
    is_weighed: bool,
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
    pub(crate) fn new(place: Option<PathBuf>, limits: Limits, is_confined: bool) -> Self {
        let hold = place.as_deref().and_then(|place| Hold::begin(place, limits));
        let cgroup = match &hold {
            Some(hold) => hold.make_still().ok(),
            None => place.as_deref().filter(|_| is_confined).and_then(|place| Cgroup::make(place).ok()),
        };
        let place = place.filter(|_| hold.is_none());
        Self { hold, place, cgroup, soft: None, frozen: None, stood_still: Duration::ZERO }
    }

    /// What holds the session to its limits, if the kernel does.
    pub(crate) fn hold(&self) -> Option<&Hold> {
        self.hold.as_ref()
    }

    /// What of control groups it writes to later.
    pub(crate) fn cgroup_files(&self) -> Vec<PathBuf> {
        match &self.hold {
            Some(hold) => hold.writes(),
            None => self.place.iter().filter(|_| self.cgroup.is_some()).cloned().collect(),
        }
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
        self.soft.as_ref().map(|soft| &soft.birth)
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
        let held = self.hold.as_ref().map(|hold| hold.soften(true));
        let weighed = if held.is_some() { None } else { self.cgroup().filter(|cgroup| cgroup.soften(true)) };
        let entrance = weighed.and_then(|cgroup| cgroup.entrance().ok());
        let goes_in = entrance.is_some();
        let is_weighed = held.unwrap_or(goes_in);
        self.soft = Some(Soft { birth: Birth { entrance }, is_weighed });
        let (settled, mut means) = soften::soften(self.cgroup.as_ref().filter(|_| goes_in));
        means.extend(is_weighed.then_some(Means::Weight));
        (settled, means)
    }

    fn unsoften(&mut self) -> (Settled, Vec<Means>) {
        let was_weighed = self.soft.take().is_some_and(|soft| soft.is_weighed);
        let (settled, mut means) = soften::unsoften();
        let is_raised = was_weighed && self.weigh(false);
        means.extend(is_raised.then_some(Means::Weight));
        (settled, means)
    }

    fn freeze(&mut self, now: Instant) -> (Settled, Vec<Means>) {
        if self.soft.is_some() {
            // Whoever freezes must not come last. What stands still needs no share.
            let _ = autogroup::set_nice(std::process::id(), 0);
            // Nor with the weight of what it freezes.
            if self.hold.is_some() {
                self.weigh(false);
            }
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
        if let Some(soft) = &self.soft {
            soften::lower_groups();
            if self.hold.is_some() && soft.is_weighed {
                self.weigh(true);
            }
        }
        (settled, vec![frozen.means])
    }

    fn weigh(&self, soft: bool) -> bool {
        match &self.hold {
            Some(hold) => hold.soften(soft),
            None => self.cgroup.as_ref().is_some_and(|cgroup| cgroup.soften(soft)),
        }
    }

    /// The control group in which it is frozen, made when it is first needed.
    fn cgroup(&mut self) -> Option<&Cgroup> {
        if self.cgroup.is_none() {
            self.cgroup = self.place.as_deref().and_then(|place| Cgroup::make(place).ok());
        }
        self.cgroup.as_ref()
    }
}
