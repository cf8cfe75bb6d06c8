//! What doors are shown. Views are made from the engines' own numbers; nothing is kept twice.

use gridwell_api::{
    FailureView, JobDetail, JobView, JobsRequest, LinkView, MachineState, MachineView, MadeBy, Share, Snapshot,
    StatusView, StepView, TaskCounts, TaskPage, TaskView, TasksRequest,
};
use gridwell_ledger::{FailureGroup, JobSummary, PeerShare};
use gridwell_model::{JobId, JobState, PeerId, Reserve, Standing, TaskKey, TaskState};
use gridwell_wire::Announcement;

use super::{Core, Home, confinement::HERE};
use crate::clock;

/// Longest version of another machine's program that is shown, in characters.
const VERSION_CHARS: usize = 32;

/// Tasks read from the ledger at once.
const PAGE: usize = 1_000;

pub(super) fn counts(counts: &gridwell_ledger::TaskCounts) -> TaskCounts {
    TaskCounts::of(TaskState::ALL.map(|state| (state, u64::from(counts.of(state)))))
}

pub(super) fn share(reserve: Reserve) -> Share {
    Share { cpus: reserve.cpus, memory_bytes: reserve.memory_mib * 1_048_576, gpus: reserve.gpus }
}

/// What one task of a job is called.
pub(crate) fn task_word(parameters: &[(String, String)]) -> &'static str {
    if parameters.iter().any(|(name, _)| name == "Frames") { "frame" } else { "task" }
}

impl Core {
    pub(crate) fn job_view(&mut self, job: JobId) -> Option<JobView> {
        let summary = self.ledger.summary(job, clock::now())?;
        let waits_for = self.waits_for(job, &summary);
        let (safe, unsafe_why) = self.safety(job).map_or_else(|why| (false, why), |()| (true, String::new()));
        let home = self.homes.get(&job)?;
        let landing = self.landing_view(job, home);
        let failure = |group: &FailureGroup| FailureView {
            reason: group.reason.clone(),
            count: u64::from(group.tasks),
            example: group.example,
            example_label: home.plan.task_label(group.example.step, group.example.index),
        };
        let running = said_progress(home);
        let total = f64::from(summary.counts.total().max(1));
        let progress = (f64::from(summary.counts.ended()) + running).min(total) / total;
        let spec = &home.spec;
        let saved: u64 = self.ledger.all_checkpoints(job).map(|checkpoint| u64::from(checkpoint.tasks.len())).sum();
        Some(JobView {
            id: job,
            name: spec.name.clone(),
            recipe: spec.recipe.clone(),
            state: summary.state,
            priority: summary.priority,
            counts: counts(&summary.counts),
            reused: summary.reused.into(),
            saved,
            saved_at: home.saved.last.filter(|_| saved > 0),
            task_word: task_word(&spec.parameters).to_owned(),
            progress,
            time_left_secs: summary.left.map(|left| left.as_secs_f64()),
            submitted: spec.submitted,
            started: summary.started,
            ended: summary.ended,
            origin: spec.origin,
            origin_name: self.machines.name(spec.origin),
            output_folders: spec.output_folders.clone(),
            made_by: self.made_by(&summary),
            failures: summary.failures.iter().take(JobView::MAX_FAILURES).map(failure).collect(),
            waits_for,
            steward: self.me,
            steward_name: self.machines.name(self.me),
            safe,
            unsafe_why,
            landing,
            energy: self.energy_view(&summary),
        })
    }

    fn made_by(&self, summary: &JobSummary) -> Vec<MadeBy> {
        let view = |share: &PeerShare| MadeBy {
            machine: share.peer,
            name: self.machines.name(share.peer),
            done: u64::from(share.done),
            failed: u64::from(share.failed),
            running: u64::from(share.held),
        };
        let mut all: Vec<_> = summary.shares.iter().map(view).collect();
        all.sort_by(|left, right| right.done.cmp(&left.done).then_with(|| left.name.cmp(&right.name)));
        all
    }

    /// The tasks of a job that `wanted` picks, read page by page.
    fn ledger_tasks(
        &self,
        job: JobId,
        wanted: impl Fn(TaskState) -> bool,
    ) -> impl Iterator<Item = gridwell_ledger::TaskView> {
        let mut from = Some(TaskKey { step: 0, index: 0 });
        std::iter::from_fn(move || {
            let page = self.ledger.tasks(job, from?, PAGE, &wanted);
            from = page.last().filter(|_| page.len() == PAGE).map(|last| next(last.key));
            (!page.is_empty()).then_some(page)
        })
        .flatten()
    }

