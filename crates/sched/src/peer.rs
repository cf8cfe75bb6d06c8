use std::{
    collections::{BTreeSet, VecDeque},
    time::Duration,
};

use gridwell_model::{Decline, PeerId, Strategy, Time};

use crate::{Config, PeerView, PlacementId, room::Room};

/// How long an announcement may lag behind our own leases: within this time what we reserved lately counts as ours.
const ANNOUNCEMENT_LAG: Duration = Duration::from_secs(2);
/// First pause after a peer declined; doubled up to [`LONGEST_PAUSE`] while it goes on declining.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// Longest pause after a peer declined.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// Utilisation counts even at rest by this much, so that a weight acts on an idle peer.
const IDLE_USE: f64 = 0.1;

/// A peer, what it lends, and what of that our own leases hold.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    /// False once it has left: its leases may still have to end.
    pub(crate) here: bool,
    pub(crate) view: PeerView,
    pub(crate) lends: Room,
    others: Room,
    ours: Room,
    /// Most that we held in this span of [`ANNOUNCEMENT_LAG`] and the one before.
    peaks: [Room; 2],
    peak_since: Time,
    /// Leases that hold room, by expected end.
    pub(crate) running: BTreeSet<(Time, PlacementId)>,
    /// Leases queued behind them, oldest first.
    pub(crate) ahead: VecDeque<PlacementId>,
    pub(crate) bytes_per_sec: Option<f64>,
    pub(crate) pause: Option<Pause>,
    pauses: u32,
    /// Grows when needs and wishes must be checked anew.
    pub(crate) version: u64,
}

/// It declined and is not asked for a while.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    pub(crate) until: Time,
    pub(crate) why: Decline,
}

impl Peer {
    pub(crate) fn new(id: PeerId) -> Self {
        Self {
            id,
            here: false,
            view: PeerView::default(),
            lends: Room::default(),
            others: Room::default(),
            ours: Room::default(),
            peaks: [Room::default(); 2],
            peak_since: Time::ZERO,
            running: BTreeSet::new(),
            ahead: VecDeque::new(),
            bytes_per_sec: None,
            pause: None,
            pauses: 0,
            version: 1,
        }
    }

    pub(crate) fn announced(&mut self, view: PeerView, now: Time) {
        self.roll_peaks(now);
        let old = &self.view;
        if !self.here
            || old.capabilities != view.capabilities
            || old.lends != view.lends
            || old.looks != view.looks
            || old.score != view.score
            || old.cpu_count != view.cpu_count
            || old.name != view.name
        {
            self.version += 1;
        }
        self.here = true;
        self.lends = Room::of(&view.lends);
        let used = self.lends.minus(&Room::of(&view.free));
        let ours = self.ours.max(&self.peaks[0]).max(&self.peaks[1]);
        self.others = used.minus(&ours).max(&Room::default());
        let freed = view.free != self.view.free && view.free.holds(&self.view.free);
        self.view = view;
        // What it says now is newer than its refusal, unless it refused for want of room and has no more of it.
        let over = |pause: &Pause| match pause.why {
            Decline::Draining => true,
            Decline::Busy => freed,
            Decline::Rules(_) | Decline::Stranger | Decline::Licence(_) => false,
        };
        if self.pause.as_ref().is_some_and(over) {
            self.pause = None;
        }
    }

    fn roll_peaks(&mut self, now: Time) {
        if now.since(self.peak_since) >= ANNOUNCEMENT_LAG {
            let quiet = now.since(self.peak_since) >= 2 * ANNOUNCEMENT_LAG;
            self.peaks = [self.ours, if quiet { self.ours } else { self.peaks[0] }];
            self.peak_since = now;
        }
    }

    pub(crate) fn free(&self) -> Room {
        self.lends.minus(&self.others).minus(&self.ours)
    }

    pub(crate) fn hold(&mut self, room: &Room, now: Time) {
        self.roll_peaks(now);
        self.ours = self.ours.plus(room);
        self.peaks[0] = self.peaks[0].max(&self.ours);
    }

    pub(crate) fn release(&mut self, room: &Room, now: Time) {
        self.roll_peaks(now);
        self.ours = self.ours.minus(room);
    }

    /// It declined: pauses it, longer each time in a row.
    ///
    /// Returns when it may be asked again.
    pub(crate) fn declined(&mut self, why: Decline, now: Time) -> Time {
        let pause = (FIRST_PAUSE * 2_u32.pow(self.pauses.min(10))).min(LONGEST_PAUSE);
        self.pauses += 1;
        self.pause = Some(Pause { until: now + pause, why });
        now + pause
    }

    /// It took a lease: the next refusal is a first one again.
    pub(crate) const fn took_one(&mut self) {
        self.pauses = 0;
    }

    /// Speed of one core against the reference core; 1.0 when not measured.
    pub(crate) fn core_speed(&self) -> f64 {
        let speed = self.view.score / f64::from(self.view.cpu_count.max(1));
        if speed > 0.0 && speed.is_finite() { speed } else { 1.0 }
    }

    /// Seconds until the first of our leases there is expected to end; `None` when there is none to wait for.
    ///
    /// One that is overdue may last as long again.
    pub(crate) fn secs_to_first_end(&self, now: Time) -> Option<f64> {
        let here = (now, PlacementId(0));
        let nearest = [self.running.range(..here).next_back(), self.running.range(here..).next()];
        nearest.into_iter().flatten().map(|(end, _)| secs_to(*end, now)).min_by(f64::total_cmp)
    }

    /// Seconds until all of our leases there are expected to have ended; `None` as above.
    pub(crate) fn secs_to_last_end(&self, now: Time) -> Option<f64> {
        self.running.last().map(|(end, _)| secs_to(*end, now))
    }

    /// Share of its cores in use by anybody, other people's programs included.
    pub(crate) fn utilisation(&self) -> f64 {
        let used = self.ours.plus(&self.others).milli_cpus.max(0) as f64 / 1_000.0 + f64::from(self.view.foreign_cpu);
        (used / f64::from(self.view.cpu_count.max(1))).min(4.0)
    }

    /// What strategy and weight add to the pull. Source: `docs/scheduling.md`, "Strategy".
    pub(crate) fn strategy_term(&self, config: &Config) -> f64 {
        let use_term = self.view.weight.factor() * (self.utilisation() + IDLE_USE) * config.strategy_strength;
        match config.strategy {
            Strategy::Horizontal => -use_term,
            Strategy::Vertical => use_term,
            Strategy::Direct => 0.0,
        }
    }

    /// Seconds that the path costs a lease: offer and answer, report and settlement, and a little for each relay.
    pub(crate) fn path_secs(&self) -> f64 {
        2.0 * self.view.round_trip.as_secs_f64() + 0.002 * f64::from(self.view.hops)
    }
}

fn secs_to(end: Time, now: Time) -> f64 {
    end.since(now).max(now.since(end)).as_secs_f64()
}
