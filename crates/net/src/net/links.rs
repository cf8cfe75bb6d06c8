//! Links: how connections become links, and how they end.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use gridwell_model::PeerId;
use gridwell_wire::{Hello, LinkWish, Message, Twin};
use libp2p::swarm::ConnectionId;
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::{Connection, LAST_WORD, Notice, Task, Up};
use crate::{
    address::{for_people, socket_of},
    behaviour::{CONTROL, Role},
    event::{NetEvent, Refusal},
    frames::{Pipe, pipe, write_frame},
    keys,
    lane::Dialler,
    link::{GREETING, Greeting, Link, LinkShared, UNKNOWN_HERE, greet_first, read_greeting},
};

/// Longest time between two dials of each other that still count as "at once": a dial and a greeting.
const AT_ONCE: Duration = Duration::from_secs(20);

/// Ports that are tried for a lane.
const MOST_PORTS: usize = 4;

impl Task {
    pub(super) fn set_members(&mut self, members: &BTreeSet<PeerId>, forbidden: BTreeMap<PeerId, LinkWish>) {
        let theirs = |peers: &mut dyn Iterator<Item = &PeerId>| peers.copied().map(keys::to_libp2p).collect();
        let (may_link, may_not) = (theirs(&mut members.iter()), theirs(&mut forbidden.keys()));
        self.swarm.behaviour_mut().gate.set_members(may_link, may_not);
        self.forbidden = forbidden;
        let gone: Vec<_> = self.up.keys().filter(|peer| !members.contains(peer)).copied().collect();
        let mut parting = BTreeSet::new();
        for peer in gone {
            let forbidden = self.forbidden.contains_key(&peer);
            let why = if forbidden { "its link is forbidden here" } else { "it is not a member any more" };
            parting.extend(self.part_from(peer, why));
        }
        let left = self.connections.iter().filter(|(id, held)| held.role == Role::Member && !parting.contains(*id));
        let left: Vec<_> = left.filter(|(_, held)| !members.contains(&held.peer)).map(|(id, _)| *id).collect();
        left.into_iter().for_each(|id| self.close(id));
    }

    /// Ends the link to a member, which still hears what was said to it before. Returns its connection, which closes by
    /// itself.
    fn part_from(&mut self, peer: PeerId, why: &'static str) -> Option<ConnectionId> {
        let link = Arc::clone(&self.up.get(&peer)?.link);
        link.end_soon(why);
        self.forget_link(&link);
        let slow = Arc::clone(&link);
        self.beside(async move {
            tokio::time::sleep(LAST_WORD).await;
            slow.end(why);
            None
        });
        Some(link.connection)
    }

    pub(super) fn set_joinable(&mut self, joinable: bool) {
        // Strangers that are here may finish; the last invite's answer is on its way to one of them.
        self.swarm.behaviour_mut().gate.set_joinable(joinable);
    }

    /// Opens the control stream on a connection that we dialled and says hello, if that connection is wanted.
    pub(super) fn greet_first(&mut self, peer: PeerId, on: ConnectionId) {
        let taken = self.up.contains_key(&peer) || self.chosen.contains_key(&peer);
        if taken {
            self.close(on);
            return;
        }
        if self.me < peer {
            self.chosen.insert(peer, on);
        }
        if let Some(held) = self.connections.get_mut(&on) {
            held.greeting = true;
        }
        let (opening, opened) = oneshot::channel();
        self.swarm.behaviour_mut().gate.open(keys::to_libp2p(peer), on, CONTROL, opening);
        let hello = self.hello.clone();
        self.beside(async move {
            let unknown = || UNKNOWN_HERE.to_owned();
            let greeted = async {
                let stream = opened.await.map_err(|_| unknown())?.map_err(|_| unknown())?;
                let mut pipe = pipe(stream);
                let greeting = greet_first(&mut pipe, &hello).await;
                greeting.map(|greeting| (pipe, greeting)).map_err(|error| format!("it did not say hello: {error}"))
            };
            Some(match greeted.await {
                Ok((pipe, greeting)) => Notice::Greeted { connection: on, pipe, greeting },
                Err(why) => Notice::GreetingFailed { connection: on, why },
            })
        });
    }

