//! Pins that another owner has to allow: asked, answered, refused, and not lost on the way.

use serde_json::{Value, json};

use crate::{
    grids::code,
    listener::Listener,
    support::{Grid, Peer, Place},
};

/// A machine that founded the grid, and one that may run jobs on it and no more.
fn two_owners() -> Grid {
    // Where they are stays the same: how machines find each other again is not what is tried here.
    let mut grid = Grid::steady(&["mill"]);
    let link = grid.peers[0].ask(&json!({ "ask": "invite", "approve_now": true, "roles": ["run"] }));
    let attic = grid.alone_at("attic", Place::steady());
    attic.ok(["join", link["link"].as_str().expect("a link")]);
    grid.peers.push(attic);
    grid.meet();
    grid
}

/// Waits until a machine's link with the other one of the two is so.
fn link(peer: &Peer, wanted: impl Fn(&Value) -> bool) -> Value {
    peer.until("the link", &["links"], |links| {
        links.as_array()?.iter().find(|link| link["name"] != "smithy" && wanted(link)).cloned()
    })
}

/// Waits until what is asked is so.
fn asks(peer: &Peer, what: &str, wanted: impl Fn(&[Value]) -> bool) {
    peer.until(what, &["link", "requests"], |asks| wanted(asks["asks"].as_array()?).then_some(()));
}

fn is(asks: &[Value], state: &str) -> bool {
    asks.len() == 1 && asks[0]["state"] == state && asks[0]["from_name"] == "attic" && asks[0]["name"] == "mill"
}

#[test]
fn a_pin_to_another_owners_machine_waits_for_a_yes() {
    let grid = two_owners();
    let (mill, attic) = (&grid.peers[0], &grid.peers[1]);
    let mut listener = Listener::new(mill);

    let answer = attic.json(["link", "pin", "mill"]);

    assert_eq!(answer["policy"], "automatic", "{answer}");
    asks(attic, "it waits there", |asks| is(asks, "waiting"));
    asks(mill, "it is asked here", |asks| is(asks, "waiting"));
    listener.until("the news", |event| (event["event"] == "link_ask_changed").then_some(()));
    let told = listener.until("a word for people", |event| {
        (event["event"] == "notice" && event["data"]["level"] == "problem").then(|| event["data"].clone())
    });
    assert_eq!(told["sentence"], "attic asks to pin its link to this machine");
    assert!(attic.ok(["links"]).contains("mill: the owner of the other machine is asked to allow a pin"));

    mill.ok(["link", "allow", "attic"]);

    for peer in [mill, attic] {
        link(peer, |link| link["policy"] == "pinned");
        asks(peer, "nothing is asked", <[Value]>::is_empty);
    }
    listener.until("its end", |event| (event["event"] == "link_ask_removed").then_some(()));
    // The yes was for this pin.
    attic.ok(["link", "auto", "mill"]);
    link(mill, |link| link["policy"] == "automatic");
    attic.ok(["link", "pin", "mill"]);
    asks(mill, "it is asked again", |asks| is(asks, "waiting"));
}

#[test]
fn a_no_is_told_and_who_is_told_no_may_still_forbid() {
    let grid = two_owners();
    let (mill, attic) = (&grid.peers[0], &grid.peers[1]);
    assert_eq!(code(&mill.output(["link", "decline", "attic", "--json"])), "wrong_state");
    attic.ok(["link", "pin", "mill"]);
    asks(mill, "it is asked", |asks| is(asks, "waiting"));

    mill.ok(["link", "decline", "attic"]);

    asks(attic, "the no", |asks| is(asks, "declined"));
    link(attic, |link| link["policy"] == "automatic" && link["ask"] == "declined");
    attic.until("a word for people", &["activity"], |activity| {
        activity.to_string().contains("the owner of mill does not let this machine pin the link").then_some(())
    });
    // A refusal needs nobody.
    attic.ok(["link", "forbid", "mill", "--yes"]);
    link(mill, |link| link["policy"] == "forbidden");
    asks(attic, "nothing is asked", <[Value]>::is_empty);
}

#[test]
fn an_ask_waits_for_a_machine_that_is_away_and_outlives_both() {
    let mut grid = two_owners();
    grid.add("smithy", &[]);
    grid.meet();
    grid.peers[0].stop();
    let attic = &grid.peers[1];
    attic.until("mill is away", &["machines"], |machines| {
        machines.as_array()?.iter().any(|it| it["name"] == "mill" && it["online"] == false).then_some(())
    });
    attic.ok(["link", "pin", "mill"]);
    asks(attic, "it is kept", |asks| is(asks, "sending"));
    grid.peers[1].kill();
    grid.peers[1].boot();
    asks(&grid.peers[1], "it is kept still", |asks| is(asks, "sending"));

    grid.peers[0].boot();
    asks(&grid.peers[0], "it arrives", |asks| is(asks, "waiting"));
    grid.peers[0].kill();
    grid.peers[0].boot();

    let (mill, attic) = (&grid.peers[0], &grid.peers[1]);
    asks(mill, "it is known still", |asks| is(asks, "waiting"));
    mill.ok(["link", "allow", "attic", "--always"]);
    for peer in [mill, attic] {
        link(peer, |link| link["policy"] == "pinned");
    }
    // From now on nobody is asked.
    attic.ok(["link", "auto", "mill"]);
    link(mill, |link| link["policy"] == "automatic");
    attic.ok(["link", "pin", "mill"]);
    link(mill, |link| link["policy"] == "pinned");
    assert!(mill.ok(["link", "requests"]).contains("What attic asks is always allowed"));
}

#[test]
fn what_is_asked_is_taken_back_and_who_may_change_links_need_not_ask() {
    let grid = two_owners();
    let (mill, attic) = (&grid.peers[0], &grid.peers[1]);
    attic.ok(["link", "pin", "mill"]);
    asks(mill, "it is asked", |asks| is(asks, "waiting"));

    attic.ok(["link", "auto", "mill"]);

    asks(mill, "it is taken back", <[Value]>::is_empty);
    asks(attic, "it is gone", <[Value]>::is_empty);
    // The founder may change links of others.
    assert_eq!(mill.json(["link", "pin", "attic"])["policy"], "pinned");
    link(attic, |link| link["policy"] == "pinned");
}
