use serde_json::{Value, json};

use super::{Fault, arrows, sources};

/// A made-up workspace: every room with what it uses, and libraries with what they use.
fn metadata(rooms: &[(&str, &[&str])], libraries: &[(&str, &[&str])]) -> Value {
    let package = |(name, uses): &(&str, &[&str])| {
        let dependencies: Vec<_> = uses.iter().map(|used| json!({ "name": used, "kind": null })).collect();
        json!({ "id": name, "name": name, "manifest_path": format!("/{name}/Cargo.toml"), "dependencies": dependencies })
    };
    let node = |(name, uses): &(&str, &[&str])| {
        let deps: Vec<_> = uses.iter().map(|used| json!({ "pkg": used, "dep_kinds": [{ "kind": null }] })).collect();
        json!({ "id": name, "deps": deps })
    };
    let all = || rooms.iter().chain(libraries);
    json!({
        "workspace_members": rooms.iter().map(|(name, _)| name).collect::<Vec<_>>(),
        "packages": all().map(package).collect::<Vec<_>>(),
        "resolve": { "nodes": all().map(node).collect::<Vec<_>>() },
    })
}

fn faults(rooms: &[(&str, &[&str])], libraries: &[(&str, &[&str])]) -> Vec<String> {
    let house = arrows::House::read(&metadata(rooms, libraries));
    arrows::check(&house).into_iter().map(|Fault { place, what }| format!("{place} {what}")).collect()
}

#[test]
fn a_house_in_order_has_no_faults() {
    let rooms: &[(&str, &[&str])] = &[
        ("gridwell-model", &["serde"]),
        ("gridwell-sched", &["gridwell-model"]),
        ("gridwell-store", &["gridwell-model", "rusqlite"]),
        ("gridwell-node", &["gridwell-sched", "gridwell-store", "tokio"]),
        ("gridwell-serve", &["gridwell-node"]),
        ("gridwell-cli", &["gridwell-serve", "gridwell-node"]),
        ("xtask", &["gridwell-cli"]),
    ];
    assert_eq!(faults(rooms, &[("serde", &[]), ("rusqlite", &[]), ("tokio", &[])]), <[&str; 0]>::default());
}

#[test]
fn arrows_up_and_sideways_are_faults() {
    let up = faults(&[("gridwell-model", &["gridwell-sched"]), ("gridwell-sched", &[])], &[]);
    assert_eq!(up, ["gridwell-model points up to gridwell-sched (floor 0 to floor 1)"]);
    let sideways = faults(&[("gridwell-sched", &["gridwell-ledger"]), ("gridwell-ledger", &[])], &[]);
    assert_eq!(sideways, ["gridwell-sched points sideways to gridwell-ledger (floor 1 to floor 1)"]);
    let doors = faults(&[("gridwell-serve", &["gridwell-cli"]), ("gridwell-cli", &[])], &[]);
    assert_eq!(doors.len(), 1, "only the local door is shared, not the others");
    let beside = faults(&[("gridwell-node", &["xtask"]), ("xtask", &[])], &[]);
    assert_eq!(beside, ["gridwell-node uses xtask, which stands beside the house"]);
}

#[test]
fn an_unknown_room_is_a_fault() {
    assert!(faults(&[("gridwell-utils", &[])], &[])[0].starts_with("gridwell-utils is not a room"));
}

#[test]
fn a_pure_room_reaches_no_impure_library_on_any_way() {
    let rooms: &[(&str, &[&str])] = &[("gridwell-model", &[]), ("gridwell-job", &["gridwell-model", "innocent"])];
    let found = faults(rooms, &[("innocent", &["tokio"]), ("tokio", &[])]);
    assert_eq!(found, ["gridwell-job is pure but reaches gridwell-job → innocent → tokio"]);
}

#[test]
fn a_library_with_an_owner_is_named_by_no_other_room() {
    let found = faults(&[("gridwell-node", &["libp2p-stream"])], &[("libp2p-stream", &[])]);
    assert_eq!(found, ["gridwell-node names libp2p-stream, which only gridwell-net may"]);
}

fn source_faults(text: &str) -> Vec<String> {
    let mut faults = Vec::new();
    sources::check_text("x.rs", text, &mut faults);
    faults.into_iter().map(|fault| fault.place).collect()
}

#[test]
fn clocks_files_and_unordered_maps_are_found_in_sources() {
    assert_eq!(
        source_faults("use std::fs;\nlet now = Instant::now();\nlet map: HashMap<u8, u8>;"),
        ["x.rs:1", "x.rs:2", "x.rs:3"]
    );
    assert_eq!(
        source_faults("use std::{\n    collections::BTreeMap,\n    thread::{self, JoinHandle},\n};"),
        ["x.rs:3"]
    );
    assert_eq!(source_faults("use std::{fmt, process};"), ["x.rs:1"]);
}

#[test]
fn comments_tests_other_names_and_stated_reasons_are_no_faults() {
    for fine in [
        "// std::fs is not for us",
        "use std::fmt;\nlet process = 1;\nstruct MyHashMapLike;",
        "// floors: looked up only, never iterated\nlet map: HashMap<u8, u8>;",
        "let map: HashMap<u8, u8>; // floors: looked up only",
        "fn a() {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}",
    ] {
        assert_eq!(source_faults(fine), <[&str; 0]>::default(), "{fine}");
    }
}
