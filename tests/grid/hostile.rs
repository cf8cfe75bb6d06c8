//! Machines and members that mean no good: each is refused, named and told of once, and the grid works on.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use gridwell_model::{
    AttemptEnd, BlobId, Claim, Decline, DeputyMessage, Energy, Fence, GridId, Incarnation, JobId, JobSpec, LeaseId,
    LeaseOffer, Letter, LinkRecord, PeerId, Reserve, Stamp, TaskResult, TaskSpan,
};
use gridwell_net::{Net, NetConfig, NetEvent, NetHandle};
use gridwell_store::Store;
use gridwell_trust::{Domain, Identity};
use gridwell_wire::{BulkRequest, Hello, Message, NotPassed, PROTOCOL_VERSION, Passed, Signed, encode_inner};
use serde_json::json;
use tokio::sync::mpsc;

use crate::{
    membership::join_with,
    support::{Grid, Peer, until},
};

/// How often each lie is told: refusals must not fill a log.
const TIMES: usize = 20;

/// Connections that a stranger holds open without a word.
const SILENT: usize = 200;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The key of a member in the hands of somebody else, who speaks the protocol.
pub(crate) struct Mallory {
    pub(crate) identity: Identity,
    pub(crate) net: NetHandle,
    pub(crate) events: mpsc::Receiver<NetEvent>,
    pub(crate) grid: GridId,
    pub(crate) victims: Vec<PeerId>,
}

impl Mallory {
    /// Takes the key out of a data folder and links to `victim`.
    pub(crate) async fn with_key_of(stolen: &Peer, victim: &Peer) -> Self {
        Self::among(stolen, &[victim]).await
    }

    /// The same with several victims.
    pub(crate) async fn among(stolen: &Peer, victims: &[&Peer]) -> Self {
        let mut seed = seed_of(stolen);
        let statuses: Vec<_> = victims.iter().map(|victim| victim.json(["status"])).collect();
        let grid: GridId = statuses[0]["grid"].as_str().expect("a text").parse().expect("a grid");
        let hello = Hello {
            version: PROTOCOL_VERSION,
            grid,
            incarnation: Incarnation([9; 8]),
            name: stolen.name.clone(),
            addresses: Vec::new(),
            clock_ms: 0,
        };
        let config = NetConfig::new(seed, vec!["127.0.0.1:0".to_owned()], hello);
        let (net, mut events) = Net::start(config).await.expect("it starts");
        let peer = |status: &serde_json::Value| status["peer"].as_str().expect("a text").parse().expect("a peer");
        let victims: Vec<PeerId> = statuses.iter().map(peer).collect();
        net.set_members(victims.iter().copied().collect(), BTreeMap::new()).await;
        for (victim, status) in victims.iter().zip(&statuses) {
            net.dial(*victim, vec![text_address(status)]).await;
            let up = async { while !matches!(events.recv().await, Some(NetEvent::LinkUp { .. })) {} };
            tokio::time::timeout(PATIENCE, up).await.expect("it links");
            net.send(*victim, &Message::MembersEnd).expect("the link stands");
        }
        Self { identity: Identity::from_seed(&mut seed), net, events, grid, victims }
    }

    /// Waits until the victim says something of that kind.
    async fn hears<T>(&mut self, what: impl Fn(&Message) -> Option<T>) -> T {
        let heard = async {
            loop {
                let Some(NetEvent::Messages { messages, .. }) = self.events.recv().await else { continue };
                if let Some(heard) = messages.iter().find_map(&what) {
                    return heard;
                }
            }
        };
        tokio::time::timeout(PATIENCE, heard).await.expect("an answer")
    }

    fn say(&self, message: &Message) {
        self.net.send(self.victims[0], message).expect("the link stands");
    }

    fn letter(&self, path: Vec<PeerId>) -> Letter {
        Letter {
            grid: self.grid,
            path,
            from_run: Incarnation([9; 8]),
            from_record: 1,
            to_run: Incarnation([1; 8]),
            number: 1,
            payload: vec![1, 2, 3],
        }
    }

    fn passed(&self, letter: &Letter, at: u8, domain: Domain) -> Message {
        Message::Passed(self.signed(letter, at, domain))
    }

    fn signed(&self, letter: &Letter, at: u8, domain: Domain) -> Passed {
        let bytes = encode_inner(letter).expect("a small letter");
        let signature = self.identity.sign(domain, &bytes).halves();
        Passed { at, letter: Signed { bytes, signature } }
    }

