use std::collections::BTreeMap;

use gridwell_api::{Event, EventBody, EventCursor, JobView};
use gridwell_model::{Incarnation, JobId, JobState};

use crate::text;

/// Jobs that somebody follows, kept up to date by events.
#[derive(Debug)]
pub(crate) struct Watch {
    order: Vec<JobId>,
    jobs: BTreeMap<JobId, JobView>,
    stream: Option<Incarnation>,
    seq: u64,
}

impl Watch {
    /// Follows these jobs from their present state on.
    pub(crate) fn new(jobs: Vec<JobView>) -> Self {
        let mut order: Vec<_> = Vec::new();
        for job in &jobs {
            if !order.contains(&job.id) {
                order.push(job.id);
            }
        }
        Self { order, jobs: jobs.into_iter().map(|job| (job.id, job)).collect(), stream: None, seq: 0 }
    }

    /// Takes events in; true if a followed job changed.
    pub(crate) fn hear(&mut self, events: Vec<Event>) -> bool {
        let mut changed = false;
        for event in events {
            self.seq = event.seq;
            changed |= match event.body {
                EventBody::Snapshot(snapshot) => {
                    self.stream = Some(snapshot.stream);
                    self.renew(snapshot.jobs)
                }
                EventBody::JobChanged(job) => self.update(*job),
                EventBody::JobRemoved(job) => self.forget(job),
                _ => false,
            };
        }
        changed
    }

    /// Up to where it has heard, to come back with.
    pub(crate) fn cursor(&self) -> Option<EventCursor> {
        self.stream.map(|stream| EventCursor { stream, seq: self.seq })
    }

    /// The followed jobs, in the order in which they were named.
    pub(crate) fn jobs(&self) -> impl Iterator<Item = &JobView> {
        self.order.iter().filter_map(|id| self.jobs.get(id))
    }

    /// True when nothing more happens to any of them by itself.
    pub(crate) fn ended(&self) -> bool {
        self.jobs().all(|job| job.state.is_ended())
    }

    /// True when every one of them ended well.
    pub(crate) fn all_done(&self) -> bool {
        self.jobs().all(|job| job.state == JobState::Done)
    }

    /// How far all of them are, 0 … 1, each weighing as much as it has tasks.
    pub(crate) fn fraction(&self) -> f64 {
        let total: f64 = self.jobs().map(|job| job.counts.total() as f64).sum();
        let done: f64 = self.jobs().map(|job| job.progress.clamp(0.0, 1.0) * job.counts.total() as f64).sum();
        if total > 0.0 { done / total } else { 0.0 }
    }

    /// Tasks that ended well, in all of them.
    pub(crate) fn done(&self) -> u64 {
        self.jobs().map(|job| job.counts.done).sum()
    }

    fn renew(&mut self, jobs: Vec<JobView>) -> bool {
        let mut fresh: BTreeMap<_, _> = jobs.into_iter().map(|job| (job.id, job)).collect();
        for id in self.order.clone() {
            match fresh.remove(&id) {
                Some(job) => self.jobs.insert(id, job),
                // A node that forgot a job has nothing more to tell about it.
                None => self.jobs.remove(&id),
            };
        }
        true
    }

    fn update(&mut self, job: JobView) -> bool {
        match self.jobs.get_mut(&job.id) {
            Some(kept) => {
                *kept = job;
                true
            }
            None => false,
        }
    }

    fn forget(&mut self, job: JobId) -> bool {
        self.jobs.remove(&job).is_some()
    }
}

/// Decides which changes are worth a line when nobody watches live: every tenth of the way, and every change of state or
/// new failure.
#[derive(Debug, Default)]
pub(crate) struct Teller {
    told: BTreeMap<JobId, (JobState, u64, u64)>,
}

impl Teller {
    /// The lines that are new since last time.
    pub(crate) fn lines(&mut self, watch: &Watch) -> Vec<String> {
        let mut lines = Vec::new();
        for job in watch.jobs().filter(|job| !job.state.is_ended()) {
            let now = (job.state, (job.progress.clamp(0.0, 1.0) * 10.0) as u64, job.counts.failed);
            if self.told.insert(job.id, now) != Some(now) {
                lines.push(format!("{}: {}", text::clean(&job.name), text::progress(job, "")));
            }
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use gridwell_api::{CodeShown, Snapshot};

    use super::*;
    use crate::text::a_job;

    fn event(seq: u64, body: EventBody) -> Event {
        Event { seq, body }
    }

    fn snapshot(jobs: Vec<JobView>) -> EventBody {
        EventBody::Snapshot(Box::new(Snapshot {
            stream: Incarnation([1; 8]),
            machines: vec![],
            links: vec![],
            jobs,
            pairings: vec![],
            code: CodeShown::default(),
            asks: vec![],
        }))
    }

    #[test]
    fn a_followed_job_ends_when_its_events_say_so() {
        let mut watch = Watch::new(vec![a_job(JobState::Running)]);
        assert!(watch.hear(vec![event(4, snapshot(vec![a_job(JobState::Running)]))]));
        assert!(!watch.ended());
        let mut other = a_job(JobState::Failed);
        other.id = JobId([9; 10]);
        assert!(!watch.hear(vec![event(5, EventBody::JobChanged(Box::new(other)))]), "another job's end is not ours");
        assert!(watch.hear(vec![event(6, EventBody::JobChanged(Box::new(a_job(JobState::Done))))]));
        assert!(watch.ended() && watch.all_done());
        assert_eq!(watch.cursor(), Some(EventCursor { stream: Incarnation([1; 8]), seq: 6 }));
    }

    #[test]
    fn a_job_that_ended_before_the_first_event_has_ended() {
        let watch = Watch::new(vec![a_job(JobState::Failed)]);
        assert!(watch.ended() && !watch.all_done());
    }

    #[test]
    fn the_way_is_weighed_by_tasks() {
        let small = JobView { progress: 1.0, counts: Default::default(), ..a_job(JobState::Done) };
        let mut large = a_job(JobState::Running);
        large.id = JobId([9; 10]);
        let watch = Watch::new(vec![small, large]);
        assert!((watch.fraction() - 0.75).abs() < 1e-9);
        assert_eq!(watch.done(), 18);
    }

    #[test]
    fn only_tenths_states_and_failures_make_a_line() {
        let mut teller = Teller::default();
        let mut job = a_job(JobState::Running);
        let mut lines = |job: &JobView| teller.lines(&Watch::new(vec![job.clone()])).len();
        assert_eq!(lines(&job), 1);
        job.progress = 0.76;
        assert_eq!(lines(&job), 0);
        job.progress = 0.81;
        assert_eq!(lines(&job), 1);
        job.counts.failed = 1;
        assert_eq!(lines(&job), 1);
        job.state = JobState::Held;
        assert_eq!(lines(&job), 1);
    }
}
