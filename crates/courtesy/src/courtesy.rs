use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use gridwell_model::Time;

use crate::{
    Effect, Input, Objection, Offer, Policy, Promises, Reason, Scope, SessionFacts, SessionKey, Share, Standing, Step,
    When, Yield,
    alarm::Alarm,
    objection::{self, Wishes},
    posture::Postures,
    senses::Senses,
    session::{Order, Session, State},
};

/// The engine: facts in, wishes out.
///
/// It goes down the ladder at once and comes back up only when nobody is there, others leave the machine alone, and it
/// has stayed on its step for a while. It never takes silence for absence: a source of idleness that says nothing for
/// 90 s is unknown, and so is everything after the machine has slept.
#[derive(Debug, Default)]
pub struct Courtesy {
    now: Time,
    policy: Policy,
    wishes: Wishes,
    senses: Senses,
    objections: Vec<Objection>,
    postures: Postures,
    sessions: BTreeMap<SessionKey, Session>,
    promises: Promises,
    offer: Offer,
    /// When it last became less.
    offer_fell: Time,
    effects: VecDeque<Effect>,
    deadline: Option<Time>,
}

impl Courtesy {
    /// Most sessions at once, as many as a worker can hold leases; more are not looked after.
    pub const MOST_SESSIONS: usize = 1_024;

    /// A deadline missed by more than this means that the machine slept.
    pub const SLEPT: Duration = Duration::from_mins(1);

    /// Begins as the owner's: it offers nothing before its senses have spoken. `promises` were kept over the restart.
    #[must_use]
    pub fn new(promises: Promises) -> Self {
        Self { promises, ..Self::default() }
    }

