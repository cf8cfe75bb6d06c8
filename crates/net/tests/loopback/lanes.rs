use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use gridwell_model::{BlobId, JobId, PeerId};
use gridwell_net::{FetchError, NetEvent, NetHandle};
use gridwell_wire::BulkRequest;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use crate::peer::{Peer, hello, linked};

const MIB: u64 = 1 << 20;

/// A wire between two machines of which each connection can be watched and cut.
#[derive(Clone, Default)]
struct Wire(Arc<Mutex<Vec<Connection>>>);

struct Connection {
    /// Towards whoever dialled.
    bytes: Arc<AtomicU64>,
    carrying: JoinHandle<()>,
}

impl Wire {
    /// One that leads to `to`; returns where it is dialled.
    async fn to(to: SocketAddr) -> (Self, String) {
        let (wire, listener) = (Self::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (at, carried) = (listener.local_addr().unwrap(), wire.clone());
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let bytes = Arc::default();
                let carrying = tokio::spawn(carry(socket, to, Arc::clone(&bytes)));
                carried.0.lock().unwrap().push(Connection { bytes, carrying });
            }
        });
        (wire, at.to_string())
    }

    /// What each connection has carried.
    fn carried(&self) -> Vec<u64> {
        self.0.lock().unwrap().iter().map(|connection| connection.bytes.load(Ordering::Relaxed)).collect()
    }

    fn cut(&self, connection: usize) {
        self.0.lock().unwrap()[connection].carrying.abort();
    }
}

async fn carry(mut socket: TcpStream, to: SocketAddr, bytes: Arc<AtomicU64>) {
    let mut there = TcpStream::connect(to).await.unwrap();
    let ((mut from_here, mut to_here), (mut from_there, mut to_there)) = (socket.split(), there.split());
    let back = async {
        let mut piece = vec![0; 64 * 1024];
        while let Ok(read @ 1..) = from_there.read(&mut piece).await {
            bytes.fetch_add(read as u64, Ordering::Relaxed);
            if to_here.write_all(&piece[..read]).await.is_err() {
                break;
            }
        }
    };
    tokio::select! {
        () = back => {}
        _ = tokio::io::copy(&mut from_here, &mut to_there) => {}
    }
}

fn request() -> BulkRequest {
    BulkRequest::Blob { blob: BlobId([1; 32]), job: JobId([2; 10]), offset: 0 }
}

/// Gives a mebibyte to everybody who asks, for ever.
fn serves(mut peer: Peer) -> JoinHandle<()> {
    tokio::spawn(async move {
        peer.next::<()>(|event| {
            if let NetEvent::BulkAsked { responder, .. } = event {
                tokio::spawn(async move { responder.send(MIB, tokio::io::repeat(7)).await });
            }
            None
        })
        .await;
    })
}

async fn fetch(net: &NetHandle, from: PeerId) -> Result<u64, FetchError> {
    let mut fetched = net.fetch(from, request()).await?;
    let mut bytes = Vec::new();
    fetched.read_to_end(&mut bytes).await.map_err(|error| FetchError::Broken { peer: from, why: error.to_string() })?;
    assert!(bytes.iter().all(|byte| *byte == 7));
    Ok(bytes.len() as u64)
}

async fn until_a_lane_stands(net: &NetHandle, to: PeerId) {
    let made = async {
        while net.lane_count(to) == 0 {
            assert_eq!(fetch(net, to).await.unwrap(), MIB);
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), made).await.expect("a lane is made in time");
}

