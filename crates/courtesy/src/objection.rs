use std::{collections::BTreeMap, time::Duration};

use gridwell_model::Time;

use crate::{
    Hours, Ladder, Objection, Pause, Policy, Reason, Resource, Rung, Scope, WeekTime, When, Yield,
    alarm::Alarm,
    senses::{Idleness, Senses},
};

/// What a person said, and what time it is for them.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// A pause, and since when.
    pub(crate) pause: Option<(Pause, Time)>,
    pub(crate) drained: bool,
    pub(crate) snoozed: BTreeMap<Resource, Time>,
    pub(crate) clock: Option<(WeekTime, Time)>,
}

impl Wishes {
    /// Forgets what is over.
    pub(crate) fn expire(&mut self, alarm: &mut Alarm) {
        self.pause = self.pause.filter(|(pause, _)| pause.until.is_none_or(|until| !alarm.passed(until)));
        self.snoozed.retain(|_, until| !alarm.passed(*until));
    }

    /// What the schedule says; nothing if it counts and no clock was shown.
    fn hours(&self, when: &When, alarm: &mut Alarm) -> Option<Hours> {
        let Some(schedule) = when.hours() else { return Some(Hours::Open { left: None }) };
        let (shown, at) = self.clock?;
        let minutes = alarm.now.since(at).as_secs() / 60;
        let hours = schedule.at(shown.later(minutes));
        let mut exact = |left: Option<Duration>| {
            let change = at + Duration::from_mins(minutes) + left?;
            for before in [Ladder::LAST_START, Ladder::LAST_PACK, Duration::ZERO] {
                alarm.passed(change - before);
            }
            Some(change.since(alarm.now))
        };
        Some(match hours {
            Hours::Open { left } => Hours::Open { left: exact(left) },
            Hours::Closed { left } => Hours::Closed { left: exact(left) },
        })
    }
}

/// Everything that is against lending now, what a person said first; and whether somebody's presence is.
pub(crate) fn list(policy: &Policy, wishes: &Wishes, senses: &mut Senses, alarm: &mut Alarm) -> (Vec<Objection>, bool) {
    let mut all = List(Vec::new());
    all.wishes(wishes, alarm);
    let hours = wishes.hours(&policy.when, alarm);
    all.calendar(&policy.when, hours);
    let after = idle_after(&policy.when, hours);
    if policy.when != When::Dedicated {
        all.people(policy, after, senses, alarm);
    }
    all.machine(policy, senses, alarm);
    (all.0, after.is_some())
}

struct List(Vec<Objection>);

impl List {
    fn add(&mut self, scope: Scope, rung: Rung, reason: Reason) {
        self.0.push(Objection { scope, rung, reason });
    }

    fn add_if(&mut self, holds: bool, scope: Scope, rung: Rung, reason: Reason) {
        if holds {
            self.add(scope, rung, reason);
        }
    }

    fn wishes(&mut self, wishes: &Wishes, alarm: &mut Alarm) {
        if let Some((pause, since)) = wishes.pause {
            let reason = pause.until.map_or(Reason::Paused, Reason::PausedUntil);
            self.add(Scope::Everyone, pause.how.rung(since, alarm), reason);
        }
        self.add_if(wishes.drained, Scope::Everyone, Rung::Hold, Reason::Drained);
        for (resource, until) in &wishes.snoozed {
            let (scope, rung) = match resource {
                Resource::Graphics => (Scope::Graphics, Rung::Freeze),
                Resource::Network => (Scope::Others, Rung::Hold),
            };
            self.add(scope, rung, Reason::Snoozed(*resource, *until));
        }
    }

    fn calendar(&mut self, when: &When, hours: Option<Hours>) {
        if matches!(when, When::IdleOrWithin { .. }) {
            return;
        }
        match hours {
            None => self.add(Scope::Others, Rung::Hold, Reason::NoClock),
            Some(Hours::Closed { .. }) => self.add(Scope::Others, Rung::Pack, Reason::OutsideHours),
            Some(Hours::Open { left: Some(left) }) if left <= Ladder::LAST_START => {
                let rung = if left <= Ladder::LAST_PACK { Rung::Pack } else { Rung::Hold };
                self.add(Scope::Others, rung, Reason::HoursEnd { left });
            }
            Some(Hours::Open { .. }) => {}
        }
    }

