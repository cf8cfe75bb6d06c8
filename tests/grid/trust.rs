//! Trust that lasts: certificates that are renewed, machines that were revoked behind others, words that two admins made.

use gridwell_model::{PeerId, Role, Stamp};
use gridwell_store::Store;
use gridwell_trust::{Grid as Log, Identity, Pass};
use serde_json::{Value, json};

use crate::{
    grids::code,
    membership::{join_with, recover},
    routes::part,
    support::{Grid, Peer, Place, lines, lives, makers, now_millis, until},
};

#[test]
fn certificates_are_renewed_before_they_end_and_also_after_they_ended() {
    let mut grid = Grid::empty();
    for name in ["mill", "quarry", "attic"] {
        let machine = grid.alone_at(name, Place::steady());
        grid.peers.push(machine);
    }
    let addresses: Vec<_> = grid.peers.iter().map(|peer| peer.json(["status"])["addresses"][0].clone()).collect();
    let addresses: Vec<_> = addresses.iter().map(|address| vec![address.as_str().expect("text").to_owned()]).collect();
    grid.peers.iter_mut().for_each(Peer::stop);
    let [mill, quarry, attic] = [0, 1, 2].map(|at| key_of(&grid.peers[at]));
    let roles = [Role::Run, Role::Files].into();
    let pass = |of: &Identity, name, at: usize| Pass {
        peer: of.peer(),
        name,
        addresses: &addresses[at],
        roles: &roles,
        guest_until: None,
    };
    // They live for 90 days: attic's is over, quarry's ends within a month.
    let mut log = Log::found(&mill, "mill", &addresses[0], [1; 16], days_ago(95));
    log.admit(&mill, &pass(&attic, "attic", 2), days_ago(95)).expect("an admin may");
    log.renew(&mill, [mill.peer()].into(), days_ago(65)).expect("an admin may");
    log.admit(&mill, &pass(&quarry, "quarry", 1), days_ago(65)).expect("an admin may");
    grid.peers.iter().for_each(|peer| put_log(peer, &log));
    for at in [1, 2] {
        grid.peers[at].boot();
    }
    let member = |peer: &Peer, of: &Identity| find(&peer.json(["members"]), of.peer());
    assert_eq!(member(&grid.peers[2], &attic)["expired"], true);
    assert_eq!(member(&grid.peers[1], &quarry)["expired"], false);
    let ends = member(&grid.peers[1], &quarry)["until"].as_u64().expect("a time");
    assert!(ends < now_millis() + DAY_MILLIS * 26, "nobody but an admin renews it");

    grid.peers[0].boot();

    grid.meet();
    for (peer, of) in grid.peers.iter().zip([&mill, &quarry, &attic]) {
        peer.until("a new certificate", &["members"], |members| {
            let member = find(members, of.peer());
            (member["expired"] == false && member["until"].as_u64()? > now_millis() + DAY_MILLIS * 89).then_some(())
        });
    }
    let job = grid.peers[2].start_job(["exec", "--detach", "--on", "quarry", "--", "true"]);
    assert_eq!(makers(&grid.peers[2].done(&job)), ["quarry"], "attic is heard again");
}

#[test]
fn a_machine_that_is_revoked_behind_another_one_gets_and_gives_nothing_any_more() {
    let mut grid = Grid::of(&["mill", "smithy"]);
    let quarry = join_with(&grid, "quarry", &json!({ "roles": ["run", "files", "links"] }));
    grid.peers.push(quarry);
    part(&grid);
    let (mill, smithy, quarry) = (&grid.peers[0], &grid.peers[1], &grid.peers[2]);
    let pids = grid.path("pids");
    let script = format!("echo $$ >> '{}'; exec sleep 600", pids.display());
    let there = mill.start_job(["exec", "--detach", "--on", "quarry", "--", "sh", "-c", &script]);
    let here = quarry.start_job(["exec", "--detach", "--on", "mill", "--", "sh", "-c", &script]);
    let running = until("both programs", || Some(lines(&pids)).filter(|pids| pids.len() == 2));

    mill.ok(["revoke", "quarry", "--yes"]);

    for pid in running {
        until("the end of a program", || (!lives(&pid)).then_some(()));
    }
    mill.until_counts(&there, "ready", 1);
    quarry.until_counts(&here, "ready", 1);
    for peer in [mill, smithy] {
        peer.until("no quarry", &["machines"], |machines| (machines.as_array()?.len() == 2).then_some(()));
        let links = peer.json(["links"]);
        assert!(links.as_array().is_some_and(|links| links.iter().all(|link| link["name"] != "quarry")), "{links:#}");
    }
    quarry.until("it is on its own", &["members"], |members| (members["members"].as_array()?.len() == 1).then_some(()));
}