    fn waits_for(&mut self, job: JobId, summary: &JobSummary) -> String {
        match summary.state {
            JobState::Held => "held back by a person".to_owned(),
            state if !state.is_ended() && self.homes.get(&job).is_some_and(|home| !home.has_inputs) => {
                let origin = self.homes.get(&job).map(|home| self.machines.name(home.spec.origin)).unwrap_or_default();
                format!("the files it reads are not here yet: {origin} has them, and so may machines that ran it")
            }
            JobState::Waiting if summary.counts.of(TaskState::Ready) > 0 => match self.why_nobody(job) {
                Some((why, Some(change))) => format!("{why}; {change}"),
                Some((why, None)) => why,
                None => String::new(),
            },
            JobState::Running => self.stands_still(job, summary).unwrap_or_default(),
            _ => String::new(),
        }
    }

    pub(crate) fn job_detail(&mut self, job: JobId) -> Option<JobDetail> {
        let view = self.job_view(job)?;
        let summary = self.ledger.summary(job, clock::now())?;
        let spec = &self.homes.get(&job)?.spec;
        let steps = spec.steps.iter().zip(&summary.steps).map(|(step, tasks)| StepView {
            name: step.name.clone(),
            counts: counts(tasks),
            after: step
                .after
                .iter()
                .filter_map(|edge| Some(spec.steps.get(edge.step as usize)?.name.clone()))
                .collect(),
            needs: step.needs.clone(),
            prefers: step.prefers.clone(),
        });
        Some(JobDetail {
            job: view,
            steps: steps.collect(),
            parameters: spec.parameters.clone(),
            input_count: spec.inputs.len() as u64,
            input_bytes: spec.input_blobs().iter().map(|(_, bytes)| bytes).sum(),
        })
    }

    /// Jobs, newest first.
    pub(crate) fn job_views(&mut self, request: &JobsRequest) -> Vec<JobView> {
        let mut jobs: Vec<_> = self.homes.values().map(|home| (home.spec.submitted, home.spec.id)).collect();
        jobs.sort_unstable_by(|left, right| right.cmp(left));
        let limit = if request.limit == 0 { usize::MAX } else { request.limit as usize };
        let mut views = Vec::new();
        for (_, job) in jobs {
            if views.len() == limit {
                break;
            }
            views.extend(self.job_view(job).filter(|view| !request.active || !view.state.is_ended()));
        }
        views
    }

    pub(crate) fn task_page(&self, job: JobId, only: Option<TaskKey>, request: &TasksRequest) -> TaskPage {
        let limit = match request.limit {
            0 => TasksRequest::MAX_LIMIT,
            asked => asked.min(TasksRequest::MAX_LIMIT),
        };
        if let Some(key) = only {
            let tasks: Vec<_> =
                self.ledger.tasks(job, key, 1, |_| true).into_iter().filter(|task| task.key == key).collect();
            let tasks: Vec<_> = tasks.into_iter().map(|task| self.task_view(job, task)).collect();
            return TaskPage { job, total: tasks.len() as u64, tasks };
        }
        let matches = |state: TaskState| request.states.is_empty() || request.states.contains(&state);
        let total = self.ledger.summary(job, clock::now()).map_or(0, |summary| {
            TaskState::ALL
                .iter()
                .filter(|state| matches(**state))
                .map(|state| u64::from(summary.counts.of(*state)))
                .sum()
        });
        let all = self.ledger_tasks(job, matches);
        let page = all.skip(usize::try_from(request.offset).unwrap_or(usize::MAX)).take(limit as usize);
        TaskPage { job, total, tasks: page.map(|task| self.task_view(job, task)).collect() }
    }

    pub(crate) fn task_view(&self, job: JobId, task: gridwell_ledger::TaskView) -> TaskView {
        let home = self.homes.get(&job);
        let said = home
            .and_then(|home| home.said.range(..=task.key).next_back())
            .filter(|(first, said)| first.step == task.key.step && task.key.index - first.index < said.count);
        let run_secs = (!task.run_time.is_zero()).then_some(task.run_time.as_secs_f64());
        let frozen = task.state == TaskState::Running && said.is_some_and(|(_, said)| said.frozen);
        TaskView {
            key: task.key,
            label: home.map(|home| home.plan.task_label(task.key.step, task.key.index)).unwrap_or_default(),
            state: if frozen { TaskState::Frozen } else { task.state },
            machine: task.peer,
            machine_name: task.peer.map(|peer| self.machines.name(peer)).unwrap_or_default(),
            attempts: task.attempts,
            exit_code: task.exit_code,
            reason: if frozen { self.why_still(task.peer) } else { task.reason },
            run_secs,
            progress: said.and_then(|(_, said)| said.progress).map(|percent| f64::from(percent) / 100.0),
            status: said.map(|(_, said)| said.status.clone()).unwrap_or_default(),
            held: self.holds_back(job, task.key),
            saved: task.is_saved,
            saved_at: home.filter(|_| task.is_saved).and_then(|home| self.saved_at(job, home, task.key)),
            flaws: home.map(|home| home.flaws.of_task(task.key)).unwrap_or_default(),
        }
    }

