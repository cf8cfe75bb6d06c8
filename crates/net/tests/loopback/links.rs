use gridwell_model::{Fence, GridId, Incarnation, JobId, TaskKey};
use gridwell_net::{LinkStats, Net, NetConfig, NetEvent, Refusal, SendError, StartError};
use gridwell_wire::{Hello, LogChunk, Message, PROTOCOL_VERSION};

use crate::peer::{FORBIDS, Peer, hello, linked};

#[tokio::test]
async fn two_members_link_and_exchange_messages_in_order() {
    let (mut ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.trusts(&[&bob]).await;
    bob.trusts(&[&ann]).await;
    ann.dials(&bob).await;
    assert_eq!(ann.link_up().await, (bob.id(), hello(2), false));
    assert_eq!(bob.link_up().await, (ann.id(), hello(1), true));
    for number in 0..1_000 {
        ann.ping(&bob, number);
        bob.ping(&ann, number);
    }
    let expected: Vec<u64> = (0..1_000).collect();
    assert_eq!(bob.pings_until(999).await, expected);
    assert_eq!(ann.pings_until(999).await, expected);
    assert!(ann.net.stats(bob.id()).received_bytes > 1_000);
}

#[tokio::test]
async fn a_stranger_is_refused_and_both_sides_hear_why() {
    let (mut ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    bob.trusts(&[&ann]).await;
    bob.dials(&ann).await;
    let (who, why) = ann
        .next(|event| match event {
            NetEvent::Refused { peer, why, .. } => Some((peer, why)),
            _ => None,
        })
        .await;
    assert_eq!((who, why), (Some(bob.id()), Refusal::Stranger));
    let (peer, why) = bob.dial_failed().await;
    assert_eq!(peer, ann.id());
    assert!(why.contains("does not know this machine"), "{why}");
    assert_eq!(ann.net.connection_count(bob.id()).await, 0);
}

#[tokio::test]
async fn nobody_is_dialled_who_is_not_a_member() {
    let (ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    bob.dials(&ann).await;
    assert_eq!(bob.dial_failed().await.0, ann.id());
}

async fn refused_for(changed: Hello) -> (Refusal, Refusal, String) {
    let (mut ann, mut bob) = (Peer::start(1).await, Peer::start_with(2, changed).await);
    ann.trusts(&[&bob]).await;
    bob.trusts(&[&ann]).await;
    bob.dials(&ann).await;
    let pick = |event| match event {
        NetEvent::Refused { why, .. } => Some(why),
        NetEvent::LinkUp { .. } => panic!("a link came up"),
        _ => None,
    };
    let (here, there) = (ann.next(pick).await, bob.next(pick).await);
    (here, there, bob.dial_failed().await.1)
}

#[tokio::test]
async fn a_peer_of_another_grid_is_refused() {
    let (here, there, why) = refused_for(Hello { grid: GridId([2; 16]), ..hello(2) }).await;
    assert_eq!((here, there), (Refusal::WrongGrid, Refusal::WrongGrid));
    assert!(why.contains("another grid"), "{why}");
}

#[tokio::test]
async fn a_peer_of_another_version_is_refused() {
    let (ours, other) = (PROTOCOL_VERSION, PROTOCOL_VERSION + 1);
    let (here, there, _) = refused_for(Hello { version: other, ..hello(2) }).await;
    assert_eq!(here, Refusal::WrongVersion { theirs: other, ours });
    assert_eq!(there, Refusal::WrongVersion { theirs: ours, ours: other });
}

#[tokio::test]
async fn two_that_dial_at_once_end_with_one_connection() {
    for round in 0..6 {
        let (mut ann, mut bob) = (Peer::start(10 + round).await, Peer::start(20 + round).await);
        ann.trusts(&[&bob]).await;
        bob.trusts(&[&ann]).await;
        tokio::join!(ann.dials(&bob), bob.dials(&ann));
        ann.link_up().await;
        bob.link_up().await;
        for number in 0..100 {
            ann.ping(&bob, number);
            bob.ping(&ann, number);
        }
        let expected: Vec<u64> = (0..100).collect();
        assert_eq!(bob.pings_until(99).await, expected);
        assert_eq!(ann.pings_until(99).await, expected);
        for (one, other) in [(&ann, &bob), (&bob, &ann)] {
            one.has_one_connection_to(other).await;
        }
        ann.ping(&bob, 1_000);
        assert_eq!(bob.pings_until(1_000).await, [1_000]);
    }
}

#[tokio::test]
async fn a_peer_that_goes_is_noticed() {
    let (mut ann, mut bob) = linked(1, 2).await;
    ann.ping(&bob, 1);
    bob.pings_until(1).await;
    bob.net.shutdown().await;
    assert_eq!(ann.link_down().await.0, bob.id());
    let refused = ann.net.send(bob.id(), &Message::Ping { number: 1 });
    assert_eq!(refused, Err(SendError::NoLink { peer: bob.id() }));
    assert!(ann.net.stats(bob.id()).sent_bytes > 0, "what a link has carried is not forgotten with it");
}

#[tokio::test]
async fn a_restarted_peer_links_anew_and_events_stay_in_order() {
    for dialler in [1, 3] {
        let (mut ann, bob) = linked(2, dialler).await;
        bob.net.shutdown().await;
        let bob = Peer::start_with(dialler, Hello { incarnation: Incarnation([99; 8]), ..hello(dialler) }).await;
        bob.trusts(&[&ann]).await;
        bob.dials(&ann).await;
        let mut seen = Vec::new();
        ann.next(|event| {
            match event {
                NetEvent::LinkDown { .. } => seen.push("down"),
                NetEvent::LinkUp { hello, .. } => {
                    assert_eq!(hello.incarnation, Incarnation([99; 8]));
                    seen.push("up");
                }
                _ => {}
            }
            (seen.last() == Some(&"up")).then_some(())
        })
        .await;
        assert_eq!(seen, ["down", "up"]);
    }
}

#[tokio::test]
async fn a_removed_member_loses_its_link() {
    let (mut ann, mut bob) = linked(1, 2).await;
    ann.trusts(&[]).await;
    let (peer, why) = ann.link_down().await;
    assert_eq!(peer, bob.id());
    assert!(why.contains("not a member"), "{why}");
    assert_eq!(bob.link_down().await.0, ann.id());
}

#[tokio::test]
async fn who_dials_a_forbidden_link_hears_so_and_no_link_is_made() {
    let (mut ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.trusts_but(&[], &[&bob]).await;
    bob.trusts(&[&ann]).await;
    for _ in 0..3 {
        bob.dials(&ann).await;
        let refused = bob
            .next(|event| match event {
                NetEvent::DialRefused { peer, theirs } => Some((peer, theirs)),
                NetEvent::LinkUp { .. } | NetEvent::DialFailed { .. } => panic!("{event:?}"),
                _ => None,
            })
            .await;
        assert_eq!(refused, (ann.id(), FORBIDS));
        let why = ann
            .next(|event| match event {
                NetEvent::Refused { why, .. } => Some(why),
                NetEvent::LinkUp { .. } => panic!("a link came up"),
                _ => None,
            })
            .await;
        assert_eq!(why, Refusal::Forbidden);
    }
    assert_eq!(ann.net.stats(bob.id()), LinkStats::default());
    ann.dials(&bob).await;
    assert!(ann.dial_failed().await.1.contains("does not dial it"));
    ann.trusts(&[&bob]).await;
    ann.dials(&bob).await;
    ann.link_up().await;
    bob.link_up().await;
}

#[tokio::test]
async fn a_link_that_becomes_forbidden_ends_after_its_last_word() {
    let (mut ann, mut bob) = linked(1, 2).await;
    for number in 0..500 {
        ann.ping(&bob, number);
    }
    ann.trusts_but(&[], &[&bob]).await;
    let (peer, why) = ann.link_down().await;
    assert_eq!(peer, bob.id());
    assert!(why.contains("forbidden here"), "{why}");
    assert_eq!(bob.pings_until(499).await.len(), 500);
    assert_eq!(bob.link_down().await.0, ann.id());
    let refused = ann.net.send(bob.id(), &Message::Ping { number: 1 });
    assert_eq!(refused, Err(SendError::NoLink { peer: bob.id() }));
}

#[tokio::test]
async fn a_wrong_key_behind_an_address_is_noticed() {
    let (ann, mut bob, eve) = (Peer::start(1).await, Peer::start(2).await, Peer::start(3).await);
    bob.trusts(&[&ann]).await;
    bob.net.dial(ann.id(), eve.tcp()).await;
    let (peer, why) = bob.dial_failed().await;
    assert_eq!(peer, ann.id());
    assert!(why.contains("another machine answers"), "{why}");
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_said_so() {
    let (ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    bob.trusts(&[&ann]).await;
    let address = ann.tcp();
    ann.net.shutdown().await;
    bob.net.dial(ann.id(), address).await;
    let (_, why) = bob.dial_failed().await;
    assert!(why.contains("nobody listens there"), "{why}");
    bob.net.dial(ann.id(), Vec::new()).await;
    assert!(bob.dial_failed().await.1.contains("no address"));
}

#[tokio::test]
async fn quic_links_too() {
    let (mut ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.trusts(&[&bob]).await;
    bob.trusts(&[&ann]).await;
    let quic = &bob.addresses[1];
    assert!(quic.quic && quic.host_port == bob.addresses[0].host_port);
    ann.net.dial(bob.id(), vec![quic.multiaddr.clone()]).await;
    ann.link_up().await;
    bob.link_up().await;
    ann.ping(&bob, 5);
    assert_eq!(bob.pings_until(5).await, [5]);
}

fn a_log() -> Message {
    let bytes = vec![7; Message::MAX_LOG_BYTES];
    Message::Log(LogChunk {
        job: JobId([1; 10]),
        task: TaskKey { step: 0, index: 0 },
        fence: Fence::default(),
        at: 0,
        bytes,
    })
}

#[tokio::test]
async fn a_peer_that_stops_reading_holds_up_nobody_else() {
    let (mut ann, mut bob) = linked(1, 2).await;
    let mut eve = Peer::start(3).await;
    ann.trusts(&[&bob, &eve]).await;
    eve.trusts(&[&ann]).await;
    ann.dials(&eve).await;
    ann.link_up().await;
    eve.link_up().await;
    // From here on eve reads no events. Logs are refused first, which costs nothing.
    let log = a_log();
    let crowded = loop {
        match ann.net.send(eve.id(), &log) {
            Ok(()) => tokio::task::yield_now().await,
            Err(error) => break error,
        }
    };
    assert!(matches!(crowded, SendError::Crowded { .. }), "{crowded:?}");
    for number in 0..1_000 {
        ann.ping(&bob, number);
        bob.ping(&ann, number);
    }
    assert_eq!(bob.pings_until(999).await.len(), 1_000);
    assert_eq!(ann.pings_until(999).await.len(), 1_000);
    // Then the link is reset rather than memory growing.
    let members = Message::Members(vec![vec![0; 30_000]]);
    let overflow = loop {
        match ann.net.send(eve.id(), &members) {
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(overflow, SendError::Overflow { .. }), "{overflow:?}");
    let (peer, why) = ann.link_down().await;
    assert_eq!(peer, eve.id());
    assert!(why.contains("stopped reading"), "{why}");
}

#[tokio::test]
async fn a_taken_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = Net::start(NetConfig::new([1; 32], vec![address.clone()], hello(1))).await;
    let error = refused.map(|_| ()).unwrap_err();
    assert!(matches!(error, StartError::Listen { .. }) && error.to_string().contains(&address), "{error}");
    let ann = Peer::start(1).await;
    let refused = Net::start(NetConfig::new([2; 32], ann.tcp(), hello(2))).await;
    assert!(matches!(refused, Err(StartError::Listen { .. })));
    let refused = Net::start(NetConfig::new([2; 32], vec!["nonsense".to_owned()], hello(2))).await;
    assert!(matches!(refused, Err(StartError::Address { .. })));
}
