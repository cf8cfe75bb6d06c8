//! Machines that sleep are woken by one on their own wire: this one, or another that is asked to.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use gridwell_api::{ApiError, ErrorCode, Response, WakeView};
use gridwell_model::{PeerId, Time, WakePoint};
use gridwell_store::{Store, StoreError};
use gridwell_wire::Message;

use super::{Core, Fact, facts::Reply};
use crate::clock;

/// Key in the store.
const KEY: &str = "wake";
/// How long others may take to say whether they could.
const ANSWERS: Duration = Duration::from_secs(2);
/// Machines that are asked at once: those beside the sleeping one are few.
const MOST_ASKED: usize = 16;
/// How often this machine's own network devices are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Shortest time between two packets for one machine: it needs one, and nobody has this machine send more.
const SEND_EVERY: Duration = Duration::from_secs(1);
/// Most who wait for an answer at once.
const MOST_WAITING: usize = 16;

/// Where other machines hear packets that wake them, and who waits for one to be sent.
#[derive(Default)]
pub(crate) struct Waking {
    /// As they said themselves; kept over restarts, because whoever sleeps says nothing.
    points: BTreeMap<PeerId, Vec<WakePoint>>,
    /// Where this machine can be woken, and which wires it is on.
    mine: Vec<WakePoint>,
    looked_at: Option<Time>,
    sent_at: BTreeMap<PeerId, Time>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    peer: PeerId,
    until: Time,
    asked: BTreeSet<PeerId>,
    sent_by: Vec<PeerId>,
    for_whom: For,
}

/// Who wants a machine woken.
enum For {
    /// A person, who waits for an answer.
    Person(Reply),
    /// Work, because of this.
    Work(String),
}

impl Waking {
    /// Reads what is kept. It is a hint: what cannot be read is forgotten.
    pub(crate) async fn load(store: &Store) -> Result<Self, StoreError> {
        let kept = store.meta(KEY).await?;
        let points = kept.and_then(|bytes| postcard::from_bytes(&bytes).ok()).unwrap_or_default();
        Ok(Self { points, ..Self::default() })
    }

    /// Where this machine can be woken.
    pub(super) fn mine(&self) -> &[WakePoint] {
        &self.mine
    }

    pub(super) fn due(&self) -> Option<Time> {
        self.waiting.iter().map(|waiting| waiting.until).min()
    }

    /// A machine said where it can be woken; returns what is to be kept if that is news.
    fn learn(&mut self, peer: PeerId, points: &[WakePoint]) -> Option<Vec<u8>> {
        let points = &points[..points.len().min(WakePoint::MAX)];
        if points.is_empty() || self.points.get(&peer).is_some_and(|known| known == points) {
            return None;
        }
        self.points.insert(peer, points.to_vec());
        Some(postcard::to_stdvec(&self.points).expect("points are plain data"))
    }

    fn of(&self, peer: PeerId) -> &[WakePoint] {
        self.points.get(&peer).map_or(&[], Vec::as_slice)
    }

    /// A device of `mine` and one of `theirs` on the same wire.
    fn beside(mine: &[WakePoint], theirs: &[WakePoint]) -> Option<(WakePoint, WakePoint)> {
        let pair = |here: &WakePoint| Some((*here, *theirs.iter().find(|there| here.is_beside(there))?));
        mine.iter().find_map(pair)
    }

    /// True if a packet may go now.
    fn may_send(&mut self, peer: PeerId, now: Time) -> bool {
        let free = self.sent_at.get(&peer).is_none_or(|at| *at + SEND_EVERY <= now);
        if free {
            self.sent_at.insert(peer, now);
        }
        free
    }
}

impl Core {
    /// Machines move from network to network: looks at this one's again after a while.
    pub(super) fn look_for_wake_points(&mut self) {
        let now = clock::now();
        if self.waking.looked_at.is_some_and(|at| at + LOOK_EVERY > now) {
            return;
        }
        self.waking.looked_at = Some(now);
        let found = gridwell_probe::wake_points();
        if found != self.waking.mine {
            self.waking.mine = found;
            self.changed.announce = true;
            self.tell_soon();
        }
    }

    pub(super) fn learn_wake_points(&mut self, peer: PeerId, points: &[WakePoint]) {
        if let Some(bytes) = self.waking.learn(peer, points) {
            drop(self.keep(KEY, bytes));
        }
    }

    /// A person wants a machine to wake up.
    pub(super) fn wake(&mut self, named: &str, reply: Reply) {
        let peer = match self.find_sleeper(named) {
            Ok(peer) => peer,
            Err(error) => {
                let _gone = reply.send(Err(error));
                return;
            }
        };
        if self.waking.waiting.len() >= MOST_WAITING {
            let error =
                ApiError::new(ErrorCode::WrongState, "too many machines are being woken; try again in a moment");
            let _gone = reply.send(Err(error));
            return;
        }
        self.begin_waking(peer, For::Person(reply));
    }

    /// True if it is known where a machine hears packets that wake it.
    pub(super) fn can_be_woken(&self, peer: PeerId) -> bool {
        !self.waking.of(peer).is_empty()
    }

    /// Work waits for a machine that sleeps; `why` is told.
    pub(super) fn wake_for_work(&mut self, peer: PeerId, why: String) {
        if self.waking.waiting.len() < MOST_WAITING {
            self.begin_waking(peer, For::Work(why));
        }
    }

