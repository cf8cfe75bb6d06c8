//! Copies of shared files: as many machines keep each file as its owner wishes, whoever is lost.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    shares::{GROUP_BYTES, shared, until_shown},
    support::{Grid, Peer, Place, until},
};

/// How long a machine may be gone before others take its place: long enough for one that is only slow, on a busy machine.
const GRACE: &[&str] = &["--copies-grace", "3s"];
const FILES: usize = 24;

/// Machines of which the first shares [`FILES`] files, with so many copies of each wished.
fn kitchen(names: &[&str], copies: &str) -> (Grid, PathBuf) {
    let mut grid = Grid::empty();
    for name in names {
        grid.add_at(name, GRACE, Place::steady());
    }
    grid.mapped();
    let folder = shared(&grid, 0);
    for number in 0..FILES {
        fs::write(folder.join(name(number)), content(number)).expect("a file");
    }
    grid.peers[1..].iter().for_each(|peer| until_shown(peer, "/mill/projects"));
    grid.peers[0].ok(["share", "replicate", "projects", copies]);
    (grid, folder)
}

fn name(number: usize) -> String {
    if number.is_multiple_of(2) { format!("scene-{number}") } else { format!("textures/wood-{number}") }
}

/// Some files of several groups, some of a few bytes.
fn content(number: usize) -> Vec<u8> {
    let size = if number.is_multiple_of(3) { 3 * GROUP_BYTES + number } else { 40 + number };
    (0..size).map(|at| (at * (number + 1) % 251) as u8).collect()
}

fn copies(peer: &Peer) -> Value {
    let shares = peer.json(["share", "list"]);
    let share = shares.as_array().expect("shares").iter().find(|share| share["name"] == "projects");
    share.map(|share| share["copies"].clone()).unwrap_or_default()
}

/// Waits until a peer says that there are so many whole copies, and no more to come.
fn until_whole(peer: &Peer, whole: u64) {
    until_copies(peer, &format!("{whole} whole copies"), |copies| {
        copies["whole"] == whole && copies["on_the_way"] == 0 && copies["files"] == FILES
    });
}

fn until_copies(peer: &Peer, what: &str, is_so: impl Fn(&Value) -> bool) {
    peer.until(what, &["share", "list"], |shares| {
        let share = shares.as_array()?.iter().find(|share| share["name"] == "projects")?;
        is_so(&share["copies"]).then_some(())
    });
}

/// How many files each machine has whole, by its name.
fn places(peer: &Peer) -> BTreeMap<String, u64> {
    let copies = copies(peer);
    let places = copies["places"].as_array().expect("places").iter();
    places
        .map(|place| (place["name"].as_str().expect("a name").to_owned(), place["files"].as_u64().expect("files")))
        .collect()
}

fn reads_all(peer: &Peer) {
    for number in 0..FILES {
        let read = peer.output(["files", "get", &format!("/mill/projects/{}", name(number)), "-"]);
        assert!(
            read.stdout == content(number),
            "{} on {}: {}",
            name(number),
            peer.name,
            String::from_utf8_lossy(&read.stderr)
        );
    }
}

fn until_away(peer: &Peer, name: &str) {
    peer.until(&format!("{name} to be away"), &["machines"], |machines| {
        machines.as_array()?.iter().any(|one| one["name"] == name && one["online"] == false).then_some(())
    });
}

/// Waits until a machine's copies do not count any more: for a moment they do, since it may be back.
fn until_counted_out(peer: &Peer, name: &str) {
    until("others to take its place", || (!places(peer).contains_key(name)).then_some(()));
}

