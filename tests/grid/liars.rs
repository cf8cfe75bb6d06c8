//! A machine between that changes the files that it passes on: its bytes are never read, it is named, and another way is taken.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use gridwell_model::{Incarnation, Letter, LinkRecord, LinkReport, LinkWish, PeerId, Stamp};
use gridwell_net::{BulkResponder, NetEvent, NetHandle};
use gridwell_trust::Domain;
use gridwell_wire::{BulkReply, BulkRequest, Message, Passed, Signed, TreeWish, decode, encode_inner};
use tokio::{io::AsyncReadExt as _, runtime::Runtime};

use crate::{
    hostile::Mallory,
    losses::noise,
    routes::over,
    shares::{shared, until_shown},
    support::{Grid, Peer},
};

const MIB: usize = 1 << 20;

/// What a machine between does to what it passes on.
#[derive(Debug, Clone)]
enum Lie {
    /// It turns a bit of files over.
    Flip,
    /// Once asked for the right to a file, it gives that for every other file, too.
    Swap(Arc<Mutex<Option<Vec<u8>>>>),
}

impl Lie {
    fn told_in(&self, request: Option<&TreeWish>, mut bytes: Vec<u8>) -> Vec<u8> {
        match (self, request) {
            (Self::Flip, Some(TreeWish::ProveBy { .. } | TreeWish::Prove { .. })) => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 1;
                bytes
            }
            (Self::Swap(first), Some(TreeWish::Ticket { .. })) => {
                first.lock().expect("nothing panics").get_or_insert(bytes).clone()
            }
            _ => bytes,
        }
    }
}

