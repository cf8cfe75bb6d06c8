//! Letting a machine in: by a typed code or a link, and never without a person's yes.

use std::process::{Child, Output, Stdio};

use serde_json::Value;

use crate::{
    grids::code,
    support::{Grid, Peer, now_millis, until},
};

/// A code that is well-formed and that nobody shows.
const WRONG: &str = "2222-2222";

#[test]
fn a_typed_code_and_the_same_four_words_let_a_machine_in() {
    let mut grid = Grid::of_one();
    let quarry = grid.alone("quarry");
    let shown = show(&grid.peers[0]);
    let asking = ask(&quarry, &shown);

    let there = waiting(&grid.peers[0], "host");
    let here = waiting(&quarry, "guest");
    assert_eq!(there["words"].as_array().expect("words").len(), 4);
    assert_eq!(there["words"], here["words"], "both screens show the same words");
    assert_eq!((&there["machine"], &here["machine"]), (&"quarry".into(), &"mill".into()));
    assert_eq!(there["peer"], quarry.json(["status"])["peer"]);
    let key = quarry.json(["status"])["peer"].as_str().expect("a key").to_owned();
    assert!(key.starts_with(&there["fingerprint"].as_str().expect("a fingerprint").replace(' ', "")));
    assert_eq!(machines(&grid.peers[0]), 1, "nobody is in before a person says yes");

    let said = grid.peers[0].ok(["pair", "approve"]);

    assert!(said.contains("quarry joined the grid"), "{said}");
    let joined = end(asking);
    assert!(joined.status.success(), "{joined:?}");
    let told = String::from_utf8_lossy(&joined.stderr);
    let words: Vec<_> = there["words"].as_array().expect("words").iter().filter_map(Value::as_str).collect();
    assert!(told.contains(&words.join(" ")), "it waits and says so: {told}");
    grid.peers.push(quarry);
    grid.meet();
    let job = grid.peers[1].start_job(["exec", "--detach", "--on", "mill", "--", "true"]);
    grid.peers[1].done(&job);
}

#[test]
fn a_link_lets_nobody_in_whom_no_person_approves() {
    let grid = Grid::of_one();
    let quarry = grid.alone("quarry");
    let mill = &grid.peers[0];
    let link = mill.json(["invite"])["link"].as_str().expect("a link").to_owned();
    let asking = start(&quarry, &["join", &link]);
    assert_eq!(waiting(mill, "host")["words"], waiting(&quarry, "guest")["words"]);

    mill.ok(["pair", "reject", "quarry"]);

    let refused = end(asking);
    assert_eq!((refused.status.code(), code(&refused).as_str()), (Some(2), "pairing_rejected"));
    assert_eq!((ended(mill), ended(&quarry)), ("rejected".to_owned(), "rejected".to_owned()));
    assert_eq!((machines(mill), machines(&quarry)), (1, 1));
    // Who was rejected cannot come again with the same link, nor can anybody else.
    assert_eq!(code(&quarry.output(["join", &link, "--json"])), "no_invitation");
}

#[test]
fn a_wrong_code_is_the_only_guess_and_is_told_of() {
    let grid = Grid::of_one();
    let (quarry, smithy) = (grid.alone("quarry"), grid.alone("smithy"));
    let mill = &grid.peers[0];
    let shown = show(mill);

    let slip = quarry.output(["pair", "code", "ABCD-EFGH", "--at", at(&shown), "--json"]);
    assert_eq!(code(&slip), "code_malformed", "a slip of the finger spends no guess");
    assert!(mill.json(["pair", "list"])["code_until"].is_u64());
    let wrong = quarry.output(["pair", "code", WRONG, "--at", at(&shown), "--json"]);
    assert_eq!((wrong.status.code(), code(&wrong).as_str()), (Some(2), "code_wrong"));
    let right = smithy.output(["pair", "code", typed(&shown), "--at", at(&shown), "--json"]);

    assert_eq!(code(&right), "code_wrong", "the code is not good any more");
    assert!(String::from_utf8_lossy(&right.stderr).contains("somebody tried a wrong code on mill before"));
    assert!(mill.ok(["activity"]).contains("a wrong code was typed on quarry"));
    assert_eq!(mill.json(["pair", "list"])["code_until"], Value::Null);
    assert_eq!((machines(mill), machines(&quarry), machines(&smithy)), (1, 1, 1));
}