/// Row 17 of the seeds.
#[test]
fn one_of_three_holders_dies_and_the_count_is_restored_and_all_is_read() {
    let (mut grid, _) = kitchen(&["mill", "quarry", "smithy", "attic"], "3");
    until_whole(&grid.peers[0], 3);
    let before = places(&grid.peers[0]);
    assert_eq!(before["mill"], FILES as u64, "{before:?}");
    let others: u64 = before.iter().filter(|(name, _)| *name != "mill").map(|(_, files)| files).sum();
    assert!(others >= 2 * FILES as u64, "two others have each file: {before:?}");

    grid.peers[2].kill();
    until_away(&grid.peers[0], "smithy");
    until_counted_out(&grid.peers[0], "smithy");
    until_whole(&grid.peers[0], 3);

    let after = places(&grid.peers[0]);
    assert_eq!((after["quarry"], after["attic"]), (FILES as u64, FILES as u64), "{after:?}");
    assert!(!after.contains_key("smithy"));
    for peer in [0, 1, 3] {
        reads_all(&grid.peers[peer]);
    }
    let said = grid.peers[0].ok(["share", "list"]);
    assert!(said.contains("3 copies, 3 whole: mill, "), "{said}");
}

#[test]
fn the_owner_dies_the_others_restore_the_count_and_whoever_never_read_a_file_reads_all() {
    let (mut grid, folder) = kitchen(&["mill", "quarry", "smithy", "attic"], "2");
    until_whole(&grid.peers[0], 2);
    for peer in &grid.peers[1..] {
        until_whole(peer, 2);
    }
    grid.peers[0].kill();
    for peer in &grid.peers[1..] {
        until_away(peer, "mill");
        until_counted_out(peer, "mill");
    }

    for peer in &grid.peers[1..] {
        until_whole(peer, 2);
        let page = peer.json(["files", "ls", "/mill/projects"]);
        assert_eq!(page["online"], false, "marked as what is known");
        assert_eq!(page["files"].as_array().expect("files").len(), FILES / 2 + 1);
        reads_all(peer);
    }
    // Another one dies, too: what it had is still had by somebody.
    grid.peers[3].kill();
    until_away(&grid.peers[1], "attic");
    until_counted_out(&grid.peers[1], "attic");
    until_whole(&grid.peers[1], 2);
    reads_all(&grid.peers[2]);

    fs::write(folder.join("new"), "new").expect("a file");
    fs::remove_file(folder.join(name(0))).expect("it was there");
    grid.peers[0].boot();
    until_shown(&grid.peers[1], "/mill/projects");
    assert_eq!(
        grid.peers[1].output(["files", "get", "/mill/projects/new", "-"]).stdout,
        b"new",
        "it is believed again"
    );
    grid.peers[1].refused(2, ["files", "get", "/mill/projects/scene-0", "-"]);
    until_whole(&grid.peers[0], 2);
}

#[test]
fn a_copy_that_its_disk_spoilt_is_thrown_away_and_another_one_is_read() {
    let (mut grid, _) = kitchen(&["mill", "quarry", "smithy", "attic"], "3");
    until_whole(&grid.peers[0], 3);
    let path = format!("/mill/projects/{}", name(0));
    let has = |grid: &Grid, peer: usize| object(&grid.peers[peer], &content(0)).exists();
    let (holders, others): (Vec<usize>, Vec<usize>) = (1..4).partition(|peer| has(&grid, *peer));
    let ([spoilt, honest], [reader]) = (&holders[..], &others[..]) else { panic!("{holders:?} keep it") };
    let (spoilt, honest, reader) = (*spoilt, *honest, *reader);
    grid.peers[honest].stop();
    let file = object(&grid.peers[spoilt], &content(0));
    let mut bytes = fs::read(&file).expect("its copy");
    bytes[GROUP_BYTES / 2] ^= 1;
    fs::write(&file, bytes).expect("a spoilt copy");
    grid.peers[0].kill();
    until_away(&grid.peers[reader], "mill");

    assert!(!grid.peers[reader].output(["files", "get", &path, "-"]).status.success(), "nobody has it unspoilt");
    let words = format!("{} gave wrong bytes of '{path}': they were thrown away", grid.peers[spoilt].name);
    until(&words, || {
        let activity = grid.peers[reader].json(["activity", "-n", "200"]).to_string();
        (activity.matches(&words).count() == 1).then_some(())
    });

    grid.peers[honest].boot();
    until("the other copy to be read", || {
        let read = grid.peers[reader].output(["files", "get", &path, "-"]);
        (read.stdout == content(0)).then_some(())
    });
}

