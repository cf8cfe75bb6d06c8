//! What programs wrote while another machine was steward goes home with the job.

use std::{collections::BTreeMap, time::Duration};

use gridwell_model::{JobId, PeerId};
use gridwell_net::SendError;
use gridwell_store::{LogQuery, Store, StoreError};
use gridwell_wire::{LogChunk, Message};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};

use super::{Core, Fact};

/// Bytes of a log that are read at once: a few messages.
const PAGE_BYTES: u64 = 128 * 1024;
/// Wait before a link that has too much to carry is tried again, and how often that is done.
const WAIT: Duration = Duration::from_millis(200);
const TRIES: u32 = 300;

/// Output on its way to the steward it belongs to now.
pub(crate) struct Handed {
    pub(crate) to: PeerId,
    pub(crate) chunk: LogChunk,
    /// Gives the chunk back if the link does not take it now; `Err` if no way leads there.
    pub(crate) answer: oneshot::Sender<Result<Option<LogChunk>, ()>>,
}

/// Key in the store.
const KEY: &str = "logs_to_hand";
/// Most logs of which it is remembered how far they went: jobs that may come back here.
const MOST: usize = 4_096;

/// Logs that follow their jobs, over restarts.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Following(BTreeMap<JobId, Followed>);

/// The log of a job whose steward is another machine again.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Followed {
    /// Who is to have it; nobody any more once all is there.
    to: Option<PeerId>,
    /// How far it went.
    after: u64,
    #[serde(skip)]
    way: Way,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Way {
    #[default]
    Waits,
    /// It is on its way.
    Goes,
    /// It is on its way, and there may be more.
    GoesAgain,
}

impl Following {
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let kept = store.meta(KEY).await?;
        Ok(kept.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default())
    }

    /// A job went to `to`: what was written since its log went there the last time follows.
    fn owe(&mut self, job: JobId, to: PeerId) {
        let followed = self.0.entry(job).or_default();
        followed.to = Some(to);
        if followed.way == Way::Goes {
            followed.way = Way::GoesAgain;
        }
        if self.0.len() > MOST
            && let Some(settled) = self.0.iter().find(|(_, followed)| followed.to.is_none()).map(|(job, _)| *job)
        {
            self.0.remove(&settled);
        }
    }

    /// Logs that `to` is to have, with how far they went. They are on their way from now on.
    fn take(&mut self, to: PeerId) -> Vec<(JobId, u64)> {
        let waits = self.0.iter_mut().filter(|(_, followed)| followed.to == Some(to) && followed.way == Way::Waits);
        let taken = waits.map(|(job, followed)| {
            followed.way = Way::Goes;
            (*job, followed.after)
        });
        taken.collect()
    }

    /// A log went up to this position; true if that is all, and it is to go again at once.
    fn went(&mut self, job: JobId, after: u64, whole: bool) -> bool {
        let Some(followed) = self.0.get_mut(&job) else { return false };
        followed.after = after;
        let again = std::mem::take(&mut followed.way) == Way::GoesAgain;
        if whole && !again {
            followed.to = None;
        }
        whole && again
    }
}

impl Core {
    /// A job went back to its origin: what its programs wrote here follows it.
    pub(super) fn hand_logs_home(&mut self, job: JobId) {
        let origin = self.homes.get(&job).map(|home| home.spec.origin);
        if let Some(origin) =
            origin.filter(|origin| *origin != self.me && self.deputies.steward_of(job) == Some(*origin))
        {
            self.copying.logs.owe(job, origin);
            self.keep_following();
            self.hand_logs(origin);
        }
    }

    fn keep_following(&self) {
        drop(self.keep(KEY, postcard::to_stdvec(&self.copying.logs).expect("what is kept is plain data")));
    }

    /// Hands on what belongs to jobs of a machine that can be reached.
    pub(super) fn hand_logs(&mut self, origin: PeerId) {
        let jobs = self.copying.logs.take(origin);
        if jobs.is_empty() {
            return;
        }
        self.flush_logs();
        let (begun, mut written) = self.logs.begun();
        let (store, facts) = (self.store.clone(), self.facts.clone());
        self.beside.spawn(async move {
            // The loop has stopped: nothing more is written.
            let _ = written.wait_for(|written| *written >= begun).await;
            for (job, after) in jobs {
                let (after, whole) = hand(&store, &facts, origin, job, after).await;
                let _stopped = facts.send(Fact::LogsHanded(job, origin, after, whole)).await;
            }
        });
    }