#[test]
fn of_two_machines_with_one_code_only_the_first_may_wait() {
    let mut grid = Grid::of_one();
    let (quarry, smithy) = (grid.alone("quarry"), grid.alone("smithy"));
    let shown = show(&grid.peers[0]);
    let racers = [(&quarry, ask(&quarry, &shown)), (&smithy, ask(&smithy, &shown))];
    let first = waiting(&grid.peers[0], "host")["machine"].as_str().expect("a name").to_owned();

    let [(one, asking), (_, other)] = racers;
    let (winner, loser) = if one.name == first { (asking, other) } else { (other, asking) };
    let lost = end(loser);
    assert_eq!(code(&lost), "invite_used");
    grid.peers[0].ok(["pair", "approve", &first]);
    assert!(end(winner).status.success());

    let late = if first == "quarry" { &smithy } else { &quarry };
    for words in [["pair", "code", typed(&shown), "--at", at(&shown)].as_slice(), &["join", link(&shown)]] {
        let output = late.output(words.iter().copied().chain(["--json"]));
        assert_eq!(code(&output), "invite_used", "{words:?}");
    }
    let winner = if first == "quarry" { quarry } else { smithy };
    grid.peers.push(winner);
    grid.meet();
}

#[test]
fn an_expired_code_and_one_that_was_taken_back_let_nobody_in() {
    let grid = Grid::of_one();
    let quarry = grid.alone("quarry");
    let mill = &grid.peers[0];
    let shown = mill.json(["pair", "show", "--for", "1s"]);
    let expires = shown["expires"].as_u64().expect("a time");
    until("the code's end", || (now_millis() > expires).then_some(()));
    let late = quarry.output(["pair", "code", typed(&shown), "--at", at(&shown), "--json"]);
    assert_eq!(code(&late), "invite_expired");

    let shown = show(mill);
    mill.ok(["pair", "hide"]);
    let hidden = quarry.output(["pair", "code", typed(&shown), "--at", at(&shown), "--json"]);
    assert_eq!(code(&hidden), "no_invitation");
    let hidden = quarry.output(["pair", "enter", link(&shown), "--json"]);
    assert_eq!(code(&hidden), "no_invitation");
    assert_eq!(machines(mill), 1);
}

#[test]
fn a_machine_that_gives_up_waits_no_longer_and_both_sides_say_so() {
    let grid = Grid::of_one();
    let quarry = grid.alone("quarry");
    let mill = &grid.peers[0];
    let asking = ask(&quarry, &show(mill));
    waiting(mill, "host");

    let pid = rustix::process::Pid::from_child(&asking);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it can be interrupted");

    assert_eq!(end(asking).status.code(), Some(130));
    assert_eq!((ended(mill), ended(&quarry)), ("cancelled".to_owned(), "cancelled".to_owned()));
    let late = mill.refused(2, ["pair", "approve"]);
    assert!(late.contains("no machine waits to be let in"), "{late}");
    assert_eq!((machines(mill), machines(&quarry)), (1, 1));
}

#[test]
fn no_code_comes_back_after_a_kill_and_whoever_waited_hears_of_it() {
    let mut grid = Grid::of_one();
    let quarry = grid.alone("quarry");
    let shown = show(&grid.peers[0]);
    let asking = ask(&quarry, &shown);
    waiting(&grid.peers[0], "host");

    grid.peers[0].kill();

    let broken = end(asking);
    assert_eq!(code(&broken), "peer_unreachable");
    assert_eq!(ended(&quarry), "failed");
    grid.peers[0].boot();
    let mill = &grid.peers[0];
    let now = mill.json(["status"])["addresses"][0].as_str().expect("an address").to_owned();
    let again = quarry.output(["pair", "code", typed(&shown), "--at", &now, "--json"]);
    assert_eq!(code(&again), "no_invitation");
    assert_eq!((machines(mill), machines(&quarry)), (1, 1));
}

#[test]
fn a_machine_that_calls_itself_by_a_number_is_not_taken_for_that_pairing() {
    let grid = Grid::of_one();
    let nine = grid.alone("9");
    let mill = &grid.peers[0];
    let asking = ask(&nine, &show(mill));
    let id = waiting(mill, "host")["id"].as_u64().expect("an id");
    assert_ne!(id, 9);

    let refused = mill.refused(2, ["pair", "approve", "9"]);

    assert!(refused.contains("no machine '9' waits to be let in"), "{refused}");
    mill.ok(["pair", "approve", &id.to_string()]);
    assert!(end(asking).status.success());
}