    /// Who is there, and what else runs.
    fn people(&mut self, policy: &Policy, after: Option<Duration>, senses: &mut Senses, alarm: &mut Alarm) {
        let idleness = senses.idleness(alarm);
        senses.follow_presence(&policy.presence(), &idleness, alarm);
        match idleness {
            Idleness::Known { source, idle } => {
                if let Some(since) = senses.present_since() {
                    let reason = Reason::InUse { source, idle };
                    self.add(Scope::Everyone, Rung::Soften, reason.clone());
                    self.add(Scope::Desktop, Rung::Freeze, reason.clone());
                    self.add(Scope::Others, policy.on_return.rung(since, alarm), reason);
                } else if let Some(after) = after
                    && !alarm.passed(alarm.now - idle + after)
                {
                    self.add(Scope::Others, Rung::Hold, Reason::NotIdleYet { source, idle, after });
                }
            }
            Idleness::Silent => {
                self.add_if(after.is_some(), Scope::Others, Rung::Soften, Reason::IdleUnknown);
            }
            // Hours and load are enough where there are hours.
            Idleness::Missing => {
                let no_fallback = after.is_some() && !matches!(policy.when, When::IdleWithin { .. });
                self.add_if(no_fallback, Scope::Others, Rung::Soften, Reason::NoIdleSource);
            }
        }
        self.add_if(senses.inhibited(alarm), Scope::Everyone, Rung::Soften, Reason::Inhibited);
        if senses.full_screen(alarm) {
            let rung = if policy.never_while.full_screen { Rung::Freeze } else { Rung::Soften };
            self.add(Scope::Everyone, rung, Reason::FullScreen);
            self.add(Scope::Graphics, Rung::Freeze, Reason::FullScreen);
        }
        if let Some(share) = senses.load(alarm) {
            let reason = Reason::Load { share };
            let (busy, very) = senses.busy(&policy.ladder, alarm);
            self.add_if(busy, Scope::Everyone, Rung::Soften, reason.clone());
            self.add_if(very, Scope::Everyone, Rung::Freeze, reason);
        }
        if let Some((_, Some(share))) = senses.memory(alarm) {
            self.add(Scope::Everyone, Rung::Freeze, Reason::MemoryPressure { share });
        }
    }

    fn machine(&mut self, policy: &Policy, senses: &mut Senses, alarm: &mut Alarm) {
        let never = &policy.never_while;
        if let Some((free, _)) = senses.memory(alarm) {
            self.add_if(free < Ladder::MEMORY_NEEDED, Scope::Everyone, Rung::Pack, Reason::MemoryNeeded { free });
        }
        for name in senses.programs(alarm).intersection(&never.programs) {
            self.add(Scope::Everyone, Rung::Freeze, Reason::Program(name.clone()));
        }
        if let (true, Some(charge)) = (never.on_battery, senses.on_battery(alarm)) {
            self.add(Scope::Everyone, Rung::Freeze, Reason::Battery { charge });
        }
        if let Some(celsius) = never.hotter_than.and_then(|limit| senses.hot(limit, alarm)) {
            self.add(Scope::Everyone, Rung::Freeze, Reason::Hot { celsius });
        }
        self.add_if(never.metered && senses.metered(alarm), Scope::Others, Rung::Hold, Reason::Metered);
        if let Some(share) = senses.graphics_busy(alarm) {
            self.add_if(never.graphics_busy, Scope::Graphics, Rung::Freeze, Reason::GraphicsBusy { share });
        }
        if let Some(free_bytes) = senses.graphics_free(alarm)
            && free_bytes < Ladder::GRAPHICS_NEEDED_BYTES
        {
            self.add(Scope::Graphics, Rung::Pack, Reason::GraphicsNeeded { free_bytes });
        }
        if let Some(free_bytes) = senses.disk(alarm)
            && free_bytes < policy.limits.disk_reserve_bytes
        {
            self.add(Scope::Everyone, Rung::Hold, Reason::DiskFull { free_bytes });
        }
    }
}

/// How long nobody must have touched the machine, if that matters now.
fn idle_after(when: &When, hours: Option<Hours>) -> Option<Duration> {
    match (when, hours) {
        (When::IdleOrWithin { .. }, Some(Hours::Open { .. })) => None,
        _ => when.idle_after(),
    }
}

impl Policy {
    /// The ladder by which somebody is there or gone: nobody is there for longer than keeps the machine from lending.
    fn presence(&self) -> Ladder {
        let after = self.when.idle_after().unwrap_or(self.ladder.gone).max(self.ladder.touched);
        Ladder { gone: self.ladder.gone.min(after), ..self.ladder }
    }
}

impl Yield {
    /// Where it leads `since` the owner wanted the machine.
    fn rung(self, since: Time, alarm: &mut Alarm) -> Rung {
        match self {
            Self::Soften => Rung::Soften,
            Self::Finish { within } => {
                if alarm.passed(since + within) {
                    Rung::Freeze
                } else {
                    Rung::Soften
                }
            }
            Self::Freeze => Rung::Freeze,
            Self::Pack => Rung::Pack,
            Self::End => Rung::End,
        }
    }
}