    /// A request for bytes that goes along a path.
    pub(crate) fn request(&self, path: Vec<PeerId>, number: u64, request: &BulkRequest) -> BulkRequest {
        let payload = encode_inner(request).expect("a small request");
        BulkRequest::Passed(self.signed(&Letter { number, payload, ..self.letter(path) }, 1, Domain::BytesLetter))
    }

    /// Every lie that a member can tell about others.
    fn lies(&self, attic: PeerId) -> Vec<Message> {
        let (me, mill) = (self.identity.peer(), self.victims[0]);
        let nobody = PeerId([77; 32]);
        let job = JobId([5; 10]);
        let lease = LeaseId { job, fence: Fence { epoch: 1, attempt: 1 } };
        let result = TaskResult {
            tasks: TaskSpan::new(0, 1_000),
            end: AttemptEnd::Succeeded,
            run_micros: 1,
            energy: Some(Energy(u64::MAX)),
            outputs: Vec::new(),
            checkpoint: None,
        };
        let record = |peer| {
            let grid = self.grid;
            LinkRecord {
                grid,
                peer,
                incarnation: Incarnation([9; 8]),
                number: 99,
                relays: true,
                links: Vec::new(),
                addresses: Vec::new(),
            }
        };
        let record_of_attic = encode_inner(&record(attic)).expect("a small record");
        let signature = self.identity.sign(Domain::Links, &record_of_attic).halves();
        vec![
            // As if attic had written it, and passed on by this machine.
            self.passed(&self.letter(vec![attic, me, mill]), 2, Domain::Letter),
            // A way that this link is no part of, one that goes in circles, and one that is too long.
            self.passed(&self.letter(vec![me, attic, mill]), 2, Domain::Letter),
            self.passed(&self.letter(vec![attic, me, mill, attic]), 2, Domain::Letter),
            self.passed(&self.letter((0..20).map(|number| PeerId([number; 32])).collect()), 2, Domain::Letter),
            Message::Passed(Passed { at: 2, letter: Signed { bytes: vec![255; 999], signature: [[0; 32]; 2] } }),
            Message::NotPassed(NotPassed {
                path: vec![mill, attic, me],
                number: 1,
                at: 0,
                broke_at: 1,
                why: gridwell_model::Hindrance::Down,
            }),
            // What another machine tells of its links, and of jobs.
            Message::Links(Signed { bytes: record_of_attic, signature }),
            Message::Links(Signed { bytes: vec![7; 100], signature: [[0; 32]; 2] }),
            Message::Plan(vec![3; 500]),
            Message::Members(vec![vec![1; 300], Vec::new()]),
            Message::Members(gridwell_trust::Grid::found(&self.identity, "mine", &[], [1; 16], Stamp(1)).encoded()),
            Message::Report { lease, results: vec![result] },
            Message::Settled { lease, tasks: vec![TaskSpan::new(0, 5)] },
            Message::Revoke { lease, tasks: vec![TaskSpan::new(0, 5)] },
            Message::Forget { job },
            Message::Deputy(Box::new(DeputyMessage::Claims(vec![Claim {
                job,
                term: 9,
                steward: nobody,
                origin: mill,
            }]))),
            Message::Deputy(Box::new(DeputyMessage::Drop { job })),
        ]
    }
}

/// The key in a data folder.
pub(crate) fn key_of(stopped: &Peer) -> Identity {
    Identity::from_seed(&mut seed_of(stopped))
}

fn seed_of(stopped: &Peer) -> [u8; 32] {
    let store = Store::open(&stopped.data).expect("its node has stopped");
    store.load_or_create_secret("identity", [0; 32]).expect("a key")
}

fn text_address(status: &serde_json::Value) -> String {
    let addresses = status["addresses"].as_array().expect("a list");
    let address = addresses.iter().filter_map(|address| address.as_str()).find(|address| address.contains("127.0.0.1"));
    address.expect("it listens on loopback").to_owned()
}

