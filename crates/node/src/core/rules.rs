//! How this machine lends, shown and changed at the doors.

use std::time::Duration;

use gridwell_api::{
    ApiError, CostView, ErrorCode, Isolation, LendLadder, LendLimits, LendNever, LendWhen, LendingPause,
    LendingRequest, LendingRules, LendingView, LentPart, ObjectionView, OnReturn, ProgramView, Response, SenseView,
    YieldView,
};
use gridwell_courtesy::{
    Cost, Flag, IdleSource, Input, Ladder, Limits, NeverWhile, Objection, Policy, Reason, Record, Resource, Rung,
    Schedule, Scope, Step, When, Yield,
};
use gridwell_model::{Reserve, Stamp};
use gridwell_probe::SenseKind;
use gridwell_store::StoreError;

use super::{
    Core, Settings,
    door::storage,
    facts::{Fact, Reply},
    lending::{Pause, too_long},
    pacing::check_limit,
    reasons,
    views::share,
};
use crate::clock;

impl Core {
    /// Shows how this machine lends, or changes that, all or nothing; the answer goes back once it is kept.
    pub(super) fn lending(&mut self, request: LendingRequest, reply: Reply) {
        if request.isolation == Some(Isolation::Namespaces) && !self.machines.settings().namespaces {
            self.spawn(async move {
                let tried = tokio::task::spawn_blocking(gridwell_exec::namespaces).await;
                let tried = tried.map_err(|error| error.to_string()).and_then(|tried| tried.map(drop));
                Fact::NamespacesTried(tried, Box::new(request), reply)
            });
            return;
        }
        self.lend_by(request, reply);
    }

    /// Programs of jobs get namespaces of their own only where the system makes them.
    pub(crate) fn on_namespaces_tried(&mut self, tried: Result<(), String>, request: LendingRequest, reply: Reply) {
        match tried {
            Ok(()) => self.lend_by(request, reply),
            Err(why) => {
                let message = format!("programs of jobs cannot have namespaces of their own here: {why}");
                let help = "install the package bubblewrap; where it is there and refused, only whoever administers this \
                            system can allow it. Until then: gridwell lending set --isolation landlock";
                let _gone = reply.send(Err(ApiError::new(ErrorCode::WrongState, message).help(help)));
            }
        }
    }

    fn lend_by(&mut self, request: LendingRequest, reply: Reply) {
        let changes = request != LendingRequest::default();
        let changed = self.change_lending(request);
        if changed.is_err() || !changes {
            let view = changed.map(|()| Response::Lending(Box::new(self.lending_view())));
            let _gone = reply.send(view);
            return;
        }
        let (kept, view) = (self.keep_settings(), self.lending_view());
        self.beside.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed)).map_err(|error| storage(&error));
            let _gone = reply.send(kept.map(|()| Response::Lending(Box::new(view))));
        });
    }

    fn change_lending(&mut self, request: LendingRequest) -> Result<(), ApiError> {
        let before = self.machines.settings().clone();
        let mut after = before.clone();
        if let Some(rules) = request.rules {
            self.check_cores(rules.limits.cpus)?;
            let policy = policy_of(&rules, &before.policy)?;
            policy.check().map_err(|error| ApiError::new(ErrorCode::BadValue, error.to_string()))?;
            let LendLimits { cpus, cache_bytes, network, .. } = rules.limits;
            check_limit(network)?;
            (after.policy, after.lend_cpus, after.cache_bytes, after.network) = (policy, cpus, cache_bytes, network);
            after.sleep = self.sleep_rules(&rules)?;
        }
        if let Some(pause) = request.pause {
            begin_pause(&mut after, pause)?;
        }
        after.namespaces = request.isolation.map_or(after.namespaces, |wanted| wanted == Isolation::Namespaces);
        *self.machines.settings_mut() = after;
        self.tell_of_settings(&before);
        self.follow_lending(&before);
        self.follow_room();
        // What follows at once is part of the answer.
        self.carry_wishes();
        Ok(())
    }

    fn lending_view(&self) -> LendingView {
        let settings = self.machines.settings();
        let (engine, offer) = (&self.manners.engine, self.manners.offer());
        let has = self.has();
        let room = |own: bool, lent: gridwell_courtesy::Lent| {
            let room = settings.policy.limits.lent(&has, lent.share, lent.graphics);
            share(if self.accepts(own).0 { room } else { Reserve::default() })
        };
        let kept_back = |part: Resource| settings.kept_back.get(&part).copied().filter(|until| *until > clock::stamp());
        LendingView {
            standing: engine.standing(),
            others: room(false, offer.others),
            own: room(true, offer.own),
            why_not: self.accepts(false).1,
            objections: engine.objections().iter().map(objection).collect(),
            rules: rules_of(settings),
            paused_until: settings.paused_until(),
            drained: !settings.lend,
            isolation: if settings.namespaces { Isolation::Namespaces } else { Isolation::Landlock },
            graphics_until: kept_back(Resource::Graphics),
            network_until: kept_back(Resource::Network),
            senses: self.manners.senses.iter().map(|(kind, why)| sense(*kind, why.clone())).collect(),
            promise_ms: millis(engine.promise()),
            programs: engine.promises().programs().map(|(name, record)| program(name, record)).collect(),
            week: cost(engine.promises().week().total()),
        }
    }

    /// Parts of the machine that are kept back for a while; those whose time is over are not any more.
    pub(super) fn follow_kept_back(&mut self) {
        let now = clock::stamp();
        let kept = &mut self.machines.settings_mut().kept_back;
        kept.retain(|_, until| *until > now);
        let kept = kept.clone();
        for resource in [Resource::Graphics, Resource::Network] {
            let left = kept.get(&resource).map_or(0, |until| until.0.saturating_sub(now.0));
            let until = clock::now() + Duration::from_millis(left);
            self.manners.engine.handle(Input::Snoozed { resource, until }, clock::now());
        }
    }
}