#[tokio::test]
async fn bytes_take_a_lane_and_the_links_own_streams_once_it_is_cut() {
    let (mut ann, mut bob) = (Peer::start(1).await, Peer::start(2).await);
    let id = bob.id();
    let (wire, at) = Wire::to(bob.tcp()[0].parse().unwrap()).await;
    ann.trusts(&[&bob]).await;
    bob.trusts(&[&ann]).await;
    ann.net.dial(id, vec![at]).await;
    ann.link_up().await;
    bob.link_up().await;
    let _serving = serves(bob);

    // The first bytes come over the connection that stands, and so does all that comes until the lane is ready.
    let lane = async {
        while wire.carried().len() < 2 || wire.carried()[1] < MIB {
            assert_eq!(fetch(&ann.net, id).await.unwrap(), MIB);
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(60), lane).await.expect("a lane carries bytes in time");
    let before = wire.carried();
    assert!(before[0] > MIB, "{before:?}");
    assert_eq!(fetch(&ann.net, id).await.unwrap(), MIB);
    let after = wire.carried();
    assert!(after[0] - before[0] < MIB / 16, "{before:?} {after:?}");

    wire.cut(1);
    assert_eq!(fetch(&ann.net, id).await.unwrap(), MIB, "the link carries on");
    assert!(ann.net.stats(id).bulk_bytes >= 3 * MIB);
}

#[tokio::test]
async fn whoever_was_dialled_makes_lanes_where_the_other_side_says_that_it_listens() {
    let mut bob = Peer::start(2).await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut ann = Peer::start(1).await;
    let says = |address: &SocketAddr| format!("/ip4/127.0.0.1/tcp/{}", address.port());
    let hello =
        gridwell_wire::Hello { addresses: vec![says(&closed), says(&ann.tcp()[0].parse().unwrap())], ..hello(1) };
    ann.net.set_hello(hello).await;
    ann.trusts(&[&bob]).await;
    bob.trusts(&[&ann]).await;
    ann.dials(&bob).await;
    ann.link_up().await;
    bob.link_up().await;
    let (net, id) = (bob.net.clone(), ann.id());
    let _serving = serves(ann);
    until_a_lane_stands(&net, id).await;
}

#[tokio::test]
async fn where_nobody_listens_the_links_own_streams_carry_all() {
    let (ann, bob) = linked(1, 2).await;
    let (net, id) = (bob.net.clone(), ann.id());
    let _serving = serves(ann);
    for _ in 0..20 {
        assert_eq!(fetch(&net, id).await.unwrap(), MIB);
    }
    assert_eq!(net.lane_count(id), 0);
}

#[tokio::test]
async fn a_member_no_more_gets_not_a_byte_over_a_lane() {
    let (ann, bob) = linked(1, 2).await;
    let (net, id) = (ann.net.clone(), bob.id());
    let revoke = bob.net.clone();
    let _serving = serves(bob);
    until_a_lane_stands(&net, id).await;
    revoke.set_members(Default::default(), Default::default()).await;
    let refused = async { while fetch(&net, id).await.is_ok() {} };
    tokio::time::timeout(std::time::Duration::from_secs(60), refused).await.expect("its link ends, and its lanes do");
    assert_eq!(net.lane_count(id), 0);
}

#[tokio::test]
async fn a_lane_carries_a_refusal_and_the_next_request() {
    let (ann, mut bob) = linked(1, 2).await;
    let id = bob.id();
    let net = ann.net.clone();
    let (count, counted) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let asked = Arc::clone(&counted);
    let _serving = tokio::spawn(async move {
        bob.next::<()>(|event| {
            if let NetEvent::BulkAsked { responder, .. } = event {
                let asked = counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    match asked % 2 {
                        0 => responder.send(MIB, tokio::io::repeat(7)).await,
                        _ => responder.refuse(gridwell_wire::BulkReply::Refused).await,
                    }
                });
            }
            None
        })
        .await;
    });
    for _ in 0..200 {
        let came = fetch(&net, id).await;
        let number = count.fetch_add(1, Ordering::Relaxed);
        assert_eq!(asked.load(Ordering::Relaxed), number + 1, "asked once: {came:?}");
        match number % 2 {
            0 => assert_eq!(came.unwrap(), MIB),
            _ => assert!(matches!(came, Err(FetchError::Refused { .. })), "{came:?}"),
        }
    }
    assert!(net.lane_count(id) > 0);
}
