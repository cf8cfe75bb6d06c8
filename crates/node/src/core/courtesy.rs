//! This machine as its owner's: what the senses say goes to the engine, what it wishes to sessions and to the worker.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{NoticeKind, NoticeLevel};
use gridwell_courtesy::{
    Courtesy, Effect, Graphics, Input, Offer, Promises, Reason, SessionFacts, SessionKey, Share, Step,
};
use gridwell_exec::{Stop, Which, Yield};
use gridwell_model::{JobId, PeerId, Reserve, Standing, Time};
use gridwell_probe::SenseKind;
use gridwell_worker::{Input as WorkerInput, Lent, SessionId};

use super::{Core, lending::Pause, reasons, sessions::log_exec, words::about};
use crate::{
    clock,
    senses::{Asking, Felt, Look},
};

/// Key of the promises in the store.
pub(crate) const PROMISES_KEY: &str = "promises";

/// The engine, and what goes on because of it.
pub(crate) struct Manners {
    pub(super) engine: Courtesy,
    asking: Asking,
    looks: Look,
    /// Each sense, and why it is missing.
    pub(super) senses: Vec<(SenseKind, Option<String>)>,
    /// Sessions with graphics.
    graphics: BTreeSet<SessionId>,
    /// Sessions that were told to end, when, and how.
    leaving: BTreeMap<SessionId, (Step, Time)>,
    /// What people were last told.
    told: Standing,
    /// Why a session was last asked to make room.
    because: Option<Reason>,
    /// Work that ended sessions took along since people were last told.
    lost: Duration,
    /// True once the promises are not as they are kept.
    learnt: bool,
}

impl Manners {
    /// Before anything was sensed; `promises` are those of the last run.
    pub(crate) fn new(promises: Promises, asking: Asking, looks: Look) -> Self {
        Self {
            engine: Courtesy::new(promises),
            asking,
            looks,
            senses: Vec::new(),
            graphics: BTreeSet::new(),
            leaving: BTreeMap::new(),
            told: Standing::Yours,
            because: None,
            lost: Duration::ZERO,
            learnt: false,
        }
    }

    pub(crate) const fn due(&self) -> Option<Time> {
        self.engine.poll_deadline()
    }

    /// Why a session was last asked to make room.
    pub(super) const fn because(&self) -> Option<&Reason> {
        self.because.as_ref()
    }

    /// What may be had for new tasks.
    pub(super) const fn offer(&self) -> Offer {
        self.engine.offer()
    }
}

impl Core {
    /// The engine hears the owner's rules, and what they said by hand; at start and when either changed.
    pub(crate) fn follow_owner(&mut self) {
        let settings = self.machines.settings();
        let (policy, lend, pause) = (Box::new(settings.policy.clone()), settings.lend, settings.pause);
        let now = clock::now();
        let engine = &mut self.manners.engine;
        engine.handle(Input::PolicyChanged(policy), now);
        let drained = engine.objections().iter().any(|objection| objection.reason == Reason::Drained);
        // Nothing is let go for a moment that a pause is to hold.
        if lend && (pause.is_none() || drained) {
            engine.handle(Input::Resumed, now);
        }
        match pause {
            _ if !lend => engine.handle(Input::Drained, now),
            Some(Pause { how, .. }) => {
                let until = pause.map(|pause| now + Duration::from_millis(pause.left_ms(clock::stamp())));
                engine.handle(Input::Paused(gridwell_courtesy::Pause { until, how }), now);
            }
            None => {}
        }
        self.follow_kept_back();
        self.look_as_wanted();
    }

    pub(crate) fn on_felt(&mut self, felt: Felt) {
        let now = clock::now();
        for fact in felt.facts {
            self.manners.engine.handle(fact, now);
        }
        self.manners.senses = felt.senses;
        self.look_as_wanted();
    }

    pub(crate) fn on_courtesy_due(&mut self) {
        self.manners.engine.handle_deadline(clock::now());
        self.look_as_wanted();
    }

    /// Senses are asked as often as the engine wants, for what the owner named.
    fn look_as_wanted(&mut self) {
        let manners = &mut self.manners;
        let look = Look {
            every: manners.engine.pace(),
            programs: self.machines.settings().policy.never_while.programs.clone(),
            uses_graphics: !manners.graphics.is_empty(),
        };
        if look != manners.looks {
            manners.looks = look.clone();
            manners.asking.change(look);
        }
        self.sample_as_wanted();
    }

