//! Results that are not home yet: what people are told of them, and what happens to files that are in their way.

use gridwell_api::{
    ApiError, ChangeView, ErrorCode, InTheWay, LandRequest, LandingView, NoticeKind, NoticeLevel, Response,
};
use gridwell_ledger::{Input as LedgerInput, Stow};
use gridwell_model::{JobId, LeaseId, OutputFile, TaskKey, TaskSpan};
use gridwell_store::{Store, StoreError};

use super::{
    Core, Home,
    door::storage,
    facts::Reply,
    words::{in_the_way, place_of},
};

/// Results of one run that wait to be brought home.
#[derive(Debug)]
pub(crate) struct ResultsWait {
    /// For what, one sentence.
    why: String,
    /// Files that wait for others to make way.
    held: Vec<OutputFile>,
}

/// Under which small value it is kept what happens to files in the way of a job's results.
fn key(job: JobId) -> String {
    format!("in the way of {job}")
}

/// Remembers what is wished for files in the way; nothing is kept of the usual.
pub(crate) async fn keep_wish(store: &Store, job: JobId, wish: InTheWay) -> Result<(), StoreError> {
    match wish {
        InTheWay::Keep => store.remove_meta(&key(job)).await,
        wish => store.put_meta(&key(job), serde_json::to_vec(&wish).expect("a word is plain data")).await,
    }
}

/// What was wished for files in the way. What cannot be read makes nothing go.
pub(crate) async fn kept_wish(store: &Store, job: JobId) -> InTheWay {
    let kept = store.meta(&key(job)).await.ok().flatten();
    kept.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
}

impl Core {
    /// Changes what happens to files in the way, and tries again what waits.
    pub(super) fn land(&mut self, request: &LandRequest, reply: Reply) {
        let found = self.find(&request.job).and_then(|(job, _)| {
            let origin = self.homes[&job].spec.origin;
            if origin == self.me {
                return Ok(job);
            }
            let name = self.machines.name(origin);
            let message = format!("results of job {job} land on {name}, not on this machine");
            Err(ApiError::new(ErrorCode::WrongState, message).help(format!("ask on {name}: gridwell land {job}")))
        });
        let job = match found {
            Ok(job) => job,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        let tasks: u64 = self.held_back(job).map(|stow| u64::from(stow.tasks.len())).sum();
        // What is on its way by the former wish is tried once more.
        self.copying.coming_home.retain(|(of, ..)| *of != job);
        let home = &self.homes[&job];
        let tasks = tasks + home.results_wait.len() as u64;
        home.in_the_way.send_replace(request.in_the_way);
        self.bring_stowed_home();
        self.job_changed(job);
        let (store, wish, view) = (self.store.clone(), request.in_the_way, self.job_view(job));
        self.beside.spawn(async move {
            let answer = match (keep_wish(&store, job, wish).await, view) {
                (Ok(()), Some(job)) => Ok(Response::Changed(Box::new(ChangeView { job, tasks }))),
                (Ok(()), None) => Err(ApiError::bug("a job that is here has no view".to_owned())),
                (Err(error), _) => Err(storage(&error)),
            };
            let _gone = reply.send(answer);
        });
    }

    /// Told once for a job, until its results come home again.
    pub(crate) fn on_landing_waits(&mut self, lease: LeaseId, first: u32, why: String, held: Vec<OutputFile>) {
        let running = self.landing.contains_key(&(lease, first));
        let Some(home) = self.homes.get_mut(&lease.job).filter(|_| running) else { return };
        let sentence = format!("results of {} wait to be brought home: {why}", home.spec.name);
        let is_news = home.results_wait.is_empty();
        home.results_wait.insert((lease, first), ResultsWait { why, held });
        if is_news {
            self.notice(NoticeKind::Results, NoticeLevel::Problem, sentence, Some(lease.job), None);
        }
        self.job_changed(lease.job);
    }

    pub(super) fn tell_landing_goes_on(&mut self, lease: LeaseId, first: u32) {
        let Some(home) = self.homes.get_mut(&lease.job) else { return };
        if home.results_wait.remove(&(lease, first)).is_some() && home.results_wait.is_empty() {
            let sentence = format!("results of {} come home again", home.spec.name);
            self.notice(NoticeKind::Results, NoticeLevel::Info, sentence, Some(lease.job), None);
        }
    }

    /// Notes that these files of counted tasks wait here, because other files are in the way.
    pub(super) fn hold_back(&mut self, job: JobId, step: u32, tasks: TaskSpan, held: Vec<OutputFile>) {
        let Some(home) = self.homes.get(&job).filter(|_| !held.is_empty()) else { return };
        let sentence = format!("results of {} wait: {}", home.spec.name, in_the_way(&home.spec, &held));
        if self.held_back(job).next().is_none() {
            self.notice(NoticeKind::Results, NoticeLevel::Problem, sentence, Some(job), None);
        }
        let stow = Stow { step, tasks, peer: self.me, outputs: held };
        self.tell_ledger(LedgerInput::OutputsStowed { job, stow });
        self.job_changed(job);
    }

    /// What waits at this origin, because other files are in the way.
    fn held_back(&self, job: JobId) -> impl Iterator<Item = &Stow> {
        let mine = self.homes.get(&job).is_some_and(|home| home.spec.origin == self.me);
        self.ledger.stowed(job).filter(move |stow| mine && stow.peer == self.me)
    }

    pub(super) fn holds_back(&self, job: JobId, task: TaskKey) -> bool {
        let mine = self.homes.get(&job).is_some_and(|home| home.spec.origin == self.me);
        mine && self.ledger.stowed_of(job, task).is_some_and(|stow| stow.peer == self.me)
    }

    pub(super) fn landing_view(&self, job: JobId, home: &Home) -> LandingView {
        let waiting = home.results_wait.values();
        let held = self.held_back(job).flat_map(|stow| &stow.outputs);
        let mut held = held.chain(waiting.flat_map(|wait| &wait.held));
        let first = held.next();
        let away = self.ledger.stowed(job).filter(|stow| stow.peer != self.me || home.spec.origin != self.me);
        LandingView {
            in_the_way: *home.in_the_way.borrow(),
            held: first.map_or(0, |_| 1 + held.count() as u64),
            held_path: first.map(|file| place_of(&home.spec, file.folder, &file.path)).unwrap_or_default(),
            away: away.map(|stow| u64::from(stow.tasks.len())).sum(),
            waits: home.results_wait.values().next().map(|wait| wait.why.clone()).unwrap_or_default(),
            flaws: home.flaws.views(home),
        }
    }
}
