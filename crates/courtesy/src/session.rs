use std::{collections::VecDeque, time::Duration};

use gridwell_model::Time;

use crate::{Effect, Flag, Graphics, Ladder, Reason, Rung, Scope, SessionFacts, SessionKey, alarm::Alarm};

/// What one posture of the machine wants of a session.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) scope: Scope,
    pub(crate) rung: Rung,
    pub(crate) reason: Reason,
}

impl Order {
    /// A person said so: nothing is finished first.
    pub(crate) const fn is_pressed(&self) -> bool {
        matches!(self.reason.flag(), Flag::Manual | Flag::Timed)
    }
}

/// A session on its way down the ladder and up again.
#[derive(Debug)]
pub(crate) struct Session {
    key: SessionKey,
    pub(crate) facts: SessionFacts,
    started: Time,
    state: State,
    /// How long it was to run yet at a moment, if it has said.
    left: Option<(Duration, Time)>,
    done: f32,
    /// How long it stood still, less how long it ran between; never below nothing.
    debt: Duration,
    /// How long it could not send a heartbeat, over freezes with hardly anything between.
    mute: Duration,
    /// How long it stood still altogether, until it was last thawed.
    stood: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Running {
        /// Since when it is softened, if it is.
        soft: Option<Time>,
        since: Time,
        /// Since when it would stand still, were it not spared.
        spared: Option<Time>,
    },
    Frozen {
        since: Time,
    },
    Packing {
        until: Time,
    },
    Ending {
        since: Time,
        reported: bool,
    },
}

/// The effects of one session.
type Effects = VecDeque<Effect>;

impl Session {
    pub(crate) const fn new(key: SessionKey, facts: SessionFacts, now: Time) -> Self {
        Self {
            key,
            facts,
            started: now,
            state: State::Running { soft: None, since: now, spared: None },
            left: None,
            done: 0.0,
            debt: Duration::ZERO,
            mute: Duration::ZERO,
            stood: Duration::ZERO,
        }
    }

    pub(crate) const fn state(&self) -> State {
        self.state
    }

    /// Whose word counts for it.
    pub(crate) fn is_in(&self, scope: Scope) -> bool {
        match scope {
            Scope::Everyone => true,
            Scope::Others => !self.facts.own,
            Scope::Graphics => self.facts.graphics != Graphics::None,
            Scope::Desktop => !self.facts.own && self.facts.graphics == Graphics::Desktop,
        }
    }

    /// The machine slept for this long until now: no program could do anything meanwhile.
    pub(crate) fn slept(&mut self, time: Duration, now: Time) {
        self.left = self.left.map(|(left, at)| (left, at + time));
        match &mut self.state {
            State::Packing { until } => *until = *until + time,
            State::Ending { since, .. } => *since = now,
            State::Running { spared: Some(since), .. } => *since = *since + time,
            State::Running { .. } | State::Frozen { .. } => {}
        }
    }

    /// How long it stood still altogether.
    pub(crate) fn stood(&self, now: Time) -> Duration {
        match self.state {
            State::Frozen { since } => self.stood + now.since(since),
            _ => self.stood,
        }
    }

    pub(crate) fn progress(&mut self, left: Option<Duration>, done: Option<f32>, now: Time) {
        self.left = left.map(|left| (left, now));
        self.done = done.unwrap_or(self.done);
    }

    /// How long it is to run yet, while it runs.
    fn left(&self, now: Time) -> Option<Duration> {
        self.left.map(|(left, at)| left.saturating_sub(now.since(at)))
    }

    /// Goes where the strictest order leads. `at_once` is the owner's word to go on, which waits for nothing.
    pub(crate) fn follow(
        &mut self,
        orders: &[Order],
        at_once: bool,
        ladder: &Ladder,
        alarm: &mut Alarm,
        effects: &mut Effects,
    ) {
        match self.state {
            State::Running { soft, since, spared } => {
                let stands = orders.iter().any(|order| order.rung >= Rung::Freeze);
                let spared = stands.then(|| spared.unwrap_or(alarm.now));
                self.state = State::Running { soft, since, spared };
                let order = strictest(orders.iter().map(|order| self.spare(order, spared, ladder, alarm)));
                self.run(order, at_once, ladder, alarm, effects);
            }
            State::Frozen { since } => {
                let order = strictest(orders.iter().cloned()).filter(|order| order.rung >= Rung::Freeze);
                match order {
                    Some(order) if order.rung == Rung::Freeze => self.stay_frozen(since, ladder, alarm, effects),
                    Some(order) => self.run(Some(order), at_once, ladder, alarm, effects),
                    None if at_once || alarm.passed(since + ladder.dwell) => {
                        self.thaw(since, alarm.now);
                        effects.push_back(Effect::Thaw { session: self.key });
                        self.follow(orders, at_once, ladder, alarm, effects);
                    }
                    None => {}
                }
            }
            State::Packing { until } => {
                let end = orders.iter().find(|order| order.rung == Rung::End);
                if let Some(order) = end {
                    self.end(order.reason.clone(), alarm.now, effects);
                } else if alarm.passed(until) {
                    self.end(Reason::GraceOver, alarm.now, effects);
                }
            }
            State::Ending { .. } => {}
        }
        if let State::Ending { since, reported: false } = self.state
            && alarm.passed(since + ladder.watchdog)
        {
            self.state = State::Ending { since, reported: true };
            effects.push_back(Effect::Report { session: self.key, since });
        }
    }

