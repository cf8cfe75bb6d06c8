use std::ops::Range;

use gridwell_model::{JobId, TaskSpan, TaskState, Time};

use crate::{
    change::{self, Change, Hold},
    job::{self, Job},
    notes::Notes,
};

/// Why a journal cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Bytes are not an entry (or snapshot) of a version this program knows, or do not fit what came before.
    #[error("journal of job {job}: part {part} is unreadable")]
    Unreadable {
        /// Whose.
        job: JobId,
        /// 0 is the snapshot, entries count from 1.
        part: usize,
    },
    /// An entry is missing.
    #[error("journal of job {job}: expected entry {expected}, found {found}")]
    Gap {
        /// Whose.
        job: JobId,
        /// The number that should come next.
        expected: u64,
        /// The number found.
        found: u64,
    },
    /// Each entry is readable, but together they say what cannot be: somebody else wrote them.
    #[error("journal of job {job} contradicts itself: {what}")]
    Contradicts {
        /// Whose.
        job: JobId,
        /// How.
        what: String,
    },
}

/// Replays one job; `None` if nothing was journalled. Its leases end at `lease_end`.
pub(crate) fn replay(
    id: JobId,
    snapshot: Option<&[u8]>,
    entries: &[Vec<u8>],
    lease_end: Time,
) -> Result<Option<Job>, RestoreError> {
    let unreadable = |part| RestoreError::Unreadable { job: id, part };
    let mut job = match snapshot {
        Some(bytes) => Some(Job::from_snapshot(bytes, lease_end).filter(|job| job.id() == id).ok_or(unreadable(0))?),
        None => None,
    };
    for (part, bytes) in (1..).zip(entries) {
        let (number, change) = change::decode(bytes).ok_or(unreadable(part))?;
        let expected = job.as_ref().map_or(1, |job| job.entry + 1);
        // A snapshot may be newer than entries that were written behind it.
        if number < expected {
            continue;
        }
        if number > expected {
            return Err(RestoreError::Gap { job: id, expected, found: number });
        }
        let job = match (&mut job, &change) {
            (Some(job), change) if fits(job, change) => job,
            (none @ None, Change::Added { spec, priority, held }) if spec.id == id && job::check_spec(spec).is_ok() => {
                none.insert(Job::new(spec.as_ref().clone(), *priority, Hold::added(*held)))
            }
            _ => return Err(unreadable(part)),
        };
        job.entry = number;
        job.journal_bytes += bytes.len();
        job.apply(&change, lease_end, &mut Notes::default());
    }
    match job.as_ref().map(Job::check) {
        Some(Err(what)) => Err(RestoreError::Contradicts { job: id, what }),
        _ => Ok(job),
    }
}

/// True if a change can be applied: a damaged entry must not bring the node down.
fn fits(job: &Job, change: &Change) -> bool {
    match change {
        Change::Added { .. } => false,
        Change::Granted { step, span, peer, fence } => {
            job.all_in(*step, *span, &[TaskState::Ready])
                && job.holders.has_room_for(*peer)
                && !job.leases.contains_key(fence)
        }
        Change::Merged { done, cancelled, stowed, .. } => {
            done.iter().all(|run| job.has_tasks(run.step, run.span) && job.holders.has_room_for(run.peer))
                && job.missing_task(cancelled).is_none()
                && stowed.iter().all(|stow| job.has_tasks(stow.step, stow.tasks))
        }
        Change::Checkpointed { fence, checkpoint } => job.wants_checkpoint(*fence, *checkpoint),
        Change::Stowed(stow) => job.has_tasks(stow.step, stow.tasks),
        Change::Replaced { of, by, peer, step, span } => {
            let held = job.leases.get(of).filter(|lease| lease.step == *step);
            let covers = |left: &TaskSpan| left.start <= span.start && span.end <= left.end;
            held.is_some_and(|lease| lease.left.spans().iter().any(covers))
                && !span.is_empty()
                && job.holders.has_room_for(*peer)
                && !job.leases.contains_key(by)
        }
        Change::Ended { fence, results, .. } => job.countable(*fence, results).len() == results.len(),
        Change::Cancelled { tasks, .. } => tasks.as_ref().is_none_or(|tasks| job.missing_task(tasks).is_none()),
        Change::TasksHeld { tasks, .. } | Change::Retried { tasks } | Change::Reused { tasks, .. } => {
            job.missing_task(tasks).is_none()
        }
        Change::Started { .. }
        | Change::Returned { .. }
        | Change::JobHeld { .. }
        | Change::Prioritised { .. }
        | Change::Unblocked
        | Change::Stewarded { .. }
        | Change::Landed { .. } => true,
    }
}

impl Job {
    /// Ready tasks, as neighbouring ones by step.
    pub(crate) fn ready_spans(&self) -> Vec<(u32, TaskSpan)> {
        let steps = (0_u32..).zip(&self.steps).filter(|(_, step)| step.counts.of(TaskState::Ready) > 0);
        steps.flat_map(|(at, step)| self.ready_within(at, 0..step.tasks.len() as u32)).collect()
    }

    /// Ready tasks of one step among some.
    pub(crate) fn ready_within(&self, at: u32, among: Range<u32>) -> Vec<(u32, TaskSpan)> {
        let mut spans: Vec<(u32, TaskSpan)> = Vec::new();
        let tasks = self.steps.get(at as usize).map_or(&[][..], |step| &step.tasks);
        let some = tasks.iter().take(among.end as usize).skip(among.start as usize);
        for (index, _) in (among.start..).zip(some).filter(|(_, task)| task.state == TaskState::Ready) {
            match spans.last_mut() {
                Some((_, span)) if span.end == index => span.end += 1,
                _ => spans.push((at, TaskSpan::new(index, index + 1))),
            }
        }
        spans
    }
}