    /// A session of a guest was opened.
    pub(super) fn session_arrived(&mut self, session: SessionId, job: JobId, reserve: &Reserve) {
        let Some(guest) = self.guests.get(&job) else { return };
        let facts = SessionFacts {
            program: guest.spec.recipe.clone(),
            own: guest.spec.origin == self.me,
            // Which card draws the desktop is not known: it may be any.
            graphics: if reserve.gpus > 0 { Graphics::Desktop } else { Graphics::None },
            freezable: cfg!(target_os = "linux"),
            heartbeat: guest.spec.session.heartbeat_secs.map(|secs| Duration::from_secs(secs.into())),
            // As long as its own way of ending says, and no longer than the owner allows.
            grace: Duration::MAX,
        };
        if reserve.gpus > 0 {
            self.manners.graphics.insert(session);
        }
        self.manners.engine.handle(Input::SessionStarted { session: SessionKey(session.0), facts }, clock::now());
        self.look_as_wanted();
    }

    /// Nothing of a session runs any more.
    pub(super) fn session_left(&mut self, session: SessionId) {
        let (key, now) = (SessionKey(session.0), clock::now());
        if let Some((step, since)) = self.manners.leaving.remove(&session) {
            self.manners.learnt = true;
            self.manners.engine.handle(Input::Yielded { session: key, step, took: now.since(since) }, now);
        }
        self.manners.graphics.remove(&session);
        self.manners.engine.handle(Input::SessionEnded { session: key }, now);
        self.look_as_wanted();
        if std::mem::take(&mut self.manners.learnt) {
            let promises = serde_json::to_vec(self.manners.engine.promises()).expect("promises are plain data");
            drop(self.keep(PROMISES_KEY, promises));
        }
    }

    /// How far what runs in a session is.
    pub(super) fn session_progressed(&mut self, session: SessionId, percent: f32) {
        let (session, done) = (SessionKey(session.0), Some(percent / 100.0));
        self.manners.engine.handle(Input::SessionProgressed { session, left: None, done }, clock::now());
    }

    /// A session made room, or took it back.
    pub(super) fn session_yielded(&mut self, session: SessionId, wish: Yield, missed: u32, took: Duration) {
        let now = clock::now();
        if missed > 0 {
            tracing::warn!(?wish, missed, "not everything in a session follows its machine's owner");
        }
        let step = match wish {
            Yield::Soften => Some(Step::Soften),
            Yield::Freeze => Some(Step::Freeze),
            Yield::Unsoften | Yield::Thaw => None,
        };
        if let Some(step) = step {
            self.manners.learnt = true;
            self.manners.engine.handle(Input::Yielded { session: SessionKey(session.0), step, took }, now);
        }
        if matches!(wish, Yield::Freeze | Yield::Thaw) {
            let frozen = wish == Yield::Freeze;
            if let Some(session) = self.sessions.get_mut(&session) {
                session.stand_still(frozen, now);
            }
            self.run_stands_still(session, frozen);
            self.worker.handle(WorkerInput::Froze { session, frozen }, now);
        }
    }

    /// Carries out what the engine wishes; true if it wished anything.
    pub(super) fn carry_wishes(&mut self) -> bool {
        let mut any = false;
        while let Some(effect) = self.manners.engine.poll_effect() {
            any = true;
            self.carry_courtesy(effect);
        }
        any
    }

    fn carry_courtesy(&mut self, effect: Effect) {
        match effect {
            Effect::Soften { session, reason } => self.ask_session(session, Yield::Soften, Some(reason)),
            Effect::Unsoften { session } => self.ask_session(session, Yield::Unsoften, None),
            Effect::Freeze { session, reason } => self.ask_session(session, Yield::Freeze, Some(reason)),
            Effect::Thaw { session } => self.ask_session(session, Yield::Thaw, None),
            Effect::Pack { session, grace, reason } => self.send_away(session, Step::Pack, grace, reason),
            Effect::End { session, reason } => self.send_away(session, Step::End, Duration::ZERO, reason),
            Effect::Report { session, since } => {
                let job = self.sessions.get(&SessionId(session.0)).map(|session| session.job);
                let name = job.and_then(|job| self.guests.get(&job)).map(|guest| guest.spec.name.clone());
                let since = about(clock::now().since(since));
                let sentence = format!("a program of {} should have ended {since} ago", name.unwrap_or_default());
                self.notice(NoticeKind::Lending, NoticeLevel::Warning, sentence, None, Some(self.me));
            }
            Effect::Offer(_) => self.lending_changed(),
        }
    }

