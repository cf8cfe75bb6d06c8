//! Sessions on this machine: opened, given tasks, heard, and cleared away.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use gridwell_exec::{Confinement, ExecEvent, Said, SessionEvent, Stop, Which};
use gridwell_job::{PathStyle, ResolveError, SessionContext, SessionRuntime};
use gridwell_model::{
    Access, ActionEnd, Checkpoint, EdgeKind, JobId, LeaseId, Limits, Reserve, SessionPlan, TaskKey, TaskSpan, Time,
};
use gridwell_wire::Message;
use gridwell_worker::{Input, SessionFailure, SessionId};

use super::{Core, checkpoints, confinement, guest::Guest, steward::sentence};
use crate::{
    clock,
    lines::Lines,
    transfer::{CollectError, SessionPlace},
};

/// Output of environments kept until a task's log can show it, in bytes: what one message carries.
const MAX_PRELUDE_BYTES: usize = Message::MAX_LOG_BYTES;

/// An open session of a guest.
pub(crate) struct Session {
    pub(super) job: JobId,
    /// The step it was opened for.
    step: u32,
    pub(super) place: SessionPlace,
    context: SessionContext,
    /// Resolvers of the steps that ran in it.
    runtimes: BTreeMap<u32, SessionRuntime>,
    pub(super) runs: BTreeMap<u64, Run>,
    /// What it does about checkpoints, if its programs leave some.
    pub(super) checkpoints: Option<checkpoints::Checkpoints>,
    /// Steps that were shown what landed before.
    shown: BTreeSet<u32>,
    /// What environments wrote before the first task: shown in that task's log.
    prelude: Vec<u8>,
    /// Its programs are kept from files that are not theirs.
    is_confined: bool,
    failed: bool,
    /// Since when it stands still, while it does.
    still_since: Option<Time>,
    /// Cores that it reserves.
    cpus: f32,
}

pub(super) struct Run {
    /// When its program started or was last saved, later by how long it stood still; absent before it runs.
    pub(super) since: Option<Time>,
    lease: LeaseId,
    step: u32,
    span: TaskSpan,
    /// Reads its output, when its recipe says how.
    lines: Option<Lines>,
    /// It wrote what programs write when the system refuses them something.
    looks_refused: bool,
}

/// The tag of a run in its session: both ends of its span.
pub(super) const fn tag(span: TaskSpan) -> u64 {
    (span.start as u64) << 32 | span.end as u64
}

impl Core {
    pub(super) fn open_session(&mut self, id: SessionId, job: JobId, step: u32, reserve: &Reserve) {
        let opened = match self.guests.get(&job) {
            Some(guest) => {
                let root = self.data.join("sessions").join(format!("{job}-{}", id.0));
                let bounds = (self.access(guest, &root), self.session_limits(&guest.spec));
                open(guest, root, (step, reserve.cpus), bounds)
            }
            None => Err(SessionFailure::Machine("the job is not known here any more".to_owned())),
        };
        let (session, plan) = match opened {
            Ok(opened) => opened,
            Err(cause) => {
                self.worker.handle(Input::SessionFailed { session: id, cause }, clock::now());
                return;
            }
        };
        self.sessions.insert(id, session);
        if let Err(error) = self.exec.open(id.0, plan) {
            self.sessions.remove(&id);
            let cause = SessionFailure::Machine(error.to_string());
            self.worker.handle(Input::SessionFailed { session: id, cause }, clock::now());
            return;
        }
        self.session_arrived(id, job, reserve);
    }

