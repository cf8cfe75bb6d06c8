//! What jobs made, looked at from any machine.

use std::{collections::BTreeSet, fs};

use crate::{
    shares::text,
    support::{Grid, Peer, names, until},
};

const SAMPLE: &str = "\
gridwell_sample = 1
title = \"Test\"
width = 40
height = 30
frames = \"1-2\"
";

/// Names in a folder of the tree, once there are any.
fn listed(peer: &Peer, path: &str) -> Vec<String> {
    peer.until("names in a folder", &["files", "ls", path], |page| {
        let files = page["files"].as_array()?.iter();
        let names: Vec<_> = files.filter_map(|file| file["name"].as_str().map(ToOwned::to_owned)).collect();
        (!names.is_empty()).then_some(names)
    })
}

/// Row 58 of the seeds: what a job made is found from every machine, over others too, each result once.
#[test]
fn every_result_of_a_job_is_found_once_from_a_machine_that_had_no_part_in_it() {
    let grid = Grid::of(&["mill", "quarry", "attic"]);
    let (mill, attic) = (&grid.peers[0], &grid.peers[2]);
    // Attic hears of mill over quarry only.
    mill.ok(["link", "forbid", "attic"]);
    attic.until("the way over quarry", &["machines"], |machines| {
        let mill = machines.as_array()?.iter().find(|machine| machine["name"] == "mill")?;
        (mill["online"] == true && !mill["via"].as_array()?.is_empty()).then_some(())
    });
    let scene = grid.write("ball.gridwell-sample", SAMPLE);
    let output = grid.path("frames");
    fs::create_dir(&output).expect("a folder");
    fs::write(output.join("mine.txt"), "what a person keeps there").expect("a file");
    let arguments = ["run", text(&scene), "--on", "quarry", "--param", "TileSide=12", "--output", text(&output)];
    let job = mill.json(arguments)[0].clone();
    assert_eq!((&job["state"], &job["counts"]["done"]), (&"done".into(), &26.into()), "{job:#}");

    let jobs = listed(attic, "/jobs");
    assert_eq!(jobs, [format!("ball ({})", job["id"].as_str().expect("an id"))]);
    let of_mill = mill.json(["results", job["id"].as_str().expect("an id")]);
    let expected = of_mill["files"].as_array().expect("files").iter();
    let expected: BTreeSet<_> = expected.map(|file| last(file["path"].as_str().expect("a path"))).collect();
    let found = all_below(attic, &format!("/jobs/{}", jobs[0]), "");
    assert_eq!(found.iter().map(|path| last(path)).collect::<BTreeSet<_>>(), expected);
    assert_eq!(found.len(), 26, "each once: {found:?}");

    // They are read by the job's id, too, and as they are. Frames and tiles have folders of their own.
    assert!(found.iter().any(|path| path == "frames/frame_0001.png"), "{found:?}");
    let copy = grid.path("copy.png");
    let frame = format!("/jobs/{}/frames/frame_0001.png", job["id"].as_str().expect("an id"));
    attic.ok(["files", "get", &frame, text(&copy)]);
    assert!(fs::read(&copy).expect("a copy") == fs::read(output.join("frame_0001.png")).expect("the frame"));
    let said =
        attic.refused(2, ["files", "get", &format!("/jobs/{}/frames/mine.txt", jobs[0]), text(&grid.path("no"))]);
    assert!(said.contains("nothing at"), "{said}");
}

/// The name at the end of a path.
fn last(path: &str) -> &str {
    path.rsplit('/').next().expect("there is one")
}

fn all_below(peer: &Peer, folder: &str, path: &str) -> Vec<String> {
    let page = peer.json(["files", "ls", &format!("{folder}/{path}")]);
    let mut found = Vec::new();
    for file in page["files"].as_array().expect("names") {
        let name = format!("{path}{}", file["name"].as_str().expect("a name"));
        match file["kind"].as_str() {
            Some("folder") => found.extend(all_below(peer, folder, &format!("{name}/"))),
            _ => found.push(name),
        }
    }
    found
}

#[test]
fn what_a_job_made_is_in_the_tree_also_while_its_origin_is_away() {
    let mut grid = Grid::of(&["mill", "quarry"]);
    let gate = grid.path("gate");
    let script = format!("while [ ! -e '{}' ]; do sleep 0.05; done; echo made > made.txt", gate.display());
    let home = grid.path("home");
    let mill = &grid.peers[0];
    let options = ["exec", "--detach", "--outputs", "*.txt", "--output", text(&home)];
    let job = mill.start_job(options.into_iter().chain(["--", "sh", "-c", &script]));
    mill.until("a safe job", &["job", &job], |view| (view["safe"] == true).then_some(()));
    mill.ok(["handover", &job, "--to", "quarry"]);
    grid.peers[0].stop();
    fs::write(&gate, "").expect("the gate opens");
    let quarry = &grid.peers[1];
    quarry.done(&job);

    let path = format!("/jobs/{job}/made.txt");
    quarry.until("the result", &["files", "stat", &path], |file| (file["size_bytes"] == 5).then_some(()));

    grid.peers[0].boot();
    until("the results at home", || (names(&home) == ["made.txt"]).then_some(()));
    let quarry = &grid.peers[1];
    until("the result from its origin", || {
        let out = quarry.output(["files", "stat", &path, "--json"]);
        out.status.success().then_some(())
    });
}
