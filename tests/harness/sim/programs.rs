//! The worker's hands: fetches, sessions and programs that only take time.

use std::time::Duration;

use gridwell_model::{ActionEnd, BlobId, JobId, OutputFile, PeerId, RelPath, TaskSpan};
use gridwell_worker::{Effect as WorkerEffect, Input as WorkerInput, SessionFailure, SessionId, SpecView, StepView};

use super::{
    event::{Inside, PeerAt},
    peer::{Run, Running, Session},
    world::Simulation,
};

impl Simulation {
    /// How many times slower than usual programs run that start on a peer from now on, in percent.
    pub fn slow_down(&mut self, at: PeerAt, percent: u64) {
        self.peers[at].setup.slowness = percent;
    }

    /// Slots of one core that run nothing, on all peers that are there.
    #[must_use]
    pub fn idle_slots(&self) -> u32 {
        let awake = self.peers.iter().filter(|peer| peer.asleep.is_none());
        let idle = awake.filter_map(|peer| {
            let sessions = peer.node.as_ref()?.sessions.values();
            let busy = sessions.filter(|session| session.running.is_some()).count() as u32;
            Some(peer.setup.lends.saturating_sub(busy))
        });
        idle.sum()
    }

    /// Second attempts that stewards placed which run now.
    #[must_use]
    pub fn second_attempts(&self) -> u64 {
        self.peers.iter().filter_map(|peer| peer.node.as_ref()).map(|node| node.seconds).sum()
    }

    pub(super) fn carry_to_hands(&mut self, at: PeerAt, effect: WorkerEffect) {
        match effect {
            WorkerEffect::FetchSpec { job, from, .. } => {
                let good = WorkerInput::SpecReady { job, spec: self.spec_view(job) };
                let bad = WorkerInput::SpecFailed { job, reason: "the link broke".into() };
                self.fetch(at, from, good, bad);
            }
            WorkerEffect::FetchInputs { job, from } => {
                let bad = WorkerInput::InputsFailed { job, reason: "the link broke".into() };
                self.fetch(at, from, WorkerInput::InputsReady { job }, bad);
            }
            WorkerEffect::OpenSession { session, job, reserve, .. } => {
                let Some(node) = &mut self.peers[at].node else { return };
                let new = Session { job, reserve, open: false, queue: Default::default(), running: None };
                node.sessions.insert(session, new);
                self.open(at, session);
            }
            WorkerEffect::RunTasks { session, step, runs, .. } => {
                let Some(open) = self.session(at, session) else { return };
                open.queue.extend(runs.into_iter().map(|span| Run { step, span }));
                self.run_next(at, session);
            }
            WorkerEffect::CancelTasks { session, runs, .. } => self.cancel_runs(at, session, &runs),
            WorkerEffect::CloseSession { session, .. } => {
                if let Some(open) = self.session(at, session) {
                    open.queue.clear();
                    open.running = None;
                    let delay = self.random.micros(200, 5_000);
                    self.inside(at, delay, Inside::SessionGone { session });
                }
            }
            WorkerEffect::CollectOutputs { lease, run, .. } => {
                let Some(node) = &mut self.peers[at].node else { return };
                node.outputs.insert((lease, run.start));
                let outputs = vec![an_output(run)];
                let delay = self.random.micros(100, 3_000);
                self.inside(at, delay, Inside::Worker(WorkerInput::OutputsReady { lease, run, outputs }));
            }
            WorkerEffect::DropOutputs { lease, tasks } => {
                let Some(node) = &mut self.peers[at].node else { return };
                let within = |start: u32| tasks.iter().any(|span| span.start <= start && start < span.end);
                node.outputs.retain(|(other, start)| *other != lease || !within(*start));
            }
            WorkerEffect::ForgetJob { job } => {
                let Some(node) = &mut self.peers[at].node else { return };
                node.outputs.retain(|(lease, _)| lease.job != job);
            }
            WorkerEffect::Accept { .. }
            | WorkerEffect::Decline { .. }
            | WorkerEffect::Report { .. }
            | WorkerEffect::Renew { .. }
            | WorkerEffect::AskLicence(_)
            | WorkerEffect::ReturnLicence { .. }
            | WorkerEffect::FreeChanged { .. } => unreachable!("carried to links"),
        }
    }

    fn session(&mut self, at: PeerAt, session: SessionId) -> Option<&mut Session> {
        self.peers[at].node.as_mut()?.sessions.get_mut(&session)
    }

    fn spec_view(&self, job: JobId) -> SpecView {
        let Some(job) = self.jobs.get(&job) else { return SpecView::default() };
        let step = |step: &gridwell_model::StepSpec| StepView {
            environments: 1,
            row: step.chunking.map(|chunking| chunking.row),
        };
        let steps = job.spec.steps.iter().map(step).collect();
        let limits = (0_u32..).zip(&job.spec.steps).map(|(at, step)| (at, step.needs.limits()));
        let limits = limits.filter(|(_, needs)| !needs.is_empty()).collect();
        SpecView {
            has_inputs: job.has_inputs,
            has_outputs: job.has_outputs,
            needs_outputs: false,
            continues: false,
            steps,
            limits,
        }
    }

