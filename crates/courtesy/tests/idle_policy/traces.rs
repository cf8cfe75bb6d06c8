//! Ten thousand made-up owners: whatever they and their machines do, the ladder keeps its word.

use std::{collections::BTreeMap, time::Duration};

use gridwell_courtesy::{
    Courtesy, Effect, Flag, Graphics, IdleSource, Input, Ladder, Pause, Policy, Promises, Reading, Resource, Rung,
    Schedule, SessionFacts, SessionKey, Share, Step, WeekTime, When, Yield,
};
use gridwell_model::Time;
use proptest::{prelude::*, test_runner::RngSeed};

use crate::machine::{mins, secs};

/// How often the senses speak here.
const PACE: Duration = secs(15);

/// What happens next.
#[derive(Debug, Clone)]
enum Event {
    Pass(Duration),
    Touch,
    /// The source of idleness falls silent or speaks again.
    Mute(bool),
    Sense(Reading),
    Sleep(Duration),
    Start(Job),
    Pause(Yield, Option<Duration>),
    Resume,
    Drain,
    Snooze(Duration),
    LoseLease,
}

/// A session, and how well its program behaves.
#[derive(Debug, Clone)]
struct Job {
    facts: SessionFacts,
    work: Duration,
    packs_in: Duration,
    /// Carries out a wish within this time.
    yields_in: Duration,
    tells: bool,
}

fn event() -> impl Strategy<Value = Event> {
    let seconds = |range: std::ops::Range<u64>| range.prop_map(Duration::from_secs);
    prop_oneof![
        6 => seconds(1..90).prop_map(Event::Pass),
        2 => seconds(60..900).prop_map(Event::Pass),
        4 => Just(Event::Touch),
        1 => any::<bool>().prop_map(Event::Mute),
        8 => reading().prop_map(Event::Sense),
        1 => seconds(200..40_000).prop_map(Event::Sleep),
        5 => job().prop_map(Event::Start),
        1 => (how(), proptest::option::of(seconds(1..2_000))).prop_map(|(how, length)| Event::Pause(how, length)),
        2 => Just(Event::Resume),
        1 => Just(Event::Drain),
        1 => seconds(0..500).prop_map(Event::Snooze),
        1 => Just(Event::LoseLease),
    ]
}

fn reading() -> impl Strategy<Value = Reading> {
    let share = || prop_oneof![Just(0.0_f32), Just(0.3), Just(0.31), Just(0.5), 0.0_f32..1.0, Just(f32::NAN)];
    prop_oneof![
        share().prop_map(|share| Reading::Load { share }),
        (share(), proptest::option::of(share())).prop_map(|(free, pressure)| Reading::Memory { free, pressure }),
        any::<bool>().prop_map(|on_battery| Reading::Power { on_battery, charge: None }),
        any::<bool>().prop_map(Reading::FullScreen),
        any::<bool>().prop_map(Reading::Inhibited),
        any::<bool>().prop_map(Reading::Metered),
        (20.0_f32..110.0).prop_map(|celsius| Reading::Temperature { celsius }),
        (proptest::option::of(share()), proptest::option::of(0_u64..1 << 30))
            .prop_map(|(busy, free_bytes)| Reading::Graphics { busy, free_bytes }),
        (0_u64..20 << 30).prop_map(|free_bytes| Reading::Disk { free_bytes }),
        any::<bool>().prop_map(|runs| Reading::Programs(runs.then(|| "maya".to_owned()).into_iter().collect())),
    ]
}

fn how() -> impl Strategy<Value = Yield> {
    prop_oneof![
        Just(Yield::Soften),
        (0_u64..300).prop_map(|within| Yield::Finish { within: secs(within) }),
        Just(Yield::Freeze),
        Just(Yield::Pack),
        Just(Yield::End),
    ]
}

fn job() -> impl Strategy<Value = Job> {
    let graphics = prop_oneof![Just(Graphics::None), Just(Graphics::Spare), Just(Graphics::Desktop)];
    let heartbeat = proptest::option::of((1_u64..600).prop_map(secs));
    let facts = (any::<bool>(), graphics, any::<bool>(), heartbeat, 0_u64..1_200);
    (facts, 1_u64..4_000, 1_u64..900, 0_u64..1_000, any::<bool>()).prop_map(
        |(facts, work, packs_in, yields_in, tells)| {
            let (own, graphics, freezable, heartbeat, grace) = facts;
            let grace = secs(grace);
            Job {
                facts: SessionFacts { program: format!("p{}", work % 3), own, graphics, freezable, heartbeat, grace },
                work: secs(work),
                packs_in: secs(packs_in),
                yields_in: Duration::from_millis(yields_in),
                tells,
            }
        },
    )
}

