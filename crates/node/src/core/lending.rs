//! Whether and how this machine lends: what a person set, kept over restarts; pauses that end by themselves.

use std::time::Duration;

use gridwell_api::{ApiError, ErrorCode, NoticeKind, NoticeLevel, Response, SetRequest};
use gridwell_courtesy::{Flag, Objection, Scope, Share, Yield};
use gridwell_model::{Leaning, MOST_HOPS, PeerId, Stamp, Time, Tuning};
use gridwell_sched::Input as SchedInput;
use gridwell_store::{Store, StoreError};
use gridwell_worker::Input as WorkerInput;
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::{Core, door::storage, facts::Reply, isolation::MOST_PATIENCE, machines::Settings, reasons, words::about};
use crate::clock;

/// Longest pause: beyond a month a person means "until I say so".
const MAX_PAUSE: Duration = Duration::from_hours(31 * 24);

/// What to do instead of a longer pause.
const FOR_GOOD: &str = "pause until you say so: gridwell drain";

/// Longest name of a machine, in characters: it has to fit into a line.
const NAME_CHARS: usize = 64;

/// Longest key or value of a label, in bytes.
const LABEL_BYTES: usize = 100;

/// How long no task of another machine has to start here before people hear again that one does.
const WORKS_AGAIN: Duration = Duration::from_hours(1);

/// Changed settings that may wait to be kept; a person makes one at a time.
const CHANGES: usize = 64;

/// A pause that ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pause {
    /// By the wall clock: it also goes on while the machine sleeps or the node does not run.
    pub(crate) until: Stamp,
    /// How long it was asked to last, in milliseconds: it never lasts longer, even if the clock is set back.
    length_ms: u64,
    /// What happens to what runs here.
    #[serde(default)]
    pub(super) how: Yield,
}

/// What time does to a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    Nothing,
    /// The wall clock was set back: it ends later by that clock.
    Moved(Pause),
    Over,
}

impl Pause {
    pub(super) fn new(length: Duration, how: Yield, now: Stamp) -> Self {
        let length_ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        Self { until: Stamp(now.0.saturating_add(length_ms)), length_ms, how }
    }

    pub(super) fn left_ms(self, now: Stamp) -> u64 {
        self.until.0.saturating_sub(now.0)
    }

    fn at(self, now: Stamp) -> Change {
        match self.left_ms(now) {
            0 => Change::Over,
            left if left > self.length_ms => {
                Change::Moved(Self { until: Stamp(now.0.saturating_add(self.length_ms)), ..self })
            }
            _ => Change::Nothing,
        }
    }
}

/// A pause has an end that people can wait for.
pub(super) fn too_long(pause: Duration) -> Result<(), ApiError> {
    if pause <= MAX_PAUSE {
        return Ok(());
    }
    let (secs, days) = (pause.as_secs(), MAX_PAUSE.as_secs() / 86_400);
    let message = format!("a pause of {secs} s is longer than {days} days");
    Err(ApiError::new(ErrorCode::BadValue, message).help(FOR_GOOD))
}

impl Settings {
    /// When lending goes on by itself; nothing while its owner keeps it paused for good.
    pub(super) fn paused_until(&self) -> Option<Stamp> {
        self.pause.filter(|_| self.lend).map(|pause| pause.until)
    }
}

/// Keeps settings, members and invites in the order in which they changed, and says when they are kept.
pub(crate) type Keeper = mpsc::Sender<Keep>;

/// What is to be kept, and under which key.
pub(crate) struct Keep {
    key: &'static str,
    value: Vec<u8>,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// Starts the task that keeps them, one after the other.
pub(crate) fn keeper(store: Store, beside: &TaskTracker) -> Keeper {
    let (changes, mut inlet) = mpsc::channel::<Keep>(CHANGES);
    beside.spawn(async move {
        while let Some(Keep { key, value, answer }) = inlet.recv().await {
            let kept = store.put_meta(key, value).await;
            if let Err(error) = &kept {
                tracing::error!(%error, key, "a change was not kept");
            }
            // Nobody waits: it changed by itself.
            let _ = answer.send(kept);
        }
    });
    changes
}

impl Core {
    /// Whether this machine takes tasks of its owner's jobs, or of others, and why not.
    pub(crate) fn accepts(&self, own: bool) -> (bool, String) {
        let offer = self.manners.offer();
        let side = if own { offer.own } else { offer.others };
        if let Some(leaving) = &self.leaving {
            (false, leaving.word().to_owned())
        } else if !own && self.own.is_sick {
            (false, self.own_sick_words())
        } else if self.has().cpus <= 0.0 {
            (false, "it lends no cores".to_owned())
        } else if side.share == Share::Nothing {
            (false, self.why_nothing(own))
        } else {
            (true, String::new())
        }
    }

