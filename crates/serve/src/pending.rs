//! What waits to be sent to one listener: what newer facts replace is left out.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use gridwell_api::{Event, EventBody, LinkKey};
use gridwell_model::{JobId, PeerId};
use tokio::sync::Notify;

/// Events on their way from whoever takes them in to whoever sends them.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    pending: Mutex<Pending>,
    news: Notify,
}

impl Waiting {
    /// False when more waits than may: the listener is too slow.
    pub(crate) fn add(&self, mut events: impl Iterator<Item = Arc<Event>>) -> bool {
        let mut pending = self.pending();
        let fits = events.all(|event| pending.add(event));
        drop(pending);
        self.news.notify_one();
        fits
    }

    /// Nothing more comes.
    pub(crate) fn end(&self) {
        self.pending().ended = true;
        self.news.notify_one();
    }

    /// Everything that waits, as soon as something does; `None` at the end.
    pub(crate) async fn next(&self) -> Option<Vec<Arc<Event>>> {
        loop {
            {
                let mut pending = self.pending();
                let batch = pending.take();
                if !batch.is_empty() {
                    return Some(batch);
                }
                if pending.ended {
                    return None;
                }
            }
            self.news.notified().await;
        }
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Events in order, the newest of each subject.
#[derive(Debug, Default)]
struct Pending {
    /// `None` where a later one replaced it.
    events: Vec<Option<Arc<Event>>>,
    last: HashMap<Subject, usize>,
    ended: bool,
}

/// What an event tells all of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Job(JobId),
    Machine(PeerId),
    /// Apart from the machine: it does not tell all of it, so that a listener needs both, each under its own number.
    Activity(PeerId),
    Link(PeerId, PeerId),
    Pairing(u64),
    Layout,
    Code,
    Members,
    Ask(PeerId, PeerId),
}

impl Pending {
    /// Most that may wait: some megabytes, and more than a busy grid tells in a second.
    const MOST: usize = 16_384;

    /// False when more waits than may.
    fn add(&mut self, event: Arc<Event>) -> bool {
        if let Some(subject) = subject(&event.body)
            && let Some(before) = self.last.insert(subject, self.events.len())
        {
            self.events[before] = None;
        }
        self.events.push(Some(event));
        self.events.len() <= Self::MOST
    }

    fn take(&mut self) -> Vec<Arc<Event>> {
        self.last.clear();
        self.events.drain(..).flatten().collect()
    }
}

/// What an event is about, where the next one about the same makes it old.
fn subject(body: &EventBody) -> Option<Subject> {
    match body {
        EventBody::JobChanged(job) => Some(Subject::Job(job.id)),
        EventBody::JobRemoved(job) => Some(Subject::Job(*job)),
        EventBody::MachineChanged(machine) => Some(Subject::Machine(machine.id)),
        EventBody::MachineActivity(activity) => Some(Subject::Activity(activity.id)),
        EventBody::MachineRemoved(peer) => Some(Subject::Machine(*peer)),
        EventBody::LinkChanged(link) => Some(Subject::Link(link.from, link.peer)),
        EventBody::LinkRemoved(LinkKey { from, peer }) => Some(Subject::Link(*from, *peer)),
        EventBody::PairingChanged(pairing) => Some(Subject::Pairing(pairing.id)),
        EventBody::LayoutChanged(_) => Some(Subject::Layout),
        EventBody::CodeChanged(_) => Some(Subject::Code),
        EventBody::MembersChanged(_) => Some(Subject::Members),
        EventBody::LinkAskChanged(ask) => Some(Subject::Ask(ask.from, ask.peer)),
        EventBody::LinkAskRemoved(LinkKey { from, peer }) => Some(Subject::Ask(*from, *peer)),
        EventBody::Snapshot(_) | EventBody::TasksChanged(_) | EventBody::Notice(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use gridwell_api::{MachineActivity, MachineState, Notice, NoticeKind, NoticeLevel, Share};
    use gridwell_model::{Load, Stamp};

    use super::*;

    fn event(seq: u64, body: EventBody) -> Arc<Event> {
        Arc::new(Event { seq, body })
    }

    fn activity(peer: u8, running: u32) -> EventBody {
        let id = PeerId([peer; 32]);
        let (load, free) = (Load::default(), Share::default());
        EventBody::MachineActivity(MachineActivity { id, state: MachineState::Working, load, free, running, made: 0 })
    }

    fn notice(id: u64) -> EventBody {
        EventBody::Notice(Notice {
            id,
            at: Stamp(0),
            kind: NoticeKind::Other,
            level: NoticeLevel::Info,
            sentence: String::new(),
            job: None,
            machine: None,
        })
    }

    fn numbers(pending: &mut Pending) -> Vec<u64> {
        pending.take().iter().map(|event| event.seq).collect()
    }

    #[test]
    fn newer_facts_replace_older_ones_about_the_same() {
        let mut pending = Pending::default();
        for (seq, body) in [(1, activity(1, 1)), (2, activity(2, 1)), (3, notice(1)), (4, activity(1, 2))] {
            assert!(pending.add(event(seq, body)));
        }
        assert_eq!(numbers(&mut pending), [2, 3, 4]);
        assert!(pending.take().is_empty());
        pending.add(event(5, activity(2, 3)));
        assert_eq!(numbers(&mut pending), [5], "what was sent is not replaced");
    }

    #[tokio::test]
    async fn what_waits_is_handed_over_before_the_end() {
        let waiting = Waiting::default();
        assert!(waiting.add([event(1, notice(1)), event(2, activity(1, 1))].into_iter()));
        assert!(waiting.add([event(3, activity(1, 2))].into_iter()));
        waiting.end();
        let batch = waiting.next().await.unwrap_or_default();
        assert_eq!(batch.iter().map(|event| event.seq).collect::<Vec<_>>(), [1, 3]);
        assert!(waiting.next().await.is_none());
    }

    #[test]
    fn what_does_not_tell_all_replaces_nothing_that_does() {
        let mut pending = Pending::default();
        let gone = || EventBody::MachineRemoved(PeerId([1; 32]));
        for (seq, body) in [(1, gone()), (2, activity(1, 1)), (3, activity(1, 2)), (4, gone()), (5, activity(1, 3))] {
            pending.add(event(seq, body));
        }
        assert_eq!(numbers(&mut pending), [4, 5]);
        pending.add(event(6, EventBody::JobRemoved(JobId([1; 10]))));
        pending.add(event(7, activity(1, 4)));
        pending.add(event(8, gone()));
        assert_eq!(numbers(&mut pending), [6, 7, 8]);
    }

    #[test]
    fn what_may_wait_is_bounded() {
        let mut pending = Pending::default();
        let added = (0..=Pending::MOST as u64).map(|seq| pending.add(event(seq, notice(seq)))).collect::<Vec<_>>();
        assert_eq!(added.iter().filter(|fits| !**fits).count(), 1);
    }
}