    pub(super) fn run_tasks(
        &mut self,
        id: SessionId,
        lease: LeaseId,
        step: u32,
        runs: &[TaskSpan],
        from: Option<Checkpoint>,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if let Some(guest) =
            self.guests.get(&session.job).filter(|guest| guest.steward() == self.me && guest.spec.origin == self.me)
            && let Err(error) = session.show_landed(guest, step)
        {
            // The program says best what it misses.
            tracing::warn!(%error, job = %session.job, "results of earlier steps are not shown to a later one");
        }
        let mut batch = Vec::with_capacity(runs.len());
        let mut refused = Vec::new();
        for span in runs {
            let resolved = session.runtime(self.guests.get(&session.job), step).and_then(|runtime| runtime.task(*span));
            match resolved {
                Ok(action) => {
                    let recipe = self.guests.get(&session.job).map(|guest| guest.spec.recipe.as_str());
                    let lines = recipe.and_then(|recipe| self.machines.lines(recipe, span.len()));
                    session
                        .runs
                        .insert(tag(*span), Run { since: None, lease, step, span: *span, lines, looks_refused: false });
                    batch.push((tag(*span), action));
                }
                Err(error) => refused.push((*span, sentence(&error))),
            }
        }
        for (run, reason) in refused {
            self.worker.handle(Input::TaskRefused { session: id, run, reason }, clock::now());
        }
        let prelude = std::mem::take(&mut session.prelude);
        let Some(steward) = self.guests.get(&session.job).map(|guest| guest.steward()) else {
            return;
        };
        if let Some(first) = runs.first() {
            self.send_prelude(steward, lease, TaskKey { step, index: first.start }, prelude);
        }
        if batch.is_empty() {
            return;
        }
        if self.sessions.get(&id).is_some_and(|session| session.checkpoints.is_some()) {
            for ((_, action), span) in batch.into_iter().zip(runs) {
                self.bring_checkpoint(id, (lease, step, *span), (action, steward), from);
            }
            return;
        }
        match self.exec.run(id.0, batch) {
            Ok(()) => self.works_for(steward),
            Err(_) => self.on_session_gone(id),
        }
    }

    pub(crate) fn on_exec(&mut self, batch: ExecEvent) {
        let id = SessionId(batch.session);
        let now = clock::now();
        for event in batch.events {
            let Some(session) = self.sessions.get_mut(&id) else {
                return;
            };
            match event {
                SessionEvent::Confined(confinement) => {
                    tracing::debug!(%confinement, session = id.0, "a session is kept from what is not its own");
                    session.is_confined = !matches!(confinement, Confinement::None { .. });
                }
                SessionEvent::Opened => {
                    self.worker.handle(Input::SessionOpened { session: id }, now);
                }
                SessionEvent::OpenFailed { environment, end } => {
                    session.failed = true;
                    let (job, step) = (session.job, session.step);
                    let prelude = std::mem::take(&mut session.prelude);
                    self.preludes.insert(session.job, (session.step, prelude));
                    let cause = open_failure(environment, &end);
                    self.note_own_end(job, step, false);
                    self.worker.handle(Input::SessionFailed { session: id, cause }, now);
                }
                SessionEvent::Started { tag, .. } => {
                    if let Some(run) = session.runs.get_mut(&tag) {
                        run.since = Some(now);
                        let cpus = session.cpus;
                        self.run_began(id, cpus);
                    }
                }
                SessionEvent::Yielded { wish, missed, micros, .. } => {
                    self.session_yielded(id, wish, missed, Duration::from_micros(micros));
                }
                SessionEvent::Output { tag, bytes } => self.on_output(id, tag, bytes),
                SessionEvent::Said { tag: Some(_), said: Said::Checkpoint } => self.checkpoint_said(id),
                SessionEvent::Said { tag: Some(tag), said } => {
                    if let Some(run) = session.runs.get(&tag) {
                        let (progress, status) = match said {
                            Said::Progress(percent) => (Some(percent), String::new()),
                            Said::Status(status) => (None, status),
                            Said::Checkpoint => (None, String::new()),
                        };
                        let run = run.span;
                        if let Some(percent) = progress {
                            self.session_progressed(id, percent);
                        }
                        self.worker.handle(Input::TaskProgressed { session: id, run, progress, status }, now);
                    }
                }
                SessionEvent::Said { tag: None, .. } => {}
                SessionEvent::Ended { tag, end, run_micros } => {
                    self.on_run_ended(id, tag, end, Duration::from_micros(run_micros));
                }
                SessionEvent::NotRun { tag } => {
                    if let Some(run) = session.runs.remove(&tag) {
                        self.worker.handle(Input::TaskNotRun { session: id, run: run.span }, now);
                    }
                }
                SessionEvent::Closed { problems } => {
                    for problem in problems {
                        tracing::warn!(?problem, "a session closed with a problem");
                    }
                    self.on_session_gone(id);
                }
                SessionEvent::Lost { reason, .. } => {
                    tracing::warn!(%reason, "a session was lost");
                    session.failed = true;
                    let (job, step) = (session.job, session.step);
                    self.note_own_end(job, step, false);
                    let cause = SessionFailure::Machine(reason);
                    self.worker.handle(Input::SessionFailed { session: id, cause }, now);
                    self.on_session_gone(id);
                }
            }
        }
    }