fn policy() -> impl Strategy<Value = Policy> {
    let after = || (0_u64..1_200).prop_map(secs);
    let hours =
        || any::<[u32; 7]>().prop_map(|days| Schedule::try_from(days.map(|day| day >> 8 | 1)).expect("24 bits"));
    let when = prop_oneof![
        1 => Just(When::Always),
        4 => after().prop_map(|after| When::Idle { after }),
        1 => hours().prop_map(|hours| When::Within { hours }),
        1 => (after(), hours()).prop_map(|(after, hours)| When::IdleWithin { after, hours }),
        1 => (after(), hours()).prop_map(|(after, hours)| When::IdleOrWithin { after, hours }),
    ];
    let switches = any::<[bool; 8]>();
    (when, how(), switches).prop_map(|(when, on_return, [maya, full, battery, busy, metered, hot, mine, wait])| {
        let mut policy = Policy { when, on_return, only_mine: mine && wait, mine_wait: wait, ..Policy::default() };
        policy.never_while.programs.extend(maya.then(|| "maya".to_owned()));
        policy.never_while.full_screen = full;
        policy.never_while.on_battery = battery;
        policy.never_while.graphics_busy = busy;
        policy.never_while.metered = metered;
        policy.never_while.hotter_than = hot.then_some(80);
        policy
    })
}

/// What a session does in the world.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Life {
    Runs { soft: bool },
    Frozen { since: Time },
    Packing { until: Time },
    Ending,
}

struct Running {
    job: Job,
    life: Life,
    left: Duration,
    softened_at: Time,
    /// Has said how much is left.
    told: bool,
    /// How long nothing was heard of it: over freezes with less than the shortest stay between.
    mute: Duration,
    thawed_at: Time,
}

struct World {
    courtesy: Courtesy,
    policy: Policy,
    now: Time,
    touched: Time,
    mute: Option<Time>,
    said: BTreeMap<u8, Reading>,
    sessions: BTreeMap<u64, Running>,
    started: u64,
    /// The last offer, and when it last became less.
    last_offer: (Share, Time),
    /// The owner has just spoken: the shortest stay does not hold.
    at_once: bool,
}

impl World {
    fn new(policy: Policy) -> Self {
        let now = Time::from_secs(100_000);
        let mut world = Self {
            courtesy: Courtesy::new(Promises::default()),
            policy: policy.clone(),
            now,
            touched: now - mins(20),
            mute: None,
            said: BTreeMap::new(),
            sessions: BTreeMap::new(),
            started: 0,
            last_offer: (Share::Nothing, Time::ZERO),
            at_once: true,
        };
        world.tell(Input::PolicyChanged(Box::new(policy)));
        world.tell(Input::ClockShown(WeekTime::at(2, 23, 0)));
        world
    }

