use std::collections::BTreeMap;

use gridwell_model::PeerId;
use gridwell_net::{LinkStats, NetEvent, Talk, VisitError};

use crate::peer::{Peer, linked};

/// Somebody visits `host`.
async fn visited(host: &mut Peer) -> (PeerId, Talk) {
    host.next(|event| match event {
        NetEvent::Visited { peer, talk, .. } => Some((peer, talk)),
        _ => None,
    })
    .await
}

/// Two sides that say one thing each, and the last word.
async fn converse(mut guest: Talk, mut host: Talk) {
    guest.say.send(b"knock".to_vec()).await.unwrap();
    assert_eq!(host.heard.recv().await.unwrap(), b"knock");
    for word in [vec![], vec![7; 60_000]] {
        host.say.send(word.clone()).await.unwrap();
        assert_eq!(guest.heard.recv().await.unwrap(), word);
    }
    host.say.send(b"welcome".to_vec()).await.unwrap();
    drop(host.say);
    assert_eq!(guest.heard.recv().await.unwrap(), b"welcome", "the last word arrives");
    assert_eq!(guest.heard.recv().await, None);
    drop(guest);
    assert_eq!(host.heard.recv().await, None);
}

#[tokio::test]
async fn a_stranger_that_knows_the_key_may_visit() {
    let (mut ann, bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.net.set_joinable(true).await;
    let (visit, host) = tokio::join!(bob.net.visit(Some(ann.id()), ann.tcp()), visited(&mut ann));
    let (who, guest) = visit.unwrap();
    assert_eq!((who, host.0), (ann.id(), bob.id()));
    converse(guest, host.1).await;
}

#[tokio::test]
async fn a_stranger_that_knows_an_address_alone_learns_whose_it_is() {
    let (mut ann, bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.net.set_joinable(true).await;
    let addresses = vec!["127.0.0.1:1".to_owned(), ann.tcp()[0].clone()];
    let (visit, host) = tokio::join!(bob.net.visit(None, addresses), visited(&mut ann));
    let (who, guest) = visit.unwrap();
    assert_eq!((who, host.0), (ann.id(), bob.id()));
    converse(guest, host.1).await;
}

#[tokio::test]
async fn whoever_is_not_there_is_named() {
    let bob = Peer::start(2).await;
    let visit = bob.net.visit(None, vec!["127.0.0.1:1".to_owned()]).await;
    let Err(VisitError::Unreached { whom, why }) = visit else { panic!("{visit:?}") };
    assert_eq!((whom.as_str(), why.contains("nobody listens there")), ("127.0.0.1:1", true), "{why}");
    let visit = bob.net.visit(None, vec!["nonsense".to_owned()]).await;
    let Err(VisitError::Unreached { why, .. }) = visit else { panic!("{visit:?}") };
    assert!(why.contains("is not an address"), "{why}");
    let visit = bob.net.visit(None, bob.tcp()).await;
    let Err(VisitError::Unreached { why, .. }) = visit else { panic!("{visit:?}") };
    assert!(why.contains("is this machine itself"), "{why}");
}

#[tokio::test]
async fn while_nobody_is_invited_nobody_may_visit() {
    let (ann, bob) = (Peer::start(1).await, Peer::start(2).await);
    for host in [Some(ann.id()), None] {
        let visit = bob.net.visit(host, ann.tcp()).await;
        assert!(matches!(visit, Err(VisitError::Closed { host }) if host == ann.id()), "{visit:?}");
    }
}

#[tokio::test]
async fn a_host_is_known_by_its_key_not_its_address() {
    let (ann, bob, eve) = (Peer::start(1).await, Peer::start(2).await, Peer::start(3).await);
    eve.net.set_joinable(true).await;
    let visit = bob.net.visit(Some(ann.id()), eve.tcp()).await;
    let Err(VisitError::Unreached { why, .. }) = visit else { panic!("{visit:?}") };
    assert!(why.contains("another machine answers"), "{why}");
}

#[tokio::test]
async fn a_stranger_may_visit_but_do_nothing_else() {
    let (ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.net.set_joinable(true).await;
    bob.trusts(&[&ann]).await;
    bob.dials(&ann).await;
    let (_, why) = bob.dial_failed().await;
    assert!(why.contains("does not know this machine"), "{why}");
    assert_eq!(ann.net.stats(bob.id()), LinkStats::default());
}

#[tokio::test]
async fn a_member_whose_answer_was_lost_visits_over_its_link() {
    let (mut ann, bob) = linked(1, 2).await;
    let (visit, host) = tokio::join!(bob.net.visit(Some(ann.id()), Vec::new()), visited(&mut ann));
    converse(visit.unwrap().1, host.1).await;
    ann.ping(&bob, 1);
    assert_eq!(ann.net.connection_count(bob.id()).await, 1);
}

#[tokio::test]
async fn a_visit_goes_on_when_no_more_strangers_are_let_in() {
    let (mut ann, bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.net.set_joinable(true).await;
    let (visit, host) = tokio::join!(bob.net.visit(Some(ann.id()), ann.tcp()), visited(&mut ann));
    ann.net.set_joinable(false).await;
    ann.net.set_members([bob.id()].into(), BTreeMap::new()).await;
    converse(visit.unwrap().1, host.1).await;
}
