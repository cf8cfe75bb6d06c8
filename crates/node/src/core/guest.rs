//! This machine as a worker: what the worker engine wishes, and what sessions say.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use gridwell_exec::{ExecEvent, Said, SessionEvent, Stop, Which};
use gridwell_job::{JobPlan, PathRule, PathStyle, ResolveError, SessionContext, SessionRuntime};
use gridwell_model::{
    ActionEnd, AttemptEnd, BlobId, EdgeKind, FailureKind, JobId, JobSpec, LeaseId, Limits, PeerId, SessionPlan,
    TaskKey, TaskResult, TaskSpan,
};
use gridwell_store::BlobHold;
use gridwell_wire::{LogChunk, Message, Renewal};
use gridwell_worker::{Effect, Input, SessionFailure, SessionId, SpecView, StepView};

use super::{Core, Fact, steward::sentence};
use crate::{
    clock,
    lines::Lines,
    transfer::{CollectError, Collected, SessionPlace, Transfer, TransferError},
};

/// Largest job spec that is read from another machine: a template of 1 MiB and a long list of inputs.
const MAX_SPEC_BYTES: u64 = 32 * 1024 * 1024;

/// A job whose tasks run here.
pub(crate) struct Guest {
    spec: Arc<JobSpec>,
    plan: Arc<JobPlan>,
    steward: PeerId,
    /// Where its inputs lie here; known once they are staged.
    rules: Vec<PathRule>,
}

impl Guest {
    /// Whose job it is.
    pub(crate) const fn steward(&self) -> PeerId {
        self.steward
    }
}

/// An open session of a guest.
pub(crate) struct Session {
    job: JobId,
    /// The step it was opened for.
    step: u32,
    place: SessionPlace,
    context: SessionContext,
    /// Resolvers of the steps that ran in it.
    runtimes: BTreeMap<u32, SessionRuntime>,
    runs: BTreeMap<u64, Run>,
    /// Steps that were shown what landed before.
    shown: BTreeSet<u32>,
    /// What environments wrote before the first task: shown in that task's log.
    prelude: Vec<u8>,
    failed: bool,
}

struct Run {
    lease: LeaseId,
    step: u32,
    span: TaskSpan,
    /// Reads its output, when its recipe says how.
    lines: Option<Lines>,
}

/// Output blobs of one run, held until the steward has settled it.
pub(crate) struct Held {
    tasks: TaskSpan,
    blobs: Vec<BlobHold>,
}

/// Output of environments kept until a task's log can show it, in bytes: what one message carries.
const MAX_PRELUDE_BYTES: usize = Message::MAX_LOG_BYTES;

/// Leases and running tasks in one heartbeat: some 20 and at most 250 bytes each, well within a frame.
const LEASES_PER_RENEWAL: usize = 1_000;
const RUNNING_PER_RENEWAL: usize = 100;

/// The tag of a run in its session: both ends of its span.
const fn tag(span: TaskSpan) -> u64 {
    (span.start as u64) << 32 | span.end as u64
}

impl Core {
    pub(crate) fn carry_worker(&mut self, effect: Effect) {
        match effect {
            Effect::Accept { steward, lease } => self.tell_steward(steward, Message::Accept { lease }),
            Effect::Decline { steward, lease, why } => self.tell_steward(steward, Message::Decline { lease, why }),
            Effect::Renew { steward, renewal } => self.renew(steward, renewal),
            Effect::Report { steward, lease, results } => self.report(steward, lease, results),
            Effect::FetchSpec { job, spec, spec_bytes, from } => self.fetch_spec(job, spec, spec_bytes, from),
            Effect::FetchInputs { job, from } => self.fetch_inputs(job, from),
            Effect::OpenSession { session, job, step, reserve: _ } => self.open_session(session, job, step),
            Effect::RunTasks { session, lease, step, runs } => self.run_tasks(session, lease, step, &runs),
            Effect::CancelTasks { session, runs } => {
                let which = Which::Tags(runs.into_iter().map(tag).collect());
                let stopped = self.exec.cancel(session.0, Stop { which, notice_limit: None });
                log_exec(stopped);
            }
            Effect::CloseSession { session } => {
                log_exec(self.exec.cancel(session.0, Stop { which: Which::All, notice_limit: None }));
                if self.exec.close(session.0).is_err() {
                    self.on_session_gone(session);
                }
            }
            Effect::CollectOutputs { session, lease, run } => self.collect(session, lease, run),
            Effect::DropOutputs { lease, tasks } => self.drop_outputs(lease, &tasks),
            Effect::ForgetJob { job } => self.forget_guest(job),
            Effect::FreeChanged { .. } => {
                self.changed.announce = true;
                self.changed.machines.insert(self.me);
                self.tell_soon();
            }
        }
    }