    fn fetch(&mut self, at: PeerAt, from: PeerId, good: WorkerInput, bad: WorkerInput) {
        let Some(from) = self.at(from) else { return };
        let way = self.way(at, from);
        let delay = self.network.latency(at, from) * 2 + self.random.micros(100, 5_000);
        let (good, bad) = (Box::new(good), Box::new(bad));
        self.inside(at, delay, Inside::Fetched { from, way, good, bad });
    }

    fn open(&mut self, at: PeerAt, session: SessionId) {
        let delay = self.random.micros(300, 10_000);
        if self.random.chance(self.bad_sessions_per_mille) {
            if let Some(node) = &mut self.peers[at].node {
                node.sessions.remove(&session);
            }
            let cause = SessionFailure::Machine("the disk is full".into());
            self.inside(at, delay, Inside::Worker(WorkerInput::SessionFailed { session, cause }));
            return;
        }
        if let Some(session) = self.session(at, session) {
            session.open = true;
        }
        self.inside(at, delay, Inside::Worker(WorkerInput::SessionOpened { session }));
    }

    fn run_next(&mut self, at: PeerAt, session: SessionId) {
        let Some(open) = self.session(at, session).filter(|open| open.open && open.running.is_none()) else { return };
        let Some(run) = open.queue.pop_front() else { return };
        let job = open.job;
        let usual = self.jobs.get(&job).map_or(Duration::ZERO, |job| job.usual) * run.span.len();
        let usual = usual * self.random.between(60, 160) as u32 / 100;
        let took = self.peers[at].pace(usual) + Duration::from_micros(150);
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        node.tokens += 1;
        let token = node.tokens;
        if let Some(open) = node.sessions.get_mut(&session) {
            open.running = Some(Running { run, since: now, token, cancelled: false });
        }
        self.check_sessions(at);
        self.check_fit(at, job, run.step);
        self.check_licences();
        self.inside(at, took, Inside::ProgramEnded { session, token });
    }

    fn cancel_runs(&mut self, at: PeerAt, session: SessionId, runs: &[TaskSpan]) {
        let token = self.random.next() | 1 << 63;
        let Some(open) = self.session(at, session) else { return };
        let named = |run: &Run| runs.contains(&run.span);
        let dropped: Vec<TaskSpan> = open.queue.iter().filter(|run| named(run)).map(|run| run.span).collect();
        open.queue.retain(|run| !named(run));
        let stopped = open.running.as_mut().filter(|running| named(&running.run)).map(|running| {
            running.cancelled = true;
            running.token = token;
        });
        for run in dropped {
            self.inside(at, Duration::from_micros(50), Inside::Worker(WorkerInput::TaskNotRun { session, run }));
        }
        if stopped.is_some() {
            let notice = self.random.micros(1_000, 50_000);
            self.inside(at, notice, Inside::ProgramEnded { session, token });
        }
    }

    pub(super) fn program_ended(&mut self, at: PeerAt, session: SessionId, token: u64) {
        let now = self.clock(at);
        let Some(open) = self.session(at, session) else { return };
        let Some(running) = open.running.filter(|running| running.token == token) else { return };
        open.running = None;
        let (job, run) = (open.job, running.run);
        let end = if running.cancelled { ActionEnd::Cancelled } else { self.outcome(job, run) };
        let good = matches!(end, ActionEnd::Exited { code: 0 });
        if good {
            for index in run.span.indices() {
                *self.runs.entry((job, run.step, index)).or_default() += 1;
            }
        } else {
            if let Some(open) = self.session(at, session) {
                open.queue.clear();
                open.open = false;
            }
            let delay = self.random.micros(200, 5_000);
            self.inside(at, delay, Inside::SessionGone { session });
        }
        let ended =
            WorkerInput::TaskEnded { session, run: run.span, end, took: now.since(running.since), energy: None };
        if let Some(node) = &mut self.peers[at].node {
            node.worker.handle(ended, now);
        }
        if good {
            self.run_next(at, session);
        }
    }

    fn outcome(&mut self, job: JobId, run: Run) -> ActionEnd {
        let Some(job) = self.jobs.get(&job) else { return ActionEnd::Exited { code: 0 } };
        let broken = |index: u32| job.broken_every > 0 && index.is_multiple_of(job.broken_every);
        let unlucky = self.random.chance(job.failures_per_mille);
        let code = i32::from(unlucky || run.span.indices().any(broken));
        ActionEnd::Exited { code }
    }

    pub(super) fn session_gone(&mut self, at: PeerAt, session: SessionId) {
        let now = self.clock(at);
        let Some(node) = &mut self.peers[at].node else { return };
        // Closed by an order and by itself: gone once.
        if node.sessions.remove(&session).is_some() {
            node.worker.handle(WorkerInput::SessionClosed { session }, now);
        }
    }
}

fn an_output(run: TaskSpan) -> OutputFile {
    let path = RelPath::new(format!("frame_{:04}.png", run.start)).expect("a plain name");
    OutputFile { folder: 0, path, size_bytes: 1_000, blob: BlobId::of(&run.start.to_be_bytes()), executable: false }
}