#[test]
fn a_machine_that_was_away_catches_up_and_what_its_owner_deleted_goes() {
    let (mut grid, folder) = kitchen(&["mill", "quarry", "smithy"], "3");
    until_whole(&grid.peers[0], 3);
    grid.peers[1].stop();
    assert!(object(&grid.peers[1], &content(0)).exists(), "quarry keeps it");
    fs::remove_file(folder.join(name(0))).expect("it was there");
    let new = content(0).repeat(2);
    fs::write(folder.join("new"), &new).expect("a file");
    // The owner says so to one that is there, and is lost: that one tells it to the other.
    until("smithy to follow", || {
        (object(&grid.peers[2], &new).exists() && !object(&grid.peers[2], &content(0)).exists()).then_some(())
    });
    until_whole(&grid.peers[2], 2);
    grid.peers[0].kill();

    grid.peers[1].boot();

    until("quarry to follow", || {
        (object(&grid.peers[1], &new).exists() && !object(&grid.peers[1], &content(0)).exists()).then_some(())
    });
    until_whole(&grid.peers[1], 2);
    assert!(grid.peers[1].output(["files", "get", "/mill/projects/new", "-"]).stdout == new);
}

/// Where a machine has the pieces of some content.
fn object(peer: &Peer, content: &[u8]) -> PathBuf {
    let blob = gridwell_model::BlobId::of(content).to_string();
    peer.data.join("objects").join(&blob[..2]).join(format!("{blob}.data"))
}

#[test]
fn a_wish_that_is_withdrawn_lets_all_copies_go_and_one_outlives_a_restart() {
    let (mut grid, _) = kitchen(&["mill", "quarry", "smithy"], "2");
    until_whole(&grid.peers[0], 2);
    for peer in &mut grid.peers {
        peer.stop();
        peer.boot();
    }
    until_shown(&grid.peers[1], "/mill/projects");
    until_whole(&grid.peers[0], 2);
    let kept = |peer: &Peer| (0..FILES).filter(|number| object(peer, &content(*number)).exists()).count();
    assert!(kept(&grid.peers[1]) + kept(&grid.peers[2]) >= FILES);

    let said = grid.peers[0].ok(["share", "replicate", "projects", "1"]);

    assert!(!said.contains("copies"), "{said}");
    for peer in &grid.peers[1..] {
        until("all copies to go", || (kept(peer) == 0).then_some(()));
        assert_eq!(copies(peer), Value::Null);
    }
    reads_all(&grid.peers[1]);
    let none = grid.peers[0].refused(2, ["share", "replicate", "projects", "0"]);
    assert!(none.contains("0 copies are not between 1 and 32"), "{none}");
    let nobody = grid.peers[0].refused(2, ["share", "replicate", "films", "2"]);
    assert!(nobody.contains("no share 'films'"), "{nobody}");
}

#[test]
fn what_finds_no_room_is_said_where_the_owner_sees_it() {
    let mut grid = Grid::empty();
    for name in ["mill", "quarry", "smithy"] {
        grid.add_at(name, GRACE, Place::steady());
    }
    grid.mapped();
    for peer in &grid.peers[1..] {
        peer.ok(["set", "share-copies=100kB"]);
    }
    let folder = shared(&grid, 0);
    fs::write(folder.join("large"), vec![7; 5 * GROUP_BYTES]).expect("a file");
    fs::write(folder.join("small"), "small").expect("a file");
    grid.peers[1..].iter().for_each(|peer| until_shown(peer, "/mill/projects"));

    grid.peers[0].ok(["share", "replicate", "projects", "3"]);
    until_copies(&grid.peers[0], "a word about room", |copies| {
        copies["note"].as_str().is_some_and(|note| note.contains("files without room on other machines: 1, of 3"))
            && copies["whole"] == 1
            && copies["places"].as_array().is_some_and(|places| places.len() == 3)
    });
    let said = grid.peers[0].ok(["share", "list"]);
    assert!(said.contains("3 copies, 1 whole") && said.contains("share-copies=SIZE"), "{said}");

    grid.peers[1].ok(["set", "share-copies=1GiB"]);
    until_copies(&grid.peers[0], "room on quarry", |copies| copies["whole"] == 2);
    grid.peers[0].ok(["share", "replicate", "projects", "5"]);
    until_copies(&grid.peers[0], "a word about machines", |copies| {
        copies["note"].as_str().is_some_and(|note| note.contains("only 3 machines may keep it"))
    });
}