#[test]
fn a_member_that_lies_is_named_once_for_each_lie_and_disturbs_nobody() {
    let mut grid = Grid::of(&["mill", "attic", "quarry"]);
    let attic: PeerId = grid.peers[1].json(["status"])["peer"].as_str().expect("an id").parse().expect("a peer");
    grid.peers[2].stop();
    let mill = &grid.peers[0];
    let job = mill.start_job(["exec", "--detach", "--on", "attic", "--array", "20", "--", "sleep", "0.1"]);
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");

    let mut mallory = runtime.block_on(Mallory::with_key_of(&grid.peers[2], mill));
    for _ in 0..TIMES {
        for lie in mallory.lies(attic) {
            mallory.say(&lie);
        }
    }
    // Everything before the answer to this was heard.
    mallory.say(&Message::Ping { number: 4_711 });
    let pong = |message: &Message| (*message == Message::Pong { number: 4_711 }).then_some(());
    runtime.block_on(mallory.hears(pong));

    mill.done(&job);
    let log = mill.log();
    for told in
        ["not signed by the machine that it names", "a plan of links was refused", "a membership update was refused"]
    {
        let lines: Vec<_> = log.lines().filter(|line| line.contains(told)).collect();
        assert!(!lines.is_empty() && lines.iter().all(|line| line.contains("quarry")), "{told}: {lines:?}");
    }
    let refusals: Vec<_> = log.lines().filter(|line| line.contains("refused")).map(without_time).collect();
    let kinds: BTreeSet<_> = refusals.iter().collect();
    assert_eq!(kinds.len(), refusals.len(), "each is told once:\n{}", refusals.join("\n"));
    for peer in [&grid.peers[0], &grid.peers[1]] {
        let members = peer.json(["members"]);
        assert_eq!(members["members"].as_array().map(Vec::len), Some(3));
        assert_eq!(peer.json(["machines"]).as_array().map(Vec::len), Some(3));
    }
}

#[test]
fn what_a_member_offers_that_may_run_no_jobs_is_declined_in_words() {
    let mut grid = Grid::of_one();
    let visitor = join_with(&grid, "visitor", &json!({ "roles": ["files"] }));
    grid.peers.push(visitor);
    grid.meet();
    grid.peers[1].stop();
    let mill = &grid.peers[0];
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut mallory = runtime.block_on(Mallory::with_key_of(&grid.peers[1], mill));
    let lease = LeaseId { job: JobId([5; 10]), fence: Fence { epoch: 1, attempt: 1 } };

    mallory.say(&Message::Offer(LeaseOffer {
        lease,
        step: 0,
        span: TaskSpan::new(0, 1),
        chunk: 1,
        spec: BlobId::of(b"a job"),
        spec_bytes: 5,
        reserve: Reserve::default(),
        duration: JobSpec::LEASE_DURATION,
        heirs: false,
        checkpoints: Vec::new(),
    }));

    let answer = runtime.block_on(mallory.hears(|message| match message {
        Message::Decline { lease: of, why } if *of == lease => Some(Err(why.clone())),
        Message::Accept { lease: of } if *of == lease => Some(Ok(())),
        _ => None,
    }));
    assert_eq!(answer, Err(Decline::Rules("its jobs may not run on other machines".to_owned())));
    assert_eq!(mill.json(["machines"])[0]["running"], 0);
}

fn without_time(line: &str) -> String {
    line.split_once(' ').map_or(line, |(_, rest)| rest).to_owned()
}

/// As another machine would come: all of loopback is here, and the nodes themselves use its first address.
fn connect(address: &str) -> std::io::Result<TcpStream> {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};

    let stranger: SocketAddr = "127.0.0.66:0".parse().expect("an address");
    let there: SocketAddr = address.parse().expect("an address");
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
    bind(&socket, &stranger)?;
    connect(&socket, &there)?;
    Ok(socket.into())
}

#[test]
fn strangers_that_say_nothing_or_nonsense_keep_nobody_out() {
    let mut grid = Grid::of(&["mill", "attic"]);
    let address = text_address(&grid.peers[0].json(["status"]));
    let silent: Vec<_> = (0..SILENT).filter_map(|_| connect(&address).ok()).collect();
    let talking: Vec<_> = (0..20_u8)
        .filter_map(|number| {
            let mut stream = connect(&address).ok()?;
            // A length of four thousand million and more, and bytes without end.
            stream.write_all(&[0xff; 64]).and_then(|()| stream.write_all(&vec![number; 100_000])).ok()?;
            Some(stream)
        })
        .collect();
    assert!(!silent.is_empty());

    // While they hold their connections, a machine joins and jobs run.
    grid.add("quarry", &[]);
    grid.meet();
    let mill = &grid.peers[0];
    let job = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "true"]);
    mill.done(&job);

    // Nobody stays who says nothing.
    for mut stream in silent.into_iter().chain(talking) {
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a time");
        until("the connection to be closed", || match stream.read(&mut [0; 1_024]) {
            Ok(0) => Some(()),
            Ok(_) => None,
            Err(error) => {
                let waits = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
                (!waits).then_some(())
            }
        });
    }
}
