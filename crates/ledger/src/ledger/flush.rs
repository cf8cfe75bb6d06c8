//! From what happened to a job to the effects that follow.

use std::collections::{BTreeMap, BTreeSet};

use gridwell_model::{JobId, LeaseId, TaskKey, TaskSpan, TaskSpans, TaskState};

use crate::{Effect, Ledger, job::Job, notes::Notes};

/// Ready tasks by step and by the peers to avoid.
type ReadyTasks = BTreeMap<(u32, BTreeSet<u16>), TaskSpans>;

impl Ledger {
    pub(super) fn flush(&mut self, id: JobId, notes: Notes) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        let effects = &mut self.effects;
        if notes.reopened {
            effects.push_back(Effect::JobOpened { job: id, priority: job.priority });
        }
        effects.extend(job.lease_effects(&notes));
        effects.extend(job.block_effects(&notes));
        effects.extend(job.task_effects(&notes));
        effects.extend(notes.dropped.iter().map(|blob| Effect::DropCheckpoint { job: id, blob: *blob }));
        effects.extend(job.state_effects());
    }

    /// Says again what a scheduler must know of a job, for one that knows nothing of it.
    pub fn tell_again(&mut self, job: JobId) {
        self.flush_restored(job);
    }

    /// Tells the scheduler what it must know of a job that was restored.
    pub(super) fn flush_restored(&mut self, id: JobId) {
        let Some(job) = self.jobs.get_mut(&id) else { return };
        job.shown = Some(job.state());
        for (fence, lease) in &job.leases {
            self.deadlines.insert((lease.deadline, LeaseId { job: id, fence: *fence }));
        }
        if job.ended.is_some() {
            return;
        }
        self.effects.push_back(Effect::JobOpened { job: id, priority: job.priority });
        let blocked = job.holders.list().iter().filter(|holder| holder.blocked);
        self.effects.extend(blocked.map(|holder| Effect::BlockPeer { job: id, peer: holder.peer }));
        for (fence, lease) in &job.leases {
            let Some(peer) = job.holders.peer(lease.peer) else { continue };
            let lease_id = LeaseId { job: id, fence: *fence };
            let (step, spans) = (lease.step, lease.left.clone());
            self.effects.push_back(Effect::LeaseKept { lease: lease_id, peer, step, spans });
        }
        let mut ready = ReadyTasks::new();
        job.ready_spans().into_iter().for_each(|(step, span)| job.sort_ready(step, span, &mut ready));
        self.effects.extend(job.ready_effects(ready));
    }

    /// Gives the scheduler back what is ready of a placement that was refused.
    pub(super) fn flush_refused(&mut self, id: JobId, step: u32, span: TaskSpan) {
        let Some(job) = self.jobs.get(&id) else { return };
        let mut ready = ReadyTasks::new();
        for (at, have) in job.ready_within(step, span.indices()) {
            job.sort_ready(at, have, &mut ready);
        }
        self.effects.extend(job.ready_effects(ready));
    }
}

impl Job {
    fn lease_effects(&self, notes: &Notes) -> Vec<Effect> {
        let job = self.id();
        let timed = notes.timed.iter().filter_map(|timed| {
            Some(Effect::TasksTimed {
                lease: LeaseId { job, fence: timed.fence },
                peer: self.holders.peer(timed.peer)?,
                step: timed.step,
                tasks: timed.tasks,
                run_micros: timed.run_micros,
                left: timed.left,
            })
        });
        let ended = notes.lease_ends.iter().filter_map(|gone| {
            let lease = LeaseId { job, fence: gone.fence };
            Some(Effect::LeaseEnded { lease, peer: self.holders.peer(gone.peer)?, step: gone.step, end: gone.end })
        });
        let outdone = notes.outdone.iter().filter_map(|outdone| {
            let (step, tasks) = (outdone.step, outdone.tasks);
            let (peer, by) = (self.holders.peer(outdone.peer)?, self.holders.peer(outdone.by)?);
            Some(Effect::Outdone { job, step, peer, by, tasks })
        });
        let excused = notes.excused.iter().filter_map(|(step, peer)| {
            Some(Effect::FailsElsewhere { job, step: *step, peer: self.holders.peer(*peer)? })
        });
        timed.chain(outdone).chain(excused).chain(ended).collect()
    }

    fn block_effects(&self, notes: &Notes) -> Vec<Effect> {
        let job = self.id();
        let peers = |positions: &[u16]| positions.iter().filter_map(|at| self.holders.peer(*at)).collect::<Vec<_>>();
        let unblocked = peers(&notes.unblocked).into_iter().map(|peer| Effect::UnblockPeer { job, peer });
        let blocked = peers(&notes.blocked).into_iter().map(|peer| Effect::BlockPeer { job, peer });
        unblocked.chain(blocked).collect()
    }

    fn task_effects(&self, notes: &Notes) -> Vec<Effect> {
        let job = self.id();
        let mut withdrawn: BTreeMap<u32, TaskSpans> = BTreeMap::new();
        let mut ready = ReadyTasks::new();
        for moved in &notes.moves {
            if moved.from == TaskState::Ready && moved.to != TaskState::Leased {
                withdrawn.entry(moved.step).or_default().insert(moved.span);
            }
            if moved.to == TaskState::Ready {
                self.sort_ready(moved.step, moved.span, &mut ready);
            }
        }
        let withdrawn = withdrawn.into_iter().map(|(step, spans)| Effect::TasksWithdrawn { job, step, spans });
        let changed = notes.moves.iter().map(|moved| Effect::TasksChanged {
            job,
            step: moved.step,
            span: moved.span,
            state: moved.to,
            peer: self.holders.peer(moved.peer),
        });
        withdrawn.chain(self.ready_effects(ready)).chain(changed).collect()
    }

    /// Says so if the job's state is another one than last time.
    fn state_effects(&mut self) -> Vec<Effect> {
        let (job, state) = (self.id(), self.state());
        if self.shown == Some(state) {
            return Vec::new();
        }
        self.shown = Some(state);
        let mut effects = vec![Effect::JobChanged { job, state }];
        if state.is_ended() {
            effects.push(Effect::JobEnded { job, state });
            let peers = self.holders.list().iter().map(|holder| holder.peer).collect();
            effects.push(Effect::Forget { job, peers });
        }
        effects
    }

    fn sort_ready(&self, step: u32, span: TaskSpan, ready: &mut ReadyTasks) {
        let mut put = |avoid: BTreeSet<u16>, span| ready.entry((step, avoid)).or_default().insert(span);
        let mut next = span.start;
        let key = |index| TaskKey { step, index };
        for (task, avoid) in self.failed_on().range(key(span.start)..key(span.end)) {
            if next < task.index {
                put(BTreeSet::new(), TaskSpan::new(next, task.index));
            }
            put(avoid.clone(), TaskSpan::new(task.index, task.index + 1));
            next = task.index + 1;
        }
        if next < span.end {
            put(BTreeSet::new(), TaskSpan::new(next, span.end));
        }
    }

    fn ready_effects(&self, ready: ReadyTasks) -> Vec<Effect> {
        let job = self.id();
        let effects = ready.into_iter().map(|((step, avoid), spans)| {
            let avoid = avoid.into_iter().filter_map(|at| self.holders.peer(at)).collect();
            Effect::TasksReady { job, step, spans, avoid }
        });
        effects.collect()
    }
}