#[test]
fn a_machine_that_shows_a_code_is_found_nearby_and_only_then() {
    let grid = Grid::of_one();
    let [mill, inn, quarry] = ["mill-on", "inn", "quarry"].map(|name| grid.alone_with(name, &["--nearby", "on"]));
    let names = |found: &Value| -> Vec<String> {
        let named = found.as_array().expect("a list").iter().map(|one| one["machine"].as_str().expect("a name"));
        named.map(str::to_owned).collect()
    };
    let quiet = quarry.output(["pair", "code", WRONG, "--json"]);
    assert_eq!(code(&quiet), "no_invitation", "{quiet:?}");

    // Two show one: a code is tried on none of them before a person has said on which.
    let (shown, other) = (show(&mill), show(&inn));
    let found = quarry
        .until("both of them", &["pair", "nearby"], |found| (found.as_array()?.len() == 2).then(|| found.clone()));
    let mut both = names(&found);
    both.sort();
    assert_eq!(both, ["inn", "mill-on"]);
    let said = quarry.refused(2, ["pair", "code", typed(&shown)]);
    assert!(said.contains("several machines nearby show a code") && said.contains(at(&other)), "{said}");
    let told = found.to_string();
    for secret in
        [typed(&shown), &typed(&shown).replace('-', ""), inn.json(["status"])["grid"].as_str().expect("a grid")]
    {
        assert!(!told.contains(secret), "{told}");
    }

    inn.ok(["pair", "hide"]);
    quarry.until("one of them", &["pair", "nearby"], |found| (names(found) == ["mill-on"]).then_some(()));
    let asking = start(&quarry, &["pair", "code", typed(&shown)]);
    waiting(&mill, "host");
    // Looking round is no second visit: it may still be let in.
    quarry.json(["pair", "nearby"]);
    mill.ok(["pair", "approve", "quarry"]);
    assert!(end(asking).status.success());

    // A code that was used is told of no more, and who switched it off is not found.
    quarry.until("nobody", &["pair", "nearby"], |found| names(found).is_empty().then_some(()));
    inn.ok(["pair", "nearby", "--off"]);
    show(&inn);
    assert_eq!(names(&quarry.json(["pair", "nearby"])), Vec::<String>::new());
    let off = inn.output(["pair", "nearby", "--json"]);
    assert_eq!(code(&off), "wrong_state");
}

#[test]
fn a_code_is_written_nowhere() {
    let grid = Grid::of_one();
    let quarry = grid.alone("quarry");
    let mill = &grid.peers[0];
    let shown = show(mill);
    let asking = ask(&quarry, &shown);
    waiting(mill, "host");
    mill.ok(["pair", "approve"]);
    assert!(end(asking).status.success());

    let bare = typed(&shown).replace('-', "");
    for peer in [mill, &quarry] {
        let files = std::fs::read_dir(&peer.data).expect("a folder").filter_map(Result::ok).map(|entry| entry.path());
        for file in files.chain([peer.data.with_extension("log")]).filter(|path| path.is_file()) {
            let bytes = std::fs::read(&file).expect("readable");
            for secret in [typed(&shown), &bare, &link(&shown)[20..60]] {
                let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
                assert!(!found, "{} holds a secret", file.display());
            }
        }
    }
}

/// Lets a machine in as two people do: one shows a code, one types it, both see the same words, one says yes.
pub(crate) fn let_in(host: &Peer, guest: &Peer) {
    let asking = ask(guest, &show(host));
    assert_eq!(waiting(host, "host")["words"], waiting(guest, "guest")["words"]);
    host.ok(["pair", "approve", &guest.name]);
    let joined = end(asking);
    assert!(joined.status.success(), "{joined:?}");
}

fn show(peer: &Peer) -> Value {
    peer.json(["pair", "show"])
}

fn typed(shown: &Value) -> &str {
    shown["code"].as_str().expect("a code")
}

fn link(shown: &Value) -> &str {
    shown["link"].as_str().expect("a link")
}

fn at(shown: &Value) -> &str {
    shown["addresses"][0].as_str().expect("an address")
}

fn ask(peer: &Peer, shown: &Value) -> Child {
    start(peer, &["pair", "code", typed(shown), "--at", at(shown)])
}

/// Starts a command that waits for a person elsewhere.
fn start(peer: &Peer, words: &[&str]) -> Child {
    let mut command = peer.command();
    command.args(words).arg("--json").stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("gridwell runs")
}

fn end(asking: Child) -> Output {
    asking.wait_with_output().expect("it ends")
}

/// The one pairing that waits for a person, as one side sees it.
fn waiting(peer: &Peer, side: &str) -> Value {
    peer.until("a machine that waits", &["pair", "list"], |list| {
        let mut all = list["pairings"].as_array()?.iter();
        all.find(|pairing| pairing["state"] == "waiting" && pairing["side"] == side).cloned()
    })
}

/// How the last pairing ended, and one sentence that says so.
fn ended(peer: &Peer) -> String {
    peer.until("the pairing's end", &["pair", "list"], |list| {
        let last = list["pairings"].as_array()?.last()?;
        let state = last["state"].as_str()?;
        assert!(last["sentence"].as_str().is_some_and(|sentence| !sentence.is_empty()), "{last}");
        (state != "waiting" && state != "reaching").then(|| state.to_owned())
    })
}

fn machines(peer: &Peer) -> usize {
    peer.json(["machines"]).as_array().expect("machines").len()
}