/// Runs until it is dropped: linked with some machines, tells of these links, and passes on what travels over them, with its lie.
struct Liar(#[expect(dead_code, reason = "it ends with its runtime")] Runtime);

impl Liar {
    /// In the place of a machine whose node has stopped.
    fn in_place_of(stopped: &Peer, neighbours: &[&Peer], lie: Lie) -> Self {
        let runtime = Runtime::new().expect("a runtime");
        let mallory = runtime.block_on(Mallory::among(stopped, neighbours));
        mallory.tell_of_links();
        runtime.spawn(mallory.lie(lie));
        Self(runtime)
    }
}

impl Mallory {
    fn tell_of_links(&self) {
        let link = |peer: &PeerId| LinkReport {
            peer: *peer,
            up: true,
            rtt_micros: Some(300),
            since: Stamp(1),
            wish: LinkWish::default(),
            rests: false,
        };
        let record = LinkRecord {
            grid: self.grid,
            peer: self.identity.peer(),
            incarnation: Incarnation([9; 8]),
            number: 1 << 40,
            relays: true,
            links: self.victims.iter().map(link).collect(),
            addresses: Vec::new(),
        };
        let bytes = encode_inner(&record).expect("a small record");
        let signature = self.identity.sign(Domain::Links, &bytes).halves();
        for victim in &self.victims {
            self.net
                .send(*victim, &Message::Links(Signed { bytes: bytes.clone(), signature }))
                .expect("the link stands");
        }
    }

    async fn lie(mut self, lie: Lie) {
        while let Some(event) = self.events.recv().await {
            match event {
                NetEvent::Messages { peer, messages } => {
                    for message in messages {
                        let sent = match message {
                            Message::Ping { number } => self.net.send(peer, &Message::Pong { number }),
                            Message::Passed(passed) => match onward(passed) {
                                Some((next, passed, _)) => self.net.send(next, &Message::Passed(passed)),
                                None => Ok(()),
                            },
                            _ => Ok(()),
                        };
                        // A link that broke takes nothing.
                        drop(sent);
                    }
                }
                NetEvent::BulkAsked { request, responder, .. } => {
                    if let BulkRequest::Passed(passed) = *request
                        && let Some(onward) = onward(passed)
                    {
                        tokio::spawn(pass(self.net.clone(), onward, lie.clone(), responder));
                    }
                }
                _ => {}
            }
        }
    }
}

/// Whom a letter goes to next, and what it holds.
fn onward(passed: Passed) -> Option<(PeerId, Passed, Letter)> {
    let letter: Letter = decode(&passed.letter.bytes).ok()?;
    let next = *letter.path.get(usize::from(passed.at) + 1)?;
    Some((next, Passed { at: passed.at + 1, ..passed }, letter))
}

async fn pass(net: NetHandle, (next, passed, letter): (PeerId, Passed, Letter), lie: Lie, responder: BulkResponder) {
    let wish = match decode(&letter.payload) {
        Ok(BulkRequest::Tree { wish, .. }) => Some(wish),
        _ => None,
    };
    let passed = match net.fetch(next, BulkRequest::Passed(passed)).await {
        Ok(mut fetched) => {
            let mut bytes = Vec::new();
            fetched.read_to_end(&mut bytes).await.expect("all of it");
            let bytes = lie.told_in(wish.as_ref(), bytes);
            responder.send(bytes.len() as u64, bytes.as_slice()).await
        }
        Err(_) => responder.refuse(BulkReply::Missing).await,
    };
    // Whoever asked breaks off where it sees the lie.
    drop(passed);
}

fn told(peer: &Peer, sentence: &str) -> usize {
    let activity = peer.json(["activity", "-n", "200"]).to_string();
    activity.matches(sentence).count()
}

#[test]
fn changed_bytes_are_never_read_and_come_right_over_another_way() {
    let mut grid = Grid::steady(&["mill", "smithy", "quarry", "forge"]);
    grid.peers[0].ok(["link", "forbid", "quarry"]);
    grid.peers[3].stop();
    over(&grid.peers[2], "mill", &grid.peers[1]);
    let folder = shared(&grid, 0);
    for (seed, name) in [(1, "film"), (2, "scene")] {
        fs::write(folder.join(name), noise(seed, 3 * MIB)).expect("a file");
    }
    until_shown(&grid.peers[2], "/mill/projects");
    grid.peers[1].stop();
    let _liar = Liar::in_place_of(&grid.peers[1], &[&grid.peers[0], &grid.peers[2]], Lie::Flip);
    until_shown(&grid.peers[2], "/mill/projects");

    for _ in 0..2 {
        let wrong = grid.peers[2].refused(1, ["files", "fetch", "/mill/projects/film"]);
        assert!(
            wrong.contains("a machine on the way, gives bytes that are not those of '/mill/projects/film'"),
            "{wrong}"
        );
    }
    grid.peers[2].refused(1, ["files", "get", "/mill/projects/film", "-"]);
    assert_eq!(told(&grid.peers[2], "smithy gave wrong bytes of '/mill/projects/film': they were thrown away"), 1);

    grid.peers[3].boot();
    let quarry = &grid.peers[2];
    quarry.until("a way over forge from both ends of each link", &["links", "--all"], |links| {
        let up = |name| {
            links.as_array().map(|all| all.iter().filter(|link| link["state"] == "up" && link["name"] == name).count())
        };
        (up("forge")? >= 2 && up("mill")? >= 2).then_some(())
    });
    let scene = quarry.output(["files", "get", "/mill/projects/scene", "-"]);
    assert!(scene.stdout == noise(2, 3 * MIB), "{}\n{}", String::from_utf8_lossy(&scene.stderr), quarry.log());
    assert!(quarry.output(["files", "get", "/mill/projects/film", "-"]).stdout == noise(1, 3 * MIB));
    assert_eq!(told(quarry, "forge gave wrong bytes"), 0);
    assert!(told(quarry, "gave wrong bytes of '/mill/projects/film'") == 1, "of one machine once");
}

#[test]
fn the_machine_before_the_reader_passes_no_lie_on_and_names_who_told_it() {
    let mut grid = Grid::of(&["mill", "smithy", "forge", "quarry"]);
    let [mill, _, forge, quarry] = grid.peers.as_slice() else { panic!("four machines") };
    for (one, other) in [(mill, "quarry"), (mill, "forge"), (quarry, "smithy")] {
        one.ok(["link", "forbid", other]);
    }
    over(forge, "mill", &grid.peers[1]);
    let folder = shared(&grid, 0);
    fs::write(folder.join("film"), noise(1, 3 * MIB)).expect("a file");
    until_shown(quarry, "/mill/projects");
    grid.peers[1].stop();
    let _liar = Liar::in_place_of(&grid.peers[1], &[&grid.peers[0], &grid.peers[2]], Lie::Flip);
    let (forge, quarry) = (&grid.peers[2], &grid.peers[3]);
    until_shown(quarry, "/mill/projects");

    let wrong = quarry.refused(1, ["files", "fetch", "/mill/projects/film"]);

    assert!(wrong.contains("a machine on the way, gives bytes that are not those of '/mill/projects/film'"), "{wrong}");
    assert_eq!(told(forge, "smithy gave wrong bytes of 'film' of mill: they were thrown away"), 1);
    assert_eq!(told(quarry, "wrong bytes"), 0, "forge passed none on");
}

#[test]
fn the_right_to_one_file_is_not_taken_for_that_to_another() {
    let mut grid = Grid::of(&["mill", "smithy", "quarry"]);
    grid.peers[0].ok(["link", "forbid", "quarry"]);
    over(&grid.peers[2], "mill", &grid.peers[1]);
    let folder = shared(&grid, 0);
    for (seed, name) in [(1, "film"), (2, "scene")] {
        fs::write(folder.join(name), noise(seed, MIB)).expect("a file");
    }
    until_shown(&grid.peers[2], "/mill/projects");
    grid.peers[1].stop();
    let lie = Lie::Swap(Arc::default());
    let _liar = Liar::in_place_of(&grid.peers[1], &[&grid.peers[0], &grid.peers[2]], lie);
    let quarry = &grid.peers[2];
    until_shown(quarry, "/mill/projects");
    assert!(quarry.output(["files", "get", "/mill/projects/film", "-"]).stdout == noise(1, MIB));

    let wrong = quarry.refused(1, ["files", "fetch", "/mill/projects/scene"]);

    assert!(wrong.contains("mill gives an answer that is none"), "{wrong}");
    assert!(!quarry.output(["files", "get", "/mill/projects/scene", "-"]).status.success());
}