fn begin_pause(settings: &mut Settings, pause: LendingPause) -> Result<(), ApiError> {
    let length = Duration::from_secs(pause.secs);
    too_long(length)?;
    let now = clock::stamp();
    match pause.only {
        None if length.is_zero() => (settings.lend, settings.pause) = (true, None),
        None => settings.pause = Some(Pause::new(length, yield_of(pause.how), now)),
        Some(part) => {
            let resource = match part {
                LentPart::Graphics => Resource::Graphics,
                LentPart::Network => Resource::Network,
            };
            settings.kept_back.insert(resource, Stamp(now.0.saturating_add(millis(length))));
        }
    }
    Ok(())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn policy_of(rules: &LendingRules, before: &Policy) -> Result<Policy, ApiError> {
    let hours = |hours: [u32; 7]| {
        Schedule::try_from(hours).map_err(|error| ApiError::new(ErrorCode::BadValue, error.to_string()))
    };
    let secs = Duration::from_secs;
    let LendLimits { cpus_in_use, memory, memory_in_use, graphics, disk_reserve_bytes, .. } = rules.limits;
    let LendNever { programs, full_screen, on_battery, graphics_busy, metered, hotter_than } =
        rules.never_while.clone();
    Ok(Policy {
        when: match rules.when {
            LendWhen::Dedicated => When::Dedicated,
            LendWhen::Always => When::Always,
            LendWhen::Idle { after_secs } => When::Idle { after: secs(after_secs) },
            LendWhen::Within { hours: open } => When::Within { hours: hours(open)? },
            LendWhen::IdleWithin { after_secs, hours: open } => {
                When::IdleWithin { after: secs(after_secs), hours: hours(open)? }
            }
            LendWhen::IdleOrWithin { after_secs, hours: open } => {
                When::IdleOrWithin { after: secs(after_secs), hours: hours(open)? }
            }
        },
        never_while: NeverWhile { programs, full_screen, on_battery, graphics_busy, metered, hotter_than },
        limits: Limits {
            cores_softened: cpus_in_use,
            memory,
            memory_softened: memory_in_use,
            graphics,
            disk_reserve_bytes,
        },
        on_return: yield_of(rules.on_return),
        only_mine: rules.only_mine,
        mine_wait: rules.mine_wait,
        keep_awake: rules.keep_awake,
        ladder: ladder_of(&rules.ladder, &before.ladder)?,
    })
}

fn rules_of(settings: &Settings) -> LendingRules {
    let policy = &settings.policy;
    let secs = |time: Duration| time.as_secs();
    let Limits { cores_softened, memory, memory_softened, graphics, disk_reserve_bytes } = policy.limits;
    let NeverWhile { programs, full_screen, on_battery, graphics_busy, metered, hotter_than } =
        policy.never_while.clone();
    LendingRules {
        when: match policy.when {
            When::Dedicated => LendWhen::Dedicated,
            When::Always => LendWhen::Always,
            When::Idle { after } => LendWhen::Idle { after_secs: secs(after) },
            When::Within { hours } => LendWhen::Within { hours: hours.into() },
            When::IdleWithin { after, hours } => LendWhen::IdleWithin { after_secs: secs(after), hours: hours.into() },
            When::IdleOrWithin { after, hours } => {
                LendWhen::IdleOrWithin { after_secs: secs(after), hours: hours.into() }
            }
        },
        never_while: LendNever { programs, full_screen, on_battery, graphics_busy, metered, hotter_than },
        limits: LendLimits {
            cpus: settings.lend_cpus,
            cpus_in_use: cores_softened,
            memory,
            memory_in_use: memory_softened,
            graphics,
            disk_reserve_bytes,
            cache_bytes: settings.cache_bytes,
            network: settings.network,
        },
        on_return: match policy.on_return {
            Yield::Soften => OnReturn::Soften,
            Yield::Finish { within } => OnReturn::Finish { within_secs: secs(within) },
            Yield::Freeze => OnReturn::Freeze,
            Yield::Pack => OnReturn::Pack,
            Yield::End => OnReturn::End,
        },
        only_mine: policy.only_mine,
        mine_wait: policy.mine_wait,
        keep_awake: policy.keep_awake,
        ladder: steps_of(&policy.ladder),
        wake_for_work: settings.sleep.wakes_for_work,
        sleep_after_secs: settings.sleep.after_secs,
    }
}

fn ladder_of(steps: &LendLadder, before: &Ladder) -> Result<Ladder, ApiError> {
    let time = |secs: f64| {
        Duration::try_from_secs_f64(secs)
            .map_err(|_| ApiError::new(ErrorCode::BadValue, format!("{secs} s is no time that can pass")))
    };
    Ok(Ladder {
        touched: time(steps.touched_secs)?,
        gone: time(steps.gone_secs)?,
        soften_load: steps.soften_load,
        soften_after: time(steps.soften_after_secs)?,
        freeze_load: steps.freeze_load,
        freeze_after: time(steps.freeze_after_secs)?,
        dwell: time(steps.dwell_secs)?,
        pack_after: time(steps.pack_after_secs)?,
        grace: time(steps.grace_secs)?,
        nearly: time(steps.nearly_secs)?,
        ..*before
    })
}

const fn steps_of(ladder: &Ladder) -> LendLadder {
    LendLadder {
        touched_secs: ladder.touched.as_secs_f64(),
        gone_secs: ladder.gone.as_secs_f64(),
        soften_load: ladder.soften_load,
        soften_after_secs: ladder.soften_after.as_secs_f64(),
        freeze_load: ladder.freeze_load,
        freeze_after_secs: ladder.freeze_after.as_secs_f64(),
        dwell_secs: ladder.dwell.as_secs_f64(),
        pack_after_secs: ladder.pack_after.as_secs_f64(),
        grace_secs: ladder.grace.as_secs_f64(),
        nearly_secs: ladder.nearly.as_secs_f64(),
    }
}

const fn yield_of(how: OnReturn) -> Yield {
    match how {
        OnReturn::Soften => Yield::Soften,
        OnReturn::Finish { within_secs } => Yield::Finish { within: Duration::from_secs(within_secs) },
        OnReturn::Freeze => Yield::Freeze,
        OnReturn::Pack => Yield::Pack,
        OnReturn::End => Yield::End,
    }
}

fn objection(objection: &Objection) -> ObjectionView {
    let flag = match objection.reason.flag() {
        Flag::Manual => "manual",
        Flag::Timed => "timed",
        Flag::Calendar => "calendar",
        Flag::Automatic => "automatic",
    };
    let scope = match objection.scope {
        Scope::Everyone => "everyone",
        Scope::Others => "others",
        Scope::Graphics => "graphics",
        Scope::Desktop => "desktop",
    };
    let rung = match objection.rung {
        Rung::Free => "free",
        Rung::Hold => "hold",
        Rung::Soften => "soften",
        Rung::Freeze => "freeze",
        Rung::Pack => "pack",
        Rung::End => "end",
    };
    ObjectionView {
        flag: flag.to_owned(),
        scope: scope.to_owned(),
        rung: rung.to_owned(),
        reason: reasons::word(&objection.reason).to_owned(),
        value: reasons::value(&objection.reason),
        name: match &objection.reason {
            Reason::Program(name) => Some(name.clone()),
            _ => None,
        },
        until: match objection.reason {
            Reason::PausedUntil(time) | Reason::Snoozed(_, time) => Some(clock::stamp_of(time)),
            _ => None,
        },
        sentence: reasons::sentence(&objection.reason),
        figures: reasons::figures(&objection.reason),
    }
}

fn sense(kind: SenseKind, missing: Option<String>) -> SenseView {
    let name = match kind {
        SenseKind::Mutter => "gnome",
        SenseKind::Wayland => "wayland",
        SenseKind::X11 => "x11",
        SenseKind::Logind => "logind",
        SenseKind::Terminals => "terminals",
        SenseKind::Inhibitors => "inhibitors",
        SenseKind::FullScreen => "full_screen",
        SenseKind::Load => "load",
        SenseKind::Memory => "memory",
        SenseKind::Power => "power",
        SenseKind::Temperature => "temperature",
        SenseKind::Disk => "disk",
        SenseKind::Programs => "programs",
        SenseKind::Graphics => "graphics",
        SenseKind::Metered => "metered",
    };
    let idle = kind.source().is_some_and(IdleSource::sees_all);
    SenseView { sense: name.to_owned(), idle, missing }
}

fn program(name: &str, record: &Record) -> ProgramView {
    let steps = record.steps.iter().map(|(step, timing)| YieldView {
        step: match step {
            Step::Soften => "soften",
            Step::Freeze => "freeze",
            Step::Pack => "pack",
            Step::End => "end",
        }
        .to_owned(),
        count: timing.count,
        most_ms: millis(timing.slowest),
    });
    ProgramView {
        program: name.to_owned(),
        steps: steps.collect(),
        frozen_secs: record.frozen.as_secs_f64(),
        lost_secs: record.lost.as_secs_f64(),
    }
}

fn cost(Cost { times, waited, slowest, frozen, lost }: Cost) -> CostView {
    CostView {
        times,
        waited_ms: millis(waited),
        most_ms: millis(slowest),
        frozen_secs: frozen.as_secs_f64(),
        lost_secs: lost.as_secs_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_come_back_as_they_were_given() {
        let hours: [u32; 7] = Schedule::default().with(0, 18, 24).with(5, 0, 24).into();
        for when in [
            LendWhen::Dedicated,
            LendWhen::Always,
            LendWhen::Idle { after_secs: 300 },
            LendWhen::Within { hours },
            LendWhen::IdleWithin { after_secs: 60, hours },
            LendWhen::IdleOrWithin { after_secs: 60, hours },
        ] {
            for on_return in [
                OnReturn::Soften,
                OnReturn::Finish { within_secs: 120 },
                OnReturn::Freeze,
                OnReturn::Pack,
                OnReturn::End,
            ] {
                let before = Settings { lend_cpus: Some(1.5), ..Settings::named("mill") };
                let mut rules = rules_of(&before);
                (rules.when, rules.on_return, rules.only_mine) = (when, on_return, true);
                rules.never_while.programs.insert("resolve".to_owned());
                let policy = policy_of(&rules, &before.policy).unwrap();
                assert_eq!(rules_of(&Settings { policy, ..before }), rules);
            }
        }
    }

    #[test]
    fn the_usual_ladder_is_the_same_at_the_doors() {
        assert_eq!(steps_of(&Ladder::default()), LendLadder::default());
    }

    #[test]
    fn hours_beyond_a_day_are_refused() {
        let mut rules = rules_of(&Settings::named("mill"));
        rules.when = LendWhen::Within { hours: [1 << 24; 7] };
        assert!(policy_of(&rules, &Policy::default()).is_err());
    }
}