    pub(crate) fn machine_view(&self, peer: PeerId) -> Option<MachineView> {
        if peer == self.me {
            return Some(self.machine(peer, &self.announcement(), true, None));
        }
        let machine = self.machines.others().get(&peer)?;
        let announced = machine.announced.clone().unwrap_or_default();
        Some(self.machine(peer, &announced, machine.online, machine.last_seen.filter(|_| !machine.online)))
    }

    fn machine(
        &self,
        peer: PeerId,
        announced: &Announcement,
        online: bool,
        last_seen: Option<gridwell_model::Stamp>,
    ) -> MachineView {
        let state = match announced {
            _ if !online => MachineState::Offline,
            said if said.standing == Standing::Trouble => MachineState::Problem,
            said if matches!(said.standing, Standing::Frozen | Standing::Packing) => MachineState::InUse,
            said if said.running > 0 => MachineState::Working,
            said if said.accepts => MachineState::Ready,
            said if said.standing == Standing::Yours => MachineState::InUse,
            _ => MachineState::Paused,
        };
        MachineView {
            id: peer,
            name: self.machines.name(peer),
            this: peer == self.me,
            online,
            state,
            hardware: announced.hardware.clone(),
            labels: announced.labels.clone(),
            load: announced.load,
            lends: share(announced.lends),
            free: share(announced.free),
            accepts: announced.accepts,
            why_not: announced.why_not.clone(),
            running: announced.running,
            made: self.machines.made(peer),
            standing: announced.standing,
            paused_until: announced.paused_until,
            version: announced.version.chars().filter(|c| !c.is_control()).take(VERSION_CHARS).collect(),
            last_seen,
            tuning: announced.tuning,
            power: announced.power,
            leaning: self.machines.settings().leanings.get(&peer).copied(),
            awaited: self.machines.settings().awaited.contains(&peer),
            wakes_for_work: announced.wakes_for_work,
            isolated_since: self.isolation.since().filter(|_| peer == self.me),
            confinement: (peer == self.me).then(|| HERE.to_string()),
            via: self.via(peer),
            sick: self.sick_views(peer),
        }
    }

    /// Every machine, this one first, then by name.
    pub(crate) fn machine_views(&self) -> Vec<MachineView> {
        let mut others: Vec<_> = self.machines.others().keys().filter_map(|peer| self.machine_view(*peer)).collect();
        others.sort_by(|left, right| left.name.cmp(&right.name));
        self.machine_view(self.me).into_iter().chain(others).collect()
    }

    /// Links of this machine by name, then those that others tell of.
    pub(crate) fn link_views(&self) -> Vec<LinkView> {
        let mut links: Vec<_> = self.machines.others().keys().filter_map(|peer| self.link_view(*peer)).collect();
        links.sort_by(|left, right| left.name.cmp(&right.name));
        links.extend(self.told_views());
        links
    }

    pub(crate) fn snapshot(&mut self) -> Snapshot {
        Snapshot {
            stream: self.incarnation,
            machines: self.machine_views(),
            links: self.link_views(),
            jobs: self.job_views(&JobsRequest::default()),
            pairings: self.pairing.views(),
            code: self.code_shown(),
            asks: self.ask_views(),
        }
    }

    pub(crate) fn status(&self) -> StatusView {
        let online = self.machines.others().values().filter(|machine| machine.online).count();
        let active = self.homes.keys().filter_map(|job| self.ledger.summary(*job, clock::now()));
        let (accepts, why_not) = self.accepts(false);
        let close_why = self.close_why();
        StatusView {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            peer: self.me,
            name: self.machines.settings().name.clone(),
            grid: self.membership.grid().id(),
            addresses: self.membership.addresses().to_vec(),
            data: self.data.to_string_lossy().into_owned(),
            pid: std::process::id(),
            uptime_secs: self.started.elapsed().as_secs_f64(),
            machines: self.machines.others().len() as u32 + 1,
            machines_online: online as u32 + 1,
            active_jobs: active.filter(|summary| !summary.state.is_ended()).count() as u64,
            running: self.worker.running(),
            accepts,
            why_not,
            safe_to_close: close_why.is_empty(),
            close_why,
        }
    }
}

/// How many tasks' worth the running ones are, by what they say.
fn said_progress(home: &Home) -> f64 {
    let each = |said: &super::steward::Said| {
        said.progress.map_or(0.0, |percent| f64::from(percent) / 100.0 * f64::from(said.count))
    };
    home.said.values().map(each).sum()
}

const fn next(key: TaskKey) -> TaskKey {
    TaskKey { step: key.step, index: key.index + 1 }
}