    /// Reads the hello on a connection that the other side dialled.
    pub(super) fn await_greeting(&self, on: ConnectionId, mut pipe: Pipe) {
        self.beside(async move {
            Some(match read_greeting(&mut pipe).await {
                Ok(greeting) => Notice::Greeted { connection: on, pipe, greeting },
                Err(error) => Notice::GreetingFailed { connection: on, why: format!("it did not say hello: {error}") },
            })
        });
    }

    /// Tells a member on a connection that it made that its link is forbidden here, and waits until it has read that.
    pub(super) fn refuse_link(&mut self, on: ConnectionId, peer: PeerId, mut pipe: Pipe) {
        let Some(held) = self.connections.get(&on) else { return };
        let (address, wish) = (for_people(&held.address), self.forbidden.get(&peer).copied().unwrap_or_default());
        self.tell_softly(NetEvent::Refused { peer: Some(peer), address, why: Refusal::Forbidden });
        self.beside(async move {
            if write_frame(&mut pipe, &Message::Forbidden(wish), GREETING).await.is_ok() {
                // Its hello, and then its end of the stream.
                while crate::frames::read_payload(&mut pipe, GREETING).await.is_ok() {}
            }
            Some(Notice::Finished { connection: on })
        });
    }

    pub(super) fn on_greeting_failed(&mut self, on: ConnectionId, why: &str) {
        let Some(held) = self.connections.get_mut(&on) else { return };
        let peer = held.peer;
        held.greeting = false;
        if self.chosen.get(&peer) == Some(&on) {
            self.chosen.remove(&peer);
        }
        self.attempt_failed(peer, why);
        self.close(on);
    }

    pub(super) fn on_greeted(&mut self, on: ConnectionId, pipe: Pipe, greeting: Greeting) {
        let Some(held) = self.connections.get(&on) else { return };
        let (peer, dialled) = (held.peer, held.dialled);
        if !self.swarm.behaviour().gate.is_member(&keys::to_libp2p(peer)) {
            self.close(on);
            return;
        }
        let checked = match greeting {
            Greeting::Forbidden(theirs) => return self.on_refused(peer, on, theirs),
            Greeting::Twice(twin) => return self.on_twice(peer, on, twin),
            Greeting::OtherVersion(theirs) => Err(Refusal::WrongVersion { theirs, ours: self.hello.version }),
            Greeting::Hello(hello) => self.check(*hello),
        };
        let hello = match checked {
            Ok(hello) => hello,
            Err(why) => return self.send_away(on, pipe, why, Message::Hello(self.hello.clone())),
        };
        match self.verdict(peer, on, dialled, &hello) {
            Verdict::Take => match self.up.get(&peer).filter(|up| up.hello.incarnation != hello.incarnation) {
                Some(up) => self.ask_standing(Arc::clone(&up.link), on, pipe, hello),
                None => self.link_up(on, pipe, hello),
            },
            Verdict::Drop => {
                self.forget_greeting(on);
                self.close(on);
            }
        }
    }

    /// Another run of a linked peer greets: mostly it was restarted. If the standing link still answers, somebody started a
    /// copy of its data folder.
    fn ask_standing(&self, standing: Arc<LinkShared>, on: ConnectionId, pipe: Pipe, hello: Hello) {
        self.beside(async move {
            let alive = standing.is_alive().await;
            Some(Notice::Asked { connection: on, pipe, hello, alive })
        });
    }

    pub(super) fn on_asked(&mut self, on: ConnectionId, pipe: Pipe, hello: Hello, alive: bool) {
        let Some(held) = self.connections.get(&on) else { return };
        match self.up.get(&held.peer).filter(|up| alive && up.hello.incarnation != hello.incarnation) {
            None => self.link_up(on, pipe, hello),
            Some(up) => {
                let twin = Twin { name: up.hello.name.clone(), address: up.address.clone() };
                self.send_away(on, pipe, Refusal::Twice, Message::Twice(twin));
            }
        }
    }

