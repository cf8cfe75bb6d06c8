//! How jobs of this machine end, and how the oldest are forgotten.

use std::time::Duration;

use gridwell_api::{EventBody, InTheWay};
use gridwell_ledger::{DeputyInput, Input as LedgerInput};
use gridwell_model::{JobId, JobState};
use gridwell_sched::Input as SchedInput;

use super::{
    Core, keep_wish,
    views::{counts, task_word},
    words::end_of,
};
use crate::clock;

/// Ended jobs that are kept for people to look at.
const KEPT_JOBS: usize = 1_000;

/// Tasks of ended jobs that are kept, all jobs together: some 50 MB of records.
const KEPT_TASKS: u64 = 2_000_000;

/// Steps of an ended job whose placement stays explained: bounds what a long list of jobs keeps in memory.
const EXPLAINED_STEPS: u32 = 16;

impl Core {
    pub(super) fn on_job_ended(&mut self, job: JobId, state: JobState) {
        self.keep_explanations(job);
        self.sched.handle(SchedInput::JobRemoved { job }, clock::now());
        self.flush_logs();
        self.logs.job_ended(job);
        let store = self.store.clone();
        let runs = self.machines.take_runs();
        self.beside.spawn(async move {
            let noted = async {
                store.mark_job_ended(job).await?;
                store.record_runs(runs).await
            };
            if let Err(error) = noted.await {
                tracing::warn!(%error, %job, "the end of a job was not noted");
            }
        });
        if let Some(home) = self.homes.get_mut(&job) {
            home.said.clear();
        }
        self.tell_end(job);
        tracing::info!(%job, ?state, "job ended");
        self.job_changed(job);
        self.tell_now();
        self.forget_oldest();
    }

    /// One notice, however many tasks the job has.
    fn tell_end(&mut self, job: JobId) {
        let (Some(home), Some(summary)) = (self.homes.get(&job), self.ledger.summary(job, clock::now())) else {
            return;
        };
        let took = summary.started.zip(summary.ended);
        let took = took.map(|(started, ended)| Duration::from_millis(ended.0.saturating_sub(started.0)));
        let word = task_word(&home.spec.parameters);
        let (kind, level, sentence) = end_of(&home.spec.name, word, summary.state, counts(&summary.counts), took);
        self.notice(kind, level, sentence, Some(job), None);
    }

    /// The scheduler forgets an ended job; people may still ask why it ran where it ran.
    fn keep_explanations(&mut self, job: JobId) {
        if let Some(home) = self.homes.get_mut(&job) {
            let steps = 0..EXPLAINED_STEPS.min(home.spec.steps.len() as u32);
            home.explained = steps.filter_map(|step| Some((step, self.sched.explain(job, step)?))).collect();
        }
    }

    /// Keeps the history of jobs within bounds: the ones that ended first are forgotten, never the newest.
    fn forget_oldest(&mut self) {
        let now = clock::now();
        // What waits at home for other files to make way is nowhere else.
        let free = self.homes.keys().filter(|job| self.ledger.stowed(**job).next().is_none());
        let ended = free.filter_map(|job| Some((self.ledger.summary(*job, now)?.ended?, *job)));
        let mut ended: Vec<_> = ended.map(|(at, job)| (at, job, self.homes[&job].spec.task_count())).collect();
        ended.sort_unstable();
        let mut tasks: u64 = ended.iter().map(|(.., tasks)| tasks).sum();
        let mut jobs = ended.len();
        for (_, job, count) in ended {
            if jobs <= 1 || (jobs <= KEPT_JOBS && tasks <= KEPT_TASKS) {
                break;
            }
            (jobs, tasks) = (jobs - 1, tasks - count);
            self.tell_ledger(LedgerInput::RemoveJob { job });
        }
    }

    pub(super) fn on_job_removed(&mut self, job: JobId) {
        self.deputies.handle(DeputyInput::JobRemoved { job }, clock::now());
        self.homes.remove(&job);
        self.events.tell(EventBody::JobRemoved(job));
        let store = self.store.clone();
        self.beside.spawn(async move {
            // Blobs that stay pinned are let go at the next start.
            let (removed, _) = (store.remove_job(job).await, store.blobs().unpin_job(job).await);
            let forgotten = keep_wish(&store, job, InTheWay::Keep).await;
            if let Err(error) = removed.and(forgotten) {
                tracing::warn!(%error, %job, "a removed job left something behind");
            }
        });
    }
}
