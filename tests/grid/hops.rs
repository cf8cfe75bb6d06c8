//! Shared files over machines between: kept there, given again to who has a right to them, and never wrong.

use std::{fs, path::PathBuf};

use gridwell_model::{BlobId, Hindrance, PeerId, RelPath, ShareId, Stamp, Version};
use gridwell_net::FetchError;
use gridwell_trust::{Ticket, seal_ticket};
use gridwell_wire::{BulkRequest, TreeWish};
use tokio::{io::AsyncReadExt as _, runtime::Runtime};

use crate::{
    hostile::{Mallory, key_of},
    losses::noise,
    routes::{over, part, sent},
    shares::{shared, until_shown},
    support::{Grid, Peer, now_millis},
};

const MIB: usize = 1 << 20;
const FILM: &str = "/mill/projects/film";

/// A share of `mill` with a film in it, and two machines that reach it over `smithy` only.
fn behind_smithy() -> (Grid, PathBuf) {
    let grid = Grid::of(&["mill", "smithy", "quarry", "attic"]);
    for reader in ["quarry", "attic"] {
        grid.peers[0].ok(["link", "forbid", reader]);
    }
    for reader in &grid.peers[2..] {
        over(reader, "mill", &grid.peers[1]);
        over(&grid.peers[0], &reader.name, &grid.peers[1]);
    }
    let folder = shared(&grid, 0);
    fs::write(folder.join("film"), noise(1, 6 * MIB)).expect("a file");
    for reader in &grid.peers[2..] {
        until_shown(reader, "/mill/projects");
    }
    (grid, folder)
}

fn read(peer: &Peer, path: &str) -> Vec<u8> {
    peer.output(["files", "get", path, "-"]).stdout
}

fn first_byte(peer: &Peer, path: &str) {
    let (head, _) = peer.get_with(&format!("/v1/tree{path}"), "Range: bytes=0-0\r\n");
    assert!(head.starts_with("HTTP/1.1 206"), "{head}");
}

#[test]
fn what_one_machine_read_comes_to_the_next_from_the_machine_between() {
    let (grid, _) = behind_smithy();
    let (mill, quarry, attic) = (&grid.peers[0], &grid.peers[2], &grid.peers[3]);
    let before = sent(mill);
    assert!(read(quarry, FILM) == noise(1, 6 * MIB));
    let first = sent(mill) - before;
    assert!(first > 6 * MIB as u64, "{first} bytes");

    let before = sent(mill);
    assert!(read(attic, FILM) == noise(1, 6 * MIB));

    let again = sent(mill) - before;
    assert!(again < MIB as u64, "{again} bytes of mill: its file should have come from smithy");
}

#[test]
fn what_is_kept_between_is_given_while_its_owner_is_away_to_who_has_a_ticket() {
    let (mut grid, folder) = behind_smithy();
    fs::write(folder.join("scene"), noise(2, MIB)).expect("a file");
    for path in [FILM, "/mill/projects/scene"] {
        read(&grid.peers[2], path);
    }
    first_byte(&grid.peers[3], FILM);

    grid.peers[0].kill();

    let attic = &grid.peers[3];
    attic.until("mill is away", &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["name"] == "mill" && machine["online"] == false).then_some(())
    });
    assert!(read(attic, FILM) == noise(1, 6 * MIB));
    let unseen = attic.refused(1, ["files", "get", "/mill/projects/scene", "-"]);
    assert!(unseen.contains("mill is offline, or no way leads to it"), "{unseen}");
}

#[test]
fn a_machine_that_passes_nothing_on_gives_nothing_that_it_kept() {
    let (grid, _) = behind_smithy();
    let (smithy, quarry, attic) = (&grid.peers[1], &grid.peers[2], &grid.peers[3]);
    read(quarry, FILM);
    first_byte(attic, FILM);

    smithy.ok(["set", "relay=off"]);

    attic.until("no way to mill", &["machines"], |machines| {
        machines.as_array()?.iter().any(|machine| machine["name"] == "mill" && machine["online"] == false).then_some(())
    });
    let refused = attic.refused(1, ["files", "get", FILM, "-"]);
    assert!(refused.contains("mill is offline, or no way leads to it"), "{refused}");
    let (head, _) = attic.get_with("/v1/tree/mill/projects/film", "");
    assert!(head.starts_with("HTTP/1.1 502"), "{head}");
    smithy.ok(["set", "relay=on"]);
    until_shown(attic, "/mill/projects");
    assert!(read(attic, FILM) == noise(1, 6 * MIB));
}