    fn begin_waking(&mut self, peer: PeerId, for_whom: For) {
        let theirs = self.waking.of(peer).to_vec();
        let online = self.machines.others().iter().filter(|(other, machine)| machine.online && **other != peer);
        let beside = online.filter(|(other, _)| Waking::beside(self.waking.of(**other), &theirs).is_some());
        let mut asked: BTreeSet<PeerId> = beside.map(|(other, _)| *other).take(MOST_ASKED).collect();
        asked.retain(|other| self.send(*other, &Message::Wake { peer }).is_ok());
        let here = Waking::beside(&self.waking.mine, &theirs).is_some();
        asked.extend(here.then_some(self.me));
        let until = clock::now() + ANSWERS;
        self.waking.waiting.push(Waiting { peer, until, asked, sent_by: Vec::new(), for_whom });
        if here {
            self.send_wake(self.me, peer);
        }
        self.answer_wakers();
    }

    fn find_sleeper(&self, named: &str) -> Result<PeerId, ApiError> {
        let peer = self.find_machine(named)?;
        let name = self.machines.name(peer);
        if peer == self.me || self.machines.others().get(&peer).is_some_and(|other| other.online) {
            return Err(ApiError::new(ErrorCode::WrongState, format!("{name} is awake")));
        }
        if self.waking.of(peer).is_empty() {
            let message = format!("{name} has never said where it can be woken");
            return Err(ApiError::new(ErrorCode::WrongState, message).help("switch it on once while this machine runs"));
        }
        Ok(peer)
    }

    /// Another machine asks this one to wake a third.
    pub(super) fn on_wake(&mut self, from: PeerId, peer: PeerId) {
        self.send_wake(from, peer);
    }

    /// Sends the packet beside the loop; whoever wanted it hears whether it went.
    fn send_wake(&mut self, wanted_by: PeerId, peer: PeerId) {
        let pair = Waking::beside(&self.waking.mine, self.waking.of(peer));
        let Some((here, there)) = pair.filter(|_| self.waking.may_send(peer, clock::now())) else {
            return self.on_wake_sent(wanted_by, peer, false);
        };
        self.spawn(async move {
            let sent = gridwell_net::send_wake(here.address, &there).await;
            if let Err(error) = &sent {
                tracing::warn!(%error, "a packet that wakes a machine was not sent");
            }
            Fact::WakeSent(wanted_by, peer, sent.is_ok())
        });
    }

    pub(crate) fn on_wake_sent(&mut self, wanted_by: PeerId, peer: PeerId, sent: bool) {
        if sent {
            tracing::info!(machine = self.machines.name(peer), "a packet that wakes it was sent");
        }
        if wanted_by == self.me {
            self.on_woke(self.me, peer, sent);
        } else if let Err(error) = self.send(wanted_by, &Message::WakeSent { peer, sent }) {
            tracing::debug!(%error, "whoever wanted a machine woken was not told");
        }
    }

    /// A machine that was asked says whether it sent the packet.
    pub(super) fn on_woke(&mut self, from: PeerId, peer: PeerId, sent: bool) {
        for waiting in self.waking.waiting.iter_mut().filter(|waiting| waiting.peer == peer) {
            if waiting.asked.remove(&from) && sent {
                waiting.sent_by.push(from);
            }
        }
        self.answer_wakers();
    }

    /// Answers whoever has heard enough: one packet is as good as many.
    pub(super) fn answer_wakers(&mut self) {
        let now = clock::now();
        let enough =
            |waiting: &mut Waiting| !waiting.sent_by.is_empty() || waiting.asked.is_empty() || waiting.until <= now;
        for waiting in self.waking.waiting.extract_if(.., enough).collect::<Vec<_>>() {
            let reply = match waiting.for_whom {
                For::Person(reply) => reply,
                For::Work(why) => {
                    self.tell_roused(waiting.peer, &why, &waiting.sent_by);
                    continue;
                }
            };
            let name = self.machines.name(waiting.peer);
            let answer = if waiting.sent_by.is_empty() {
                let message = format!("no machine that can be reached is beside {name} on its network");
                Err(ApiError::new(ErrorCode::WrongState, message).help("switch it on by hand"))
            } else {
                let sent_by = waiting.sent_by.iter().map(|peer| self.machines.name(*peer)).collect();
                Ok(Response::Wake(WakeView { machine: waiting.peer, name, sent_by }))
            };
            // The asker has gone: nobody waits for the answer.
            let _gone = reply.send(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(last: u8, net: u8) -> WakePoint {
        WakePoint { mac: [last; 6], address: [10, 0, net, last], prefix: 24 }
    }

    #[test]
    fn what_a_machine_said_is_kept_when_it_is_news_and_bounded() {
        let (mut waking, peer) = (Waking::default(), PeerId([1; 32]));
        assert_eq!(waking.learn(peer, &[]), None);
        let many: Vec<_> = (1..=20).map(|last| point(last, 1)).collect();
        let kept = waking.learn(peer, &many).expect("news");
        assert_eq!(waking.learn(peer, &many), None);
        let read: BTreeMap<PeerId, Vec<WakePoint>> = postcard::from_bytes(&kept).unwrap();
        assert_eq!(read[&peer].len(), WakePoint::MAX);
    }

    #[test]
    fn only_a_machine_on_the_same_wire_sends_and_not_all_the_time() {
        let pair = Waking::beside(&[point(1, 1), point(1, 2)], &[point(9, 3), point(9, 2)]);
        assert_eq!(pair, Some((point(1, 2), point(9, 2))));
        assert_eq!(Waking::beside(&[point(1, 1)], &[point(9, 2)]), None);

        let (mut waking, peer) = (Waking::default(), PeerId([1; 32]));
        assert!(waking.may_send(peer, Time::from_secs(1)));
        assert!(!waking.may_send(peer, Time::from_secs(1)));
        assert!(waking.may_send(peer, Time::from_secs(2)));
    }
}