#[test]
fn a_machine_that_was_away_when_it_was_revoked_is_let_through_by_nobody() {
    let mut grid = Grid::steady(&["mill", "smithy"]);
    let quarry = join_with(&grid, "quarry", &json!({ "roles": ["run", "files", "links"] }));
    grid.peers.push(quarry);
    part(&grid);
    let job = grid.peers[2].start_job(["exec", "--detach", "--hold", "--on", "mill", "--", "true"]);
    grid.peers[2].stop();
    grid.peers[0].ok(["revoke", "quarry", "--yes"]);
    grid.peers[1].until("the news", &["machines"], |machines| (machines.as_array()?.len() == 2).then_some(()));

    grid.peers[2].boot();

    let quarry = &grid.peers[2];
    quarry.until("smithy's refusal", &["links"], |links| {
        let to_smithy = links.as_array()?.iter().find(|link| link["name"] == "smithy")?;
        (to_smithy["state"] != "up" && !to_smithy["last_error"].as_str()?.is_empty()).then_some(())
    });
    quarry.ok(["release", &job]);
    quarry.until_counts(&job, "ready", 1);
    let seen = quarry.json(["machines"]);
    let others = seen.as_array().expect("machines").iter().filter(|machine| machine["this"] == false);
    assert!(others.clone().count() > 0 && others.clone().all(|machine| machine["online"] == false), "{seen:#}");
    for peer in &grid.peers[..2] {
        assert_eq!(peer.json(["machines"]).as_array().map(Vec::len), Some(2));
        assert_eq!(peer.json(["machines"])[0]["running"], 0);
    }
}

#[test]
fn recovery_words_count_once_a_second_admin_has_confirmed_them() {
    let mut grid = Grid::of(&["mill", "quarry", "attic"]);
    let (mill, quarry) = (&grid.peers[0], &grid.peers[1]);
    let made = mill.json(["recover", "set"]);
    let words = made["words"].as_str().expect("words").to_owned();
    assert_eq!(made["in_effect"], false, "{}", made["sentence"]);
    quarry.until("the proposal", &["members"], |members| {
        members["proposals"].get(0)?["confirm"]
            .as_str()
            .filter(|confirm| *confirm == "gridwell recover confirm")
            .map(drop)
    });
    assert_eq!(recover(quarry, &words), Some(2), "they are not good yet");
    assert_eq!(code(&mill.output(["recover", "confirm", "--json"])), "wrong_state", "nobody confirms his own words");

    quarry.ok(["recover", "confirm"]);

    let attic = &grid.peers[2];
    attic.until("the confirmed words", &["members"], |members| {
        members["proposals"].as_array()?.is_empty().then_some(())
    });
    grid.peers[0].kill();
    let attic = &grid.peers[2];
    assert_eq!(recover(attic, &words), Some(0));
    for peer in &grid.peers[1..] {
        peer.until("mill is revoked", &["members"], |members| (members["revoked"][0]["name"] == "mill").then_some(()));
    }
}

const DAY_MILLIS: u64 = 24 * 60 * 60 * 1_000;

fn days_ago(days: u64) -> Stamp {
    Stamp(now_millis() - days * DAY_MILLIS)
}

fn find(members: &Value, peer: PeerId) -> Value {
    let id = peer.to_string();
    let member = members["members"].as_array().and_then(|all| all.iter().find(|member| member["id"] == id.as_str()));
    member.unwrap_or_else(|| panic!("{id} is no member: {members:#}")).clone()
}

/// The key of a machine whose node has stopped.
fn key_of(peer: &Peer) -> Identity {
    let store = Store::open(&peer.data).expect("its node has stopped");
    let mut seed = store.load_or_create_secret("identity", [0; 32]).expect("a key");
    wait(store.close());
    Identity::from_seed(&mut seed)
}

/// Makes a machine a member of the grid of that log.
fn put_log(peer: &Peer, log: &Log) {
    let bytes = postcard::to_stdvec(&(log.id(), log.encoded())).expect("plain data");
    let store = Store::open(&peer.data).expect("its node has stopped");
    wait(store.put_meta("grid", bytes)).expect("the log can be kept");
    wait(store.close());
}

fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Runtime::new().expect("a runtime").block_on(work)
}