/// Whoever may read a file of mill asks smithy for it while mill is away.
#[test]
fn a_ticket_gives_its_reader_its_content_for_its_time_and_nothing_else() {
    let mut grid = Grid::of(&["mill", "smithy", "quarry"]);
    part(&grid);
    let folder = shared(&grid, 0);
    fs::write(folder.join("film"), noise(1, MIB)).expect("a file");
    until_shown(&grid.peers[2], "/mill/projects");
    read(&grid.peers[2], FILM);
    let [mill, smithy, quarry] = [0, 1, 2].map(|at| id(&grid.peers[at]));
    grid.peers[0].stop();
    grid.peers[2].stop();
    let owner = key_of(&grid.peers[0]);
    let runtime = Runtime::new().expect("a runtime");
    let mallory = runtime.block_on(Mallory::with_key_of(&grid.peers[2], &grid.peers[1]));
    let blob = BlobId::of(&noise(1, MIB));
    let ticket = Ticket {
        owner: mill,
        reader: quarry,
        question: [0; 32],
        blob,
        size_bytes: MIB as u64,
        until: now() + Ticket::LIFE,
    };
    let mut number = 0;
    let mut ask = |ticket: Vec<u8>, (first, count)| {
        let version = Version { size_bytes: MIB as u64, modified_ns: 0, changed_ns: 0, number: 1 };
        let wish = TreeWish::ProveBy { path: RelPath::new("film").expect("a path"), version, first, count, ticket };
        number += 1;
        let request =
            mallory.request(vec![quarry, smithy, mill], number, &BulkRequest::Tree { share: ShareId([1; 10]), wish });
        runtime.block_on(async {
            let mut fetched = mallory.net.fetch(smithy, request).await?;
            let mut bytes = Vec::new();
            fetched.read_to_end(&mut bytes).await.expect("all of it");
            Ok::<_, FetchError>(bytes)
        })
    };

    let given = ask(seal_ticket(ticket, &owner), (0, 16)).expect("it is kept");
    let begins = &noise(1, MIB)[..100];
    assert!(given.windows(100).any(|bytes| bytes == begins));

    let refused = |answer: Result<Vec<u8>, FetchError>| matches!(answer, Err(FetchError::Refused { .. }));
    assert!(refused(ask(seal_ticket(Ticket { reader: smithy, ..ticket }, &owner), (0, 16))), "another reader's");
    assert!(refused(ask(seal_ticket(ticket, &mallory.identity), (0, 16))), "signed by its reader");
    assert!(
        refused(ask(seal_ticket(Ticket { owner: quarry, ..ticket }, &mallory.identity), (0, 16))),
        "another owner's"
    );
    assert!(refused(ask(seal_ticket(Ticket { size_bytes: 1, ..ticket }, &owner), (0, 1))), "of another size");
    assert!(refused(ask(vec![7; 100], (0, 16))), "none at all");
    for range in [(0, 0), (0, 17), (16, 1), (u64::MAX, 2)] {
        assert!(refused(ask(seal_ticket(ticket, &owner), range)), "{range:?} is not in the file");
    }
    // These say nothing against the reader: only mill can tell.
    let passed_on = |answer| matches!(answer, Err(FetchError::NotPassed { broke_at: 1, why: Hindrance::Down }));
    assert!(passed_on(ask(seal_ticket(Ticket { until: now(), ..ticket }, &owner), (0, 16))), "it is over");
    let far = now() + Ticket::LIFE + 2 * Ticket::SKEW;
    assert!(passed_on(ask(seal_ticket(Ticket { until: far, ..ticket }, &owner), (0, 16))), "longer than any");
    let other = BlobId::of(b"another file");
    assert!(passed_on(ask(seal_ticket(Ticket { blob: other, ..ticket }, &owner), (0, 16))), "not kept");
    let told = grid.peers[1].log();
    let told = told.lines().filter(|line| line.contains("a ticket that gives its source no right")).count();
    assert_eq!(told, 1, "told of once");
}

fn id(peer: &Peer) -> PeerId {
    peer.json(["status"])["peer"].as_str().expect("an id").parse().expect("a peer")
}

fn now() -> Stamp {
    Stamp(now_millis())
}