    /// The other side is linked to another run with this machine's key.
    fn on_twice(&mut self, peer: PeerId, on: ConnectionId, twin: Twin) {
        self.on_greeting_failed(on, "another run with this machine's key is linked there");
        self.tell_softly(NetEvent::Twice { peer, twin });
    }

    fn check(&self, hello: Hello) -> Result<Hello, Refusal> {
        let ours = self.hello.version;
        match hello {
            hello if hello.version != ours => Err(Refusal::WrongVersion { theirs: hello.version, ours }),
            hello if hello.grid != self.hello.grid => Err(Refusal::WrongGrid),
            hello => Ok(hello),
        }
    }

    /// The other side says that its owner forbids the link.
    fn on_refused(&mut self, peer: PeerId, on: ConnectionId, theirs: LinkWish) {
        self.forget_greeting(on);
        self.attempt_ended(peer, || NetEvent::DialRefused { peer, theirs });
        self.close(on);
    }

    /// Says one thing to the other side, from which it learns the reason too, and closes.
    fn send_away(&mut self, on: ConnectionId, mut pipe: Pipe, why: Refusal, word: Message) {
        let Some(held) = self.connections.get(&on) else { return };
        let (peer, dialled, address) = (held.peer, held.dialled, for_people(&held.address));
        self.tell_softly(NetEvent::Refused { peer: Some(peer), address, why: why.clone() });
        if dialled {
            self.on_greeting_failed(on, &why.to_string());
            return;
        }
        self.forget_greeting(on);
        self.beside(async move {
            // The other side closes when it has read it; else the time does.
            if write_frame(&mut pipe, &word, GREETING).await.is_ok() {
                let _ = crate::frames::read_payload(&mut pipe, GREETING).await;
            }
            Some(Notice::Finished { connection: on })
        });
    }

    fn forget_greeting(&mut self, on: ConnectionId) {
        if let Some(held) = self.connections.get_mut(&on) {
            held.greeting = false;
        }
    }

    fn verdict(&self, peer: PeerId, on: ConnectionId, dialled: bool, hello: &Hello) -> Verdict {
        let up = self
            .up
            .get(&peer)
            .map(|up| Standing { same_run: up.hello.incarnation == hello.incarnation, age: up.since.elapsed() });
        let chosen = self.chosen.get(&peer).copied().map(|chosen| chosen == on);
        judge(self.me < peer, dialled, chosen, up)
    }

    fn link_up(&mut self, on: ConnectionId, pipe: Pipe, hello: Hello) {
        let Some(held) = self.connections.get(&on) else { return };
        let (peer, dialled, address) = (held.peer, held.dialled, for_people(&held.address));
        let dialler = Dialler::new(Arc::clone(&self.lanes), lane_sockets(held, &hello));
        let link = LinkShared::new(peer, on, self.table.counters(peer), dialler);
        if !dialled {
            let said = link.send(&Message::Hello(self.hello.clone()));
            debug_assert!(said.is_ok(), "the queue of a new link has room for a hello");
        }
        let (last_word, ended) = oneshot::channel();
        let up = Up {
            link: Arc::clone(&link),
            hello: hello.clone(),
            address: address.clone(),
            since: Instant::now(),
            ended,
        };
        self.asked.remove(&peer);
        let old = self.up.insert(peer, up);
        self.table.insert(Arc::clone(&link));
        let after = old.map_or_else(
            || self.leaving.remove(&peer),
            |old| {
                old.link.end("the other side made a new connection");
                Some(old.ended)
            },
        );
        if self.me < peer {
            self.chosen.insert(peer, on);
        }
        self.close_others(peer, on);
        let running = Link { shared: Arc::clone(&link), pipe, hello, address, inbound: !dialled, after };
        let (events, notify) = (self.events.clone(), self.notify.clone());
        // Not cut off when the net stops: a link says its last word.
        self.tasks.spawn(async move {
            running.run(events).await;
            let _ = last_word.send(());
            let _ = notify.send(Notice::LinkEnded { link }).await;
        });
    }

