use std::collections::BTreeMap;

use gridwell_model::{PeerId, Stamp};
use gridwell_net::{JoinError, LinkStats, NetEvent};
use gridwell_trust::{Grid, INVITE_TTL, Identity, InviteLink, Invites, JoinAttempt, Offer, Refusal, Secret};
use gridwell_wire::{Hello, JoinAnswer, JoinRequest, PROTOCOL_VERSION};

use crate::peer::{Peer, hello};

const NOW: Stamp = Stamp(1_700_000_000_000);

/// A peer that founded a grid and answers joins as a node does.
struct Inviter {
    peer: Peer,
    identity: Identity,
    grid: Grid,
    invites: Invites,
}

impl Inviter {
    async fn start(number: u8) -> Self {
        let identity = Identity::from_seed(&mut [number; 32]);
        let grid = Grid::found(&identity, "ann", &[], [7; 16], NOW);
        let peer = Peer::start_with(number, Hello { grid: grid.id(), ..hello(number) }).await;
        Self { peer, identity, grid, invites: Invites::default() }
    }

    async fn invite(&mut self) -> InviteLink {
        let addresses = self.peer.tcp();
        let (grid, inviter) = (self.grid.id(), self.identity.peer());
        let offer = Offer { grid, inviter, addresses: &addresses, now: NOW, ttl: INVITE_TTL };
        let link = self.invites.create(&offer, [5; 16], [6; 8]).unwrap();
        self.peer.net.set_joinable(true).await;
        link
    }

    /// Answers one join.
    async fn answer(&mut self) {
        let (peer, request, answer) = self
            .peer
            .next(|event| match event {
                NetEvent::JoinAsked { peer, request, answer } => Some((peer, request, answer)),
                _ => None,
            })
            .await;
        let attempt = JoinAttempt {
            grid: request.grid,
            joiner: peer,
            name: request.name,
            addresses: request.addresses,
            invite: request.invite,
            proof: request.proof,
        };
        let redeemed = self.invites.redeem(&attempt, &mut self.grid, &self.identity, NOW);
        self.peer.net.set_members(self.grid.peers(), BTreeMap::new()).await;
        let said = match redeemed {
            Ok(_) => JoinAnswer::Joined { members: self.grid.encoded() },
            Err(Refusal::Used) => JoinAnswer::Used,
            Err(Refusal::Expired) => JoinAnswer::Expired,
            Err(Refusal::Unknown) => JoinAnswer::Unknown,
            Err(Refusal::OtherGrid) => JoinAnswer::OtherGrid,
        };
        answer.send(said).unwrap();
    }

    /// Lets `joiner` present `link`, and answers.
    async fn joins(&mut self, joiner: &Peer, link: &InviteLink) -> JoinAnswer {
        let join = joiner.net.join(link.addresses.clone(), link.inviter, join_request(link, joiner.id()));
        let (joined, ()) = tokio::join!(join, self.answer());
        joined.unwrap()
    }
}

fn join_request(link: &InviteLink, joiner: PeerId) -> JoinRequest {
    JoinRequest {
        version: PROTOCOL_VERSION,
        grid: link.grid,
        joiner,
        name: "bob".to_owned(),
        addresses: Vec::new(),
        invite: link.invite,
        proof: link.proof(joiner),
    }
}

#[tokio::test]
async fn an_invite_lets_one_machine_in_and_then_they_link() {
    let mut ann = Inviter::start(1).await;
    let (mut bob, eve) = (Peer::start(2).await, Peer::start(3).await);
    let link = InviteLink::parse(&ann.invite().await.to_text()).unwrap();

    let JoinAnswer::Joined { members } = ann.joins(&bob, &link).await else { panic!("not joined") };

    let mut grid = Grid::of(link.grid);
    grid.merge(&members);
    assert!(grid.is_member(bob.id()) && grid.is_member(ann.peer.id()));
    bob.net.set_members(grid.peers(), BTreeMap::new()).await;
    bob.net.set_hello(Hello { grid: link.grid, ..hello(2) }).await;
    bob.dials(&ann.peer).await;
    assert_eq!(bob.link_up().await.0, ann.peer.id());
    assert_eq!(ann.peer.link_up().await.0, bob.id());

    // Its answer got lost, says the same machine, and asks again over the link.
    assert!(matches!(ann.joins(&bob, &link).await, JoinAnswer::Joined { .. }));
    assert_eq!(ann.joins(&eve, &link).await, JoinAnswer::Used);
    assert!(!ann.grid.is_member(eve.id()));
}

#[tokio::test]
async fn a_tampered_secret_is_refused() {
    let mut ann = Inviter::start(1).await;
    let bob = Peer::start(2).await;
    let link = ann.invite().await;
    let tampered = InviteLink { secret: Secret::new([0; 16]), ..link.clone() };
    assert_eq!(ann.joins(&bob, &tampered).await, JoinAnswer::Unknown);
    assert!(matches!(ann.joins(&bob, &link).await, JoinAnswer::Joined { .. }));
}

#[tokio::test]
async fn without_an_invite_nobody_may_even_knock() {
    let mut ann = Inviter::start(1).await;
    let bob = Peer::start(2).await;
    let link = ann.invite().await;
    ann.peer.net.set_joinable(false).await;
    let joined = bob.net.join(link.addresses.clone(), link.inviter, join_request(&link, bob.id())).await;
    assert!(matches!(joined, Err(JoinError::Broken { .. })), "{joined:?}");
}

#[tokio::test]
async fn the_inviter_is_known_by_its_key_not_its_address() {
    let mut ann = Inviter::start(1).await;
    let (bob, eve) = (Peer::start(2).await, Peer::start(3).await);
    let link = ann.invite().await;
    let joined = bob.net.join(eve.tcp(), link.inviter, join_request(&link, bob.id())).await;
    let Err(JoinError::Unreached { why, .. }) = joined else { panic!("{joined:?}") };
    assert!(why.contains("another machine answers"), "{why}");
}

#[tokio::test]
async fn a_stranger_may_join_but_do_nothing_else() {
    let mut ann = Inviter::start(1).await;
    let mut bob = Peer::start(2).await;
    ann.invite().await;
    bob.trusts(&[&ann.peer]).await;
    bob.dials(&ann.peer).await;
    let (_, why) = bob.dial_failed().await;
    assert!(why.contains("does not know this machine"), "{why}");
    assert_eq!(ann.peer.net.stats(bob.id()), LinkStats::default());
}

#[tokio::test]
async fn a_false_name_is_refused() {
    let mut ann = Inviter::start(1).await;
    let (bob, eve) = (Peer::start(2).await, Peer::start(3).await);
    let link = ann.invite().await;
    let joined = eve.net.join(link.addresses.clone(), link.inviter, join_request(&link, bob.id())).await;
    assert!(matches!(joined, Err(JoinError::Broken { .. })), "{joined:?}");
    let why = ann.peer.next(|event| match event {
        NetEvent::Refused { why, .. } => Some(why),
        NetEvent::JoinAsked { .. } => panic!("it reached the node"),
        _ => None,
    });
    assert_eq!(why.await, gridwell_net::Refusal::FalseName);
}
