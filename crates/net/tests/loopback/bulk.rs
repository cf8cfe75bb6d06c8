use std::{
    io::ErrorKind,
    sync::atomic::{AtomicU64, Ordering},
};

use gridwell_model::{BlobId, JobId, PeerId};
use gridwell_net::{BulkResponder, FetchError, NetEvent, NetHandle};
use gridwell_wire::{BulkReply, BulkRequest, Message};
use tokio::io::AsyncReadExt as _;

use crate::peer::{Peer, linked};

const BIG: usize = 64 << 20;

/// Bytes that repeat nowhere near.
fn content(seed: u64, bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut content);
    content
}

fn request(offset: u64) -> BulkRequest {
    BulkRequest::Blob { blob: BlobId([1; 32]), job: JobId([2; 10]), offset }
}

async fn fetch_all(net: &NetHandle, from: &Peer, offset: u64) -> Result<Vec<u8>, FetchError> {
    let mut fetched = net.fetch(from.id(), request(offset)).await?;
    let mut bytes = Vec::new();
    fetched.read_to_end(&mut bytes).await.unwrap();
    assert_eq!(fetched.bytes, bytes.len() as u64);
    Ok(bytes)
}

async fn asked(peer: &mut Peer) -> (BulkRequest, BulkResponder) {
    peer.next(|event| match event {
        NetEvent::BulkAsked { request, responder, .. } => Some((*request, responder)),
        _ => None,
    })
    .await
}

/// Serves `served` and answers pings for ever; counts the pongs that came back, in order.
async fn serve_and_answer(peer: &mut Peer, other: PeerId, served: &[u8], pongs: &AtomicU64) {
    let net = peer.net.clone();
    net.send(other, &Message::Ping { number: 0 }).unwrap();
    peer.next::<()>(|event| {
        match event {
            NetEvent::BulkAsked { responder, .. } => {
                let served = served.to_vec();
                tokio::spawn(async move { responder.send(served.len() as u64, served.as_slice()).await });
            }
            NetEvent::Messages { messages, .. } => {
                for message in messages {
                    match message {
                        Message::Ping { number } => net.send(other, &Message::Pong { number }).unwrap(),
                        Message::Pong { number } => {
                            assert_eq!(number, pongs.fetch_add(1, Ordering::Relaxed));
                            net.send(other, &Message::Ping { number: number + 1 }).unwrap();
                        }
                        _ => {}
                    }
                }
            }
            NetEvent::LinkDown { why, .. } => panic!("{why}"),
            _ => {}
        }
        None
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_fetch_much_at_once_while_messages_flow() {
    let (mut ann, mut bob) = linked(1, 2).await;
    let (ann_id, bob_id) = (ann.id(), bob.id());
    let (of_ann, of_bob) = (content(1, BIG), content(2, BIG));
    let (ann_net, bob_net) = (ann.net.clone(), bob.net.clone());
    let fetch = |net: NetHandle, from| async move {
        let mut fetched = net.fetch(from, request(0)).await.unwrap();
        let mut bytes = Vec::with_capacity(BIG);
        fetched.read_to_end(&mut bytes).await.unwrap();
        bytes
    };
    let fetching_bob = tokio::spawn(fetch(ann_net, bob_id));
    let fetching_ann = tokio::spawn(fetch(bob_net, ann_id));
    let both = async { (fetching_bob.await.unwrap(), fetching_ann.await.unwrap()) };
    let (to_ann, to_bob) = (AtomicU64::new(0), AtomicU64::new(0));
    let flowing = async {
        tokio::join!(
            serve_and_answer(&mut ann, bob_id, &of_ann, &to_ann),
            serve_and_answer(&mut bob, ann_id, &of_bob, &to_bob)
        )
    };
    let (got_bob, got_ann) = tokio::select! {
        got = both => got,
        _ = flowing => unreachable!("it answers for ever"),
    };
    assert!(got_bob == of_bob, "the bytes differ");
    assert!(got_ann == of_ann, "the bytes differ");
    let pongs = (to_ann.into_inner(), to_bob.into_inner());
    assert!(pongs.0 > 10 && pongs.1 > 10, "{pongs:?}");
    assert!(ann.net.stats(bob_id).received_bytes > BIG as u64);
}

#[tokio::test]
async fn a_request_arrives_as_it_was_made_and_can_be_refused() {
    let (ann, mut bob) = linked(1, 2).await;
    let id = bob.id();
    for (reply, is_right) in [
        (BulkReply::Missing, (|error| matches!(error, FetchError::Missing { .. })) as fn(&FetchError) -> bool),
        (BulkReply::Refused, |error| matches!(error, FetchError::Refused { .. })),
        (BulkReply::Busy, |error| matches!(error, FetchError::Busy { .. })),
    ] {
        let serve = async {
            let (asked, responder) = asked(&mut bob).await;
            assert_eq!(asked, request(17));
            responder.refuse(reply).await.unwrap();
        };
        let fetched = ann.net.fetch(id, request(17));
        let (fetched, ()) = tokio::join!(fetched, serve);
        assert!(is_right(&fetched.unwrap_err()));
    }
}

#[tokio::test]
async fn an_early_end_is_an_error() {
    let (ann, mut bob) = linked(1, 2).await;
    let id = bob.id();
    let serve = async {
        let (_, responder) = asked(&mut bob).await;
        responder.send(1_000, [1_u8; 100].as_slice()).await
    };
    let read = async {
        let mut fetched = ann.net.fetch(id, request(0)).await.unwrap();
        fetched.read_to_end(&mut Vec::new()).await
    };
    let (read, served) = tokio::join!(read, serve);
    assert_eq!(served.unwrap_err().kind(), ErrorKind::UnexpectedEof);
    assert!(read.is_err());
    let dropped = async { drop(asked(&mut bob).await) };
    let (fetched, ()) = tokio::join!(ann.net.fetch(id, request(0)), dropped);
    assert!(matches!(fetched, Err(FetchError::Broken { .. })));
}

#[tokio::test]
async fn many_small_fetches_wait_for_their_turn() {
    let (ann, mut bob) = linked(1, 2).await;
    let id = bob.id();
    let small = content(3, 10_000);
    let served = small.clone();
    let serving = tokio::spawn(async move {
        loop {
            let (_, responder) = asked(&mut bob).await;
            let served = served.clone();
            tokio::spawn(async move { responder.send(served.len() as u64, served.as_slice()).await });
        }
    });
    let fetches: Vec<_> = (0..100)
        .map(|_| {
            let net = ann.net.clone();
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                net.fetch(id, request(0)).await.unwrap().read_to_end(&mut bytes).await.unwrap();
                bytes
            })
        })
        .collect();
    for fetch in fetches {
        assert!(fetch.await.unwrap() == small);
    }
    serving.abort();
}

#[tokio::test]
async fn nothing_is_fetched_without_a_link() {
    let (ann, bob) = (Peer::start(1).await, Peer::start(2).await);
    ann.trusts(&[&bob]).await;
    assert!(matches!(fetch_all(&ann.net, &bob, 0).await, Err(FetchError::NoLink { .. })));
    assert_eq!(ann.net.connection_count(bob.id()).await, 0);
}