    /// Takes in a fact. Facts about unknown sessions are ignored; time never goes backwards.
    pub fn handle(&mut self, input: Input, now: Time) {
        self.advance(now);
        let mut at_once = false;
        match input {
            Input::PolicyChanged(policy) => (self.policy, at_once) = (*policy, true),
            Input::Sensed(reading) => self.senses.hear(reading, &self.policy.ladder, self.now),
            Input::NoSuchSource(source) => self.senses.lose(source),
            Input::ClockShown(time) => self.wishes.clock = Some((time, self.now)),
            Input::DayShown(day) => self.promises.day_began(day),
            Input::Paused(pause) => self.wishes.pause = Some((pause, self.now)),
            Input::Drained => self.wishes.drained = true,
            Input::Resumed => {
                (self.wishes.pause, self.wishes.drained, at_once) = (None, false, true);
            }
            Input::Snoozed { resource, until } => {
                self.wishes.snoozed.insert(resource, until);
                at_once = until <= self.now;
            }
            Input::SessionStarted { session, facts } => self.started(session, facts),
            Input::SessionProgressed { session, left, done } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.progress(left, done, self.now);
                }
            }
            Input::LeaseLost { session } => {
                if let Some(session) = self.sessions.get_mut(&session) {
                    session.end(Reason::LeaseLost, self.now, &mut self.effects);
                }
            }
            Input::SessionEnded { session } => self.ended(session),
            Input::Yielded { session, step, took } => {
                if let Some(session) = self.sessions.get(&session) {
                    self.promises.yielded(&session.facts.program, step, took);
                }
            }
            Input::WorkLost { program, time } => self.promises.lost(&program, time),
        }
        self.reconsider(at_once);
    }

    /// Time passed.
    pub fn handle_deadline(&mut self, now: Time) {
        self.advance(now);
        self.reconsider(false);
    }

    /// The next wish.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When to call [`Courtesy::handle_deadline`].
    #[must_use]
    pub const fn poll_deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Everything that is against lending now, each with who says so ([`Reason::flag`]); what a person said comes first.
    #[must_use]
    pub fn objections(&self) -> &[Objection] {
        &self.objections
    }

    /// What may be had for new tasks.
    #[must_use]
    pub const fn offer(&self) -> Offer {
        self.offer
    }

    /// How often the senses should speak: often while somebody's return has to be noticed, less so once it was, and slowly
    /// while nothing of others runs.
    #[must_use]
    pub fn pace(&self) -> Duration {
        let works_for_others = self.sessions.values().any(|session| !session.facts.own);
        let is_in_use = || self.objections.iter().any(|objection| matches!(objection.reason, Reason::InUse { .. }));
        if works_for_others && is_in_use() {
            // Often enough that somebody who goes on working is not taken to have left in between.
            Duration::from_secs(5).min(self.policy.ladder.touched / 2).max(Duration::from_millis(500))
        } else if works_for_others {
            Duration::from_millis(500)
        } else if self.offer.others.share > Share::Nothing {
            Duration::from_secs(10)
        } else {
            Duration::from_secs(30)
        }
    }

    /// Within which time everything that runs yields when its owner comes back: as slow as the slowest of the programs.
    #[must_use]
    pub fn promise(&self) -> Duration {
        let step = match self.policy.on_return {
            Yield::Soften | Yield::Finish { .. } => Step::Soften,
            Yield::Freeze => Step::Freeze,
            Yield::Pack => Step::Pack,
            Yield::End => Step::End,
        };
        let running = self.sessions.values().map(|session| self.promises.of(&session.facts.program, step));
        running.max().unwrap_or(step.usual())
    }

    /// What yielding took and cost so far; to be kept over restarts.
    #[must_use]
    pub const fn promises(&self) -> &Promises {
        &self.promises
    }

    /// Whether the machine should be kept from falling asleep: while a task runs, if its owner allows it.
    #[must_use]
    pub fn keeps_awake(&self) -> bool {
        self.policy.keep_awake
            && self
                .sessions
                .values()
                .any(|session| matches!(session.state(), State::Running { .. } | State::Packing { .. }))
    }

    /// For how long nobody has used the machine, whether they touched it or watch a film; `None` while nobody can tell.
    ///
    /// Where nothing sees keyboard and mouse, only a machine that is there for the grid ([`When::Dedicated`]) counts as unused, by what
    /// terminals and logind's hint say; [`Duration::MAX`] if these say nothing.
    #[must_use]
    pub fn unused(&self, now: Time) -> Option<Duration> {
        self.senses.unused(self.policy.when == When::Dedicated, now)
    }

    /// How the machine stands, for people: the first that holds of trouble, pause, what its sessions do, and its offer.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let any = |is: fn(&State) -> bool| self.sessions.values().any(|session| is(&session.state()));
        if any(|state| matches!(state, State::Ending { reported: true, .. })) {
            Standing::Trouble
        } else if any(|state| matches!(state, State::Packing { .. } | State::Ending { .. })) {
            Standing::Packing
        } else if any(|state| matches!(state, State::Frozen { .. })) {
            Standing::Frozen
        } else if self.wishes.pause.is_some() {
            Standing::Paused
        } else if self.wishes.drained {
            Standing::Draining
        } else if any(|state| matches!(state, State::Running { soft: Some(_), .. })) {
            Standing::Softened
        } else if !self.sessions.is_empty() {
            Standing::Working
        } else if self.offer.others.share > Share::Nothing {
            Standing::Offering
        } else {
            Standing::Yours
        }
    }

    fn advance(&mut self, now: Time) {
        self.now = now.max(self.now);
        let late = self.deadline.map_or(Duration::ZERO, |deadline| self.now.since(deadline));
        if late >= Self::SLEPT {
            self.senses.forget();
            self.sessions.values_mut().for_each(|session| session.slept(late, self.now));
        }
    }

    fn started(&mut self, key: SessionKey, facts: SessionFacts) {
        if self.sessions.len() < Self::MOST_SESSIONS {
            self.sessions.entry(key).or_insert_with(|| Session::new(key, facts, self.now));
        }
    }

    fn ended(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.remove(&key) {
            self.promises.froze(&session.facts.program, session.stood(self.now));
        }
    }

    /// Looks at everything anew: what is against lending, where the machine stands, where each session goes.
    fn reconsider(&mut self, at_once: bool) {
        let mut alarm = Alarm::new(self.now);
        let ladder = self.policy.ladder;
        self.wishes.expire(&mut alarm);
        let idle_matters;
        (self.objections, idle_matters) = objection::list(&self.policy, &self.wishes, &mut self.senses, &mut alarm);
        if at_once {
            self.postures.settle(&self.objections, self.now);
        } else {
            let calm = self.policy.when == When::Dedicated || self.senses.calm(&ladder, idle_matters, &mut alarm);
            self.postures.follow(&self.objections, calm, &ladder, &mut alarm);
        }
        for session in self.sessions.values_mut() {
            let orders = orders(session, &self.postures, &self.objections);
            session.follow(&orders, at_once, &ladder, &mut alarm, &mut self.effects);
        }
        self.follow_offer(idle_matters, at_once, &mut alarm);
        self.deadline = alarm.next();
    }

    /// What may be had becomes less at once, and more only a while after it became less.
    fn follow_offer(&mut self, idle_matters: bool, at_once: bool, alarm: &mut Alarm) {
        let mut offer = Offer::at(&self.policy, idle_matters, &self.postures, &self.objections);
        if !at_once && !alarm.passed(self.offer_fell + self.policy.ladder.dwell) {
            offer = offer.at_most(self.offer);
        }
        if offer.at_most(self.offer) != self.offer {
            self.offer_fell = self.now;
        }
        if offer != self.offer {
            self.offer = offer;
            self.effects.push_back(Effect::Offer(offer));
        }
    }
}

/// What is wanted of a session: by the postures, and by a person, whose word must not hide behind a stronger reason.
fn orders(session: &Session, postures: &Postures, objections: &[Objection]) -> Vec<Order> {
    let mine = Scope::ALL.into_iter().filter(|scope| session.is_in(*scope));
    let stand = mine.filter_map(|scope| {
        let (rung, reason) = (postures.of(scope).rung(), postures.of(scope).reason()?.clone());
        Some(Order { scope, rung, reason })
    });
    let said = objections.iter().filter(|objection| session.is_in(objection.scope));
    let said =
        said.map(|Objection { scope, rung, reason }| Order { scope: *scope, rung: *rung, reason: reason.clone() });
    said.filter(Order::is_pressed).chain(stand).collect()
}