    /// Hands a message of this worker to a steward, here or on a link. What is lost on a broken link is said again by
    /// the engine when the steward is back.
    fn tell_steward(&mut self, steward: PeerId, message: Message) {
        if steward == self.me {
            self.on_worker_message(self.me, message);
        } else if let Err(error) = self.net.send(steward, &message) {
            tracing::debug!(%error, "a message to a steward was not sent");
        }
    }

    /// Sends a heartbeat in as many messages as frames ask for.
    fn renew(&mut self, steward: PeerId, renewal: Renewal) {
        let Renewal { leases, running } = renewal;
        let count = leases.len().div_ceil(LEASES_PER_RENEWAL).max(running.len().div_ceil(RUNNING_PER_RENEWAL)).max(1);
        let (mut leases, mut running) = (leases.into_iter(), running.into_iter());
        for _ in 0..count {
            let renewal = Renewal {
                leases: leases.by_ref().take(LEASES_PER_RENEWAL).collect(),
                running: running.by_ref().take(RUNNING_PER_RENEWAL).collect(),
            };
            self.tell_steward(steward, Message::Renew(renewal));
        }
    }

    /// Shows what environments wrote in the log of a task.
    fn send_prelude(&mut self, steward: PeerId, lease: LeaseId, task: TaskKey, bytes: Vec<u8>) {
        if !bytes.is_empty() {
            self.send_log(steward, LogChunk { job: lease.job, task, fence: lease.fence, bytes });
        }
    }

    /// Sends results in as many messages as frames ask for.
    fn report(&mut self, steward: PeerId, lease: LeaseId, mut results: Vec<TaskResult>) {
        let by_environment =
            |result: &&TaskResult| matches!(&result.end, AttemptEnd::Failed { kind: FailureKind::Environment, .. });
        if let Some(failed) = results.iter().find(by_environment)
            && let Some((step, prelude)) = self.preludes.remove(&lease.job)
        {
            self.send_prelude(steward, lease, TaskKey { step, index: failed.tasks.start }, prelude);
        }
        if steward == self.me {
            self.on_report(self.me, lease, results);
            return;
        }
        let files: usize = results.iter().map(|result| result.outputs.len()).sum();
        if files > FILES_PER_REPORT && results.len() > 1 {
            let rest = results.split_off(results.len() / 2);
            self.report(steward, lease, results);
            self.report(steward, lease, rest);
        } else {
            self.tell_steward(steward, Message::Report { lease, results });
        }
    }

    fn fetch_spec(&mut self, job: JobId, spec: BlobId, spec_bytes: u64, from: PeerId) {
        if let Some(home) = self.homes.get(&job).filter(|_| from == self.me) {
            let read = Ok((Arc::clone(&home.spec), Arc::clone(&home.plan)));
            self.on_spec_read(job, from, read);
            return;
        }
        let transfer = self.transfer.clone();
        self.spawn(async move {
            let read = read_spec(&transfer, job, spec, spec_bytes, from).await;
            Fact::SpecRead(job, from, read)
        });
    }