    /// A run's program ended; its recipe judges how.
    fn on_run_ended(&mut self, id: SessionId, tag: u64, end: ActionEnd, took: Duration) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let (job, cpus, Some(run)) = (session.job, session.cpus, session.runs.remove(&tag)) else { return };
        let energy = run.since.and_then(|_| self.run_took(id, cpus, took));
        let seemed_good = end == ActionEnd::Exited { code: 0 };
        let (end, told) = match run.lines {
            Some(lines) => lines.judge(end, took),
            None => (end, None),
        };
        let (is_good, task) = (end == ActionEnd::Exited { code: 0 }, TaskKey { step: run.step, index: run.span.start });
        if let Some((told, steward)) = told.zip(self.guests.get(&job).map(Guest::steward)) {
            self.send_log(steward, run.lease, task, format!("gridwell: {told}\n").into_bytes());
        }
        if end != ActionEnd::Cancelled {
            self.note_own_end(job, run.step, is_good);
        }
        if !seemed_good && run.looks_refused {
            self.say_confinement(id, (run.lease, task), &end);
        }
        if seemed_good && !is_good {
            // The runner took it for a success: its session ends as after any other failure.
            log_exec(self.exec.cancel(id.0, Stop { which: Which::All, notice_limit: None }));
            log_exec(self.exec.close(id.0));
        }
        let ended = Input::TaskEnded { session: id, run: run.span, end, took, energy };
        self.checkpointed_ended(id, ended, run.since, is_good);
    }

    /// Says in the log of a run that failed what its program could not touch.
    fn say_confinement(&mut self, id: SessionId, (lease, task): (LeaseId, TaskKey), end: &ActionEnd) {
        let failed_by_itself =
            matches!(end, ActionEnd::Exited { .. } | ActionEnd::Signalled { .. } | ActionEnd::SaidFail { .. });
        let session = self.sessions.get(&id).filter(|_| failed_by_itself);
        if let Some(guest) = session.and_then(|session| self.guests.get(&session.job)) {
            let (steward, words) = (guest.steward(), confinement::words(&guest.spec));
            self.send_log(steward, lease, task, words.into_bytes());
        }
    }

    /// A session's last event came: its folder goes, and the engine hears of it unless it knows already.
    pub(super) fn on_session_gone(&mut self, id: SessionId) {
        if self.is_taking_last(id) {
            return self.session_left(id);
        }
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
        self.run_is_gone(id);
        self.session_left(id);
        if !session.failed {
            self.worker.handle(Input::SessionClosed { session: id }, clock::now());
        }
        let root = session.place.root().to_owned();
        self.beside.spawn_blocking(move || {
            if let Err(error) = std::fs::remove_dir_all(&root)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(%error, path = %root.display(), "a session's folder was not removed");
            }
        });
    }

    fn on_output(&mut self, id: SessionId, tag: Option<u64>, bytes: Vec<u8>) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        // What environments write belongs to the task that comes next.
        let Some(run) = tag.and_then(|tag| session.runs.get_mut(&tag)) else {
            let room = MAX_PRELUDE_BYTES.saturating_sub(session.prelude.len());
            session.prelude.extend_from_slice(&bytes[..bytes.len().min(room)]);
            return;
        };
        let task = TaskKey { step: run.step, index: run.span.start };
        let (job, lease, span) = (session.job, run.lease, run.span);
        run.looks_refused = run.looks_refused || session.is_confined && confinement::looks_refused(&bytes);
        if let Some(said) = run.lines.as_mut().and_then(|lines| lines.read(&bytes)) {
            let status = said.status.unwrap_or_default();
            let input = Input::TaskProgressed { session: id, run: span, progress: said.percent, status };
            self.worker.handle(input, clock::now());
            if let Some(percent) = said.percent {
                self.session_progressed(id, percent);
            }
        }
        let Some(steward) = self.guests.get(&job).map(|guest| guest.steward()) else {
            return;
        };
        self.send_log(steward, lease, task, bytes);
    }
}