    fn ask_session(&mut self, session: SessionKey, wish: Yield, reason: Option<Reason>) {
        self.manners.because = reason.or_else(|| self.manners.because.take());
        log_exec(self.exec.ask(session.0, wish));
    }

    /// What it had not done goes back to its steward at once; its programs have `grace` to write what they have.
    fn send_away(&mut self, session: SessionKey, step: Step, grace: Duration, reason: Reason) {
        let (id, now) = (SessionId(session.0), clock::now());
        self.manners.because = Some(reason);
        let known = self.manners.leaving.contains_key(&id);
        self.manners.leaving.entry(id).or_insert((step, now)).0 = step;
        if !known
            && (grace.is_zero() || !self.counts_loss_later(id))
            && let Some(going) = self.sessions.get(&id)
        {
            self.work_lost(going.job, going.at_stake(now));
        }
        self.worker.handle(WorkerInput::Packed { session: id, within: grace }, now);
        if grace.is_zero() {
            // Also one that has been told to close, with more time.
            log_exec(self.exec.cancel(session.0, Stop { which: Which::All, notice_limit: Some(grace) }));
        }
    }

    /// What programs of a job had done here is done for nothing.
    pub(super) fn work_lost(&mut self, job: JobId, lost: Duration) {
        let program = self.guests.get(&job).map(|guest| guest.spec.recipe.clone()).unwrap_or_default();
        self.manners.lost += lost;
        self.manners.engine.handle(Input::WorkLost { program, time: lost }, clock::now());
    }

    /// People hear when work here begins to make room, or has its room again.
    pub(crate) fn tell_standing(&mut self) {
        let now = self.manners.engine.standing();
        let before = std::mem::replace(&mut self.manners.told, now);
        if before == now {
            return;
        }
        self.changed.machines.insert(self.me);
        self.changed.announce = true;
        self.tell_soon();
        let why = self.manners.because.as_ref().map(reasons::sentence).unwrap_or_default();
        let lost = std::mem::take(&mut self.manners.lost);
        let sentence = match (before, now) {
            (_, Standing::Softened) if before != Standing::Frozen => format!("work here gets less: {why}"),
            (_, Standing::Frozen) => format!("work here stands still: {why}"),
            (_, Standing::Packing) if lost.is_zero() => format!("work here goes back: {why}"),
            (_, Standing::Packing) => format!("work here goes back, {} of it are lost: {why}", about(lost)),
            (Standing::Frozen, Standing::Working | Standing::Softened) | (Standing::Softened, Standing::Working) => {
                "work here goes on as before".to_owned()
            }
            _ => {
                self.manners.lost = lost;
                return;
            }
        };
        self.notice(NoticeKind::Lending, NoticeLevel::Info, sentence, None, Some(self.me));
    }

    /// What of this machine there is for the grid, before the rules of lending.
    pub(super) fn has(&self) -> Reserve {
        let free = self.machines.load().disk_free_bytes.saturating_sub(self.spare_disk_bytes());
        Reserve { disk_mib: free >> 20, ..self.machines.settings().has(self.machines.hardware()) }
    }

    /// What is lent to jobs of this machine's owner, or of others.
    pub(super) fn lent(&self, own: bool) -> Lent {
        let settings = self.machines.settings();
        let offer = self.manners.offer();
        let side = if own { offer.own } else { offer.others };
        let (accepts, why_not) = self.accepts(own);
        // While nothing is lent people still see how much there is.
        let (share, graphics) = match side.share {
            Share::Nothing => (Share::All, true),
            share => (share, side.graphics),
        };
        let room = settings.policy.limits.lent(&self.has(), share, graphics);
        Lent { room, accepts, why_not }
    }

    /// Whether tasks of `steward`'s job count as this machine's owner's.
    pub(super) fn is_own(&self, steward: PeerId, job: JobId) -> bool {
        steward == self.me && self.homes.get(&job).is_some_and(|home| home.spec.origin == self.me)
    }
}