    pub(crate) fn on_spec_read(
        &mut self,
        job: JobId,
        steward: PeerId,
        read: Result<(Arc<JobSpec>, Arc<JobPlan>), String>,
    ) {
        let input = match read {
            Ok((spec, plan)) => {
                let view = spec_view(&spec, &plan, steward == self.me);
                self.guests.insert(job, Guest { spec, plan, steward, rules: Vec::new() });
                Input::SpecReady { job, spec: view }
            }
            Err(reason) => Input::SpecFailed { job, reason },
        };
        self.worker.handle(input, clock::now());
    }

    fn fetch_inputs(&mut self, job: JobId, from: PeerId) {
        let Some(guest) = self.guests.get(&job) else {
            return;
        };
        let (transfer, spec, root) = (self.transfer.clone(), Arc::clone(&guest.spec), self.staged(job));
        self.spawn(async move { Fact::Staged(job, transfer.stage(&spec, &root, from).await) });
    }

    pub(crate) fn on_staged(&mut self, job: JobId, result: Result<Vec<PathRule>, TransferError>) {
        let input = match (result, self.guests.get_mut(&job)) {
            (Ok(rules), Some(guest)) => {
                guest.rules = rules;
                Input::InputsReady { job }
            }
            (Ok(_), None) => return,
            (Err(error), _) => Input::InputsFailed { job, reason: sentence(&error) },
        };
        self.worker.handle(input, clock::now());
    }

    fn staged(&self, job: JobId) -> PathBuf {
        self.data.join("jobs").join(job.to_string())
    }