    fn tell(&mut self, input: Input) {
        self.courtesy.handle(input, self.now);
        self.carry();
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Pass(time) => self.pass(time),
            Event::Touch => self.touched = self.now,
            Event::Mute(mute) => self.mute = mute.then(|| self.mute.unwrap_or(self.now)),
            Event::Sense(reading) => {
                let kind = self.said.len() as u8;
                let same =
                    |(_, said): &(&u8, &Reading)| std::mem::discriminant(*said) == std::mem::discriminant(&reading);
                let kind = self.said.iter().find(same).map_or(kind, |(kind, _)| *kind);
                self.said.insert(kind, reading);
            }
            Event::Sleep(time) => {
                self.now = self.now + time;
                self.courtesy.handle_deadline(self.now);
                self.carry();
            }
            Event::Start(job) => {
                self.started += 1;
                let left = job.work;
                let facts = job.facts.clone();
                let life = Life::Runs { soft: false };
                let running = Running {
                    job,
                    life,
                    left,
                    softened_at: self.now,
                    told: false,
                    mute: Duration::ZERO,
                    thawed_at: Time::ZERO,
                };
                self.sessions.insert(self.started, running);
                self.tell(Input::SessionStarted { session: SessionKey(self.started), facts });
            }
            Event::Pause(how, length) => {
                let until = length.map(|length| self.now + length);
                self.tell(Input::Paused(Pause { until, how }));
                self.check_pause(how);
            }
            Event::Resume => self.by_hand(Input::Resumed),
            Event::Drain => self.tell(Input::Drained),
            Event::Snooze(length) => {
                self.by_hand(Input::Snoozed { resource: Resource::Graphics, until: self.now + length });
            }
            Event::LoseLease => {
                if let Some(session) = self.sessions.keys().next().copied() {
                    self.tell(Input::LeaseLost { session: SessionKey(session) });
                }
            }
        }
        self.speak();
        self.check();
    }

    fn by_hand(&mut self, input: Input) {
        self.at_once = true;
        self.tell(input);
        self.at_once = false;
    }

    fn speak(&mut self) {
        if self.mute.is_none() {
            let idle = self.now.since(self.touched);
            self.tell(Input::Sensed(Reading::Idle { source: IdleSource::X11, idle }));
        }
        for reading in self.said.values().cloned().collect::<Vec<_>>() {
            self.tell(Input::Sensed(reading));
        }
    }

    /// Time passes up to the next thing that is due, again and again.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut speaks = self.now + PACE;
        while self.now < end {
            let ends = self.sessions.values().filter_map(|running| running.ends(self.now));
            let due = ends.chain(self.courtesy.poll_deadline()).chain([speaks, end]).min().unwrap_or(end);
            assert!(due > self.now, "the engine wants to be woken in the past");
            let passed = due.since(self.now);
            self.now = due;
            self.live(passed);
            if self.courtesy.poll_deadline().is_some_and(|deadline| deadline <= due) {
                self.courtesy.handle_deadline(due);
                self.carry();
            }
            if due >= speaks {
                speaks = due + PACE;
                self.speak();
            }
            self.check();
        }
    }

    /// Programs run, pack and end.
    fn live(&mut self, passed: Duration) {
        let mut gone = Vec::new();
        for (session, running) in &mut self.sessions {
            let runs = matches!(running.life, Life::Runs { .. });
            running.left = if runs { running.left.saturating_sub(passed) } else { running.left };
            let packed = matches!(running.life, Life::Packing { until } if until <= self.now);
            if runs && running.left.is_zero() || packed || running.life == Life::Ending {
                gone.push(*session);
            }
        }
        let tells = self
            .sessions
            .iter()
            .filter(|(_, running)| running.job.tells)
            .map(|(session, running)| (*session, running.left));
        for (session, left) in tells.collect::<Vec<_>>() {
            self.of(SessionKey(session)).told = true;
            self.tell(Input::SessionProgressed { session: SessionKey(session), left: Some(left), done: None });
        }
        for session in gone {
            self.sessions.remove(&session);
            self.tell(Input::SessionEnded { session: SessionKey(session) });
        }
    }

    /// Carries wishes out; each must be possible where its session stands.
    fn carry(&mut self) {
        let (now, dwell) = (self.now, self.policy.ladder.dwell);
        let mut took = Vec::new();
        while let Some(effect) = self.courtesy.poll_effect() {
            match effect {
                Effect::Offer(offer) => {
                    let (share, since) = self.last_offer;
                    let rises = offer.others.share > share;
                    assert!(!rises || self.at_once || now.since(since) >= dwell, "the offer flaps");
                    let fell = if offer.others.share < share { now } else { since };
                    self.last_offer = (offer.others.share, fell);
                }
                Effect::Soften { session, .. } => {
                    let running = self.of(session);
                    assert_eq!(running.life, Life::Runs { soft: false });
                    (running.life, running.softened_at) = (Life::Runs { soft: true }, now);
                    took.push((session, Step::Soften, running.job.yields_in));
                }
                Effect::Unsoften { session } => {
                    let at_once = self.at_once;
                    let running = self.of(session);
                    assert_eq!(running.life, Life::Runs { soft: true });
                    let stayed = now.since(running.softened_at);
                    assert!(at_once || stayed >= dwell, "softened for {stayed:?} only");
                    running.life = Life::Runs { soft: false };
                }
                Effect::Freeze { session, reason } => {
                    let running = self.of(session);
                    assert_eq!(running.life, Life::Runs { soft: true });
                    assert!(running.job.facts.freezable);
                    if now.since(running.thawed_at) >= dwell {
                        running.mute = Duration::ZERO;
                    }
                    running.life = Life::Frozen { since: now };
                    let pressed = matches!(reason.flag(), Flag::Manual | Flag::Timed);
                    assert!(pressed || !running.told || running.left > secs(90));
                    took.push((session, Step::Freeze, running.job.yields_in));
                }
                Effect::Thaw { session } => {
                    let at_once = self.at_once;
                    let running = self.of(session);
                    let Life::Frozen { since } = running.life else { panic!("thawed what runs") };
                    assert!(at_once || now.since(since) >= dwell, "frozen for {:?} only", now.since(since));
                    running.mute += now.since(since);
                    (running.life, running.thawed_at) = (Life::Runs { soft: true }, now);
                }
                Effect::Pack { session, grace, .. } => {
                    let running = self.of(session);
                    assert!(!matches!(running.life, Life::Packing { .. } | Life::Ending));
                    assert!(grace <= running.job.facts.grace && grace <= mins(10));
                    running.life = Life::Packing { until: now + running.job.packs_in };
                }
                Effect::End { session, .. } => {
                    let running = self.of(session);
                    assert_ne!(running.life, Life::Ending);
                    running.life = Life::Ending;
                }
                Effect::Report { .. } => panic!("every program ends here when it is killed"),
            }
        }
        for (session, step, took) in took {
            self.courtesy.handle(Input::Yielded { session, step, took }, now);
        }
    }

    fn of(&mut self, session: SessionKey) -> &mut Running {
        self.sessions.get_mut(&session.0).expect("it is there")
    }

    /// What holds at every moment.
    fn check(&self) {
        let ladder = self.policy.ladder;
        let offer = self.courtesy.offer();
        let idle = self.now.since(self.touched);
        if self.mute.is_none() && idle < ladder.touched {
            for (session, running) in &self.sessions {
                let yielded = running.life != Life::Runs { soft: false };
                assert!(yielded, "session {session} is not softened, and somebody is there");
                assert!(running.job.yields_in <= self.courtesy.promise().max(Step::Soften.usual()));
            }
        }
        if let When::Idle { after } | When::IdleWithin { after, .. } = self.policy.when {
            let unknown = self.mute.is_some_and(|since| self.now.since(since) >= secs(90) + PACE);
            let may = !unknown && (self.mute.is_some() || idle >= after);
            assert!(may || offer.others.share == Share::Nothing, "lends after {idle:?}, unknown: {unknown}");
        }
        for running in self.sessions.values() {
            if let Life::Frozen { since } = running.life {
                let stood = self.now.since(since);
                assert!(stood < ladder.pack_after, "frozen for {stood:?}");
                let owed = running.job.facts.heartbeat.unwrap_or(Duration::MAX);
                assert!(running.mute.saturating_add(stood) < owed, "a heartbeat is missed");
            }
        }
        let stopped = self.courtesy.objections().iter().any(|objection| objection.rung >= Rung::Freeze);
        assert!(!stopped || offer.others.share != Share::All || self.graphics_only(), "lends against an objection");
    }

    /// True if what is against lending is about graphics only.
    fn graphics_only(&self) -> bool {
        use gridwell_courtesy::Scope;
        let strong = self.courtesy.objections().iter().filter(|objection| objection.rung >= Rung::Freeze);
        strong.into_iter().all(|objection| matches!(objection.scope, Scope::Graphics | Scope::Desktop))
    }

    /// The button was pressed: the machine is the owner's.
    fn check_pause(&self, how: Yield) {
        assert_eq!(self.courtesy.offer().others.share, Share::Nothing);
        for running in self.sessions.values() {
            let stands = matches!(running.life, Life::Frozen { .. } | Life::Packing { .. } | Life::Ending);
            let yielded = match how {
                Yield::Soften | Yield::Finish { .. } => running.life != Life::Runs { soft: false },
                Yield::Freeze => stands,
                Yield::Pack => matches!(running.life, Life::Packing { .. } | Life::Ending),
                Yield::End => running.life == Life::Ending,
            };
            assert!(yielded, "{how:?}, and it is {:?}", running.life);
        }
    }
}

