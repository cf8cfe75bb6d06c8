//! What a report of ended tasks does to their records.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{AttemptEnd, Fence, TaskKey, TaskSpan, TaskSpans, TaskState};

use crate::{
    LeaseEnd, Selection, TaskEnd,
    job::Job,
    notes::{LeaseGone, Notes, Outdone, Timed},
    policy::{self, Blame},
};

/// Where an attempt ran.
#[derive(Debug, Clone, Copy)]
struct Place {
    step: u32,
    peer: u16,
}

impl Job {
    /// The parts of a report that count: tasks that the lease still holds.
    pub(crate) fn countable(&self, fence: Fence, results: &[TaskEnd]) -> Vec<TaskEnd> {
        let Some(lease) = self.leases.get(&fence) else { return Vec::new() };
        let mut left = lease.left.clone();
        let mut countable = Vec::with_capacity(results.len());
        for result in results {
            // A chunk ran as one program: it counts as a whole or not at all.
            let whole = !result.tasks.is_empty()
                && left.spans().iter().any(|span| span.start <= result.tasks.start && result.tasks.end <= span.end);
            if whole {
                left.remove(result.tasks);
                countable.push(result.clone());
            }
        }
        countable
    }

    /// Counts results of a live lease.
    pub(crate) fn take_results(&mut self, fence: Fence, results: &[TaskEnd], notes: &mut Notes) {
        let Some(lease) = self.leases.get(&fence) else { return };
        let place = Place { step: lease.step, peer: lease.peer };
        let mut touched = TaskSpans::default();
        let mut timed = Timed { fence, peer: place.peer, step: place.step, tasks: 0, run_micros: 0, left: 0 };
        for result in results {
            touched.insert(result.tasks);
            for index in result.tasks.indices() {
                self.record_mut(place.step, index).set_counted(true);
            }
            if result.run_micros > 0 || result.energy.is_some() {
                self.holders.at(place.peer).ran(1, result.energy);
            }
            match &result.end {
                AttemptEnd::Succeeded => {
                    self.succeed(place, result, notes);
                    timed.tasks += result.tasks.len();
                    timed.run_micros += result.run_micros;
                }
                AttemptEnd::Failed { kind, exit_code, reason } => {
                    self.fail(place, result, policy::blame(*kind), *exit_code, reason, notes);
                }
                AttemptEnd::Cancelled | AttemptEnd::Returned => self.give_back(place, result.tasks, notes),
            }
        }
        timed.left = self.shrink_lease(fence, &touched, notes);
        if timed.tasks > 0 {
            notes.timed.push(timed);
        }
        self.propagate(Selection::from([(place.step, touched)]), notes);
    }

    fn succeed(&mut self, place: Place, result: &TaskEnd, notes: &mut Notes) {
        let each_micros = result.run_micros / u64::from(result.tasks.len());
        let mut outdone: BTreeMap<u16, u32> = BTreeMap::new();
        for index in result.tasks.indices() {
            let record = self.record_mut(place.step, index);
            record.set_exit_code(Some(0));
            record.set_run_micros(each_micros);
            record.reason = 0;
            self.set_state(place.step, index, TaskState::Done, notes);
            if !self.failed_on.is_empty() {
                let failed_on = self.failed_on.remove(&TaskKey { step: place.step, index }).unwrap_or_default();
                failed_on.into_iter().for_each(|peer| *outdone.entry(peer).or_default() += 1);
            }
        }
        outdone.remove(&place.peer);
        let outdone = outdone.into_iter();
        notes.outdone.extend(outdone.map(|(peer, tasks)| Outdone { step: place.step, peer, by: place.peer, tasks }));
        self.steps[place.step as usize].run_micros += result.run_micros;
        let holder = self.holders.at(place.peer);
        holder.done += result.tasks.len();
        holder.streak = 0;
    }

    fn fail(
        &mut self,
        place: Place,
        result: &TaskEnd,
        blame: Blame,
        exit_code: Option<i32>,
        reason: &str,
        notes: &mut Notes,
    ) {
        let reason = self.reasons.keep(reason);
        self.last_failure = reason;
        let each_micros = result.run_micros / u64::from(result.tasks.len());
        for index in result.tasks.indices() {
            let record = self.record_mut(place.step, index);
            policy::count_failure(record, blame);
            record.set_exit_code(exit_code);
            record.set_run_micros(each_micros);
            record.reason = reason;
            if blame == Blame::Program {
                self.doubt_checkpoint(place.step, index, notes);
            }
            self.failed_on.entry(TaskKey { step: place.step, index }).or_default().insert(place.peer);
            let next = self.after_attempt(place.step, index);
            self.set_state(place.step, index, next, notes);
        }
        self.blame_holder(place.peer, blame, result.tasks, notes);
        self.excuse(place, result.tasks, notes);
    }

    /// Who sees the same task fail as others do, or a step of which nothing ends well anywhere, is not to blame.
    fn excuse(&mut self, place: Place, tasks: TaskSpan, notes: &mut Notes) {
        let doubt = self.doubts.entry(place.step).or_default();
        doubt.failed_on.insert(place.peer);
        let mut innocent = BTreeSet::new();
        if self.steps[place.step as usize].counts.of(TaskState::Done) == 0 && doubt.failed_on.len() > 1 {
            innocent.clone_from(&doubt.failed_on);
        }
        for index in tasks.indices() {
            let failed_on = self.failed_on.get(&TaskKey { step: place.step, index });
            innocent.extend(failed_on.filter(|peers| peers.len() > 1).into_iter().flatten());
        }
        notes
            .excused
            .extend(innocent.into_iter().filter(|peer| doubt.told.insert(*peer)).map(|peer| (place.step, peer)));
    }

    fn blame_holder(&mut self, peer: u16, blame: Blame, tasks: TaskSpan, notes: &mut Notes) {
        let (retry, last_resort) = (self.spec.retry, self.last_resort);
        let holder = self.holders.at(peer);
        holder.failed += tasks.len();
        holder.streak = holder.streak.saturating_add(1);
        if !holder.blocked && !last_resort && policy::blocks(blame, holder.streak, retry) {
            holder.blocked = true;
            notes.blocked.push(peer);
        }
    }

    fn give_back(&mut self, place: Place, tasks: TaskSpan, notes: &mut Notes) {
        for index in tasks.indices() {
            let next = self.after_attempt(place.step, index);
            self.set_state(place.step, index, next, notes);
        }
    }

    /// Takes ended tasks out of a lease; returns how many are left.
    pub(super) fn shrink_lease(&mut self, fence: Fence, ended: &TaskSpans, notes: &mut Notes) -> u32 {
        let Some(lease) = self.leases.get_mut(&fence) else { return 0 };
        ended.spans().iter().for_each(|span| lease.left.remove(*span));
        lease.running_since = None;
        if lease.left.is_empty() {
            let (peer, step) = (lease.peer, lease.step);
            self.leases.remove(&fence);
            notes.lease_ends.push(LeaseGone { fence, peer, step, end: LeaseEnd::Finished });
            return 0;
        }
        lease.left.count()
    }
}
