use std::time::Duration;

use gridwell_model::{Decline, LeaseId, LicenceAsk, LicenceTerm, LimitNeed, Time};

use crate::{Effect, SessionId, Worker, lease::Phase, timer::Timer};

/// How long a lease waits for an answer about its first licences: more than a link takes to be found broken.
const PATIENCE: Duration = Duration::from_secs(10);

/// The licences of one lease.
#[derive(Debug)]
pub(crate) struct Licences {
    needs: Vec<LimitNeed>,
    /// Until when a program may run on each, once it was granted.
    good_until: Vec<Option<Time>>,
    since: Time,
    /// When they are asked for next.
    ask_at: Time,
}

/// A licence, by the lease it was asked for and its limit.
type Licence = (LeaseId, String);

impl Licences {
    fn new(needs: Vec<LimitNeed>, now: Time) -> Self {
        let good_until = vec![None; needs.len()];
        Self { needs, good_until, since: now, ask_at: now }
    }

    /// Until when a program may run; `None` before all of them were granted.
    fn good_until(&self) -> Option<Time> {
        self.good_until.iter().copied().min().flatten()
    }

    /// They are owed to who keeps them.
    fn owed(self, lease: LeaseId) -> impl Iterator<Item = Licence> {
        self.needs.into_iter().map(move |need| (lease, need.name))
    }
}

/// No program starts without its licences, and none goes on when they are not renewed.
impl Worker {
    /// True if a lease has the licences that `needs` names; else they are asked for.
    pub(crate) fn has_licences(&mut self, id: LeaseId, needs: Vec<LimitNeed>) -> bool {
        let now = self.now;
        let Some(lease) = self.leases.get_mut(&id) else { return false };
        if let Some(licences) = &lease.licences {
            return licences.good_until().is_some_and(|until| now < until);
        }
        if needs.is_empty() {
            return true;
        }
        lease.licences = Some(Licences::new(needs, now));
        self.licences_due(id);
        false
    }

    /// Asks for licences, first or again; stops what may not run any longer.
    pub(crate) fn licences_due(&mut self, id: LeaseId) {
        let now = self.now;
        let Some(lease) = self.leases.get_mut(&id) else { return };
        let (steward, Some(licences)) = (lease.steward, &mut lease.licences) else { return };
        let good_until = licences.good_until();
        let ends = good_until.unwrap_or(licences.since + PATIENCE);
        if now >= ends {
            let name = licences.needs.first().map(|need| need.name.clone()).unwrap_or_default();
            return self.without_licence(id, name);
        }
        if now >= licences.ask_at {
            licences.ask_at = now + Self::RENEW_EVERY;
            for (need, good) in licences.needs.iter().zip(&licences.good_until) {
                let held = good.is_some();
                let ask = LicenceAsk { lease: id, steward, need: need.clone(), asked_micros: now.0, held };
                self.effects.push_back(Effect::AskLicence(ask));
            }
        }
        self.timers.set(licences.ask_at.min(ends), Timer::Licences(id));
    }

    pub(crate) fn licence_answered(&mut self, id: LeaseId, name: String, asked: Time, granted: bool) {
        let now = self.now;
        let licences = self.leases.get_mut(&id).and_then(|lease| lease.licences.as_mut());
        let at = licences.as_ref().and_then(|licences| licences.needs.iter().position(|need| need.name == name));
        let (Some(licences), Some(at)) = (licences, at) else {
            // Answered too late: it goes back, unless a session that is ending runs on it still.
            let owed = self.sessions.values().any(|session| session.owes.iter().any(|(lease, _)| *lease == id));
            if granted && !owed {
                self.effects.push_back(Effect::ReturnLicence { lease: id, name });
            }
            return;
        };
        if !granted {
            return self.without_licence(id, name);
        }
        let until = asked.min(now) + LicenceTerm::GOOD;
        let first = licences.good_until().is_none();
        licences.good_until[at] = licences.good_until[at].max(Some(until));
        if first && licences.good_until().is_some() {
            self.advance(id);
        }
    }

    /// A lease may not run: nothing of it starts, and what runs is ended.
    fn without_licence(&mut self, id: LeaseId, name: String) {
        let Some(lease) = self.leases.get(&id) else { return };
        let untouched = lease.phase == Phase::Preparing
            && lease.results.is_empty()
            && lease.unsettled.is_empty()
            && lease.todo.spans() == [lease.offer.span];
        if matches!(lease.phase, Phase::Collecting { .. }) {
            // Its program has ended: what it made is kept, and no other starts.
            self.give_back_todo(id);
            return self.return_licences(id);
        }
        if !untouched {
            return self.stop_lease(id, None);
        }
        let steward = lease.steward;
        self.effects.push_back(Effect::Decline { steward, lease: id, why: Decline::Licence(name) });
        self.return_licences(id);
        self.remove_lease(id);
        self.start_queued();
    }

    /// A lease is through with its licences: nothing runs on them.
    pub(crate) fn return_licences(&mut self, id: LeaseId) {
        let licences = self.leases.get_mut(&id).and_then(|lease| lease.licences.take());
        self.return_owed(licences.into_iter().flat_map(|licences| licences.owed(id)).collect());
    }

    /// The same, if what ran on them ends with its session.
    pub(crate) fn owe_licences(&mut self, id: LeaseId, session: Option<SessionId>) {
        let session = session.and_then(|session| self.sessions.get_mut(&session));
        let (Some(session), Some(lease)) = (session, self.leases.get_mut(&id)) else {
            return self.return_licences(id);
        };
        session.owes.extend(lease.licences.take().into_iter().flat_map(|licences| licences.owed(id)));
    }

    /// Gives licences back.
    pub(crate) fn return_owed(&mut self, owed: Vec<Licence>) {
        let back = owed.into_iter().map(|(lease, name)| Effect::ReturnLicence { lease, name });
        self.effects.extend(back);
    }
}