    /// What is most against lending to that side.
    fn why_nothing(&self, own: bool) -> String {
        let for_side = |objection: &&Objection| match objection.scope {
            Scope::Everyone => true,
            Scope::Others => !own,
            Scope::Graphics | Scope::Desktop => false,
        };
        let objections = self.manners.engine.objections().iter().filter(for_side);
        match objections.max_by_key(|objection| (objection.reason.flag() == Flag::Manual, objection.rung)) {
            Some(objection) => reasons::sentence(&objection.reason),
            None if !own && self.machines.settings().policy.only_mine => {
                "it works for jobs of its owner alone".to_owned()
            }
            None => "it was in use just now".to_owned(),
        }
    }

    /// When the pause ends, as far as the wall clock tells now.
    pub(super) fn pause_due(&self) -> Option<Time> {
        let pause = self.machines.settings().pause?;
        Some(clock::now() + Duration::from_millis(pause.left_ms(clock::stamp())))
    }

    /// Ends a pause whose time is over, and follows a clock that was set back.
    pub(crate) fn follow_pause(&mut self) {
        let Some(pause) = self.machines.settings().pause else {
            return;
        };
        let left = match pause.at(clock::stamp()) {
            Change::Nothing => return,
            Change::Moved(moved) => Some(moved),
            Change::Over => None,
        };
        self.machines.settings_mut().pause = left;
        self.follow_owner();
        if left.is_none() && self.machines.settings().lend {
            self.lending_notice("lending goes on: the pause is over".to_owned());
        }
        self.lending_changed();
        drop(self.keep_settings());
    }