    fn open_session(&mut self, id: SessionId, job: JobId, step: u32) {
        let opened = match self.guests.get(&job) {
            Some(guest) => {
                let root = self.data.join("sessions").join(format!("{job}-{}", id.0));
                open(guest, root, step)
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
        }
    }

    fn run_tasks(&mut self, id: SessionId, lease: LeaseId, step: u32, runs: &[TaskSpan]) {
        let Some(session) = self.sessions.get_mut(&id) else {
            return;
        };
        if let Some(guest) = self.guests.get(&session.job).filter(|guest| guest.steward == self.me)
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
                    session.runs.insert(tag(*span), Run { lease, step, span: *span, lines });
                    batch.push((tag(*span), action));
                }
                Err(error) => refused.push((*span, sentence(&error))),
            }
        }
        for (run, reason) in refused {
            self.worker.handle(Input::TaskRefused { session: id, run, reason }, clock::now());
        }
        let prelude = std::mem::take(&mut session.prelude);
        let Some(steward) = self.guests.get(&session.job).map(|guest| guest.steward) else {
            return;
        };
        if let Some(first) = runs.first() {
            self.send_prelude(steward, lease, TaskKey { step, index: first.start }, prelude);
        }
        if batch.is_empty() {
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
                SessionEvent::Opened => {
                    self.worker.handle(Input::SessionOpened { session: id }, now);
                }
                SessionEvent::OpenFailed { environment, end } => {
                    session.failed = true;
                    let prelude = std::mem::take(&mut session.prelude);
                    self.preludes.insert(session.job, (session.step, prelude));
                    let cause = open_failure(environment, &end);
                    self.worker.handle(Input::SessionFailed { session: id, cause }, now);
                }
                SessionEvent::Started { .. } => {}
                SessionEvent::Output { tag, bytes } => self.on_output(id, tag, bytes),
                SessionEvent::Said { tag: Some(tag), said } => {
                    if let Some(run) = session.runs.get(&tag) {
                        let (progress, status) = match said {
                            Said::Progress(percent) => (Some(percent), String::new()),
                            Said::Status(status) => (None, status),
                        };
                        let run = run.span;
                        self.worker.handle(Input::TaskProgressed { session: id, run, progress, status }, now);
                    }
                }
                SessionEvent::Said { tag: None, .. } => {}
                SessionEvent::Ended { tag, end, run_micros } => {
                    if let Some(run) = session.runs.remove(&tag) {
                        let good = end == ActionEnd::Exited { code: 0 };
                        let end = match run.lines {
                            Some(lines) => lines.judge(end),
                            None => end,
                        };
                        if good && end != (ActionEnd::Exited { code: 0 }) {
                            // The runner took it for a success: its session ends as after any other failure.
                            log_exec(self.exec.cancel(id.0, Stop { which: Which::All, notice_limit: None }));
                            log_exec(self.exec.close(id.0));
                        }
                        let took = Duration::from_micros(run_micros);
                        self.worker.handle(Input::TaskEnded { session: id, run: run.span, end, took }, now);
                    }
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
                    let cause = SessionFailure::Machine(reason);
                    self.worker.handle(Input::SessionFailed { session: id, cause }, now);
                    self.on_session_gone(id);
                }
            }
        }
    }

    /// A session's last event came: its folder goes, and the engine hears of it unless it knows already.
    fn on_session_gone(&mut self, id: SessionId) {
        let Some(session) = self.sessions.remove(&id) else {
            return;
        };
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
        let (lease, span) = (run.lease, run.span);
        if let Some(said) = run.lines.as_mut().and_then(|lines| lines.read(&bytes)) {
            let status = said.status.unwrap_or_default();
            let input = Input::TaskProgressed { session: id, run: span, progress: said.percent, status };
            self.worker.handle(input, clock::now());
        }
        let Some(steward) = self.guests.get(&session.job).map(|guest| guest.steward) else {
            return;
        };
        let chunk = LogChunk { job: lease.job, task, fence: lease.fence, bytes };
        self.send_log(steward, chunk);
    }

    fn collect(&self, id: SessionId, lease: LeaseId, run: TaskSpan) {
        let Some((session, guest)) =
            self.sessions.get(&id).and_then(|session| Some((session, self.guests.get(&session.job)?)))
        else {
            let gone = CollectError::Gone { reason: "its session is gone".to_owned() };
            self.spawn(async move { Fact::Collected(lease, run, Err(gone)) });
            return;
        };
        let (transfer, spec, place) = (self.transfer.clone(), Arc::clone(&guest.spec), session.place.clone());
        self.spawn(async move { Fact::Collected(lease, run, transfer.collect(&spec, &place).await) });
    }

    pub(crate) fn on_collected(&mut self, lease: LeaseId, run: TaskSpan, result: Result<Collected, CollectError>) {
        let input = match result {
            Ok(Collected { outputs, blobs }) => {
                self.outbox.entry(lease).or_default().push(Held { tasks: run, blobs });
                Input::OutputsReady { lease, run, outputs }
            }
            Err(error) => Input::OutputsFailed { lease, run, reason: sentence(&error) },
        };
        self.worker.handle(input, clock::now());
    }

    /// Lets outputs go that nobody waits for any more.
    fn drop_outputs(&mut self, lease: LeaseId, tasks: &[TaskSpan]) {
        let Some(held) = self.outbox.get_mut(&lease) else {
            return;
        };
        let covers = |span: TaskSpan| tasks.iter().any(|all| all.start <= span.start && span.end <= all.end);
        let gone: Vec<Held> = held.extract_if(.., |held| covers(held.tasks)).collect();
        if held.is_empty() {
            self.outbox.remove(&lease);
        }
        let store = self.store.blobs().clone();
        self.beside.spawn(async move {
            for hold in gone.into_iter().flat_map(|held| held.blobs) {
                if let Err(error) = store.discard(hold).await {
                    tracing::warn!(%error, "an output was not dropped");
                }
            }
        });
    }

    /// True if `peer` is the steward of a lease whose outputs have these bytes.
    pub(crate) fn holds_for(&self, peer: PeerId, job: JobId, blob: BlobId) -> bool {
        self.guests.get(&job).is_some_and(|guest| guest.steward == peer)
            && self.outbox.iter().any(|(lease, held)| {
                lease.job == job && held.iter().flat_map(|held| &held.blobs).any(|hold| hold.blob() == blob)
            })
    }

    fn forget_guest(&mut self, job: JobId) {
        let Some(guest) = self.guests.remove(&job) else {
            return;
        };
        self.outbox.retain(|lease, _| lease.job != job);
        self.preludes.remove(&job);
        let (root, store, mine) = (self.staged(job), self.store.clone(), guest.steward == self.me);
        // Out of the way at once, so that a retry of the job stages into a folder of its own.
        let gone = root.with_extension("gone");
        let gone = if std::fs::rename(&root, &gone).is_ok() { gone } else { root };
        self.beside.spawn(async move {
            let _ = tokio::fs::remove_dir_all(gone).await;
            // On the origin, pins belong to the job itself.
            if !mine && let Err(error) = store.blobs().unpin_job(job).await {
                tracing::warn!(%error, %job, "inputs of a forgotten job stay pinned");
            }
        });
    }
}

