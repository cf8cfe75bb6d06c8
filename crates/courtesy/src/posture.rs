use gridwell_model::Time;

use crate::{Ladder, Objection, Reason, Rung, Scope, alarm::Alarm};

/// How far down the machine is in one scope: down at once, up only when it is calm and has stayed a while.
#[derive(Debug, Default)]
pub(crate) struct Posture {
    rung: Rung,
    since: Time,
    reason: Option<Reason>,
}

/// One posture for each scope, in the order of [`Scope::ALL`].
#[derive(Debug, Default)]
pub(crate) struct Postures([Posture; Scope::ALL.len()]);

impl Postures {
    pub(crate) const fn of(&self, scope: Scope) -> &Posture {
        &self.0[scope as usize]
    }

    /// The furthest down that any of these is.
    pub(crate) fn rung(&self, scopes: &[Scope]) -> Rung {
        scopes.iter().map(|scope| self.of(*scope).rung).max().unwrap_or_default()
    }

    /// Each follows the objections of its scope.
    pub(crate) fn follow(&mut self, objections: &[Objection], calm: bool, ladder: &Ladder, alarm: &mut Alarm) {
        for (scope, posture) in Scope::ALL.into_iter().zip(&mut self.0) {
            posture.follow(strongest(objections, scope), calm, ladder, alarm);
        }
    }

    /// The owner said so: each stands where the objections are, at once.
    pub(crate) fn settle(&mut self, objections: &[Objection], now: Time) {
        for (scope, posture) in Scope::ALL.into_iter().zip(&mut self.0) {
            posture.stand(strongest(objections, scope), now);
        }
    }
}

impl Posture {
    pub(crate) const fn rung(&self) -> Rung {
        self.rung
    }

    /// Why it stands there; nothing at [`Rung::Free`].
    pub(crate) const fn reason(&self) -> Option<&Reason> {
        self.reason.as_ref()
    }

    fn follow(&mut self, first: Option<&Objection>, calm: bool, ladder: &Ladder, alarm: &mut Alarm) {
        let target = first.map_or(Rung::Free, |first| first.rung);
        // That nothing new starts hurts nobody's work: it needs no calm.
        let may_rise =
            (calm || self.rung == Rung::Hold) && target < self.rung && alarm.passed(self.since + ladder.dwell);
        if target >= self.rung || may_rise {
            self.stand(first, alarm.now);
        }
    }

    fn stand(&mut self, first: Option<&Objection>, now: Time) {
        let rung = first.map_or(Rung::Free, |first| first.rung);
        if rung != self.rung {
            (self.rung, self.since) = (rung, now);
        }
        self.reason = first.map(|first| first.reason.clone());
    }
}

/// The objection that asks for most; of equals the one that comes first, which is what a person said.
fn strongest(objections: &[Objection], scope: Scope) -> Option<&Objection> {
    let here = objections.iter().filter(|objection| objection.scope == scope);
    here.reduce(|best, next| if next.rung > best.rung { next } else { best })
}