impl Session {
    /// How long what runs in it has run: lost, if it ends now.
    pub(super) fn at_stake(&self, now: Time) -> Duration {
        let now = self.still_since.unwrap_or(now);
        self.runs.values().filter_map(|run| Some(now.since(run.since?))).sum()
    }

    /// It stands still from now on, or goes on.
    pub(super) fn stand_still(&mut self, still: bool, now: Time) {
        if still {
            self.still_since.get_or_insert(now);
        } else if let Some(since) = self.still_since.take() {
            let stood = now.since(since);
            self.runs.values_mut().for_each(|run| run.since = run.since.map(|since| since + stood));
        }
    }

    /// Shows a step what earlier ones landed: once if it waited for all of them, before each run if task waits for task.
    fn show_landed(&mut self, guest: &Guest, step: u32) -> Result<(), CollectError> {
        let after = guest.spec.steps.get(step as usize).map_or(&[][..], |step| &step.after);
        let grows = after.iter().any(|edge| edge.kind == EdgeKind::SameIndex);
        if after.is_empty() || !grows && !self.shown.insert(step) {
            return Ok(());
        }
        self.place.show_landed(&guest.spec)
    }

    /// The resolver of `step` in this session; made when the first task of that step runs here.
    fn runtime(&mut self, guest: Option<&Guest>, step: u32) -> Result<&mut SessionRuntime, ResolveError> {
        if !self.runtimes.contains_key(&step)
            && let Some(guest) = guest
        {
            self.runtimes.insert(step, guest.plan.session(step, &self.context)?);
        }
        self.runtimes.get_mut(&step).ok_or(ResolveError::NoStep { step, count: 0 })
    }
}

pub(super) fn log_exec(result: Result<(), gridwell_exec::ExecError>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a session was not there");
    }
}

fn open(
    guest: &Guest,
    root: PathBuf,
    (step, cpus): (u32, f32),
    (access, limits): (Access, Limits),
) -> Result<(Session, SessionPlan), SessionFailure> {
    let place = SessionPlace::new(root);
    let machine = |error: std::io::Error| SessionFailure::Machine(format!("the session's folder: {error}"));
    let mut paths = place.prepare(&guest.spec).map_err(machine)?;
    paths.extend(guest.rules.iter().cloned());
    let context = SessionContext { folder: place.work(), style: PathStyle::host(), paths, variables: Vec::new() };
    let runtime = guest.plan.session(step, &context).map_err(|error| SessionFailure::Template(sentence(&error)))?;
    let continues = guest.spec.session.continues;
    let folder = continues.then(|| place.checkpoint().to_string_lossy().into_owned());
    let folder = folder.map(|folder| (checkpoints::FOLDER_VARIABLE.to_owned(), folder));
    let variables = [place.home_variable()].into_iter().chain(folder);
    let plan = SessionPlan {
        folder: place.work(),
        variables: variables.chain(runtime.variables().iter().cloned()).collect(),
        environments: runtime.environments().to_vec(),
        limits,
        stuck_after: guest.spec.session.stuck_secs.map(|secs| Duration::from_secs(secs.into())),
        access: Some(access),
    };
    let session = Session {
        job: guest.spec.id,
        step,
        place,
        context,
        runtimes: BTreeMap::from([(step, runtime)]),
        runs: BTreeMap::new(),
        checkpoints: continues.then(Default::default),
        shown: BTreeSet::new(),
        prelude: Vec::new(),
        is_confined: false,
        failed: false,
        still_since: None,
        cpus,
    };
    Ok((session, plan))
}

fn open_failure(environment: Option<String>, end: &ActionEnd) -> SessionFailure {
    match (environment, end) {
        (Some(name), ActionEnd::NotStarted { reason, .. } | ActionEnd::SaidFail { reason }) => {
            SessionFailure::Environment(format!("environment '{name}': {reason}"))
        }
        (Some(name), ActionEnd::Exited { code }) => {
            SessionFailure::Environment(format!("environment '{name}' ended with exit code {code}"))
        }
        (Some(name), end) => SessionFailure::Environment(format!("environment '{name}' failed: {end:?}")),
        (None, ActionEnd::NotStarted { reason, .. }) => SessionFailure::Machine(reason.clone()),
        (None, end) => SessionFailure::Machine(format!("the session did not open: {end:?}")),
    }
}
