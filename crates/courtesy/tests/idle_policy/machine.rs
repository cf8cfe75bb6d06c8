//! A machine whose senses say what a test wants, once a second, until it wants something else.

use std::{collections::BTreeMap, mem::discriminant, time::Duration};

use gridwell_courtesy::{
    Courtesy, Effect, IdleSource, Input, Offer, Policy, Promises, Reading, Reason, SessionFacts, SessionKey,
};
use gridwell_model::Time;

pub(crate) const SECOND: Duration = Duration::from_secs(1);

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

pub(crate) const fn mins(mins: u64) -> Duration {
    Duration::from_mins(mins)
}

/// What became of a session, without the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Did {
    Soften(u64),
    Unsoften(u64),
    Freeze(u64),
    Thaw(u64),
    Pack(u64, Duration),
    End(u64),
    Report(u64),
}

pub(crate) struct Machine {
    pub(crate) courtesy: Courtesy,
    pub(crate) now: Time,
    /// When it was last touched, as the X server sees it; `None` while that says nothing.
    pub(crate) touched: Option<Time>,
    /// What the other senses say.
    said: BTreeMap<u8, Reading>,
    reasons: BTreeMap<u64, Reason>,
}

impl Machine {
    /// Nobody has been there for half an hour, and nothing is against lending.
    pub(crate) fn alone(policy: Policy) -> Self {
        policy.check().expect("a policy of a test lends");
        let now = Time::from_secs(1_000_000);
        let touched = Some(now - mins(30));
        let courtesy = Courtesy::new(Promises::default());
        let mut machine = Self { courtesy, now, touched, said: BTreeMap::new(), reasons: BTreeMap::new() };
        machine.tell(Input::PolicyChanged(Box::new(policy)));
        machine.sense(Reading::Load { share: 0.0 });
        machine.pass(secs(30));
        machine.did();
        machine
    }

    pub(crate) fn usual() -> Self {
        Self::alone(Policy::default())
    }

    pub(crate) fn with_policy(change: impl FnOnce(&mut Policy)) -> Self {
        let mut policy = Policy::default();
        change(&mut policy);
        Self::alone(policy)
    }

    pub(crate) fn tell(&mut self, input: Input) {
        self.courtesy.handle(input, self.now);
    }

    /// Starts a session of somebody else's job, which can be frozen and wants five minutes to pack.
    pub(crate) fn run(&mut self, session: u64) {
        self.run_with(session, |_| ());
    }

    pub(crate) fn run_with(&mut self, session: u64, change: impl FnOnce(&mut SessionFacts)) {
        let mut facts =
            SessionFacts { program: "blender".into(), freezable: true, grace: mins(5), ..SessionFacts::default() };
        change(&mut facts);
        self.tell(Input::SessionStarted { session: SessionKey(session), facts });
    }

    /// A sense says this from now on.
    pub(crate) fn sense(&mut self, reading: Reading) {
        self.said.insert(kind(&reading), reading.clone());
        self.tell(Input::Sensed(reading));
    }

    /// A sense falls silent.
    pub(crate) fn silence(&mut self, reading: &Reading) {
        self.said.remove(&kind(reading));
    }

    pub(crate) fn touch(&mut self) {
        self.touched = Some(self.now);
        self.speak();
    }

    /// Time passes, and the senses speak every second.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now = self.now + SECOND;
            if self.courtesy.poll_deadline().is_some_and(|deadline| deadline <= self.now) {
                self.courtesy.handle_deadline(self.now);
            }
            self.speak();
        }
    }

    /// Time passes, and nobody says anything.
    pub(crate) fn pass_silently(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(deadline) = self.courtesy.poll_deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline;
            self.courtesy.handle_deadline(deadline);
        }
        self.now = end;
    }

    /// The machine works in bursts of input, as a person does, for this long.
    pub(crate) fn work(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.touch();
            self.pass(secs(5));
        }
    }

    fn speak(&mut self) {
        if let Some(touched) = self.touched {
            let idle = self.now.since(touched);
            self.tell(Input::Sensed(Reading::Idle { source: IdleSource::X11, idle }));
        }
        for reading in self.said.values().cloned().collect::<Vec<_>>() {
            self.tell(Input::Sensed(reading));
        }
    }

    /// Everything that became of sessions since the last call.
    pub(crate) fn did(&mut self) -> Vec<Did> {
        let mut all = Vec::new();
        while let Some(effect) = self.courtesy.poll_effect() {
            let (did, reason) = match effect {
                Effect::Soften { session, reason } => (Did::Soften(session.0), Some(reason)),
                Effect::Unsoften { session } => (Did::Unsoften(session.0), None),
                Effect::Freeze { session, reason } => (Did::Freeze(session.0), Some(reason)),
                Effect::Thaw { session } => (Did::Thaw(session.0), None),
                Effect::Pack { session, grace, reason } => (Did::Pack(session.0, grace), Some(reason)),
                Effect::End { session, reason } => (Did::End(session.0), Some(reason)),
                Effect::Report { session, .. } => (Did::Report(session.0), None),
                Effect::Offer(_) => continue,
            };
            if let (Some(reason), Did::Soften(key) | Did::Freeze(key) | Did::Pack(key, _) | Did::End(key)) =
                (reason, did)
            {
                self.reasons.insert(key, reason);
            }
            all.push(did);
        }
        all
    }

    /// Why the last step of a session was taken.
    pub(crate) fn why(&self, session: u64) -> &Reason {
        &self.reasons[&session]
    }

    pub(crate) const fn offer(&self) -> Offer {
        self.courtesy.offer()
    }

    /// True if a reason of this kind is against lending now.
    pub(crate) fn objects(&self, reason: &Reason) -> bool {
        self.courtesy.objections().iter().any(|objection| discriminant(&objection.reason) == discriminant(reason))
    }
}

/// Readings of one sense replace each other.
fn kind(reading: &Reading) -> u8 {
    match reading {
        Reading::Idle { source, .. } => 100 + *source as u8,
        Reading::Inhibited(_) => 1,
        Reading::FullScreen(_) => 2,
        Reading::Load { .. } => 3,
        Reading::Memory { .. } => 4,
        Reading::Power { .. } => 5,
        Reading::Metered(_) => 6,
        Reading::Temperature { .. } => 7,
        Reading::Graphics { .. } => 8,
        Reading::Disk { .. } => 9,
        Reading::Programs(_) => 10,
    }
}