    /// Changes what a person asks for, all or nothing; the answer goes back once it is kept.
    pub(super) fn set(&mut self, request: SetRequest, reply: Reply) {
        let awaited: Result<Vec<_>, ApiError> =
            request.awaited.iter().map(|(name, on)| Ok((self.find_machine(name)?, *on))).collect();
        let changed = self.check(&request).and_then(|leanings| Ok((leanings, awaited?)));
        let changed = changed.map(|(leanings, awaited)| {
            self.await_machines(awaited);
            self.apply(request, leanings);
        });
        let kept = match changed {
            Ok(()) => self.keep_settings(),
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let view = self.machine_view(self.me);
        self.beside.spawn(async move {
            let kept = kept.await.unwrap_or(Err(StoreError::Closed));
            let answer = kept.map_err(|error| storage(&error)).and_then(|()| {
                let view = view.ok_or_else(|| ApiError::bug("this machine is unknown to itself"))?;
                Ok(Response::Machine(Box::new(view)))
            });
            let _gone = reply.send(answer);
        });
    }

    /// What is wanted of which machines, if the whole request makes sense.
    fn check(&self, request: &SetRequest) -> Result<Vec<(PeerId, Option<Leaning>)>, ApiError> {
        let bad = |message: String| Err(ApiError::new(ErrorCode::BadValue, message));
        let word = |text: &str| !text.is_empty() && text.len() <= LABEL_BYTES && !text.contains(char::is_control);
        let bad_label = request.labels.iter().find(|(key, value)| !word(key) || !value.as_deref().is_none_or(word));
        if let Some((key, _)) = bad_label {
            return bad(format!("label '{key}' is empty, too long or unprintable"));
        }
        if let Some(name) = &request.name
            && plain_name(name).as_deref() != Some(name.trim())
        {
            return bad(format!("a name has 1 to {NAME_CHARS} characters, none of them control characters"));
        }
        too_long(Duration::from_secs(request.pause_secs.unwrap_or(0)))?;
        if let Some(secs) = request.isolated_after_secs
            && !(1..=MOST_PATIENCE.as_secs()).contains(&secs)
        {
            return bad(format!("nobody reachable for {secs} s: from 1 second to a day can be told"));
        }
        if let Some(reach) = request.reach
            && !(1..=MOST_HOPS as u32).contains(&reach)
        {
            return bad(format!("a job cannot reach over {reach} links: 1 to {MOST_HOPS} are travelled"));
        }
        self.check_cores(request.lend_cpus)?;
        let leaned = request.leanings.iter().map(|(name, leaning)| Ok((self.find_machine(name)?, *leaning)));
        leaned.collect()
    }

    /// A machine has so many cores.
    pub(super) fn check_cores(&self, cpus: Option<f32>) -> Result<(), ApiError> {
        let cores = self.machines.hardware().cpu_count;
        match cpus {
            Some(cpus) if !(0.0..=cores as f32).contains(&cpus) => {
                let message = format!("this machine has {cores} cores: it cannot lend {cpus}");
                Err(ApiError::new(ErrorCode::BadValue, message))
            }
            _ => Ok(()),
        }
    }

    /// Whoever is there already is not waited for.
    fn await_machines(&mut self, machines: Vec<(PeerId, bool)>) {
        for (peer, on) in machines {
            let is_away = self.machines.others().get(&peer).is_some_and(|machine| !machine.online);
            let awaited = &mut self.machines.settings_mut().awaited;
            _ = if on && is_away { awaited.insert(peer) } else { awaited.remove(&peer) };
            self.changed.machines.insert(peer);
        }
    }

    fn apply(&mut self, request: SetRequest, leanings: Vec<(PeerId, Option<Leaning>)>) {
        let before = self.machines.settings().clone();
        let settings = self.machines.settings_mut();
        if let Some(lend) = request.lend {
            settings.lend = lend;
            settings.pause = settings.pause.filter(|_| !lend);
        }
        if let Some(secs) = request.pause_secs {
            settings.pause = (secs > 0).then(|| Pause::new(Duration::from_secs(secs), Yield::Soften, clock::stamp()));
        }
        settings.lend_cpus = request.lend_cpus.or(settings.lend_cpus);
        let Tuning { weight, strategy, sharpness } = settings.tuning;
        settings.tuning = Tuning {
            weight: request.weight.unwrap_or(weight),
            strategy: request.strategy.unwrap_or(strategy),
            sharpness: request.sharpness.unwrap_or(sharpness),
        };
        settings.isolated_after_secs = request.isolated_after_secs.or(settings.isolated_after_secs);
        settings.copies_bytes = request.copies_bytes.unwrap_or(settings.copies_bytes);
        settings.share_copies_bytes = request.share_copies_bytes.or(settings.share_copies_bytes);
        settings.nearby = request.nearby.unwrap_or(settings.nearby);
        settings.relay = request.relay.unwrap_or(settings.relay);
        settings.reach = request.reach.unwrap_or(settings.reach);
        settings.watts = request.watts.unwrap_or(settings.watts);
        settings.tariff = request.tariff.unwrap_or(settings.tariff);
        if let Some(name) = &request.name {
            name.trim().clone_into(&mut settings.name);
        }
        for (key, value) in request.labels {
            match value {
                Some(value) => settings.labels.insert(key, value),
                None => settings.labels.remove(&key),
            };
        }
        for (peer, leaning) in leanings {
            match leaning {
                Some(leaning) => settings.leanings.insert(peer, leaning),
                None => settings.leanings.remove(&peer),
            };
            self.changed.machines.insert(peer);
        }
        if self.machines.settings().copies_bytes > before.copies_bytes {
            self.copy_all_inputs();
        }
        self.tree.copies.limit(self.machines.settings().share_copies_bytes);
        self.tell_of_settings(&before);
        self.follow_travel(&before);
        self.tune();
        self.follow_isolation();
        self.follow_lending(&before);
    }

    /// The scheduler hears how machines are chosen now.
    pub(crate) fn tune(&mut self) {
        let Tuning { strategy, sharpness, .. } = self.machines.settings().tuning;
        let leanings = self.machines.settings().leanings.clone();
        self.sched.handle(SchedInput::Tuned { strategy, sharpness }, clock::now());
        self.sched.handle(SchedInput::Leaned { leanings }, clock::now());
    }

    /// Tells people what changed, and other machines a new name.
    pub(super) fn tell_of_settings(&mut self, before: &Settings) {
        let after = self.machines.settings();
        let (was, is) = ((before.lend, before.pause), (after.lend, after.pause));
        let sentence = match is {
            _ if was == is => None,
            (false, _) => before.lend.then(|| "lending is paused".to_owned()),
            (true, Some(pause)) => {
                let length = Duration::from_millis(pause.left_ms(clock::stamp()));
                Some(format!("lending is paused for {}", about(length)))
            }
            (true, None) => Some("lending goes on".to_owned()),
        };
        let renamed = (before.name != after.name).then(|| format!("{} is now called {}", before.name, after.name));
        if let Some(sentence) = sentence {
            self.lending_notice(sentence);
        }
        if let Some(sentence) = renamed {
            self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, None, Some(self.me));
            // Linked machines hear it with the next announcement.
            self.set_hello();
        }
    }

    fn lending_notice(&mut self, sentence: String) {
        self.notice(NoticeKind::Lending, NoticeLevel::Info, sentence, None, Some(self.me));
    }

    /// Tasks of `steward` start here: people hear of it when this machine worked for nobody else for a while.
    pub(super) fn works_for(&mut self, steward: PeerId) {
        if steward == self.me {
            return;
        }
        let now = clock::now();
        let before = self.worked_for_others.replace(now);
        if before.is_none_or(|before| now >= before + WORKS_AGAIN) {
            let sentence = format!("this machine works for {}", self.machines.name(steward));
            self.notice(NoticeKind::Lending, NoticeLevel::Info, sentence, None, Some(steward));
        }
    }

