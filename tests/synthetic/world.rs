//! What the made-up grid consists of. The same numbers give the same grid.

use std::time::{SystemTime, UNIX_EPOCH};

use gridwell_api::{
    Bar, HistoryRequest, HistoryView, JobView, LinkView, MachineHistory, MachineState, MachineView, TaskPage, TaskView,
    TasksRequest, TimelineRequest, TimelineView,
};
use gridwell_model::{JobId, Stamp, TaskKey, TaskSpan, TaskState};

use crate::made::{Random, job, job_id, links_of, machine, state_of};

/// Bars in the timeline: the most that the window asks for.
const BARS: u32 = TimelineRequest::MAX_LIMIT;
/// Run time of every bar, and the distance from one's start to the next in a lane.
const BAR_MILLIS: u64 = 8_500;
const LANE_MILLIS: u64 = 9_000;
/// Tasks of every job but the first.
const FEW: u32 = 240;

/// How much is made up.
#[derive(Debug, Clone)]
pub(crate) struct Size {
    pub(crate) machines: usize,
    pub(crate) links: usize,
    pub(crate) jobs: usize,
    /// Of the first job.
    pub(crate) tasks: u32,
}

impl Default for Size {
    /// The grid for which ui-spec §12 sets its limits.
    fn default() -> Self {
        Self { machines: 500, links: 1_500, jobs: 200, tasks: 100_000 }
    }
}

/// The grid at one moment.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) machines: Vec<MachineView>,
    pub(crate) links: Vec<LinkView>,
    pub(crate) jobs: Vec<JobView>,
    /// Of the first job.
    pub(crate) tasks: Vec<TaskState>,
    /// When it was made up.
    now: Stamp,
    random: Random,
}

impl World {
    pub(crate) fn new(size: &Size) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = Stamp(since.as_millis() as u64);
        let mut random = Random(0x5eed);
        let machines: Vec<_> = (0..size.machines).map(|at| machine(at, now, &mut random)).collect();
        let links = links_of(machines.len(), size.links, now, &mut random);
        let tasks_of = |at: usize| if at == 0 { size.tasks } else { FEW };
        let jobs = (0..size.jobs).map(|at| job(at, tasks_of(at), now, &machines)).collect();
        let tasks = (0..size.tasks).map(|index| state_of(index, size.tasks)).collect();
        Self { machines, links, jobs, tasks, now, random }
    }

    pub(crate) fn machine_of(&self, task: u32) -> &MachineView {
        &self.machines[task as usize % self.machines.len()]
    }

    /// Changes about one machine in ten; returns which.
    pub(crate) fn stir(&mut self) -> Vec<usize> {
        let count = (self.machines.len() / 10).max(1);
        let chosen: Vec<_> = (0..count).map(|_| self.random.below(self.machines.len())).collect();
        for at in &chosen {
            let machine = &mut self.machines[*at];
            machine.free.cpus = self.random.below(machine.lends.cpus as usize + 1) as f32;
            machine.running = (machine.lends.cpus - machine.free.cpus) as u32;
            machine.state = if machine.running > 0 { MachineState::Working } else { MachineState::Ready };
        }
        chosen
    }

    /// A task of the first job is in another state.
    pub(crate) fn change(&mut self, task: u32, state: TaskState) {
        let before = std::mem::replace(&mut self.tasks[task as usize], state);
        let job = &mut self.jobs[0];
        *job.counts.at(before) -= 1;
        *job.counts.at(state) += 1;
        job.progress = job.counts.done as f64 / self.tasks.len() as f64;
    }

    /// A page of the tasks of a job.
    pub(crate) fn page(&self, job: JobId, wanted: &TasksRequest) -> TaskPage {
        let limit = if wanted.limit == 0 { TasksRequest::MAX_LIMIT } else { wanted.limit.min(TasksRequest::MAX_LIMIT) };
        let tasks = if job == job_id(0) { &self.tasks[..] } else { &self.tasks[..self.tasks.len().min(FEW as usize)] };
        let matches = |state: &TaskState| wanted.states.is_empty() || wanted.states.contains(state);
        let matching = || tasks.iter().enumerate().filter(|(_, state)| matches(state));
        let shown = matching().skip(wanted.offset as usize).take(limit as usize);
        TaskPage {
            job,
            total: matching().count() as u64,
            tasks: shown.map(|(index, state)| self.task(index as u32, *state)).collect(),
        }
    }

    /// One task; what it tells follows from its index.
    fn task(&self, index: u32, state: TaskState) -> TaskView {
        let with = matches!(state, TaskState::Done | TaskState::Failed | TaskState::Running);
        let failed = state == TaskState::Failed;
        let machine = self.machine_of(index);
        TaskView {
            key: TaskKey { step: 0, index },
            label: format!("frame {}", index + 1),
            state,
            machine: with.then_some(machine.id),
            machine_name: if with { machine.name.clone() } else { String::new() },
            attempts: u32::from(with),
            exit_code: with.then_some(i32::from(failed)),
            reason: if failed { format!("missing texture wood_{:02}.png", index % 7) } else { String::new() },
            run_secs: with.then_some(8.0 + f64::from(index % 50) / 10.0),
            progress: (state == TaskState::Running).then_some(f64::from(index % 100) / 100.0),
            status: String::new(),
            held: false,
            saved: false,
            saved_at: None,
            flaws: Vec::new(),
        }
    }

    /// Runs of the large job: every machine ran one task after the other, until now.
    pub(crate) fn bars(&self) -> TimelineView {
        let lanes = self.machines.len() as u64;
        let count = BARS.min(self.tasks.len() as u32);
        let first = self.now.0 - u64::from(count) / lanes * LANE_MILLIS;
        let bar = |at: u32| {
            let (row, lane) = (u64::from(at) / lanes, u64::from(at) % lanes);
            let started = Stamp(first + row * LANE_MILLIS + lane * 17);
            Bar {
                job: job_id(0),
                step: 0,
                tasks: TaskSpan::new(at, at + 1),
                machine: self.machines[lane as usize].id,
                started,
                ended: Some(Stamp(started.0 + BAR_MILLIS)),
                state: if at % 211 == 7 { TaskState::Failed } else { TaskState::Done },
            }
        };
        TimelineView { bars: (0..count).map(bar).collect(), truncated: self.tasks.len() > BARS as usize }
    }

    /// A day of samples, one a minute.
    pub(crate) fn history(&self) -> HistoryView {
        const SAMPLES: usize = HistoryRequest::MAX_SECS as usize / 60;
        let machines = self.machines.iter().take(50).enumerate().map(|(at, machine)| MachineHistory {
            machine: machine.id,
            name: machine.name.clone(),
            lent_cpus: (0..SAMPLES).map(|minute| Some(((minute / 30 + at) % 8) as f32)).collect(),
            foreign_cpus: vec![Some(0.5); SAMPLES],
            tasks_done: vec![Some(3); SAMPLES],
        });
        HistoryView {
            every_secs: 60,
            from: Stamp(self.now.0 - HistoryRequest::MAX_SECS * 1_000),
            tasks_done: vec![Some(40); SAMPLES],
            machines: machines.collect(),
        }
    }
}