#[test]
fn room_is_made_of_what_others_keep_while_the_owner_is_away() {
    let (mut grid, _) = kitchen(&["mill", "quarry", "smithy"], "2");
    until_whole(&grid.peers[0], 2);
    for peer in &grid.peers[1..] {
        until_whole(peer, 2);
    }
    // One that keeps no copy of the file read it; another one does.
    let [quarry, smithy] = [1, 2].map(|at| places(&grid.peers[0]).get(&grid.peers[at].name).copied().unwrap_or(0));
    assert_eq!(quarry + smithy, FILES as u64, "each file is kept by one of them");
    for at in [1, 2] {
        grid.peers[at].ok(["files", "fetch", "/mill/projects"]);
    }
    grid.peers[0].kill();
    until_away(&grid.peers[1], "mill");
    let freed = grid.peers[1].json(["files", "free", "/mill/projects"]);
    assert_eq!(freed["last"], 0, "each file is kept as a copy here, or there: {freed}");
    until_whole(&grid.peers[1], 2);
    reads_all(&grid.peers[1]);
}

/// A large file that some keep is read from all of them at once, also while one of them hangs.
#[test]
fn a_large_file_comes_from_several_machines_at_once_and_one_that_hangs_holds_nobody_up() {
    let (grid, folder) = kitchen(&["mill", "quarry", "smithy", "attic"], "3");
    let film = |seed: usize| (0..24 << 20).map(|at: usize| (at * seed / 4_099 % 251) as u8).collect::<Vec<_>>();
    let films = [film(3), film(7)];
    for (name, film) in ["one", "two"].iter().zip(&films) {
        // There whole or not at all: of half a film there would be copies, too.
        fs::write(grid.path(name), film).expect("a film");
        fs::rename(grid.path(name), folder.join(name)).expect("a film");
    }
    until_copies(&grid.peers[0], "copies of the films", |copies| copies["whole"] == 3 && copies["files"] == FILES + 2);
    // What was whole may have been so without them.
    let keepers = |film| grid.peers[1..].iter().filter(|peer| object(peer, film).exists()).count();
    until("two copies of each film", || films.iter().all(|film| keepers(film) == 2).then_some(()));
    until_copies(&grid.peers[0], "whole copies of them", |copies| copies["whole"] == 3);
    // Who keeps no copy of a film reads it from those that do.
    let (kept, readers): (Vec<_>, Vec<_>) = grid.peers[1..].iter().partition(|peer| object(peer, &films[0]).exists());
    assert_eq!((kept.len(), readers.len()), (2, 1));
    let came = |from: &str| {
        let links = readers[0].json(["links"]);
        let link = links.as_array().expect("links").iter().find(|link| link["name"] == from).expect("a link");
        link["received_bytes"].as_u64().expect("bytes")
    };
    let names = [grid.peers[0].name.as_str(), &kept[0].name, &kept[1].name];
    let before = names.map(came);

    readers[0].ok(["files", "fetch", "/mill/projects/one"]);

    let brought: Vec<_> = names.iter().zip(before).map(|(name, before)| came(name) - before).collect();
    assert!(brought.iter().all(|bytes| *bytes > 1 << 20), "each brings some of it: {brought:?}");
    assert!(brought.iter().sum::<u64>() < 40 << 20, "hardly anything comes twice: {brought:?}");
    assert!(readers[0].output(["files", "get", "/mill/projects/one", "-"]).stdout == films[0]);

    let reader = grid.peers[1..].iter().find(|peer| !object(peer, &films[1]).exists()).expect("one keeps none");
    let hangs = grid.peers[1..].iter().find(|peer| object(peer, &films[1]).exists()).expect("one keeps one");
    hangs.freeze();
    let fetched = reader.output(["files", "fetch", "/mill/projects/two"]);
    hangs.thaw();
    assert!(fetched.status.success(), "{}", String::from_utf8_lossy(&fetched.stderr));
    assert!(reader.output(["files", "get", "/mill/projects/two", "-"]).stdout == films[1]);
}