    /// The engine hears of what changed for it; all others of the rest.
    pub(super) fn follow_lending(&mut self, before: &Settings) {
        let after = self.machines.settings();
        let rules =
            |settings: &Settings| (settings.lend, settings.pause, settings.policy.clone(), settings.kept_back.clone());
        if rules(before) != rules(after) {
            self.follow_owner();
        }
        self.lending_changed();
    }

    /// The machine's settings changed: the worker, the scheduler and the others hear of it.
    pub(crate) fn lending_changed(&mut self) {
        self.worker_hears_of_lending();
        self.announce();
        self.changed.machines.insert(self.me);
        self.tell_soon();
    }

    pub(super) fn worker_hears_of_lending(&mut self) {
        let (others, own) = (self.lent(false), self.lent(true));
        self.worker.handle(WorkerInput::LendingChanged { others, own }, clock::now());
    }

    /// Keeps the settings as they are now; returns who says when they are kept.
    pub(crate) fn keep_settings(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        let settings = serde_json::to_vec(self.machines.settings()).expect("settings are plain data");
        self.keep(Settings::KEY, settings)
    }

    /// Keeps a value: what is asked for later is written later.
    pub(super) fn keep(&self, key: &'static str, value: Vec<u8>) -> oneshot::Receiver<Result<(), StoreError>> {
        let (answer, kept) = oneshot::channel();
        if self.keeper.try_send(Keep { key, value, answer }).is_err() {
            tracing::warn!(key, "too many changes wait to be kept");
        }
        kept
    }
}

/// A name that others may show: trimmed, within the limit; `None` if nothing of that kind is in it.
pub(super) fn plain_name(text: &str) -> Option<String> {
    let name: String = text.trim().chars().filter(|c| !c.is_control()).take(NAME_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

impl Core {
    /// Another machine says what it is called.
    pub(super) fn on_named(&mut self, peer: PeerId, name: &str) {
        let Some(name) = plain_name(name) else {
            return;
        };
        let before = self.machines.name(peer);
        let machine = self.machines.other_mut(peer);
        if machine.name == name {
            return;
        }
        let renamed = !std::mem::replace(&mut machine.name, name.clone()).is_empty();
        if renamed {
            let sentence = format!("{before} is now called {name}");
            self.notice(NoticeKind::Machine, NoticeLevel::Info, sentence, None, Some(peer));
        }
        self.link_changed(peer);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const HOUR_MS: u64 = 3_600_000;

    #[test]
    fn a_pause_ends_by_the_wall_clock_however_long_the_machine_slept() {
        let pause = Pause::new(HOUR, Yield::Soften, Stamp(5_000));
        assert_eq!(pause.at(Stamp(5_000)), Change::Nothing);
        assert_eq!(pause.at(Stamp(4_999 + HOUR_MS)), Change::Nothing);
        assert_eq!(pause.at(Stamp(5_000 + HOUR_MS)), Change::Over);
        assert_eq!(pause.at(Stamp(5_000 + 99 * HOUR_MS)), Change::Over);
    }

    #[test]
    fn a_clock_that_is_set_back_makes_no_pause_longer_than_asked() {
        let pause = Pause::new(HOUR, Yield::Soften, Stamp(100 * HOUR_MS));
        let Change::Moved(moved) = pause.at(Stamp(7 * HOUR_MS)) else { panic!("it would last for days") };
        assert_eq!(moved.until, Stamp(8 * HOUR_MS));
        assert_eq!(moved.at(Stamp(7 * HOUR_MS)), Change::Nothing);
        assert_eq!(moved.at(Stamp(8 * HOUR_MS)), Change::Over);
    }

    #[test]
    fn a_pause_for_good_is_stronger_than_a_timed_one() {
        let settings = |lend, pause| Settings { lend, pause, ..Settings::named("mill") };
        let pause = Some(Pause::new(HOUR, Yield::Soften, Stamp(0)));
        assert_eq!(settings(true, pause).paused_until(), Some(Stamp(HOUR_MS)));
        assert_eq!(settings(false, pause).paused_until(), None);
    }

    #[test]
    fn settings_of_an_earlier_version_are_understood() {
        let kept = r#"{"name":"mill","labels":{},"lend":true,"lend_cpus":null,"score":1.5}"#;
        let settings: Settings = serde_json::from_str(kept).unwrap();
        assert_eq!(settings.pause, None);
    }

    #[test]
    fn names_from_elsewhere_are_made_plain() {
        assert_eq!(plain_name("  mill\u{1b}[2J\n "), Some("mill[2J".to_owned()));
        assert_eq!(plain_name(" \n\u{7} "), None);
        assert_eq!(plain_name(&"x".repeat(99)), Some("x".repeat(NAME_CHARS)));
    }
}