    /// Sends a piece of a log, unless the link has enough to carry.
    pub(crate) fn hand_log(&mut self, handed: Handed) {
        let Handed { to, chunk, answer } = handed;
        let message = Message::Log(chunk);
        let sent = match self.send(to, &message) {
            Ok(()) => Ok(None),
            Err(SendError::Crowded { .. }) => match message {
                Message::Log(chunk) => Ok(Some(chunk)),
                _ => Err(()),
            },
            Err(_) => Err(()),
        };
        // Whoever handed it on has stopped.
        let _gone = answer.send(sent);
    }

    /// A job's log went up to this position; the rest goes when its steward can be reached again.
    pub(crate) fn on_logs_handed(&mut self, job: JobId, to: PeerId, after: u64, whole: bool) {
        let again = self.copying.logs.went(job, after, whole);
        self.keep_following();
        if again {
            self.hand_logs(to);
        }
    }
}

/// Hands a job's log on from a position; returns how far that went, and whether that is all.
async fn hand(store: &Store, facts: &mpsc::Sender<Fact>, to: PeerId, job: JobId, mut after: u64) -> (u64, bool) {
    loop {
        let query = LogQuery { job, task: None, fence: None, after, limit_bytes: PAGE_BYTES };
        let page = match store.read_log(query).await {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, %job, "what programs wrote here does not follow their job");
                return (after, true);
            }
        };
        for kept in page.lines {
            let line = kept.line;
            for (number, bytes) in line.bytes.chunks(Message::MAX_LOG_BYTES).enumerate() {
                let at = line.at + (number * Message::MAX_LOG_BYTES) as u64;
                let chunk = LogChunk { job, task: line.task, fence: line.fence, at, bytes: bytes.to_vec() };
                if !pass(facts, to, chunk).await {
                    return (after, false);
                }
            }
        }
        after = page.next;
        if !page.more {
            return (after, true);
        }
    }
}

/// Waits until the link takes a piece; false if none leads there, or it takes too long.
async fn pass(facts: &mpsc::Sender<Fact>, to: PeerId, mut chunk: LogChunk) -> bool {
    for _ in 0..TRIES {
        let (answer, answered) = oneshot::channel();
        if facts.send(Fact::LogPiece(Handed { to, chunk, answer })).await.is_err() {
            return false;
        }
        match answered.await {
            Ok(Ok(None)) => return true,
            Ok(Ok(Some(back))) => chunk = back,
            Ok(Err(())) | Err(_) => return false,
        }
        tokio::time::sleep(WAIT).await;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    const JOB: JobId = JobId([1; 10]);
    const HOME: PeerId = PeerId([2; 32]);

    fn restarted(following: &Following) -> Following {
        postcard::from_bytes(&postcard::to_stdvec(following).unwrap()).unwrap()
    }

    #[test]
    fn what_was_on_its_way_when_the_node_ended_goes_after_its_start() {
        let mut following = Following::default();
        following.owe(JOB, HOME);
        assert_eq!(following.take(HOME), [(JOB, 0)]);
        assert_eq!(following.take(HOME), [], "it is on its way");

        let mut following = restarted(&following);
        assert_eq!(following.take(HOME), [(JOB, 0)]);
        assert!(!following.went(JOB, 70, false), "its way broke");
        assert_eq!(restarted(&following).take(HOME), [(JOB, 70)]);
    }

    #[test]
    fn a_log_that_is_there_goes_on_from_its_end_when_the_job_was_here_again() {
        let mut following = Following::default();
        following.owe(JOB, HOME);
        following.take(HOME);
        assert!(!following.went(JOB, 70, true));
        let mut following = restarted(&following);
        assert_eq!(following.take(HOME), [], "nothing is owed");

        following.owe(JOB, HOME);
        assert_eq!(following.take(HOME), [(JOB, 70)]);
        following.owe(JOB, HOME);
        assert!(following.went(JOB, 90, true), "more was written while it was on its way");
        assert_eq!(following.take(HOME), [(JOB, 90)]);
        assert!(!following.went(JOB, 95, true));
        assert_eq!(following.take(HOME), []);
    }

    #[test]
    fn what_is_owed_is_not_forgotten() {
        let mut following = Following::default();
        following.owe(JOB, HOME);
        for number in 0..=MOST as u32 {
            let job = JobId([number.to_be_bytes().as_slice(), &[9; 6]].concat().try_into().unwrap());
            following.owe(job, PeerId([3; 32]));
            following.take(PeerId([3; 32]));
            following.went(job, 1, true);
        }
        assert_eq!(following.0.len(), MOST);
        assert_eq!(following.take(HOME), [(JOB, 0)]);
    }
}