    /// What an order comes to for a session that runs: who is nearly done finishes first, who cannot stand still goes on
    /// for a while.
    fn spare(&self, order: &Order, spared: Option<Time>, ladder: &Ladder, alarm: &mut Alarm) -> Order {
        let becomes = |rung| Order { rung, ..order.clone() };
        if order.rung < Rung::Freeze || order.rung == Rung::End {
            return order.clone();
        }
        let nearly = self.done > Ladder::NEARLY_DONE || self.left(alarm.now).is_some_and(|left| left <= ladder.nearly);
        if nearly && !order.is_pressed() && !alarm.lasted(spared, ladder.pack_after) {
            return becomes(Rung::Soften);
        }
        let young = !alarm.passed(self.started + ladder.young);
        match order.rung {
            Rung::Freeze if young && matches!(order.reason, Reason::Load { .. }) => becomes(Rung::Soften),
            Rung::Freeze if !self.can_freeze(ladder) => {
                if order.is_pressed() || alarm.lasted(spared, ladder.pack_after) {
                    return becomes(Rung::Pack);
                }
                let graphics = matches!(order.scope, Scope::Graphics | Scope::Desktop);
                if graphics && alarm.now < self.started + ladder.cheap {
                    return Order { rung: Rung::End, scope: order.scope, reason: Reason::JustBegun };
                }
                becomes(Rung::Soften)
            }
            _ => order.clone(),
        }
    }

    /// How long it may stand still before somebody outside takes it for dead.
    fn may_be_mute(&self) -> Option<Duration> {
        let heartbeat = self.facts.heartbeat?;
        let margin = Ladder::HEARTBEAT_MARGIN.min(heartbeat / 2);
        Some((heartbeat - margin).saturating_sub(self.mute))
    }

    /// A freeze shorter than the shortest stay is none.
    fn can_freeze(&self, ladder: &Ladder) -> bool {
        self.facts.freezable && self.may_be_mute().is_none_or(|most| most >= ladder.dwell)
    }

    fn run(&mut self, order: Option<Order>, at_once: bool, ladder: &Ladder, alarm: &mut Alarm, effects: &mut Effects) {
        let Some(Order { rung, reason, .. }) = order.filter(|order| order.rung >= Rung::Soften) else {
            return self.unsoften(at_once, ladder, alarm, effects);
        };
        match rung {
            Rung::Free | Rung::Hold | Rung::Soften => self.soften(reason, alarm.now, effects),
            Rung::Freeze => {
                self.soften(reason.clone(), alarm.now, effects);
                self.freeze(reason, ladder, alarm, effects);
            }
            Rung::Pack => self.pack(reason, ladder, alarm, effects),
            Rung::End => self.end(reason, alarm.now, effects),
        }
    }

    fn soften(&mut self, reason: Reason, now: Time, effects: &mut Effects) {
        if let State::Running { soft: soft @ None, .. } = &mut self.state {
            *soft = Some(now);
            effects.push_back(Effect::Soften { session: self.key, reason });
        }
    }

    fn unsoften(&mut self, at_once: bool, ladder: &Ladder, alarm: &mut Alarm, effects: &mut Effects) {
        if let State::Running { soft, .. } = &mut self.state
            && let Some(since) = *soft
            && (at_once || alarm.passed(since + ladder.dwell))
        {
            *soft = None;
            effects.push_back(Effect::Unsoften { session: self.key });
        }
    }

    fn freeze(&mut self, reason: Reason, ladder: &Ladder, alarm: &mut Alarm, effects: &mut Effects) {
        let State::Running { since, .. } = self.state else { return };
        let ran = alarm.now.since(since);
        self.left = self.left(alarm.now).map(|left| (left, alarm.now));
        self.debt = self.debt.saturating_sub(ran);
        if ran >= ladder.dwell {
            self.mute = Duration::ZERO;
        }
        self.state = State::Frozen { since: alarm.now };
        effects.push_back(Effect::Freeze { session: self.key, reason });
        self.stay_frozen(alarm.now, ladder, alarm, effects);
    }

    fn stay_frozen(&mut self, since: Time, ladder: &Ladder, alarm: &mut Alarm, effects: &mut Effects) {
        if self.may_be_mute().is_some_and(|most| alarm.passed(since + most)) {
            self.pack(Reason::HeartbeatDue, ladder, alarm, effects);
        } else if alarm.passed(since + ladder.pack_after.saturating_sub(self.debt)) {
            self.pack(Reason::FrozenLong, ladder, alarm, effects);
        }
    }

    fn thaw(&mut self, since: Time, now: Time) {
        let stood = now.since(since);
        self.debt += stood;
        self.mute += stood;
        self.stood += stood;
        self.left = self.left.map(|(left, _)| (left, now));
        self.state = State::Running { soft: Some(since), since: now, spared: None };
    }

    fn pack(&mut self, reason: Reason, ladder: &Ladder, alarm: &mut Alarm, effects: &mut Effects) {
        let grace = self.facts.grace.min(ladder.grace);
        if grace.is_zero() {
            return self.end(reason, alarm.now, effects);
        }
        if let State::Frozen { since } = self.state {
            self.thaw(since, alarm.now);
        }
        self.soften(reason.clone(), alarm.now, effects);
        let until = alarm.now + grace;
        alarm.passed(until);
        self.state = State::Packing { until };
        effects.push_back(Effect::Pack { session: self.key, grace, reason });
    }

    /// Ends it, whatever it does.
    pub(crate) fn end(&mut self, reason: Reason, now: Time, effects: &mut Effects) {
        match self.state {
            State::Ending { .. } => return,
            State::Frozen { since } => self.thaw(since, now),
            State::Running { .. } | State::Packing { .. } => {}
        }
        self.state = State::Ending { since: now, reported: false };
        effects.push_back(Effect::End { session: self.key, reason });
    }
}

/// The order that asks for most; of equals the first.
fn strictest(orders: impl Iterator<Item = Order>) -> Option<Order> {
    orders.reduce(|best, next| if next.rung > best.rung { next } else { best })
}
