use std::{collections::BTreeSet, time::Duration};

use gridwell_model::{GridId, Incarnation, LinkPolicy, LinkWish, PeerId, Stamp};
use gridwell_net::{ListenAddress, Net, NetConfig, NetEvent, NetHandle};
use gridwell_wire::{Hello, Message, PROTOCOL_VERSION};
use tokio::sync::mpsc;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const GRID: GridId = GridId([1; 16]);

/// What a peer says that forbids a link.
pub(crate) const FORBIDS: LinkWish = LinkWish { policy: LinkPolicy::Forbidden, revision: 7, changed: Stamp(1) };

pub(crate) struct Peer {
    pub(crate) net: NetHandle,
    pub(crate) events: mpsc::Receiver<NetEvent>,
    pub(crate) addresses: Vec<ListenAddress>,
}

pub(crate) fn hello(number: u8) -> Hello {
    Hello {
        version: PROTOCOL_VERSION,
        grid: GRID,
        incarnation: Incarnation([number; 8]),
        name: format!("machine {number}"),
        addresses: Vec::new(),
        clock_ms: 0,
    }
}

impl Peer {
    pub(crate) async fn start(number: u8) -> Self {
        Self::start_with(number, hello(number)).await
    }

    pub(crate) async fn start_with(number: u8, hello: Hello) -> Self {
        let config = NetConfig::new([number; 32], vec!["127.0.0.1:0".to_owned()], hello);
        let (net, events) = Net::start(config).await.unwrap();
        let mut peer = Self { net, events, addresses: Vec::new() };
        peer.addresses = peer
            .next(|event| match event {
                NetEvent::Listening { addresses } if addresses.len() == 2 => Some(addresses),
                _ => None,
            })
            .await;
        peer
    }

    pub(crate) fn id(&self) -> PeerId {
        self.net.peer()
    }

    pub(crate) fn tcp(&self) -> Vec<String> {
        vec![self.addresses[0].host_port.clone()]
    }

    pub(crate) async fn trusts(&self, others: &[&Self]) {
        self.trusts_but(others, &[]).await;
    }

    /// Trusts some, and forbids links with others.
    pub(crate) async fn trusts_but(&self, others: &[&Self], forbidden: &[&Self]) {
        let members = others.iter().map(|other| other.id()).collect::<BTreeSet<_>>();
        let forbidden = forbidden.iter().map(|other| (other.id(), FORBIDS)).collect();
        self.net.set_members(members, forbidden).await;
    }

    pub(crate) async fn dials(&self, other: &Self) {
        self.net.dial(other.id(), other.tcp()).await;
    }

    /// The first thing that `pick` takes from the events; others are skipped.
    pub(crate) async fn next<T>(&mut self, mut pick: impl FnMut(NetEvent) -> Option<T>) -> T {
        let found = async {
            loop {
                let event = self.events.recv().await.expect("the net runs");
                if let Some(found) = pick(event) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, found).await.expect("it happens in time")
    }

    pub(crate) async fn link_up(&mut self) -> (PeerId, Hello, bool) {
        self.next(|event| match event {
            NetEvent::LinkUp { peer, hello, inbound, .. } => Some((peer, hello, inbound)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn link_down(&mut self) -> (PeerId, String) {
        self.next(|event| match event {
            NetEvent::LinkDown { peer, why } => Some((peer, why)),
            _ => None,
        })
        .await
    }

    pub(crate) async fn dial_failed(&mut self) -> (PeerId, String) {
        self.next(|event| match event {
            NetEvent::DialFailed { peer, why } => Some((peer, why)),
            _ => None,
        })
        .await
    }

    /// Reads pings until `last`, and returns all numbers in the order they came.
    pub(crate) async fn pings_until(&mut self, last: u64) -> Vec<u64> {
        let mut numbers = Vec::new();
        self.next(|event| {
            if let NetEvent::Messages { messages, .. } = event {
                numbers.extend(messages.iter().filter_map(|message| match message {
                    Message::Ping { number } => Some(*number),
                    _ => None,
                }));
            }
            numbers.contains(&last).then_some(())
        })
        .await;
        numbers
    }

    /// Returns when all connections to `other` but one are closed.
    pub(crate) async fn has_one_connection_to(&self, other: &Self) {
        let settled = async {
            while self.net.connection_count(other.id()).await != 1 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, settled).await.expect("it happens in time");
    }

    pub(crate) fn ping(&self, to: &Self, number: u64) {
        self.net.send(to.id(), &Message::Ping { number }).unwrap();
    }
}

/// Two peers with a link, dialled by the first.
pub(crate) async fn linked(first: u8, second: u8) -> (Peer, Peer) {
    let (mut ann, mut bob) = (Peer::start(first).await, Peer::start(second).await);
    ann.trusts(&[&bob]).await;
    bob.trusts(&[&ann]).await;
    ann.dials(&bob).await;
    ann.link_up().await;
    bob.link_up().await;
    (ann, bob)
}