/// Output files in one report: some 150 bytes each keep it well within a frame.
const FILES_PER_REPORT: usize = 300;

impl Session {
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

fn log_exec(result: Result<(), gridwell_exec::ExecError>) {
    if let Err(error) = result {
        tracing::debug!(%error, "a session was not there");
    }
}

async fn read_spec(
    transfer: &Transfer,
    job: JobId,
    spec: BlobId,
    spec_bytes: u64,
    from: PeerId,
) -> Result<(Arc<JobSpec>, Arc<JobPlan>), String> {
    if spec_bytes > MAX_SPEC_BYTES {
        return Err(format!("the job's description of {spec_bytes} bytes exceeds the limit of {MAX_SPEC_BYTES}"));
    }
    let bytes = transfer.read(spec, spec_bytes, job, from).await.map_err(|error| sentence(&error))?;
    let read = tokio::task::spawn_blocking(move || understand(job, from, &bytes));
    read.await.unwrap_or_else(|error| Err(error.to_string()))
}

fn understand(job: JobId, from: PeerId, bytes: &[u8]) -> Result<(Arc<JobSpec>, Arc<JobPlan>), String> {
    let spec: JobSpec = postcard::from_bytes(bytes).map_err(|_| "the job's description is unreadable".to_owned())?;
    if spec.id != job || spec.origin != from {
        return Err("the job's description belongs to another job".to_owned());
    }
    let plan = JobPlan::new(&spec.template, &spec.parameters).map_err(|error| sentence(&error))?;
    let counts = |steps: &[gridwell_model::StepSpec]| steps.iter().map(|step| step.task_count).collect::<Vec<_>>();
    if counts(plan.steps()) != counts(&spec.steps) {
        return Err("the job's description contradicts its template".to_owned());
    }
    Ok((Arc::new(spec), Arc::new(plan)))
}

fn spec_view(spec: &JobSpec, plan: &JobPlan, mine: bool) -> SpecView {
    let step = |(at, step): (usize, &gridwell_model::StepSpec)| StepView {
        environments: u64::from(plan.environment_key(at as u32).unwrap_or(at as u32)),
        row: step.chunking.map(|chunking| chunking.row),
    };
    SpecView {
        has_inputs: !mine && !spec.inputs.is_empty(),
        has_outputs: !spec.output_folders.is_empty(),
        steps: spec.steps.iter().enumerate().map(step).collect(),
    }
}

fn open(guest: &Guest, root: PathBuf, step: u32) -> Result<(Session, SessionPlan), SessionFailure> {
    let place = SessionPlace::new(root);
    let machine = |error: std::io::Error| SessionFailure::Machine(format!("the session's folder: {error}"));
    let mut paths = place.prepare(&guest.spec).map_err(machine)?;
    paths.extend(guest.rules.iter().cloned());
    let context = SessionContext { folder: place.work(), style: PathStyle::host(), paths, variables: Vec::new() };
    let runtime = guest.plan.session(step, &context).map_err(|error| SessionFailure::Template(sentence(&error)))?;
    let plan = SessionPlan {
        folder: place.work(),
        variables: runtime.variables().to_vec(),
        environments: runtime.environments().to_vec(),
        limits: Limits::default(),
    };
    let session = Session {
        job: guest.spec.id,
        step,
        place,
        context,
        runtimes: BTreeMap::from([(step, runtime)]),
        runs: BTreeMap::new(),
        shown: BTreeSet::new(),
        prelude: Vec::new(),
        failed: false,
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