    fn close_others(&mut self, peer: PeerId, keep: ConnectionId) {
        let others = self.connections.iter().filter(|(id, held)| held.peer == peer && **id != keep);
        let others: Vec<_> = others.map(|(id, _)| *id).collect();
        others.into_iter().for_each(|id| self.close(id));
    }

    /// Ends the link to `peer` and its connections.
    pub(super) fn end_link(&mut self, peer: PeerId, why: &str) {
        if let Some(up) = self.up.get(&peer) {
            up.link.end(why);
            let link = Arc::clone(&up.link);
            self.on_link_ended(&link);
        }
    }

    pub(super) fn on_link_ended(&mut self, link: &Arc<LinkShared>) {
        self.forget_link(link);
        self.close(link.connection);
    }

    fn forget_link(&mut self, link: &Arc<LinkShared>) {
        let peer = link.peer;
        self.table.remove(link);
        if self.chosen.get(&peer) == Some(&link.connection) {
            self.chosen.remove(&peer);
        }
        if self.up.get(&peer).is_some_and(|up| Arc::ptr_eq(&up.link, link))
            && let Some(up) = self.up.remove(&peer)
        {
            self.leaving.insert(peer, up.ended);
        }
        self.leaving.retain(|_, ended| matches!(ended.try_recv(), Err(TryRecvError::Empty)));
    }
}

/// Where lanes to the other side of a link may be dialled: where its connection was, or from where it came, at the ports where it says
/// that it listens. Where only QUIC gets through, none are.
fn lane_sockets(held: &Connection, hello: &Hello) -> Vec<SocketAddr> {
    let Some((socket, false)) = socket_of(&held.address) else { return Vec::new() };
    if held.dialled {
        return vec![socket];
    }
    let listens = hello.addresses.iter().filter_map(|address| address.parse().ok().as_ref().and_then(socket_of));
    let ports: BTreeSet<u16> = listens.filter(|(_, quic)| !quic).map(|(socket, _)| socket.port()).collect();
    ports.into_iter().take(MOST_PORTS).map(|port| SocketAddr::new(socket.ip(), port)).collect()
}

/// What becomes of a connection on which the other side said hello.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Take,
    Drop,
}

/// A link that stands when another connection greets.
#[derive(Debug, Clone, Copy)]
struct Standing {
    same_run: bool,
    age: Duration,
}

/// `lower`: our id is the lower one, so we decide. `chosen`: whether the connection we chose is this one.
fn judge(lower: bool, dialled: bool, chosen: Option<bool>, up: Option<Standing>) -> Verdict {
    if !lower {
        // The other side says hello only where it has decided to.
        return Verdict::Take;
    }
    match (up, chosen) {
        (Some(up), _) if !up.same_run || up.age >= AT_ONCE => Verdict::Take,
        (Some(_), _) | (None, Some(false)) => Verdict::Drop,
        (None, Some(true)) => Verdict::Take,
        (None, None) => {
            debug_assert!(!dialled, "a connection that the lower peer dialled and greeted on is its chosen one");
            Verdict::Take
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YOUNG: Option<Standing> = Some(Standing { same_run: true, age: Duration::from_secs(1) });

    #[test]
    fn the_higher_peer_follows() {
        assert_eq!(judge(false, true, None, YOUNG), Verdict::Take);
        assert_eq!(judge(false, false, None, None), Verdict::Take);
    }

    #[test]
    fn the_lower_peer_keeps_its_choice_while_both_dial() {
        assert_eq!(judge(true, true, Some(true), None), Verdict::Take);
        assert_eq!(judge(true, false, Some(false), None), Verdict::Drop);
        assert_eq!(judge(true, false, Some(false), YOUNG), Verdict::Drop);
        assert_eq!(judge(true, false, None, None), Verdict::Take);
    }

    #[test]
    fn a_stale_link_gives_way() {
        let restarted = Some(Standing { same_run: false, age: Duration::from_secs(1) });
        let returned = Some(Standing { same_run: true, age: AT_ONCE });
        assert_eq!(judge(true, false, Some(false), restarted), Verdict::Take);
        assert_eq!(judge(true, false, Some(false), returned), Verdict::Take);
    }
}
