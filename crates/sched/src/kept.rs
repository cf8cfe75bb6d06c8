use std::collections::BTreeMap;

use crate::{
    board::{Access, World},
    jobs::Step,
};

/// Machines that run dry for tasks that take more of one than is free anywhere.
///
/// Otherwise smaller tasks whose turn comes later would take whatever becomes free, again and again, and a task that
/// takes a whole machine would wait for the last of them. At most one machine for each step: the others stay in use.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    /// The state of the world in which they were chosen; in the next one, those whose turn comes first choose first.
    state: u64,
    /// By positions of job and step.
    machines: BTreeMap<(usize, usize), usize>,
}

impl Kept {
    /// Machines kept from tasks of `job` in this state of the world.
    pub(crate) fn from(&self, job: usize, state: u64) -> Vec<usize> {
        let others = self.machines.iter().filter(|((keeper, _), _)| *keeper != job && self.state == state);
        others.map(|(_, machine)| *machine).collect()
    }

    pub(crate) fn keep(&mut self, job: usize, step: usize, machine: usize, state: u64) {
        if self.state != state {
            self.state = state;
            self.machines.clear();
        }
        self.machines.insert((job, step), machine);
    }

    /// Forgets what is kept for a job. Returns true if anything was.
    pub(crate) fn release(&mut self, job: usize) -> bool {
        let before = self.machines.len();
        self.machines.retain(|(keeper, _), _| *keeper != job);
        self.machines.len() < before
    }
}

/// The machine that a step which found no room should have next: where all of our leases will have ended first.
///
/// `None` for a step whose tasks take a core or less, which are as small as any other's.
pub(crate) fn to_keep(step: &Step, world: &World, taken: &[usize]) -> Option<usize> {
    let view = &step.facts.view;
    if step.queue.count() == 0 || !(view.needs.all_cores || view.reserve.cpus > 1.0) {
        return None;
    }
    let failed = step.queue.retries().first().filter(|_| step.queue.fresh().is_none()).map(|group| &group.avoid);
    let full = (0..step.board.seats.len()).filter(|at| {
        let avoided = failed.is_some_and(|failed| failed.contains(at));
        step.board.seats[*at].access == Access::Full && !avoided && !taken.contains(at)
    });
    // A lease that is overdue may last as long again: else one endless task would keep its machine half empty for ever.
    let ends = full.filter_map(|at| {
        let (end, _) = world.peers[at].running.last()?;
        Some((end.since(world.now).max(world.now.since(*end)), at))
    });
    ends.min().map(|(_, at)| at)
}