impl Running {
    fn ends(&self, now: Time) -> Option<Time> {
        match self.life {
            Life::Runs { .. } => Some(now + self.left.max(Duration::from_micros(1))),
            Life::Packing { until } => Some(until.max(now + Duration::from_micros(1))),
            Life::Ending => Some(now + Duration::from_millis(10)),
            Life::Frozen { .. } => None,
        }
    }
}

/// Always the same traces, unless `PROPTEST_RNG_SEED` asks for others.
fn ten_thousand() -> ProptestConfig {
    let usual = ProptestConfig::default();
    let rng_seed = if usual.rng_seed == RngSeed::Random { RngSeed::Fixed(1) } else { usual.rng_seed };
    ProptestConfig { cases: 10_000, failure_persistence: None, rng_seed, ..usual }
}

proptest! {
    #![proptest_config(ten_thousand())]

    #[test]
    fn whatever_happens_the_owner_gets_the_machine_and_every_session_its_end(
        policy in policy(),
        events in proptest::collection::vec(event(), 1..40),
        away in any::<bool>(),
    ) {
        prop_assume!(policy.check().is_ok());
        let mut world = World::new(policy);
        world.at_once = false;
        for event in events {
            world.happen(event);
        }
        // Both ways to the end: the owner leaves for good, or wants the machine for good.
        if away {
            world.said.clear();
            (world.mute, world.touched) = (None, world.now - mins(20));
            world.happen(Event::Resume);
        } else {
            world.happen(Event::Pause(Yield::Freeze, None));
        }
        let end = world.now + Ladder::default().pack_after + Ladder::default().grace + mins(90);
        while !world.sessions.is_empty() && world.now < end {
            world.pass(mins(1));
        }
        prop_assert!(world.sessions.is_empty(), "{} sessions neither finished nor left", world.sessions.len());
    }

    #[test]
    fn a_policy_is_kept_word_for_word(policy in policy()) {
        let text = serde_json::to_string(&policy).unwrap();
        prop_assert_eq!(serde_json::from_str::<Policy>(&text).unwrap(), policy);
    }
}
